import { TocsinError } from '../../../domain/error.ts';
import type { Notification, Notifier } from '../../../domain/ports.ts';
import { alertOf } from '../alerts.ts';
import { postJson } from '../http.ts';
import type { ReceiverType } from '../receiver.ts';

const options = {
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

/** How often an open incident is sent again: well within `hold`. */
const REFRESH = 60_000;

/**
 * Alertmanager's v2 API: POST /api/v2/alerts with the incident as one alert. While open it is refreshed with an `endsAt`
 * ahead, as Prometheus does, so that a Tocsin that died does not leave it firing for ever.
 */
export const alertmanager: ReceiverType<typeof options> = {
  type: 'alertmanager',
  options,
  required: ['urls'],
  secrets: ['bearer_token'],
  refreshEvery: REFRESH,
  create({ urls, bearer_token, timeout, hold }, { clock, name }): Notifier {
    const headers = bearer_token === '' ? {} : { authorization: `Bearer ${bearer_token}` };
    return {
      name,
      async send(notification: Notification): Promise<void> {
        const alert = alertOf(notification);
        const open = notification.incident.status === 'open';
        const body = [open ? { ...alert, endsAt: new Date(clock.now() + hold).toISOString() } : alert];
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
        if (failures.length < results.length) return;
        throw (
          failures.find((failure) => failure.retryable) ??
          failures[0] ??
          new TocsinError('delivery_refused', 'no Alertmanager address configured')
        );
      },
    };
  },
};
