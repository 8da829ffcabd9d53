import { type DurationMs, type EpochMs, MINUTE, SECOND } from '../../domain/units.ts';

/** How long a tick waits, in event time, for senders that are a little behind. */
export const GRACE: DurationMs = 2 * SECOND;
/** A pause of the whole input longer than this is skipped, not ticked through. */
export const LONGEST_PAUSE: DurationMs = 5 * MINUTE;
/** After such a pause everybody gets this long to come back before silence is judged again. */
export const RETURN_GRACE: DurationMs = 3 * MINUTE;

/**
 * The newest of the first `length` times; 0 for none. A time from the future counts as now, as it does for the sample itself:
 * it must not end the ticks of everybody else.
 */
export function newestTime(time: Float64Array, length: number, now: EpochMs, maxFuture: DurationMs): EpochMs {
  let newest = 0;
  for (let i = 0; i < length; i++) {
    const at = time[i]! > now + maxFuture ? now : time[i]!;
    if (at > newest) newest = at;
  }
  return newest;
}
