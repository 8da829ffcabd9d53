import { createHash } from 'node:crypto';
import type { Incident } from '../../../domain/incident.ts';
import type { Notification, Notifier } from '../../../domain/ports.ts';
import { postJson } from '../http.ts';
import type { ReceiverType } from '../receiver.ts';
import { createTexts, cut, TEXT_OPTIONS, TEXT_TEMPLATES, type Texts } from '../texts.ts';

const options = {
  ...TEXT_OPTIONS,
  api_key: { type: 'string', default: '', doc: 'Key of an API integration; also api_key_file' },
  url: {
    type: 'string',
    default: 'https://api.opsgenie.com',
    doc: 'Base address; https://api.eu.opsgenie.com in Europe',
  },
  teams: { type: 'strings', default: [], doc: 'Names of the teams that respond; empty: as the integration says' },
  tags: { type: 'strings', default: [], doc: 'Tags of every alert' },
  timeout: { type: 'duration', default: 10_000, min: 100, doc: 'How long one call may take' },
} as const;

const MESSAGE = 130;
const DESCRIPTION = 15_000;
const ALIAS = 512;
const TAG = 50;

const PRIORITY: Readonly<Record<Incident['severity'], string>> = { critical: 'P1', warning: 'P3', info: 'P5' };

/** Opsgenie's Alert API v2: one alias an incident; create, raise the priority, acknowledge, close. */
export const opsgenie: ReceiverType<typeof options> = {
  type: 'opsgenie',
  options,
  required: ['api_key'],
  secrets: ['api_key'],
  templates: TEXT_TEMPLATES,
  create(given, { clock, name }): Notifier {
    const texts = createTexts(given);
    const base = `${given.url.replace(/\/+$/, '')}/v2/alerts`;
    const headers = { authorization: `GenieKey ${given.api_key}` };
    const call = (path: string, body: unknown, method: 'POST' | 'PUT' = 'POST'): Promise<string> =>
      postJson(
        { url: `${base}${path}`, body, headers, method, timeoutMs: given.timeout, what: 'Opsgenie' },
        clock.now(),
      );
    return {
      name,
      async send(notification: Notification, dedupKey: string): Promise<void> {
        const { incident, reason } = notification;
        const alias = aliasOf(notification.groupKey);
        const of = (action: string): string => `/${encodeURIComponent(alias)}/${action}?identifierType=alias`;
        if (incident.status === 'closed' && reason !== 'digest') {
          await call(of('close'), { source: 'Tocsin', note: 'Resolved: back to normal' });
          return;
        }
        if (reason === 'acknowledged') {
          await call(of('acknowledge'), { source: 'Tocsin', user: incident.acknowledgedBy ?? 'Tocsin' });
          return;
        }
        await call('', alertBody(notification, texts(notification), alias, given, dedupKey));
        // The same alias only counts up: what became worse has to be said.
        if (reason === 'escalated') await call(of('priority'), { priority: PRIORITY[incident.severity] }, 'PUT');
      },
    };
  },
};

export const aliasOf = (groupKey: string): string =>
  groupKey.length <= ALIAS ? groupKey : createHash('sha256').update(groupKey).digest('hex');

function alertBody(
  notification: Notification,
  { title, text }: Texts,
  alias: string,
  given: { readonly teams: readonly string[]; readonly tags: readonly string[] },
  dedupKey: string,
): Record<string, unknown> {
  const { incident } = notification;
  return {
    message: cut(title === '' ? incident.title : title, MESSAGE),
    alias,
    description: cut(text, DESCRIPTION),
    ...(given.teams.length === 0 ? {} : { responders: given.teams.map((team) => ({ name: team, type: 'team' })) }),
    tags: given.tags.slice(0, 20).map((tag) => cut(tag, TAG)),
    details: { ...notification.labels, url: notification.url, key: dedupKey },
    entity: cut(incident.causes[0]?.service ?? incident.services[0] ?? '', MESSAGE),
    source: 'Tocsin',
    priority: PRIORITY[incident.severity],
  };
}
