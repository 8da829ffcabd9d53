import type { MaintenanceWindow, RecurrenceSpec, TimeSpan, ZoneOffset } from '../../domain/alerting/suppression.ts';
import { TocsinError } from '../../domain/error.ts';
import { DAY, type EpochMs } from '../../domain/units.ts';
import { MAX_COUNT, occurrences, parseLocal, parseRrule, type Rrule } from './rrule.ts';

/** A recurrence that is ready to be asked. */
export interface Recurrence {
  /** Spans that overlap [from, to), by start; at most `limit`. */
  between(from: EpochMs, to: EpochMs, limit?: number): readonly TimeSpan[];
  /** When the last occurrence ends; null when there is none. */
  readonly endsAt: EpochMs | null;
}

const LONGEST = 366 * DAY;
/** The last moment that is looked at for rules without an end. */
const FAR = Date.UTC(2200, 0, 1);

/**
 * Local time to UTC, as RFC 5545 says: a time that occurs twice is the first one, a time that a clock change leaves out is
 * read with the offset before the change.
 */
export function localToUtc(local: number, zone: string, offset: ZoneOffset): EpochMs {
  const before = offset(zone, local - DAY) ?? 0;
  const after = offset(zone, local + DAY) ?? 0;
  const early = local - before;
  if (before === after || offset(zone, early) === before) return early;
  const late = local - after;
  return offset(zone, late) === after ? late : early;
}

/** @throws TocsinError `invalid_config`. */
export function compileRecurrence(spec: RecurrenceSpec, offset: ZoneOffset): Recurrence {
  const fault = (message: string): TocsinError => new TocsinError('invalid_config', `recurrence: ${message}`);
  const local = (text: string, what: string): number => {
    const at = parseLocal(text);
    if (at === null || /z$/i.test(text))
      throw fault(`${what} '${text}' is not a local time such as 2026-01-31T22:00:00`);
    return at;
  };
  if (offset(spec.zone, 0) === null) throw fault(`there is no time zone '${spec.zone}'`);
  if (!(spec.durationMs > 0 && spec.durationMs <= LONGEST))
    throw fault('the duration must be more than 0 and at most 366 days');
  const first = local(spec.start, 'start');
  const rule: Rrule | null = spec.rrule === '' ? null : parseRrule(spec.rrule);
  const extra = spec.rdates.map((text) => local(text, 'date'));
  const excepted = new Set(spec.exdates.map((text) => local(text, 'excepted date')));
  // A calendar excepts a day by its date alone when the event is all day.
  const exceptedDays = new Set(
    spec.exdates.filter((text) => !/t/i.test(text)).map((text) => local(text, 'excepted date')),
  );
  const utc = (at: number): EpochMs => localToUtc(at, spec.zone, offset);
  // Whole days are days of the calendar: midnight to midnight, also when the clock changes in between.
  const nominal = spec.durationMs % DAY === 0;
  const spanOf = (at: number): TimeSpan => {
    const startsAt = utc(at);
    return { startsAt, endsAt: nominal ? utc(at + spec.durationMs) : startsAt + spec.durationMs };
  };

  function* starts(from: number, to: number): Generator<number> {
    if (rule === null) yield first;
    else
      for (const at of occurrences(rule, first, from, to)) {
        if (rule.until !== null && rule.untilUtc && utc(at) > rule.until) return;
        yield at;
      }
  }

  const between = (from: EpochMs, to: EpochMs, limit = 1_000): readonly TimeSpan[] => {
    // Offsets are less than a day: with a day to spare on either side no start is missed.
    const low = from - spec.durationMs - 2 * DAY;
    const high = to + DAY;
    const out: TimeSpan[] = [];
    const known = new Set<number>();
    const consider = (at: number): void => {
      if (excepted.has(at) || exceptedDays.has(at - (((at % DAY) + DAY) % DAY)) || known.has(at)) return;
      known.add(at);
      const span = spanOf(at);
      if (span.endsAt > from && span.startsAt < to) out.push(span);
    };
    for (const at of extra) consider(at);
    for (const at of starts(low, high)) {
      consider(at);
      if (out.length >= limit + extra.length) break;
    }
    return out.sort((a, b) => a.startsAt - b.startsAt).slice(0, limit);
  };

  let endsAt: EpochMs | null = null;
  if (rule === null || rule.count > 0 || rule.until !== null) {
    const all = between(0, FAR, MAX_COUNT + extra.length);
    endsAt = all.reduce((latest, span) => Math.max(latest, span.endsAt), 0);
  }
  return { between, endsAt };
}

/** Everything a window says, ready to be asked. @throws TocsinError `invalid_config` naming the window. */
export function scheduleOf(window: MaintenanceWindow, offset: ZoneOffset): Recurrence {
  if (window.spans.some((span) => !(span.endsAt > span.startsAt)))
    throw new TocsinError('invalid_config', `maintenance "${window.name}": a span must end after it starts`);
  let parts: Recurrence[];
  try {
    parts = (window.recurrences ?? []).map((spec) => compileRecurrence(spec, offset));
  } catch (cause) {
    throw new TocsinError('invalid_config', `maintenance "${window.name}": ${(cause as Error).message}`, { cause });
  }
  const last = window.spans.reduce((latest, span) => Math.max(latest, span.endsAt), 0);
  return {
    between: (from, to, limit = 1_000) =>
      [
        ...window.spans.filter((span) => span.endsAt > from && span.startsAt < to),
        ...parts.flatMap((part) => part.between(from, to, limit)),
      ]
        .sort((a, b) => a.startsAt - b.startsAt)
        .slice(0, limit),
    endsAt: parts.some((part) => part.endsAt === null)
      ? null
      : Math.max(last, ...parts.map((part) => part.endsAt ?? 0)),
  };
}

const HORIZONS = [2 * DAY, 40 * DAY, 400 * DAY, 3_000 * DAY];

/** The span that covers `now` and ends last, else the next one; null when none is in sight (eight years). */
export function nextSpan(schedule: Recurrence, now: EpochMs): TimeSpan | null {
  if (schedule.endsAt !== null && schedule.endsAt <= now) return null;
  for (const horizon of HORIZONS) {
    const spans = schedule.between(now, now + horizon, 64);
    const covering = spans.filter((span) => span.startsAt <= now);
    if (covering.length > 0) return covering.reduce((a, b) => (b.endsAt > a.endsAt ? b : a));
    if (spans.length > 0) return spans[0]!;
  }
  return null;
}
