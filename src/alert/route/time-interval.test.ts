import { describe, expect, test } from 'vitest';
import { compileInterval, compileIntervals, type TimeIntervalSpec } from './time-interval.ts';

const HOUR = 3_600_000;
/** UTC, an hour ahead of it, and nothing else. */
const zones = (zone: string): number | null => (zone === 'UTC' ? 0 : zone === 'Test/Ahead' ? HOUR : null);
const holds = (spec: TimeIntervalSpec, at: string): boolean => compileInterval(spec, zones)(Date.parse(at));

test.each<[TimeIntervalSpec, string, boolean]>([
  [{}, '2026-01-01T00:00:00Z', true],
  [{ times: [{ start_time: '09:00', end_time: '17:00' }] }, '2026-01-01T09:00:00Z', true],
  [{ times: [{ start_time: '09:00', end_time: '17:00' }] }, '2026-01-01T17:00:00Z', false],
  [{ times: [{ start_time: '22:00', end_time: '24:00' }] }, '2026-01-01T23:59:59Z', true],
  [{ weekdays: ['monday:friday'] }, '2026-01-02T12:00:00Z', true],
  [{ weekdays: ['Saturday', 'sunday'] }, '2026-01-02T12:00:00Z', false],
  [{ weekdays: ['Saturday', 'sunday'] }, '2026-01-04T12:00:00Z', true],
  [{ days_of_month: ['1:5', '-3:-1'] }, '2026-02-05T12:00:00Z', true],
  [{ days_of_month: ['1:5', '-3:-1'] }, '2026-02-06T12:00:00Z', false],
  [{ days_of_month: ['1:5', '-3:-1'] }, '2026-02-26T12:00:00Z', true],
  [{ days_of_month: ['31'] }, '2026-02-28T12:00:00Z', false],
  [{ days_of_month: ['28:31'] }, '2026-02-28T12:00:00Z', true],
  [{ days_of_month: ['1:-1'] }, '2026-02-28T12:00:00Z', true],
  [{ days_of_month: [15] }, '2026-02-15T12:00:00Z', true],
  [{ months: ['may:august', '12'] }, '2026-12-15T12:00:00Z', true],
  [{ months: ['May:8'] }, '2026-09-01T00:00:00Z', false],
  [{ years: ['2020:2025', 2027] }, '2026-05-01T00:00:00Z', false],
  [{ years: ['2020:2026'] }, '2026-05-01T00:00:00Z', true],
  [
    { times: [{ start_time: '00:00', end_time: '01:00' }], weekdays: ['friday'], location: 'Test/Ahead' },
    '2026-01-01T23:30:00Z',
    true,
  ],
])('%j at %s: %s', (spec, at, expected) => {
  expect(holds(spec, at)).toBe(expected);
});

describe('Alertmanager refuses them too', () => {
  test.each<[TimeIntervalSpec, RegExp]>([
    [{ times: [{ start_time: '17:00', end_time: '09:00' }] }, /must be before/],
    [{ times: [{ start_time: '9:00', end_time: '17:00' }] }, /not a time/],
    [{ times: [{ start_time: '09:00', end_time: '24:01' }] }, /not a time/],
    [{ weekdays: ['saturday:sunday'] }, /the start is after the end/],
    [{ weekdays: ['fryday'] }, /not a weekday/],
    [{ days_of_month: ['0'] }, /days are 1 to 31/],
    [{ days_of_month: ['32'] }, /days are 1 to 31/],
    [{ days_of_month: ['-3:5'] }, /must end there/],
    [{ months: ['13'] }, /not a month/],
    [{ years: ['2026:2025'] }, /the start is after the end/],
    [{ location: 'Nowhere/Land' }, /no time zone/],
  ])('%j', (spec, message) => {
    expect(() => compileInterval(spec, zones)).toThrow(message);
  });
  test('a name twice', () => {
    expect(() =>
      compileIntervals(
        [
          { name: 'a', time_intervals: [] },
          { name: 'a', time_intervals: [] },
        ],
        zones,
      ),
    ).toThrow(/used twice/);
  });
});
