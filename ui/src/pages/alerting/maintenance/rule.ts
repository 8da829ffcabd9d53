import type { WireMaintenance } from '../../../api/types.ts';
import { span } from '../../../shared/format.ts';

export type Recurrence = WireMaintenance['recurrences'][number];

/** RFC 5545's names, Monday first. */
export const DAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const;
const DAY_NAMES = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const PLACES: Readonly<Record<string, string>> = {
  '1': 'first',
  '2': 'second',
  '3': 'third',
  '4': 'fourth',
  '5': 'fifth',
  '-1': 'last',
};

export const dayName = (code: string): string => DAY_NAMES[DAYS.indexOf(code as (typeof DAYS)[number])] ?? code;

/** The place of a date in its week and month, as rules say it: `TU`, `2TU`, `14`. */
export function dayCodes(local: string): { readonly day: string; readonly nth: string; readonly ofMonth: number } {
  const date = new Date(`${local.slice(0, 10)}T00:00:00Z`);
  const day = DAYS[(date.getUTCDay() + 6) % 7] ?? 'MO';
  return { day, nth: `${Math.ceil(date.getUTCDate() / 7)}${day}`, ofMonth: date.getUTCDate() };
}

function partsOf(rrule: string): ReadonlyMap<string, string> {
  return new Map(
    rrule
      .replace(/^RRULE:/i, '')
      .split(';')
      .flatMap((part) => {
        const [name, value] = part.split('=');
        return name === undefined || value === undefined ? [] : [[name.toUpperCase(), value.toUpperCase()] as const];
      }),
  );
}

const SPOKEN = new Set(['FREQ', 'INTERVAL', 'BYDAY', 'BYMONTHDAY', 'UNTIL', 'COUNT', 'WKST']);

/** "every Sunday", "the second Tuesday of every month"; null for a rule that would take more than a line to say. */
export function ruleWords(rrule: string): string | null {
  if (rrule === '') return 'once';
  const parts = partsOf(rrule);
  if ([...parts.keys()].some((key) => !SPOKEN.has(key))) return null;
  const every = Number(parts.get('INTERVAL') ?? 1);
  const days = parts.get('BYDAY')?.split(',') ?? [];
  const dates = parts.get('BYMONTHDAY')?.split(',') ?? [];
  const until = parts.get('UNTIL');
  const end =
    until !== undefined
      ? `, until ${until.slice(0, 4)}-${until.slice(4, 6)}-${until.slice(6, 8)}`
      : parts.has('COUNT')
        ? `, ${parts.get('COUNT')} times`
        : '';
  const times = (unit: string): string => (every === 1 ? `every ${unit}` : `every ${every} ${unit}s`);
  const base = ((): string | null => {
    switch (parts.get('FREQ')) {
      case 'DAILY':
        return days.length === 0 && dates.length === 0 ? times('day') : null;
      case 'WEEKLY': {
        if (dates.length > 0 || days.some((day) => day.length !== 2)) return null;
        const names = joined(weekOf(days));
        return days.length === 0 ? times('week') : every === 1 ? `every ${names}` : `${names} of ${times('week')}`;
      }
      case 'MONTHLY': {
        if (days.length > 0 && dates.length > 0) return null;
        if (dates.length > 0) return `on day ${joined(dates)} of ${times('month')}`;
        const named = days.map((day) => {
          const [, place = '', code = ''] = /^([+-]?\d+)?([A-Z]{2})$/.exec(day) ?? [];
          return place === '' ? `every ${dayName(code)}` : `the ${PLACES[place] ?? `${place}th`} ${dayName(code)}`;
        });
        return days.length === 0 ? times('month') : `${joined(named)} of ${times('month')}`;
      }
      default:
        return null;
    }
  })();
  return base === null ? null : base + end;
}

function weekOf(days: readonly string[]): readonly string[] {
  const all = DAYS.filter((day) => days.includes(day));
  if (all.join() === 'MO,TU,WE,TH,FR') return ['weekday'];
  return all.map(dayName);
}

const joined = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;

/** "every Sunday, 02:00 for 2 h". */
export function recurrenceWords(recurrence: Recurrence): string {
  const { start, durationMs, rrule } = recurrence;
  const rule = ruleWords(rrule) ?? rrule;
  return rrule === ''
    ? `once, ${start.slice(0, 10)} ${start.slice(11, 16)} for ${span(durationMs)}`
    : `${rule}, ${start.slice(11, 16)} for ${span(durationMs)}`;
}
