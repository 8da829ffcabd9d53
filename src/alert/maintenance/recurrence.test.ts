import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RecurrenceSpec, ZoneOffset } from '../../domain/alerting/suppression.ts';
import { DAY, HOUR, MINUTE } from '../../domain/units.ts';
import { parseIcs } from './ics.ts';
import { createMaintenance } from './maintenance.ts';
import { compileRecurrence, localToUtc, nextSpan, scheduleOf } from './recurrence.ts';
import { occurrences, parseLocal, parseRrule } from './rrule.ts';

/** Berlin in 2026 and 2027, and UTC. */
const CHANGES = ['2026-03-29T01:00:00Z', '2026-10-25T01:00:00Z', '2027-03-28T01:00:00Z', '2027-10-31T01:00:00Z'].map(
  (t) => Date.parse(t),
);
const zones: ZoneOffset = (zone, at) => {
  if (zone === 'UTC') return 0;
  if (zone !== 'Europe/Berlin') return null;
  return CHANGES.filter((change) => change <= at).length % 2 === 1 ? 2 * HOUR : HOUR;
};
const at = (text: string): number => Date.parse(text);
const iso = (ms: number): string => new Date(ms).toISOString().replace(':00.000Z', 'Z');
const spec = (over: Partial<RecurrenceSpec>): RecurrenceSpec => ({
  start: '2026-01-01T22:00:00',
  durationMs: HOUR,
  zone: 'UTC',
  rrule: '',
  rdates: [],
  exdates: [],
  ...over,
});
const starts = (s: RecurrenceSpec, from: string, to: string): string[] =>
  compileRecurrence(s, zones)
    .between(at(from), at(to))
    .map((span) => iso(span.startsAt));

const { cases } = JSON.parse(readFileSync(join(import.meta.dirname, 'rrule-cases.json'), 'utf8')) as {
  cases: [string, string, string][];
};
test.each(cases)('%s from %s is what dateutil says', (rule, start, expected) => {
  const first = parseLocal(start)!;
  const found: string[] = [];
  for (const local of occurrences(parseRrule(rule), first, first, first + 366 * 12 * DAY - MINUTE)) {
    found.push(new Date(local).toISOString().replaceAll(/[-:]/g, '').slice(0, 13));
    if (found.length === 12) break;
  }
  expect(found.join(' ')).toBe(expected);
});

test('beginning near a time gives what the whole gives there', () => {
  for (const [rule, start] of cases) {
    const first = parseLocal(start)!;
    const from = first + 700 * DAY;
    const parsed = parseRrule(rule);
    const whole = [...occurrences(parsed, first, first, from + 200 * DAY)].filter((local) => local >= from);
    expect([...occurrences(parsed, first, from, from + 200 * DAY)], rule).toEqual(whole);
  }
});

describe('daylight saving', () => {
  const nightly = spec({ start: '2026-03-27T02:30:00', zone: 'Europe/Berlin', rrule: 'FREQ=DAILY' });
  test('the hour that is left out is read with the offset before it, the one that comes twice is its first', () => {
    expect(starts(nightly, '2026-03-28T00:00:00Z', '2026-03-31T00:00:00Z')).toEqual([
      '2026-03-28T01:30Z',
      '2026-03-29T01:30Z',
      '2026-03-30T00:30Z',
    ]);
    expect(starts(nightly, '2026-10-24T00:00:00Z', '2026-10-27T00:00:00Z')).toEqual([
      '2026-10-24T00:30Z',
      '2026-10-25T00:30Z',
      '2026-10-26T01:30Z',
    ]);
    expect(localToUtc(at('2026-10-25T03:00:00Z'), 'Europe/Berlin', zones)).toBe(at('2026-10-25T02:00:00Z'));
  });
  test('a whole day is a day of the calendar, hours are hours', () => {
    const days = compileRecurrence(spec({ start: '2026-03-29', durationMs: DAY, zone: 'Europe/Berlin' }), zones);
    expect(days.between(0, at('2027-01-01T00:00:00Z')).map((s) => (s.endsAt - s.startsAt) / HOUR)).toEqual([23]);
    const hours = compileRecurrence(
      spec({ start: '2026-03-28T22:00:00', durationMs: 8 * HOUR, zone: 'Europe/Berlin' }),
      zones,
    );
    expect(hours.between(0, at('2027-01-01T00:00:00Z')).map((s) => (s.endsAt - s.startsAt) / HOUR)).toEqual([8]);
  });
});

