import type { Notification, Notifier } from '../../../domain/ports.ts';
import { alertOf } from '../alerts.ts';
import { postJson } from '../http.ts';
import type { ReceiverType } from '../receiver.ts';
import { createTexts, TEXT_OPTIONS, TEXT_TEMPLATES } from '../texts.ts';

const options = {
  title: { ...TEXT_OPTIONS.title, doc: 'Template of the annotation `summary`' },
  text: { ...TEXT_OPTIONS.text, default: '{{ .summary }}', doc: 'Template of the annotation `description`' },
  url: { type: 'string', default: '', doc: 'Where to POST; also url_file' },
  bearer_token: { type: 'string', default: '', doc: 'Sent as Authorization: Bearer; also bearer_token_file' },
  timeout: { type: 'duration', default: 10_000, min: 100, doc: 'How long one call may take' },
} as const;

/**
 * Alertmanager's webhook payload, version 4, so that everything written for it works unchanged. The incident itself is
 * added under `tocsin`; the Idempotency-Key header repeats on a retry.
 */
export const webhook: ReceiverType<typeof options> = {
  type: 'webhook',
  options,
  required: ['url'],
  secrets: ['url', 'bearer_token'],
  templates: TEXT_TEMPLATES,
  create({ url, bearer_token, timeout, ...given }, { clock, name }): Notifier {
    const texts = createTexts(given);
    return {
      name,
      async send(notification: Notification, dedupKey: string): Promise<void> {
        const headers = {
          'idempotency-key': dedupKey,
          ...(bearer_token === '' ? {} : { authorization: `Bearer ${bearer_token}` }),
        };
        const { title, text } = texts(notification);
        const annotations = { ...notification.annotations, summary: title, description: text };
        await postJson(
          { url, body: payloadOf({ ...notification, annotations }), headers, timeoutMs: timeout, what: 'the webhook' },
          clock.now(),
        );
      },
    };
  },
};

export function payloadOf(notification: Notification): Record<string, unknown> {
  const { incident, labels, annotations, members } = notification;
  const status = incident.status === 'open' ? 'firing' : 'resolved';
  const alerts = (members ?? [notification]).map((member) => ({
    status: member.incident.status === 'open' ? 'firing' : 'resolved',
    ...alertOf(member),
    // Of one incident the texts as configured, of several each its own.
    ...(members === undefined ? { annotations } : {}),
    fingerprint: member.incident.id,
  }));
  return {
    version: '4',
    groupKey: notification.groupKey,
    truncatedAlerts: 0,
    status,
    receiver: notification.receiver,
    groupLabels: notification.groupLabels ?? { alertname: labels['alertname'] ?? '', incident: incident.id },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: new URL(notification.url).origin,
    notification_reason: notification.reason,
    alerts,
    tocsin: {
      incident: incident.id,
      version: incident.version,
      severity: incident.severity,
      confidence: incident.confidence,
      title: incident.title,
      summary: incident.summary,
      services: incident.services,
      causes: incident.causes.slice(0, 3),
      onset: new Date(incident.onset).toISOString(),
      traceIds: incident.traceIds,
    },
  };
}
