import { type Matcher, parseMatchers } from '../../domain/alerting/matcher.ts';
import type { MaintenanceWindow, RecurrenceSpec } from '../../domain/alerting/suppression.ts';
import { TocsinError } from '../../domain/error.ts';
import { stableId } from '../../domain/identity.ts';
import { DAY } from '../../domain/units.ts';
import { parseLocal } from './rrule.ts';

export interface IcsOptions {
  /** What the windows cover; an event's own `X-TOCSIN-MATCHERS` comes before it. */
  readonly matchers: readonly Matcher[];
  readonly createdBy: string;
  /** Zone of times that name none (floating), unless the calendar has `X-WR-TIMEZONE`. */
  readonly zone: string;
}

interface Property {
  readonly params: ReadonlyMap<string, string>;
  readonly value: string;
}
type Event = Map<string, Property[]>;

const MAX_EVENTS = 10_000;
const fault = (message: string): TocsinError => new TocsinError('invalid_config', `calendar: ${message}`);

/**
 * An iCalendar file (RFC 5545) as maintenance windows: one an event with all its occurrences, `RRULE`, `RDATE`, `EXDATE`,
 * moved (`RECURRENCE-ID`) and cancelled ones, all-day events, time zones by IANA name. Times in UTC stay UTC. Ids
 * come from the events' UIDs, so that importing again replaces. @throws TocsinError `invalid_config`.
 */
export function parseIcs(text: string, options: IcsOptions): readonly MaintenanceWindow[] {
  const { events, zone } = eventsOf(text, options.zone);
  if (events.length === 0) throw fault('there is no event in it');
  const byUid = new Map<string, Event[]>();
  for (const event of events) {
    const uid = textIn(event, 'UID') || stableId(textIn(event, 'SUMMARY'), textIn(event, 'DTSTART'));
    byUid.set(uid, [...(byUid.get(uid) ?? []), event]);
  }
  const windows: MaintenanceWindow[] = [];
  for (const [uid, group] of byUid) {
    const masters = group.filter((event) => !event.has('RECURRENCE-ID'));
    const moved = group.filter((event) => event.has('RECURRENCE-ID'));
    const recurrences = masters
      .filter((event) => !isCancelled(event))
      .map((event) =>
        recurrenceOf(
          event,
          zone,
          moved.flatMap((other) => other.get('RECURRENCE-ID')!),
        ),
      );
    for (const event of moved) if (!isCancelled(event)) recurrences.push(recurrenceOf(event, zone, []));
    if (recurrences.length === 0) continue;
    const head = masters[0] ?? moved[0]!;
    const own = textIn(head, 'X-TOCSIN-MATCHERS');
    windows.push({
      id: stableId('ics', uid),
      name: unescapeText(textIn(head, 'SUMMARY')) || 'maintenance',
      matchers: own === '' ? options.matchers : parseMatchers(unescapeText(own)),
      spans: [],
      recurrences,
      createdBy: options.createdBy,
      comment: unescapeText(textIn(head, 'DESCRIPTION')).slice(0, 2_000),
    });
  }
  return windows;
}

/** Unfolds lines and collects the events; what is nested in them (alarms) and beside them (zones) is passed over. */
function eventsOf(text: string, fallback: string): { events: Event[]; zone: string } {
  const lines = text
    .replace(/^\uFEFF/, '')
    .replace(/\r?\n[ \t]/g, '')
    .split(/\r?\n/);
  const events: Event[] = [];
  let zone = fallback;
  let event: Event | null = null;
  const open: string[] = [];
  lines.forEach((line, i) => {
    if (line.trim() === '') return;
    const { name, property } = propertyOf(line, i + 1);
    if (name === 'BEGIN') {
      open.push(property.value.toUpperCase());
      if (open.at(-1) === 'VEVENT' && open.length === 2) event = new Map();
    } else if (name === 'END') {
      if (open.pop() !== property.value.toUpperCase())
        throw fault(`line ${i + 1}: END:${property.value} closes nothing`);
      if (event !== null && open.length === 1) {
        if (events.length >= MAX_EVENTS) throw fault(`more than ${MAX_EVENTS} events`);
        events.push(event);
        event = null;
      }
    } else if (event !== null && open.length === 2) event.set(name, [...(event.get(name) ?? []), property]);
    else if (name === 'X-WR-TIMEZONE' && open.length === 1) zone = property.value;
  });
  if (open.length > 0) throw fault(`BEGIN:${open.at(-1)} without END`);
  return { events, zone };
}

