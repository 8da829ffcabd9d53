import { TocsinError } from '../../../domain/error.ts';
import type { Incident } from '../../../domain/incident.ts';
import type { Notification, Notifier } from '../../../domain/ports.ts';
import { postJson } from '../http.ts';
import type { ReceiverType } from '../receiver.ts';
import { createTexts, cut, cutBytes, stateOf, TEXT_OPTIONS, TEXT_TEMPLATES, type Texts } from '../texts.ts';

const options = {
  ...TEXT_OPTIONS,
  webhook_url: { type: 'string', default: '', doc: 'Address of the channel’s workflow; also webhook_url_file' },
  timeout: { type: 'duration', default: 10_000, min: 100, doc: 'How long one call may take' },
} as const;

/** Teams takes 28 KB a message; the frame around the text is small. */
const TEXT_BYTES = 20_000;
const TITLE = 500;

/** Microsoft Teams through a workflow ("when a Teams webhook request is received"), as an Adaptive Card. */
export const msteams: ReceiverType<typeof options> = {
  type: 'msteams',
  options,
  required: ['webhook_url'],
  secrets: ['webhook_url'],
  templates: TEXT_TEMPLATES,
  create(given, { clock, name }): Notifier {
    const texts = createTexts(given);
    return {
      name,
      async send(notification: Notification): Promise<void> {
        const answer = await postJson(
          {
            url: given.webhook_url,
            body: cardOf(notification, texts(notification)),
            timeoutMs: given.timeout,
            what: 'Microsoft Teams',
          },
          clock.now(),
        );
        // The older connectors answer 200 and put the real status into the text.
        const hidden = /returned HTTP error (\d{3})/.exec(answer)?.[1];
        if (hidden !== undefined)
          throw new TocsinError(
            hidden === '429' || hidden.startsWith('5') ? 'delivery_failed' : 'delivery_refused',
            `Microsoft Teams answered 200 with error ${hidden} inside`,
          );
      },
    };
  },
};

const COLOUR: Readonly<Record<Incident['severity'], string>> = {
  critical: 'Attention',
  warning: 'Warning',
  info: 'Accent',
};

export function cardOf(notification: Notification, { title, text }: Texts): Record<string, unknown> {
  const { incident } = notification;
  const color = incident.status === 'closed' ? 'Good' : COLOUR[incident.severity];
  const fact = (name: string, value: string) => ({ title: name, value });
  const acknowledged = incident.acknowledgedBy === null ? [] : [fact('Acknowledged', incident.acknowledgedBy)];
  return {
    type: 'message',
    summary: cut(title, TITLE),
    attachments: [
      {
        contentType: 'application/vnd.microsoft.card.adaptive',
        contentUrl: null,
        content: {
          $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
          type: 'AdaptiveCard',
          version: '1.4',
          msteams: { width: 'Full' },
          body: [
            { type: 'TextBlock', size: 'Large', weight: 'Bolder', wrap: true, color, text: cut(title, TITLE) },
            { type: 'TextBlock', wrap: true, text: cutBytes(text.replaceAll('\n', '\n\n'), TEXT_BYTES) },
            {
              type: 'FactSet',
              facts: [
                fact('State', stateOf(notification)),
                fact('Since', new Date(incident.onset).toISOString()),
                fact('Services', cut(incident.services.join(', '), TITLE)),
                ...acknowledged,
              ],
            },
          ],
          actions: [{ type: 'Action.OpenUrl', title: 'Open incident', url: notification.url }],
        },
      },
    ],
  };
}
