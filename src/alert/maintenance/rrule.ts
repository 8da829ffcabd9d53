import { TocsinError } from '../../domain/error.ts';
import { DAY } from '../../domain/units.ts';

export type Frequency = 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'YEARLY';

/** A weekday, 0 is Sunday; `nth` 0 is every one, 2 the second, -1 the last of the month or year. */
export interface ByDay {
  readonly weekday: number;
  readonly nth: number;
}

/** The part of RFC 5545's recurrence rule that calendars write for days: no BYHOUR and smaller, no BYYEARDAY, BYWEEKNO. */
export interface Rrule {
  readonly freq: Frequency;
  readonly interval: number;
  /** 0: no limit. */
  readonly count: number;
  /** Last moment at which an occurrence may start, null for none; UTC or local as `untilUtc` says. */
  readonly until: number | null;
  readonly untilUtc: boolean;
  readonly byDay: readonly ByDay[];
  readonly byMonthDay: readonly number[];
  readonly byMonth: readonly number[];
  readonly bySetPos: readonly number[];
  readonly weekStart: number;
}

const WEEKDAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];
const FREQUENCIES: readonly string[] = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'];
export const MAX_COUNT = 10_000;

const fault = (message: string): TocsinError => new TocsinError('invalid_config', `recurrence: ${message}`);

/** @throws TocsinError `invalid_config` naming the part that is wrong or not supported. */
export function parseRrule(text: string): Rrule {
  const parts = new Map<string, string>();
  for (const part of text
    .trim()
    .replace(/^RRULE:/i, '')
    .split(';')) {
    if (part.trim() === '') continue;
    const at = part.indexOf('=');
    const name = part.slice(0, at).trim().toUpperCase();
    if (at < 0 || parts.has(name)) throw fault(`cannot read '${part.slice(0, 60)}'`);
    parts.set(
      name,
      part
        .slice(at + 1)
        .trim()
        .toUpperCase(),
    );
  }
  const take = (name: string): string | undefined => {
    const value = parts.get(name);
    parts.delete(name);
    return value;
  };
  const freq = take('FREQ') ?? '';
  if (!FREQUENCIES.includes(freq)) throw fault(`FREQ must be one of ${FREQUENCIES.join(', ')}`);
  const until = untilOf(take('UNTIL'));
  const rule: Rrule = {
    freq: freq as Frequency,
    interval: whole('INTERVAL', take('INTERVAL') ?? '1', 1, 1_000),
    count: whole('COUNT', take('COUNT') ?? '0', 0, MAX_COUNT),
    until: until?.at ?? null,
    untilUtc: until?.utc ?? false,
    byDay: list(take('BYDAY')).map(byDayOf),
    byMonthDay: list(take('BYMONTHDAY')).map((day) => notZero('BYMONTHDAY', whole('BYMONTHDAY', day, -31, 31))),
    byMonth: list(take('BYMONTH')).map((month) => whole('BYMONTH', month, 1, 12)),
    bySetPos: list(take('BYSETPOS')).map((at) => notZero('BYSETPOS', whole('BYSETPOS', at, -366, 366))),
    weekStart: weekdayOf(take('WKST') ?? 'MO'),
  };
  const [left] = parts.keys();
  if (left !== undefined) throw fault(`${left} is not supported`);
  if (rule.count > 0 && rule.until !== null) throw fault('give either COUNT or UNTIL');
  if (rule.byDay.some((day) => day.nth !== 0) && (rule.freq === 'DAILY' || rule.freq === 'WEEKLY'))
    throw fault(`BYDAY with a number needs FREQ=MONTHLY or YEARLY`);
  if (rule.byMonthDay.length > 0 && rule.freq === 'WEEKLY') throw fault('BYMONTHDAY does not go with FREQ=WEEKLY');
  return rule;
}

const list = (value: string | undefined): string[] => (value === undefined || value === '' ? [] : value.split(','));

function whole(name: string, text: string, least: number, most: number): number {
  const value = /^[+-]?\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw fault(`${name}=${text} is not a number from ${least} to ${most}`);
  return value;
}

