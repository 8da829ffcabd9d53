import { formatDay } from '../../../shared/time.tsx';

const WORDS: Readonly<Record<string, string>> = {
  'silence.create': 'created a silence',
  'silence.change': 'changed a silence',
  'silence.expire': 'ended a silence',
  'maintenance.create': 'announced maintenance',
  'maintenance.change': 'changed maintenance',
  'maintenance.delete': 'removed maintenance',
  'maintenance.import': 'imported a calendar',
  'incident.acknowledge': 'acknowledged',
  'incident.verdict': 'gave a verdict',
  'incident.assign': 'assigned',
  'incident.snooze': 'snoozed',
  'incident.comment': 'commented',
  'incident.merge': 'merged',
  'incident.split': 'split',
  'incident.close': 'closed',
  'incident.reopen': 'reopened',
  'config.reload': 'reloaded the configuration',
};

/** "created a silence"; an action without words of ours as it is written. */
export const actionWords = (action: string): string => WORDS[action] ?? action.replaceAll(/[.-]/g, ' ');

/** Milliseconds since 1970, as everything that is a time is sent. */
const isTime = (value: unknown): value is number => typeof value === 'number' && value > 1e12 && value < 4e12;

/** What was written down with it: "matchers service="pay", until Mon 3 Nov 14:05". */
export function detailWords(detail: unknown): string {
  if (detail === null || typeof detail !== 'object')
    return detail === undefined || detail === null ? '' : String(detail);
  return Object.entries(detail)
    .filter(([, value]) => value !== '' && value !== null && !(Array.isArray(value) && value.length === 0))
    .map(([key, value]) => {
      const name = key.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
      const shown = isTime(value)
        ? formatDay(value)
        : typeof value === 'object'
          ? JSON.stringify(value)
          : String(value);
      return `${name}: ${shown}`;
    })
    .join(' · ');
}
