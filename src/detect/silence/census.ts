import type { SeriesTable } from '../../domain/signal/series.ts';
import { type EpochMs, MINUTE } from '../../domain/units.ts';

export interface CensusLimits {
  readonly missed_intervals: number;
  readonly min_silence: number;
}

/** Who is alive and who is overdue, a row per service of the table. */
export interface Census {
  readonly services: number;
  /** Series with a known cadence that have not retired. */
  readonly active: Int32Array;
  readonly overdueCount: Int32Array;
  /** Series of which a sample is not even missed yet: they speak for a service that lives. */
  readonly present: Int32Array;
  /** Newest sample of the service; -Infinity without one. */
  readonly newest: Float64Array;
  /** Shortest usual step among the active series. */
  readonly fastest: Float64Array;
  /** Longest usual arrival lag. */
  readonly lag: Float64Array;
  /** Series that should have been heard of by now. */
  readonly overdue: readonly number[];
}

/** A sample is missed after this many usual steps. */
const ON_TIME = 1.5;
/** Series with a longer step say nothing about whether their service lives. */
const LONGEST_WITNESS = 5 * MINUTE;

/** One plain pass over the columns of all series; also wakes retired series that were seen again. */
export function takeCensus(
  now: EpochMs,
  lastSeen: Float64Array,
  interval: Float32Array,
  lag: Float32Array,
  retired: Uint8Array,
  table: SeriesTable,
  limits: CensusLimits,
): Census {
  const services = table.serviceCount();
  const active = new Int32Array(services);
  const overdueCount = new Int32Array(services);
  const present = new Int32Array(services);
  const newest = new Float64Array(services).fill(Number.NEGATIVE_INFINITY);
  const fastest = new Float64Array(services).fill(Number.POSITIVE_INFINITY);
  const longestLag = new Float64Array(services);
  const overdue: number[] = [];
  const missed = limits.missed_intervals;
  const least = limits.min_silence;
  const { service, live } = table;
  const size = Math.min(table.size, lastSeen.length);
  // Series of a service mostly lie together: its row is written when the service changes, not for every series.
  let at = -1;
  let alive = 0;
  let late = 0;
  let onTime = 0;
  let latest = Number.NEGATIVE_INFINITY;
  let shortest = Number.POSITIVE_INFINITY;
  let longest = 0;
  function write(): void {
    if (alive === 0) return;
    active[at] = (active[at] as number) + alive;
    overdueCount[at] = (overdueCount[at] as number) + late;
    present[at] = (present[at] as number) + onTime;
    newest[at] = Math.max(newest[at] as number, latest);
    fastest[at] = Math.min(fastest[at] as number, shortest);
    longestLag[at] = Math.max(longestLag[at] as number, longest);
  }
  for (let s = 0; s < size; s++) {
    const last = lastSeen[s] as number;
    const step = interval[s] as number;
    if (live[s] === 0 || step === 0) continue;
    const limit = missed * step;
    if (retired[s] === 1) {
      if (now - last > limit) continue;
      retired[s] = 0;
    }
    if (service[s] !== at) {
      write();
      at = service[s] as number;
      alive = 0;
      late = 0;
      onTime = 0;
      latest = Number.NEGATIVE_INFINITY;
      shortest = Number.POSITIVE_INFINITY;
      longest = 0;
    }
    alive++;
    if (last > latest) latest = last;
    if (step < shortest) shortest = step;
    const behind = lag[s] as number;
    if (behind > longest) longest = behind;
    const silent = now - last - behind;
    if (silent <= ON_TIME * step && step <= LONGEST_WITNESS) onTime++;
    if (silent <= limit || silent <= least) continue;
    late++;
    overdue.push(s);
  }
  write();
  return { services, active, overdueCount, present, newest, fastest, lag: longestLag, overdue };
}