function notZero(name: string, value: number): number {
  if (value === 0) throw fault(`${name}=0 is not possible`);
  return value;
}

function weekdayOf(text: string): number {
  const at = WEEKDAYS.indexOf(text);
  if (at < 0) throw fault(`'${text}' is not a weekday`);
  return at;
}

function byDayOf(text: string): ByDay {
  const found = /^([+-]?\d{1,2})?([A-Z]{2})$/.exec(text);
  if (found === null) throw fault(`BYDAY: cannot read '${text}'`);
  const nth = found[1] === undefined ? 0 : notZero('BYDAY', whole('BYDAY', found[1], -53, 53));
  return { weekday: weekdayOf(found[2]!), nth };
}

/** A date alone means all of that day. */
function untilOf(text: string | undefined): { at: number; utc: boolean } | null {
  if (text === undefined) return null;
  const local = parseLocal(text);
  if (local === null) throw fault(`UNTIL=${text} is not a date or time`);
  return { at: /T/.test(text) ? local : local + DAY - 1, utc: text.endsWith('Z') };
}

/** `20260131T220000`, `2026-01-31T22:00[:00]`, `20260131`, `2026-01-31`, each also with Z → the same wall time as if in UTC, ms. */
export function parseLocal(text: string): number | null {
  const found = /^(\d{4})-?(\d{2})-?(\d{2})(?:T(\d{2}):?(\d{2})(?::?(\d{2}))?Z?)?$/i.exec(text.trim());
  if (found === null) return null;
  const [year, month, day, hour, minute, second] = found.slice(1).map((part) => Number(part ?? 0));
  const at = Date.UTC(year!, month! - 1, day, hour, minute, second);
  const back = new Date(at);
  const same =
    back.getUTCMonth() === month! - 1 && back.getUTCDate() === day && hour! < 24 && minute! < 60 && second! < 61;
  return same ? at : null;
}

/**
 * Local starts of a rule from its first, in order, as wall times written as if in UTC; never ends for a rule without an end, so
 * take what is needed. `from` lets a rule without COUNT begin near it instead of at its first.
 */
export function* occurrences(rule: Rrule, first: number, from: number, to: number): Generator<number> {
  const time = modulo(first, DAY);
  const start = new Date(first);
  let counted = 0;
  for (let k = rule.count > 0 ? 0 : Math.max(0, periodsBefore(rule, first, from)); ; k += 1) {
    const period = periodOf(rule, start, k);
    if (period.begin > to) return;
    let days = daysOf(rule, start, period);
    if (rule.bySetPos.length > 0) {
      const picked = new Set(rule.bySetPos.map((n) => days[n > 0 ? n - 1 : days.length + n]));
      days = days.filter((day) => picked.has(day));
    }
    for (const day of days) {
      const at = day + time;
      if (at < first) continue;
      if (rule.until !== null && !rule.untilUtc && at > rule.until) return;
      counted += 1;
      if (rule.count > 0 && counted > rule.count) return;
      if (at > to) return;
      if (at >= from) yield at;
    }
  }
}

const modulo = (a: number, b: number): number => ((a % b) + b) % b;
const dayOf = (at: number): number => at - modulo(at, DAY);

/** A period well before `from`, so that none is missed. */
function periodsBefore(rule: Rrule, first: number, from: number): number {
  const longest = { DAILY: DAY, WEEKLY: 7 * DAY, MONTHLY: 31 * DAY, YEARLY: 366 * DAY }[rule.freq];
  return Math.floor((from - first) / (longest * rule.interval)) - 2;
}

interface Period {
  readonly begin: number;
  readonly year: number;
  /** 0-11; of a year's period the first. */
  readonly month: number;
}

function periodOf(rule: Rrule, start: Date, k: number): Period {
  const n = k * rule.interval;
  const today = dayOf(start.getTime());
  if (rule.freq === 'DAILY') return periodAt(today + n * DAY);
  if (rule.freq === 'WEEKLY')
    return periodAt(today - modulo(start.getUTCDay() - rule.weekStart, 7) * DAY + n * 7 * DAY);
  if (rule.freq === 'MONTHLY') return periodAt(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + n, 1));
  return periodAt(Date.UTC(start.getUTCFullYear() + n, 0, 1));
}

