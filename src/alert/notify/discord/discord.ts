import { TocsinError } from '../../../domain/error.ts';
import type { Incident } from '../../../domain/incident.ts';
import type { Notification, Notifier } from '../../../domain/ports.ts';
import { fieldIn, fieldsOf, postJson } from '../http.ts';
import type { ReceiverType } from '../receiver.ts';
import { createTexts, cut, stateOf, TEXT_OPTIONS, TEXT_TEMPLATES, type Texts } from '../texts.ts';

const options = {
  ...TEXT_OPTIONS,
  webhook_url: { type: 'string', default: '', doc: 'Address of the channel’s webhook; also webhook_url_file' },
  username: { type: 'string', default: 'Tocsin', doc: 'Name that the messages show' },
  timeout: { type: 'duration', default: 10_000, min: 100, doc: 'How long one call may take' },
} as const;

const TITLE = 256;
const DESCRIPTION = 4_096;
const FIELD = 1_024;
const COLOUR: Readonly<Record<Incident['severity'], number>> = {
  critical: 0xd32f2f,
  warning: 0xf57c00,
  info: 0x1976d2,
};
const GREEN = 0x388e3c;

/** Discord through a channel webhook; the message of an incident is edited, what needs eyes again is a new one. */
export const discord: ReceiverType<typeof options> = {
  type: 'discord',
  options,
  required: ['webhook_url'],
  secrets: ['webhook_url'],
  templates: TEXT_TEMPLATES,
  create(given, { clock, name, memory }): Notifier {
    const texts = createTexts(given);
    const base = given.webhook_url.replace(/\/+$/, '');
    const call = (url: string, body: unknown, method: 'POST' | 'PATCH'): Promise<string> =>
      postJson({ url, body, method, timeoutMs: given.timeout, what: 'Discord', retryAfterIn }, clock.now());
    return {
      name,
      async send(notification: Notification): Promise<void> {
        const { id } = notification.incident;
        const body = messageOf(notification, texts(notification));
        const known = await memory.recall(id);
        const edit =
          known !== null && !['opened', 'escalated', 'unacknowledged', 'reopened'].includes(notification.reason);
        if (edit && (await edited(() => call(`${base}/messages/${known}`, body, 'PATCH')))) return;
        const answer = await call(`${base}?wait=true`, { ...body, username: given.username }, 'POST');
        const message = fieldIn(answer, 'id');
        if (message !== '') await memory.keep(id, message);
      },
    };
  },
};

/** False when the message is gone (somebody deleted it): then a new one is posted. */
async function edited(patch: () => Promise<string>): Promise<boolean> {
  try {
    await patch();
    return true;
  } catch (error) {
    if (error instanceof TocsinError && error.code === 'delivery_refused' && /answered 404/.test(error.message))
      return false;
    throw error;
  }
}

/** `{"retry_after": 0.35}` in seconds. */
function retryAfterIn(body: string): number | null {
  const seconds = fieldsOf(body)['retry_after'];
  return typeof seconds === 'number' && seconds >= 0 ? Math.ceil(seconds * 1_000) : null;
}

export function messageOf(notification: Notification, { title, text }: Texts): Record<string, unknown> {
  const { incident } = notification;
  const services = cut(incident.services.join(', '), FIELD);
  return {
    // Names in telemetry must not ring anybody.
    allowed_mentions: { parse: [] },
    embeds: [
      {
        title: cut(title, TITLE),
        description: cut(text, DESCRIPTION),
        url: notification.url,
        color: incident.status === 'closed' ? GREEN : COLOUR[incident.severity],
        timestamp: new Date(incident.onset).toISOString(),
        fields: [
          { name: 'State', value: cut(stateOf(notification), FIELD), inline: true },
          ...(services === '' ? [] : [{ name: 'Services', value: services, inline: true }]),
        ],
      },
    ],
  };
}
