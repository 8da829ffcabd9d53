import type { Incident } from '../../../domain/incident.ts';
import type { Notification, Notifier } from '../../../domain/ports.ts';
import { postJson } from '../http.ts';
import type { ReceiverType } from '../receiver.ts';

const options = {
  webhook_url: { type: 'string', default: '', doc: 'Incoming-webhook address of the channel; also webhook_url_file' },
  timeout: { type: 'duration', default: 10_000, min: 100, doc: 'How long one call may take' },
} as const;

/** Block Kit's limits (docs/receivers.md): header 150, section text 3000, blocks 50. */
const HEADER = 150;
const SECTION = 3_000;

/** Slack through an incoming webhook, as Block Kit. */
export const slack: ReceiverType<typeof options> = {
  type: 'slack',
  options,
  required: ['webhook_url'],
  secrets: ['webhook_url'],
  create({ webhook_url, timeout }, { clock, name }): Notifier {
    return {
      name,
      async send(notification: Notification): Promise<void> {
        await postJson(
          { url: webhook_url, body: messageOf(notification), timeoutMs: timeout, what: 'Slack' },
          clock.now(),
        );
      },
    };
  },
};

const MARK: Readonly<Record<Incident['severity'], string>> = {
  critical: ':red_circle:',
  warning: ':large_orange_circle:',
  info: ':large_blue_circle:',
};

export function messageOf({ incident, reason, url }: Notification): Record<string, unknown> {
  const mark = incident.status === 'closed' ? ':large_green_circle:' : MARK[incident.severity];
  const state = incident.status === 'closed' ? 'Resolved' : reason === 'opened' ? incident.severity : reason;
  const causes = incident.causes
    .slice(0, 3)
    .map(
      (cause, i) =>
        `${i + 1}. *${escape(cause.service)}* (${Math.round(cause.share * 100)} %) ${escape(cause.reasons[0]?.text ?? '')}`,
    );
  const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text: cut(text, SECTION) } });
  return {
    text: cut(`${state}: ${incident.title}`, SECTION),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(incident.title, HEADER) } },
      section(`${mark} *${state}* · ${escape(incident.summary)}`),
      ...(causes.length > 0 ? [section(`*Likely cause*\n${causes.join('\n')}`)] : []),
      {
        type: 'context',
        elements: [
          {
            type: 'mrkdwn',
            text: `since <!date^${Math.floor(incident.onset / 1_000)}^{date_short_pretty} {time_secs}|${new Date(incident.onset).toISOString()}> · confidence ${Math.round(incident.confidence * 100)} % · ${incident.services.length} service${incident.services.length === 1 ? '' : 's'}`,
          },
        ],
      },
      {
        type: 'actions',
        elements: [
          { type: 'button', text: { type: 'plain_text', text: 'Open incident' }, url, action_id: 'open_incident' },
        ],
      },
    ],
  };
}

/** Slack's three control characters. */
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const cut = (text: string, limit: number): string => (text.length <= limit ? text : `${text.slice(0, limit - 1)}…`);