test('excepted, added and limited occurrences; UNTIL in UTC and as a date', () => {
  const weekly = { start: '2026-01-02T22:00:00', zone: 'Europe/Berlin' };
  expect(
    starts(
      spec({ ...weekly, rrule: 'FREQ=WEEKLY;COUNT=4', exdates: ['20260109T220000'], rdates: ['2026-01-10T01:00'] }),
      '2026-01-01T00:00:00Z',
      '2026-12-31T00:00:00Z',
    ),
  ).toEqual(['2026-01-02T21:00Z', '2026-01-10T00:00Z', '2026-01-16T21:00Z', '2026-01-23T21:00Z']);
  expect(
    starts(
      spec({ ...weekly, rrule: 'FREQ=WEEKLY;UNTIL=20260116T210000Z' }),
      '2026-01-01T00:00:00Z',
      '2026-12-31T00:00:00Z',
    ),
  ).toHaveLength(3);
  expect(
    starts(
      spec({ ...weekly, rrule: 'FREQ=WEEKLY;UNTIL=20260116T205959Z' }),
      '2026-01-01T00:00:00Z',
      '2026-12-31T00:00:00Z',
    ),
  ).toHaveLength(2);
  expect(
    starts(spec({ ...weekly, rrule: 'FREQ=WEEKLY;UNTIL=20260116' }), '2026-01-01T00:00:00Z', '2026-12-31T00:00:00Z'),
  ).toHaveLength(3);
  expect(compileRecurrence(spec({ ...weekly, rrule: 'FREQ=WEEKLY;COUNT=2' }), zones).endsAt).toBe(
    at('2026-01-09T22:00:00Z'),
  );
  expect(compileRecurrence(spec({ ...weekly, rrule: 'FREQ=WEEKLY' }), zones).endsAt).toBeNull();
});

test.each([
  [{ rrule: 'FREQ=HOURLY' }, /FREQ must be/],
  [{ rrule: 'FREQ=DAILY;BYHOUR=3' }, /BYHOUR is not supported/],
  [{ rrule: 'FREQ=DAILY;COUNT=2;UNTIL=20260101' }, /either COUNT or UNTIL/],
  [{ rrule: 'FREQ=WEEKLY;BYDAY=2MO' }, /needs FREQ=MONTHLY/],
  [{ rrule: 'FREQ=WEEKLY;BYMONTHDAY=3' }, /BYMONTHDAY does not go/],
  [{ rrule: 'FREQ=DAILY;INTERVAL=0' }, /INTERVAL=0/],
  [{ rrule: 'FREQ=MONTHLY;BYDAY=0MO' }, /not possible/],
  [{ rrule: 'FREQ=MONTHLY;BYDAY=XX' }, /not a weekday/],
  [{ zone: 'Nowhere/Land' }, /no time zone/],
  [{ start: '2026-02-30T00:00:00' }, /not a local time/],
  [{ durationMs: 0 }, /duration/],
])('%j is refused', (over, message) => {
  expect(() => compileRecurrence(spec(over), zones)).toThrow(message);
});

test('a rule that never comes ends the search', () => {
  const never = compileRecurrence(spec({ rrule: 'FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30' }), zones);
  expect(nextSpan(never, at('2026-01-01T00:00:00Z'))).toBeNull();
});

