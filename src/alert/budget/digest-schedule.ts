import type { ZoneOffset } from '../../domain/alerting/suppression.ts';
import { TocsinError } from '../../domain/error.ts';
import { DAY, type EpochMs, HOUR, MINUTE } from '../../domain/units.ts';

export const WEEKDAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;

export interface DigestSchedule {
  readonly every: 'daily' | 'weekly';
  /** Local time of day, `HH:MM`. */
  readonly time: string;
  /** Of a weekly one. */
  readonly weekday: (typeof WEEKDAYS)[number];
  /** IANA name. */
  readonly zone: string;
}

/**
 * The first moment after a given one at which it is that time there. Where clocks go forward over it, an hour later; where they
 * go back and the time comes twice, the first.
 * @throws TocsinError `invalid_config` for a zone or time that does not exist.
 */
export function digestTimes(schedule: DigestSchedule, zone: ZoneOffset): (after: EpochMs) => EpochMs {
  const match = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(schedule.time);
  if (match === null) throw new TocsinError('invalid_config', `'${schedule.time}' is not a time of day; write HH:MM`);
  if (zone(schedule.zone, 0) === null)
    throw new TocsinError('invalid_config', `there is no time zone '${schedule.zone}'`);
  const ofDay = Number(match[1]) * HOUR + Number(match[2]) * MINUTE;
  const weekday = WEEKDAYS.indexOf(schedule.weekday);
  const offset = (at: EpochMs): number => zone(schedule.zone, at) ?? 0;
  /** UTC of a local time: the offset before it, unless that does not lead back there. */
  const utcOf = (local: number): EpochMs => {
    const early = local - offset(local - offset(local) - DAY / 2);
    if (early + offset(early) === local) return early;
    const late = local - offset(local - offset(local) + DAY / 2);
    return late + offset(late) === local ? late : early;
  };
  return (after) => {
    const today = Math.floor((after + offset(after)) / DAY) * DAY;
    for (let day = -1; day <= 8; day += 1) {
      const midnight = today + day * DAY;
      if (schedule.every === 'weekly' && new Date(midnight).getUTCDay() !== weekday) continue;
      const at = utcOf(midnight + ofDay);
      if (at > after) return at;
    }
    return after + WEEK_AND_A_BIT;
  };
}

const WEEK_AND_A_BIT = 8 * DAY;