/** `NAME;PARAM=value;PARAM="quoted:value":value` */
function propertyOf(line: string, number: number): { name: string; property: Property } {
  const found = /^([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)*):(.*)$/s.exec(
    line,
  );
  if (found === null) throw fault(`line ${number} cannot be read`);
  const params = new Map<string, string>();
  for (const [, name, value] of found[2]!.matchAll(/;([A-Za-z0-9-]+)=("[^"]*"|[^;]*)/g))
    params.set(name!.toUpperCase(), value!.replaceAll('"', ''));
  return { name: found[1]!.toUpperCase(), property: { params, value: found[3]! } };
}

const textIn = (event: Event, name: string): string => event.get(name)?.[0]?.value ?? '';
const isCancelled = (event: Event): boolean => textIn(event, 'STATUS').toUpperCase() === 'CANCELLED';
const unescapeText = (text: string): string =>
  text.replace(/\\([\\;,nN])/g, (_, c: string) => (c === 'n' || c === 'N' ? '\n' : c));

function recurrenceOf(event: Event, floating: string, moved: readonly Property[]): RecurrenceSpec {
  const start = event.get('DTSTART')?.[0];
  if (start === undefined) throw fault(`'${textIn(event, 'SUMMARY')}' has no DTSTART`);
  const zoneOf = (property: Property): string =>
    property.value.endsWith('Z') ? 'UTC' : (property.params.get('TZID') ?? floating);
  const zone = zoneOf(start);
  const at = timeOf(start.value);
  const allDay = !start.value.includes('T');
  const values = (name: string): string[] =>
    [...(event.get(name) ?? [])].flatMap((property) =>
      property.value.split(',').map((value) => {
        // A period of RDATE: its own length is not kept, its start is.
        const text = value.split('/')[0]!;
        if (text.includes('T') && (text.endsWith('Z') ? 'UTC' : (property.params.get('TZID') ?? floating)) !== zone)
          throw fault(`${name} and DTSTART of '${textIn(event, 'SUMMARY')}' are in different time zones`);
        return text.replace(/Z$/, '');
      }),
    );
  const rules = event.get('RRULE') ?? [];
  if (rules.length > 1 || event.has('EXRULE'))
    throw fault(`'${textIn(event, 'SUMMARY')}': several rules are not supported`);
  for (const property of moved)
    if (property.value.includes('T') && zoneOf(property) !== zone)
      throw fault(`RECURRENCE-ID and DTSTART of '${textIn(event, 'SUMMARY')}' are in different time zones`);
  return {
    start: start.value.replace(/Z$/, ''),
    durationMs: durationOf(event, at, allDay),
    zone,
    rrule: rules[0]?.value ?? '',
    rdates: values('RDATE'),
    exdates: [...values('EXDATE'), ...moved.map((property) => property.value.replace(/Z$/, ''))],
  };
}

function timeOf(text: string): number {
  const at = parseLocal(text);
  if (at === null) throw fault(`'${text}' is not a date or time`);
  return at;
}

function durationOf(event: Event, start: number, allDay: boolean): number {
  const end = event.get('DTEND')?.[0];
  if (end !== undefined) {
    const ms = timeOf(end.value) - start;
    if (ms <= 0) throw fault(`'${textIn(event, 'SUMMARY')}' ends before it starts`);
    return ms;
  }
  const given = textIn(event, 'DURATION');
  if (given === '') return allDay ? DAY : 3_600_000;
  const found = /^\+?P(?:(\d+)W|(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)$/.exec(given);
  const [weeks = 0, days = 0, hours = 0, minutes = 0, seconds = 0] = (found ?? [])
    .slice(1)
    .map((part) => Number(part ?? 0));
  const ms = (weeks * 7 + days) * DAY + hours * 3_600_000 + minutes * 60_000 + seconds * 1_000;
  if (ms <= 0) throw fault(`'${given}' is not a duration`);
  return ms;
}
