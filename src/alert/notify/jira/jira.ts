import { TocsinError } from '../../../domain/error.ts';
import type { Incident } from '../../../domain/incident.ts';
import type { Notification, Notifier } from '../../../domain/ports.ts';
import { basicAuth, fieldIn, fieldsOf, postJson } from '../http.ts';
import type { ReceiverType } from '../receiver.ts';
import { createTexts, cut, stateOf, TEXT_OPTIONS, TEXT_TEMPLATES } from '../texts.ts';

const options = {
  ...TEXT_OPTIONS,
  url: { type: 'string', default: '', doc: 'Base address, e.g. https://example.atlassian.net' },
  user: {
    type: 'string',
    default: '',
    doc: 'Account of the token (Cloud); empty: the token is a personal access token',
  },
  api_token: {
    type: 'string',
    default: '',
    doc: 'API token, or personal access token (Data Center); also api_token_file',
  },
  project: { type: 'string', default: '', doc: 'Key of the project' },
  issue_type: { type: 'string', default: 'Task', doc: 'Name of the issue type' },
  labels: { type: 'strings', default: ['tocsin'], doc: 'Labels of every issue' },
  resolve_transition: {
    type: 'string',
    default: 'Done',
    doc: 'Transition when an incident closes; empty: only a comment',
  },
  reopen_transition: {
    type: 'string',
    default: 'To Do',
    doc: 'Transition when an incident reopens; empty: only a comment',
  },
  search_path: {
    type: 'string',
    default: '/rest/api/2/search',
    doc: 'Where issues are searched; /rest/api/3/search/jql on Jira Cloud',
  },
  timeout: { type: 'duration', default: 10_000, min: 100, doc: 'How long one call may take' },
} as const;

const SUMMARY = 255;
const DESCRIPTION = 32_767;
/** Kept while an issue is being created: a crash in between is mended by looking for its label. */
const CREATING = '?';
const PRIORITY_LABEL: Readonly<Record<Incident['severity'], string>> = {
  critical: 'severity-critical',
  warning: 'severity-warning',
  info: 'severity-info',
};

/** Jira: one issue an incident, commented on, transitioned when it closes and when it reopens. */
export const jira: ReceiverType<typeof options> = {
  type: 'jira',
  options,
  required: ['url', 'api_token', 'project'],
  secrets: ['api_token'],
  templates: TEXT_TEMPLATES,
  create(given, { clock, name, memory }): Notifier {
    const texts = createTexts(given);
    const base = given.url.replace(/\/+$/, '');
    const authorization = given.user === '' ? `Bearer ${given.api_token}` : basicAuth(given.user, given.api_token);
    const call = (method: 'GET' | 'POST', path: string, body?: unknown): Promise<string> =>
      postJson(
        {
          url: `${base}${path}`,
          method,
          headers: { authorization },
          timeoutMs: given.timeout,
          what: 'Jira',
          ...(body === undefined ? {} : { body }),
        },
        clock.now(),
      );

    async function find(id: string): Promise<string> {
      const jql = encodeURIComponent(`project = "${given.project}" AND labels = "${labelOf(id)}"`);
      const answer = await call('GET', `${given.search_path}?jql=${jql}&maxResults=1&fields=key`);
      const issues = fieldsOf(answer)['issues'];
      return Array.isArray(issues) && issues.length > 0 ? fieldIn(JSON.stringify(issues[0]), 'key') : '';
    }

    async function create(notification: Notification): Promise<void> {
      const { incident } = notification;
      const { title, text } = texts(notification);
      await memory.keep(incident.id, CREATING);
      const answer = await call('POST', '/rest/api/2/issue', {
        fields: {
          project: { key: given.project },
          issuetype: { name: given.issue_type },
          summary: cut(title, SUMMARY),
          description: cut(`${text}\n\n${notification.url}`, DESCRIPTION),
          labels: [...given.labels, labelOf(incident.id), PRIORITY_LABEL[incident.severity]].map((label) =>
            label.replaceAll(/\s+/g, '_'),
          ),
        },
      });
      const key = fieldIn(answer, 'key');
      if (key === '') throw new TocsinError('delivery_failed', 'Jira answered without the key of the issue');
      await memory.keep(incident.id, key);
    }

    async function transition(key: string, wanted: string): Promise<void> {
      if (wanted === '') return;
      const answer = await call('GET', `/rest/api/2/issue/${encodeURIComponent(key)}/transitions`);
      const all = fieldsOf(answer)['transitions'];
      const found = (Array.isArray(all) ? (all as { id?: unknown; name?: unknown }[]) : []).find(
        (candidate) => String(candidate.name).toLowerCase() === wanted.toLowerCase(),
      );
      // A workflow may not offer it from where somebody moved the issue: that is their say.
      if (found !== undefined)
        await call('POST', `/rest/api/2/issue/${encodeURIComponent(key)}/transitions`, {
          transition: { id: String(found.id) },
        });
    }

    return {
      name,
      async send(notification: Notification): Promise<void> {
        const { incident, reason } = notification;
        const known = await memory.recall(incident.id);
        const key = known === CREATING ? await find(incident.id) : (known ?? '');
        if (key === '') {
          if (incident.status === 'open' || reason !== 'resolved') await create(notification);
          return;
        }
        if (known === CREATING) await memory.keep(incident.id, key);
        if (reason === 'opened') return;
        const { text } = texts(notification);
        const body = cut(`${stateOf(notification)}: ${text}`, DESCRIPTION);
        await call('POST', `/rest/api/2/issue/${encodeURIComponent(key)}/comment`, { body });
        if (incident.status === 'closed') await transition(key, given.resolve_transition);
        else if (reason === 'reopened') await transition(key, given.reopen_transition);
      },
    };
  },
};

const labelOf = (incident: string): string => `tocsin-${incident}`;
