import type { ZoneOffset } from '../../domain/alerting/suppression.ts';
import { TocsinError } from '../../domain/error.ts';
import type { EpochMs } from '../../domain/units.ts';

/** One entry of Alertmanager's `time_intervals`, as written. */
export interface TimeIntervalSpec {
  readonly times?: readonly { readonly start_time: string; readonly end_time: string }[];
  readonly weekdays?: readonly string[];
  readonly days_of_month?: readonly (string | number)[];
  readonly months?: readonly (string | number)[];
  readonly years?: readonly (string | number)[];
  /** IANA name; UTC when absent. */
  readonly location?: string;
}
export interface NamedIntervals {
  readonly name: string;
  readonly time_intervals: readonly TimeIntervalSpec[];
}
export type TimeTest = (at: EpochMs) => boolean;

type Range = readonly [from: number, to: number];

const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];

const fault = (message: string): TocsinError => new TocsinError('invalid_config', `time interval: ${message}`);

/**
 * Compiled named intervals. All of an entry's fields must hold (an absent one always does), any of its ranges, any of the
 * entries. @throws TocsinError `invalid_config` with Alertmanager's own rules: no reversed or empty ranges.
 */
export function compileIntervals(named: readonly NamedIntervals[], offset: ZoneOffset): ReadonlyMap<string, TimeTest> {
  const out = new Map<string, TimeTest>();
  for (const { name, time_intervals } of named) {
    if (out.has(name)) throw fault(`the name '${name}' is used twice`);
    const tests = time_intervals.map((spec) => compileInterval(spec, offset));
    out.set(name, (at) => tests.some((test) => test(at)));
  }
  return out;
}

export function compileInterval(spec: TimeIntervalSpec, offset: ZoneOffset): TimeTest {
  const zone = spec.location ?? 'UTC';
  if (offset(zone, 0) === null) throw fault(`there is no time zone '${zone}'`);
  const times = spec.times?.map(timesOf);
  const weekdays = spec.weekdays?.map((text) => namedRange(text, WEEKDAYS, 0, 'weekday'));
  const days = spec.days_of_month?.map(dayRange);
  const months = spec.months?.map((text) => namedRange(text, MONTHS, 1, 'month'));
  const years = spec.years?.map((text) => numberRange(String(text), 'year'));
  const within = (ranges: readonly Range[] | undefined, value: number): boolean =>
    ranges === undefined || ranges.length === 0 || ranges.some(([from, to]) => value >= from && value <= to);
  return (at) => {
    const local = new Date(at + (offset(zone, at) ?? 0));
    const minute = local.getUTCHours() * 60 + local.getUTCMinutes();
    if (times !== undefined && times.length > 0 && !times.some(([from, to]) => minute >= from && minute < to))
      return false;
    if (days !== undefined && days.length > 0 && !days.some((range) => holdsDay(range, local))) return false;
    return (
      within(months, local.getUTCMonth() + 1) &&
      within(weekdays, local.getUTCDay()) &&
      within(years, local.getUTCFullYear())
    );
  };
}

function timesOf({ start_time, end_time }: { readonly start_time: string; readonly end_time: string }): Range {
  const minutes = (text: string): number => {
    const found = /^([01]\d|2[0-3]):([0-5]\d)$|^(24):(00)$/.exec(text);
    if (found === null) throw fault(`'${text}' is not a time; write it as HH:MM`);
    return Number(found[1] ?? found[3]) * 60 + Number(found[2] ?? found[4]);
  };
  const range: Range = [minutes(start_time), minutes(end_time)];
  if (range[0] >= range[1]) throw fault(`start_time ${start_time} must be before end_time ${end_time}`);
  return range;
}

function namedRange(text: string | number, names: readonly string[], base: number, what: string): Range {
  const parts = String(text).toLowerCase().split(':');
  const numbers = parts.map((part) => {
    const at = names.indexOf(part.trim());
    if (at >= 0) return at + base;
    const number = base === 1 && /^\d+$/.test(part.trim()) ? Number(part) : Number.NaN;
    if (!(number >= 1 && number <= names.length)) throw fault(`'${text}' is not a ${what} or a range of them`);
    return number;
  });
  return ordered(numbers, text, what);
}

function numberRange(text: string, what: string): Range {
  if (!/^-?\d+(:-?\d+)?$/.test(text.trim())) throw fault(`'${text}' is not a ${what} or a range of them`);
  return ordered(text.split(':').map(Number), text, what);
}

function dayRange(text: string | number): Range {
  const [from, to] = numberRange(String(text), 'day of the month');
  if ([from, to].some((day) => day === 0 || day < -31 || day > 31))
    throw fault(`'${text}': days are 1 to 31, or -1 to -31 from the end`);
  if (from < 0 && to > 0) throw fault(`'${text}': a range that starts from the end must end there`);
  return [from, to];
}

function ordered(numbers: readonly number[], text: string | number, what: string): Range {
  if (numbers.length > 2) throw fault(`'${text}' is not a ${what} or a range of them`);
  const from = numbers[0]!;
  const to = numbers[1] ?? from;
  // 1:-1 is the whole month: only ends of the same sign can be compared.
  if (from > to && !(what.startsWith('day') && from > 0 && to < 0))
    throw fault(`'${text}': the start is after the end`);
  return [from, to];
}

/** Ranges are clamped into the month; one that starts after its end never holds. */
function holdsDay([from, to]: Range, local: Date): boolean {
  const last = new Date(Date.UTC(local.getUTCFullYear(), local.getUTCMonth() + 1, 0)).getUTCDate();
  const begin = from < 0 ? last + from + 1 : from;
  const end = to < 0 ? last + to + 1 : to;
  if (begin > last) return false;
  const day = local.getUTCDate();
  return day >= Math.max(1, begin) && day <= Math.min(last, end);
}
