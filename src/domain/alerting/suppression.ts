import type { EpochMs } from '../units.ts';
import type { Matcher } from './matcher.ts';

/** Mutes what its matchers cover for a while. As Alertmanager's, times in ms. */
export interface Silence {
  readonly id: string;
  readonly matchers: readonly Matcher[];
  readonly startsAt: EpochMs;
  readonly endsAt: EpochMs;
  readonly createdBy: string;
  readonly comment: string;
  readonly updatedAt: EpochMs;
}
export type SilenceStatus = 'pending' | 'active' | 'expired';

export const silenceStatus = (s: Silence, now: EpochMs): SilenceStatus =>
  now >= s.endsAt ? 'expired' : now < s.startsAt ? 'pending' : 'active';

export interface TimeSpan {
  readonly startsAt: EpochMs;
  readonly endsAt: EpochMs;
}

/**
 * When a window recurs, in the words of RFC 5545: the first start as local time of `zone` (`2026-01-31T22:00:00`), how long
 * each occurrence lasts, `RRULE` (empty: once), further dates and excepted ones as local times.
 */
export interface RecurrenceSpec {
  readonly start: string;
  readonly durationMs: number;
  readonly zone: string;
  readonly rrule: string;
  readonly rdates: readonly string[];
  readonly exdates: readonly string[];
}

/** Announced work on some services: at the given spans and at every occurrence of the recurrences. */
export interface MaintenanceWindow {
  readonly id: string;
  readonly name: string;
  /** Empty: everything. */
  readonly matchers: readonly Matcher[];
  readonly spans: readonly TimeSpan[];
  readonly recurrences?: readonly RecurrenceSpec[];
  readonly createdBy: string;
  readonly comment?: string;
  readonly updatedAt?: EpochMs;
}

/** How far local time of an IANA zone is ahead of UTC at a moment, in ms; null for a zone that does not exist. */
export type ZoneOffset = (zone: string, at: EpochMs) => number | null;