const ICS = `BEGIN:VCALENDAR
VERSION:2.0
X-WR-TIMEZONE:Europe/Berlin
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:patch@example.com
SUMMARY:Patching\\, every
  second Tuesday
DTSTART;TZID=Europe/Berlin:20260113T220000
DTEND;TZID="Europe/Berlin":20260114T000000
RRULE:FREQ=MONTHLY;BYDAY=2TU
EXDATE;TZID=Europe/Berlin:20260210T220000
BEGIN:VALARM
TRIGGER:-PT15M
DESCRIPTION:soon
END:VALARM
X-TOCSIN-MATCHERS:service="db"
END:VEVENT
BEGIN:VEVENT
UID:patch@example.com
RECURRENCE-ID;TZID=Europe/Berlin:20260310T220000
SUMMARY:Patching, moved
DTSTART;TZID=Europe/Berlin:20260312T200000
DURATION:PT1H30M
END:VEVENT
BEGIN:VEVENT
UID:holiday@example.com
SUMMARY:Holiday
DTSTART;VALUE=DATE:20260501
END:VEVENT
BEGIN:VEVENT
UID:gone@example.com
STATUS:CANCELLED
DTSTART:20260601T000000Z
END:VEVENT
END:VCALENDAR
`.replaceAll('\n', '\r\n');

describe('calendars', () => {
  const windows = parseIcs(ICS, { matchers: [], createdBy: 'mira', zone: 'UTC' });
  test('all occurrences, moved and excepted ones', () => {
    expect(windows.map((w) => [w.name, w.matchers.length])).toEqual([
      ['Patching, every second Tuesday', 1],
      ['Holiday', 0],
    ]);
    const spans = scheduleOf(windows[0]!, zones).between(at('2026-01-01T00:00:00Z'), at('2026-05-01T00:00:00Z'));
    expect(spans.map((s) => `${iso(s.startsAt)}/${(s.endsAt - s.startsAt) / MINUTE}`)).toEqual([
      '2026-01-13T21:00Z/120',
      '2026-03-12T19:00Z/90',
      '2026-04-14T20:00Z/120',
    ]);
    expect(
      scheduleOf(windows[1]!, zones)
        .between(0, at('2027-01-01T00:00:00Z'))
        .map((s) => iso(s.startsAt)),
    ).toEqual(['2026-04-30T22:00Z']);
  });
  test('importing again gives the same ids', () => {
    expect(parseIcs(ICS, { matchers: [], createdBy: 'x', zone: 'UTC' }).map((w) => w.id)).toEqual(
      windows.map((w) => w.id),
    );
  });
  test.each([
    ['', /no event/],
    ['BEGIN:VCALENDAR', /without END/],
    ['BEGIN:VCALENDAR\nhello\nEND:VCALENDAR', /line 2 cannot be read/],
    ['BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:nope\nEND:VEVENT\nEND:VCALENDAR', /not a date/],
    ['BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR', /no DTSTART/],
  ])('%j is refused', (text, message) => {
    expect(() => parseIcs(text, { matchers: [], createdBy: 'x', zone: 'UTC' })).toThrow(message);
  });
});

describe('windows at work', () => {
  const incident = { id: 'i', tenant: 't', services: ['db'], causes: [] } as never;
  test('a recurring window mutes at each occurrence, forwards and backwards in time', () => {
    const maintenance = createMaintenance(undefined, zones);
    maintenance.set(parseIcs(ICS, { matchers: [], createdBy: 'mira', zone: 'UTC' }));
    const passed = (time: string): boolean => maintenance.check(incident, { service: 'db' }, at(time)).passed;
    expect(
      [
        '2026-01-13T20:59:59Z',
        '2026-01-13T21:00:00Z',
        '2026-01-13T23:00:00Z',
        '2026-02-10T21:30:00Z',
        '2026-04-14T20:00:00Z',
        '2026-01-13T22:00:00Z',
        '2027-01-12T21:00:00Z',
      ].map(passed),
    ).toEqual([true, false, true, true, false, false, false]);
  });
  test('all or none', () => {
    const maintenance = createMaintenance(undefined, zones);
    maintenance.set([{ id: 'a', name: 'a', matchers: [], spans: [{ startsAt: 0, endsAt: 10 }], createdBy: 'x' }]);
    const bad = {
      id: 'b',
      name: 'bad',
      matchers: [],
      spans: [],
      recurrences: [spec({ rrule: 'FREQ=NEVER' })],
      createdBy: 'x',
    };
    expect(() => maintenance.set([bad])).toThrow(/maintenance "bad": recurrence: FREQ/);
    expect(maintenance.list().map((w) => w.id)).toEqual(['a']);
  });
});