function periodAt(begin: number): Period {
  const date = new Date(begin);
  return { begin, year: date.getUTCFullYear(), month: date.getUTCMonth() };
}

/** Days of one period that the rule names, sorted, without repeats. */
function daysOf(rule: Rrule, start: Date, period: Period): number[] {
  const inMonth = (day: number): boolean =>
    rule.byMonth.length === 0 || rule.byMonth.includes(new Date(day).getUTCMonth() + 1);
  if (rule.freq === 'DAILY') {
    const fits = inMonth(period.begin) && isMonthDay(rule, period.begin) && isWeekday(rule, period.begin);
    return fits ? [period.begin] : [];
  }
  if (rule.freq === 'WEEKLY') {
    const wanted = rule.byDay.length > 0 ? rule.byDay.map((day) => day.weekday) : [start.getUTCDay()];
    return [0, 1, 2, 3, 4, 5, 6]
      .map((i) => period.begin + i * DAY)
      .filter((day) => wanted.includes(new Date(day).getUTCDay()) && inMonth(day));
  }
  if (rule.freq === 'MONTHLY') {
    const month = period.month + 1;
    if (rule.byMonth.length > 0 && !rule.byMonth.includes(month)) return [];
    return daysOfMonth(rule, start, period.year, period.month);
  }
  return daysOfYear(rule, start, period.year);
}

function daysOfYear(rule: Rrule, start: Date, year: number): number[] {
  const byMonthDay = rule.byMonthDay.length > 0;
  if (rule.byMonth.length > 0 || byMonthDay) {
    const months =
      rule.byMonth.length > 0 ? [...new Set(rule.byMonth)].sort((a, b) => a - b).map((m) => m - 1) : ALL_MONTHS;
    return months.flatMap((month) => daysOfMonth(rule, start, year, month));
  }
  if (rule.byDay.length === 0) return daysOfMonth(rule, start, year, start.getUTCMonth());
  return weekdaysBetween(rule.byDay, Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1));
}

const ALL_MONTHS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

function daysOfMonth(rule: Rrule, start: Date, year: number, month: number): number[] {
  const begin = Date.UTC(year, month, 1);
  const end = Date.UTC(year, month + 1, 1);
  const all = (): number[] => Array.from({ length: (end - begin) / DAY }, (_, i) => begin + i * DAY);
  if (rule.byDay.length > 0) {
    const days = weekdaysBetween(rule.byDay, begin, end);
    return rule.byMonthDay.length === 0 ? days : days.filter((day) => isMonthDay(rule, day));
  }
  if (rule.byMonthDay.length > 0) return all().filter((day) => isMonthDay(rule, day));
  // A month without that day is left out, as RFC 5545 has it.
  return all().filter((day) => new Date(day).getUTCDate() === start.getUTCDate());
}

function isMonthDay(rule: Rrule, day: number): boolean {
  if (rule.byMonthDay.length === 0) return true;
  const date = new Date(day);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  return rule.byMonthDay.some((n) => date.getUTCDate() === (n > 0 ? n : last + n + 1));
}

function isWeekday(rule: Rrule, day: number): boolean {
  return rule.byDay.length === 0 || rule.byDay.some((wanted) => wanted.weekday === new Date(day).getUTCDay());
}

/** The named weekdays of [begin, end): all, or the nth from either side. */
function weekdaysBetween(byDay: readonly ByDay[], begin: number, end: number): number[] {
  const days = new Set<number>();
  for (const { weekday, nth } of byDay) {
    const first = begin + modulo(weekday - new Date(begin).getUTCDay(), 7) * DAY;
    const count = Math.ceil((end - first) / (7 * DAY));
    if (nth === 0) for (let i = 0; i < count; i += 1) days.add(first + i * 7 * DAY);
    else {
      const i = nth > 0 ? nth - 1 : count + nth;
      if (i >= 0 && i < count) days.add(first + i * 7 * DAY);
    }
  }
  return [...days].sort((a, b) => a - b);
}
