import type { StateBlob } from '../../domain/detector.ts';
import { liveColumn } from '../../domain/live-rows.ts';
import type { EpochMs, SeriesIndex } from '../../domain/units.ts';

/** Bins a histogram, each 1.5 times as long as the one before: 1.5 to 195 usual steps, and everything above. */
const BINS = 12;
const LOG_EDGE = Math.log(1.5);
/** A pause that was reported counts a quarter, so that one outage does not excuse the next. */
const WHOLE = 4;
const FULL = 252;
/** A series that lay at zero for more than this share of its steps does not fall to zero: it is sparse. */
const OFTEN_ZERO = 0.05;
/** Steps at zero that count as nothing special for a series that never was zero. */
const SHORTEST_RUN = 5;
/** Doubles a series: first sample, start of the run of zeros, ms spent in runs of zeros that ended. */
const TIMES = 3;
const BYTES = TIMES * 8 + 2 * BINS;
export const HISTORY_BYTES = BYTES;

export type HistoryKind = 'gap' | 'zero';

/** What lengths of pauses and of runs of zeros a series had, in usual steps. */
export interface Histories {
  grow(capacity: number): void;
  first(series: SeriesIndex): EpochMs;
  begin(series: SeriesIndex, at: EpochMs): void;
  zeroSince(series: SeriesIndex): EpochMs;
  /** Ends the run of zeros at `at`. */
  addZeroTime(series: SeriesIndex, at: EpochMs): void;
  /** True for a series that lay at zero for a good part of the time before its present run of zeros. */
  isSparse(series: SeriesIndex): boolean;
  setZeroSince(series: SeriesIndex, at: EpochMs): void;
  record(series: SeriesIndex, kind: HistoryKind, ratio: number, reported: boolean, at: EpochMs): void;
  /**
   * Chance of a run of at least `ratio` steps, from `steps` steps seen, and beyond the longest seen a tail that falls with
   * the square. For pauses: share of the steps at which one as long began. For zeros: share of the steps that lay so deep
   * inside a run of zeros, because they are looked at at every step. 1 with less than
   * `minSteps` of history; floored at 1e-6.
   */
  tail(series: SeriesIndex, kind: HistoryKind, ratio: number, steps: number, minSteps: number): number;
  reset(series: SeriesIndex): void;
  save(): StateBlob['arrays'];
  /** As `save`, in place. */
  live(): NonNullable<StateBlob['live']>;
  restore(arrays: StateBlob['arrays']): void;
}

export function createHistories(): Histories {
  let times = new Float64Array(0);
  /** Gap bins, zero-run bins. */
  let bins = new Uint8Array(0);

  function at(series: number, kind: HistoryKind): number {
    return series * 2 * BINS + (kind === 'zero' ? BINS : 0);
  }

  return {
    grow(capacity) {
      if (capacity * TIMES <= times.length) return;
      const next = Math.max(capacity, (times.length / TIMES) * 2);
      const moreTimes = new Float64Array(next * TIMES);
      moreTimes.set(times);
      times = moreTimes;
      const moreBins = new Uint8Array(next * 2 * BINS);
      moreBins.set(bins);
      bins = moreBins;
    },
    first: (series) => times[series * TIMES] as number,
    begin(series, time) {
      times[series * TIMES] = time;
    },
    addZeroTime(series, time) {
      const o = series * TIMES;
      times[o + 2] = (times[o + 2] as number) + Math.max(0, time - (times[o + 1] as number));
    },
    isSparse(series) {
      const o = series * TIMES;
      return (times[o + 2] as number) > OFTEN_ZERO * ((times[o + 1] as number) - (times[o] as number));
    },
    zeroSince: (series) => times[series * TIMES + 1] as number,
    setZeroSince(series, time) {
      times[series * TIMES + 1] = time;
    },

    record(series, kind, ratio, reported, time) {
      const bin = binOf(ratio);
      if (bin < 0) return;
      const from = at(series, kind);
      const count = (bins[from + bin] as number) + (reported ? 1 : WHOLE);
      bins[from + bin] = Math.min(255, count);
      if (count < FULL) return;
      // Forget half: the counts, and with them the time that they stand for.
      for (let i = series * 2 * BINS; i < (series + 1) * 2 * BINS; i++) bins[i] = (bins[i] as number) >> 1;
      const first = times[series * TIMES] as number;
      times[series * TIMES] = first + (time - first) / 2;
      times[series * TIMES + 2] = (times[series * TIMES + 2] as number) / 2;
    },

    tail(series, kind, ratio, steps, minSteps) {
      if (!(steps >= minSteps)) return 1;
      const from = at(series, kind);
      const own = Math.max(0, binOf(ratio));
      let longer = 0;
      let longest = kind === 'zero' ? SHORTEST_RUN : 1;
      for (let bin = 0; bin < BINS; bin++) {
        const runs = Math.floor((bins[from + bin] as number) / WHOLE);
        if (runs === 0) continue;
        const length = 1.5 ** (bin + 2);
        longest = Math.max(longest, length);
        if (bin >= own) longer += kind === 'zero' ? runs * Math.max(1, length - ratio) : runs;
      }
      const share = Math.min(1, longest / ratio);
      return Math.min(1, Math.max(1e-6, ((longer + 0.5) / (steps + 1)) * share * share));
    },

    reset(series) {
      times.fill(0, series * TIMES, (series + 1) * TIMES);
      bins.fill(0, series * 2 * BINS, (series + 1) * 2 * BINS);
    },

    save: () => ({ times: times.slice(), bins: bins.slice() }),
    live: () => ({ times: liveColumn(() => times, TIMES), bins: liveColumn(() => bins, 2 * BINS) }),
    restore(arrays) {
      times = arrays['times'] as Float64Array<ArrayBuffer>;
      bins = arrays['bins'] as Uint8Array<ArrayBuffer>;
    },
  };
}

/** -1 below 1.5 steps. */
function binOf(ratio: number): number {
  return Math.min(BINS - 1, Math.floor(Math.log(ratio) / LOG_EDGE + 1e-9) - 1);
}
