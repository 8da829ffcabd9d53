import type { NotificationMember } from '../../domain/ports.ts';

/** One alert as Alertmanager's API and webhook know it. */
export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
}

const NEVER = '0001-01-01T00:00:00Z';

/** An incident is one alert: same labels for its whole life, so that every receiver deduplicates it. */
export function alertOf(notification: NotificationMember): Alert {
  const { incident } = notification;
  return {
    labels: notification.labels,
    annotations: notification.annotations,
    startsAt: new Date(incident.openedAt).toISOString(),
    endsAt: incident.status === 'closed' ? new Date(incident.closedAt ?? incident.updatedAt).toISOString() : NEVER,
    generatorURL: notification.url,
  };
}
