import type { Incident } from '../../../domain/incident.ts';
import type { Notification } from '../../../domain/ports.ts';
import { cut, stateOf, type Texts } from '../texts.ts';

/** Block Kit's limits: header 150, section text 3,000, blocks 50, button value 2,000; about 13,000 characters in all. */
const HEADER = 150;
const SECTION = 3_000;

const MARK: Readonly<Record<Incident['severity'], string>> = {
  critical: ':red_circle:',
  warning: ':large_orange_circle:',
  info: ':large_blue_circle:',
};

/** Actions of the buttons; the program's Slack endpoint answers to these. */
const SLACK_ACTIONS = {
  acknowledge: 'tocsin_acknowledge',
  silence: 'tocsin_silence',
  real: 'tocsin_verdict_real',
  falseAlarm: 'tocsin_verdict_false-alarm',
} as const;

export interface SlackMessage {
  readonly text: string;
  readonly blocks: readonly Record<string, unknown>[];
}

export function messageOf(notification: Notification, texts: Texts, buttons: boolean): SlackMessage {
  const { incident, url } = notification;
  const mark =
    notification.reason === 'digest'
      ? ':clipboard:'
      : incident.status === 'closed'
        ? ':large_green_circle:'
        : MARK[incident.severity];
  const state = stateOf(notification);
  const causes = incident.causes
    .slice(0, 3)
    .map(
      (cause, i) =>
        `${i + 1}. *${escapeMrkdwn(cause.service)}* (${Math.round(cause.share * 100)} %) ${escapeMrkdwn(cause.reasons[0]?.text ?? '')}`,
    );
  const section = (value: string) => ({ type: 'section', text: { type: 'mrkdwn', text: cut(value, SECTION) } });
  const services = `${incident.services.length} service${incident.services.length === 1 ? '' : 's'}`;
  const since = `<!date^${Math.floor(incident.onset / 1_000)}^{date_short_pretty} {time_secs}|${new Date(incident.onset).toISOString()}>`;
  const acknowledged =
    incident.acknowledgedBy === null ? '' : ` · acknowledged by ${escapeMrkdwn(incident.acknowledgedBy)}`;
  return {
    text: cut(escapeMrkdwn(`${state}: ${texts.title}`), SECTION),
    blocks: [
      {
        type: 'header',
        text: { type: 'plain_text', text: cut(texts.title === '' ? 'Incident' : texts.title, HEADER) },
      },
      section(`${mark} *${escapeMrkdwn(state)}* · ${escapeMrkdwn(texts.text)}`),
      ...(causes.length > 0 ? [section(`*Likely cause*\n${causes.join('\n')}`)] : []),
      {
        type: 'context',
        elements: [
          {
            type: 'mrkdwn',
            text: cut(
              `since ${since} · confidence ${Math.round(incident.confidence * 100)} % · ${services}${acknowledged}`,
              SECTION,
            ),
          },
        ],
      },
      { type: 'actions', block_id: 'tocsin', elements: elementsOf(notification, url, buttons) },
    ],
  };
}

/** Block Kit's limit on a button's value. */
const VALUE = 2_000;

function elementsOf(
  { incident, members = [], reason }: Notification,
  url: string,
  buttons: boolean,
): Record<string, unknown>[] {
  const ids = members.length === 0 ? [incident.id] : members.map((member) => member.incident.id);
  const value = ids.join(' ');
  if (reason === 'digest' || value.length > VALUE)
    return [{ type: 'button', text: { type: 'plain_text', text: 'Open incidents' }, url, action_id: 'open_incident' }];
  const button = (text: string, action_id: string, more: Record<string, unknown> = {}) => ({
    type: 'button',
    text: { type: 'plain_text', text },
    action_id,
    value,
    ...more,
  });
  const open = incident.status === 'open';
  return [
    { type: 'button', text: { type: 'plain_text', text: 'Open incident' }, url, action_id: 'open_incident' },
    ...(buttons && open && incident.acknowledgedBy === null
      ? [button('Acknowledge', SLACK_ACTIONS.acknowledge, { style: 'primary' })]
      : []),
    ...(buttons && open ? [button('Silence 1 h', SLACK_ACTIONS.silence)] : []),
    ...(buttons && incident.verdict === null
      ? [button('Real', SLACK_ACTIONS.real), button('False alarm', SLACK_ACTIONS.falseAlarm)]
      : []),
  ];
}

/** Slack's three control characters. */
const escapeMrkdwn = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
