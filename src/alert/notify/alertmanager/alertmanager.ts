import { TocsinError } from '../../../domain/error.ts';
import type { Notification, Notifier } from '../../../domain/ports.ts';
import { type Alert, alertOf } from '../alerts.ts';
import { postJson } from '../http.ts';
import type { ReceiverType } from '../receiver.ts';
import { createTexts, TEXT_OPTIONS, TEXT_TEMPLATES } from '../texts.ts';

const options = {
  title: { ...TEXT_OPTIONS.title, doc: 'Template of the annotation `summary`' },
  text: { ...TEXT_OPTIONS.text, default: '{{ .summary }}', doc: 'Template of the annotation `description`' },
  urls: {
    type: 'strings',
    default: [],
    doc: 'Base addresses of every Alertmanager of the cluster, e.g. http://localhost:9093; each gets every alert',
  },
  bearer_token: { type: 'string', default: '', doc: 'Sent as Authorization: Bearer; also bearer_token_file' },
  timeout: { type: 'duration', default: 10_000, min: 100, doc: 'How long one call may take' },
  hold: {
    type: 'duration',
    default: 240_000,
    min: 1_000,
    doc: 'How long Alertmanager keeps an alert firing after the last refresh',
  },
} as const;

/** How often an open incident is sent again: two refreshes may be lost before Alertmanager lets it go. */
const REFRESH = 60_000;
const refreshEvery = (hold: number): number => Math.min(REFRESH, Math.floor(hold / 3));

/**
 * Alertmanager's v2 API: POST /api/v2/alerts with the incident as one alert. While open it is refreshed with an `endsAt`
 * ahead, as Prometheus does, so that a Tocsin that died does not leave it firing for ever.
 */
export const alertmanager: ReceiverType<typeof options> = {
  type: 'alertmanager',
  options,
  required: ['urls'],
  secrets: ['bearer_token'],
  refreshEvery: ({ hold }) => refreshEvery(hold),
  templates: TEXT_TEMPLATES,
  create({ urls, bearer_token, timeout, hold, ...given }, { clock, name, memory }): Notifier {
    const texts = createTexts(given);
    const headers = bearer_token === '' ? {} : { authorization: `Bearer ${bearer_token}` };
    return {
      name,
      /** A group is its alerts, as each is told by itself when it is refreshed; a digest is no alert. */
      async send(notification: Notification): Promise<void> {
        if (notification.reason === 'digest') return;
        const { members, ...rest } = notification;
        if (members === undefined) await one(notification);
        else for (const member of members) await one({ ...rest, ...member });
      },
    };

    async function one(notification: Notification): Promise<void> {
      const { incident } = notification;
      const { title, text } = texts(notification);
      const whole = alertOf(notification);
      const alert: Alert = { ...whole, annotations: { ...whole.annotations, summary: title, description: text } };
      const open = incident.status === 'open';
      const current = open ? { ...alert, endsAt: new Date(clock.now() + hold).toISOString() } : alert;
      // Another severity is another alert to Alertmanager: the one under the former severity has ended.
      const told = ((await memory.recall(incident.id)) ?? '').split(' ').filter((severity) => severity !== '');
      const endsAt = open ? new Date(clock.now()).toISOString() : alert.endsAt;
      const former = told.filter((severity) => severity !== incident.severity);
      const body = [
        current,
        ...former.map((severity) => ({ ...alert, labels: { ...alert.labels, severity }, endsAt })),
      ];
      // Kept before the call: a severity that may have arrived is ended, even if we never heard that it did.
      if (open && !told.includes(incident.severity))
        await memory.keep(incident.id, [...told, incident.severity].join(' '));
      const results = await Promise.allSettled(
        urls.map((url) =>
          postJson(
            {
              url: `${url.replace(/\/+$/, '')}/api/v2/alerts`,
              body,
              headers,
              timeoutMs: timeout,
              what: 'Alertmanager',
            },
            clock.now(),
          ),
        ),
      );
      const failures = results
        .filter((result) => result.status === 'rejected')
        .map((result) => result.reason as TocsinError);
      // A cluster gossips: one member that took it is enough. Prefer reporting what a retry can mend.
      if (failures.length < results.length) {
        if (!open) await memory.keep(incident.id, null);
        else if (former.length > 0) await memory.keep(incident.id, incident.severity);
        return;
      }
      throw (
        failures.find((failure) => failure.retryable) ??
        failures[0] ??
        new TocsinError('delivery_refused', 'no Alertmanager address configured')
      );
    }
  },
};
