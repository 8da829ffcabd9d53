import { TocsinError } from '../../../domain/error.ts';
import type { Incident } from '../../../domain/incident.ts';
import type { Notification, Notifier } from '../../../domain/ports.ts';
import { basicAuth, fieldIn, fieldsOf, postJson } from '../http.ts';
import type { ReceiverType } from '../receiver.ts';
import { createTexts, cut, stateOf, TEXT_OPTIONS, TEXT_TEMPLATES } from '../texts.ts';

const options = {
  ...TEXT_OPTIONS,
  url: { type: 'string', default: '', doc: 'Base address, e.g. https://example.service-now.com' },
  user: { type: 'string', default: '', doc: 'Account; empty: the password is an OAuth bearer token' },
  password: { type: 'string', default: '', doc: 'Its password; also password_file' },
  table: { type: 'string', default: 'incident', doc: 'Table of the records' },
  assignment_group: { type: 'string', default: '', doc: 'Group that new records go to' },
  close_code: { type: 'string', default: 'Solved (Permanently)', doc: 'Resolution code of resolved records' },
  timeout: { type: 'duration', default: 10_000, min: 100, doc: 'How long one call may take' },
} as const;

const SHORT = 160;
const LONG = 4_000;
/** Values of the table's own `state`: in progress and resolved. */
const IN_PROGRESS = '2';
const RESOLVED = '6';
const CREATING = '?';
/** ServiceNow derives the priority from the two: 1 is high. */
const URGENCY: Readonly<Record<Incident['severity'], string>> = { critical: '1', warning: '2', info: '3' };

/** ServiceNow's Table API: one record an incident, found by its correlation id. */
export const servicenow: ReceiverType<typeof options> = {
  type: 'servicenow',
  options,
  required: ['url', 'password'],
  secrets: ['password'],
  templates: TEXT_TEMPLATES,
  create(given, { clock, name, memory }): Notifier {
    const texts = createTexts(given);
    const base = `${given.url.replace(/\/+$/, '')}/api/now/table/${encodeURIComponent(given.table)}`;
    const authorization = given.user === '' ? `Bearer ${given.password}` : basicAuth(given.user, given.password);
    const call = (method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<string> =>
      postJson(
        {
          url: `${base}${path}`,
          method,
          headers: { authorization },
          timeoutMs: given.timeout,
          what: 'ServiceNow',
          ...(body === undefined ? {} : { body }),
        },
        clock.now(),
      );

    async function find(id: string): Promise<string> {
      const query = encodeURIComponent(`correlation_id=${correlationOf(id)}`);
      const found = fieldsOf(await call('GET', `?sysparm_query=${query}&sysparm_fields=sys_id&sysparm_limit=1`))[
        'result'
      ];
      return Array.isArray(found) && found.length > 0 ? fieldIn(JSON.stringify(found[0]), 'sys_id') : '';
    }

    async function create(notification: Notification): Promise<void> {
      const { incident } = notification;
      const { title, text } = texts(notification);
      await memory.keep(incident.id, CREATING);
      const answer = await call('POST', '', {
        short_description: cut(title, SHORT),
        description: cut(`${text}\n\n${notification.url}`, LONG),
        urgency: URGENCY[incident.severity],
        impact: URGENCY[incident.severity],
        correlation_id: correlationOf(incident.id),
        correlation_display: 'Tocsin',
        ...(given.assignment_group === '' ? {} : { assignment_group: given.assignment_group }),
      });
      const record = fieldIn(answer, 'result', 'sys_id');
      if (record === '')
        throw new TocsinError('delivery_failed', 'ServiceNow answered without the sys_id of the record');
      await memory.keep(incident.id, record);
    }

    return {
      name,
      async send(notification: Notification): Promise<void> {
        const { incident, reason } = notification;
        const known = await memory.recall(incident.id);
        const record = known === CREATING ? await find(incident.id) : (known ?? '');
        if (record === '') {
          if (incident.status === 'open' || reason !== 'resolved') await create(notification);
          return;
        }
        if (known === CREATING) await memory.keep(incident.id, record);
        if (reason === 'opened') return;
        const notes = cut(`${stateOf(notification)}: ${texts(notification).text}`, LONG);
        const severity = { urgency: URGENCY[incident.severity], impact: URGENCY[incident.severity] };
        const change =
          incident.status === 'closed'
            ? { work_notes: notes, state: RESOLVED, close_code: given.close_code, close_notes: notes }
            : { work_notes: notes, ...severity, ...(reason === 'reopened' ? { state: IN_PROGRESS } : {}) };
        await call('PATCH', `/${encodeURIComponent(record)}`, change);
      },
    };
  },
};

/** At most 100 characters. */
const correlationOf = (incident: string): string => `tocsin-${incident}`.slice(0, 100);
