import { expect, test } from 'vitest';
import { zoneOffset } from '../../pipeline/routing/zones.ts';
import { type DigestSchedule, digestTimes } from './digest-schedule.ts';

const daily: DigestSchedule = { every: 'daily', time: '09:00', weekday: 'monday', zone: 'Europe/Berlin' };
const next = (schedule: DigestSchedule, after: string): string =>
  new Date(digestTimes(schedule, zoneOffset)(Date.parse(after))).toISOString().slice(0, 16);

test('the next time of day there, over both changes of the clocks', () => {
  expect(next(daily, '2026-11-20T07:59:59Z')).toBe('2026-11-20T08:00');
  expect(next(daily, '2026-11-20T08:00:00Z')).toBe('2026-11-21T08:00');
  expect(next(daily, '2026-03-28T12:00:00Z')).toBe('2026-03-29T07:00');
  expect(next(daily, '2026-10-24T12:00:00Z')).toBe('2026-10-25T08:00');
  // A time that does not exist on the day, and one that comes twice.
  expect(next({ ...daily, time: '02:30' }, '2026-03-28T12:00:00Z')).toBe('2026-03-29T01:30');
  expect(next({ ...daily, time: '02:30' }, '2026-10-24T12:00:00Z')).toBe('2026-10-25T00:30');
  expect(next({ ...daily, time: '23:30', zone: 'Pacific/Auckland' }, '2026-11-20T12:00:00Z')).toBe('2026-11-21T10:30');
});

test('a weekday of each week', () => {
  const weekly = { ...daily, every: 'weekly', weekday: 'friday' } as const;
  expect(next(weekly, '2026-11-20T07:00:00Z')).toBe('2026-11-20T08:00');
  expect(next(weekly, '2026-11-20T08:00:00Z')).toBe('2026-11-27T08:00');
});

test('refuses a time or zone that does not exist', () => {
  expect(() => digestTimes({ ...daily, time: '24:00' }, zoneOffset)).toThrow('HH:MM');
  expect(() => digestTimes({ ...daily, zone: 'Nowhere/Land' }, zoneOffset)).toThrow('no time zone');
});
