import type { StateBlob } from '../../domain/detector.ts';
import type { EpochMs, SeriesIndex } from '../../domain/units.ts';

/** Bins a histogram, each 1.5 times as long as the one before: 1.5 to 195 usual steps, and everything above. */
const BINS = 12;
const LOG_EDGE = Math.log(1.5);
/** A pause that was reported counts a quarter, so that one outage does not excuse the next. */
const WHOLE = 4;
const FULL = 252;
/** Row in bytes: first sample (float64), start of the run of zeros (float64), gap bins, zero-run bins. */
const BYTES = 16 + 2 * BINS;
export const HISTORY_BYTES = BYTES;

export type HistoryKind = 'gap' | 'zero';

/** What lengths of pauses and of runs of zeros a series had, in usual steps. */
export interface Histories {
  grow(capacity: number): void;
  first(series: SeriesIndex): EpochMs;
  begin(series: SeriesIndex, at: EpochMs): void;
  zeroSince(series: SeriesIndex): EpochMs;
  setZeroSince(series: SeriesIndex, at: EpochMs): void;
  record(series: SeriesIndex, kind: HistoryKind, ratio: number, reported: boolean, at: EpochMs): void;
  /**
   * Chance of a run of at least `ratio` steps at any step, from `steps` steps seen: their share, and beyond the longest
   * seen a tail that falls with the square. 1 with less than `minSteps` of history; floored at 1e-6.
   */
  tail(series: SeriesIndex, kind: HistoryKind, ratio: number, steps: number, minSteps: number): number;
  reset(series: SeriesIndex): void;
  save(): StateBlob['arrays'];
  restore(arrays: StateBlob['arrays']): void;
}

export function createHistories(): Histories {
  /** [first, zeroSince] a series. */
  let times = new Float64Array(0);
  /** Gap bins, zero-run bins. */
  let bins = new Uint8Array(0);

  function at(series: number, kind: HistoryKind): number {
    return series * 2 * BINS + (kind === 'zero' ? BINS : 0);
  }

  return {
    grow(capacity) {
      if (capacity * 2 <= times.length) return;
      const next = Math.max(capacity, times.length);
      const moreTimes = new Float64Array(next * 2);
      moreTimes.set(times);
      times = moreTimes;
      const moreBins = new Uint8Array(next * 2 * BINS);
      moreBins.set(bins);
      bins = moreBins;
    },
    first: (series) => times[series * 2] as number,
    begin(series, time) {
      times[series * 2] = time;
    },
    zeroSince: (series) => times[series * 2 + 1] as number,
    setZeroSince(series, time) {
      times[series * 2 + 1] = time;
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
      const first = times[series * 2] as number;
      times[series * 2] = first + (time - first) / 2;
    },

    tail(series, kind, ratio, steps, minSteps) {
      if (!(steps >= minSteps)) return 1;
      const from = at(series, kind);
      const own = Math.max(0, binOf(ratio));
      let longer = 0;
      let longest = 1;
      for (let bin = 0; bin < BINS; bin++) {
        const count = bins[from + bin] as number;
        if (count < WHOLE) continue;
        longest = 1.5 ** (bin + 2);
        if (bin >= own) longer += Math.floor(count / WHOLE);
      }
      const share = Math.min(1, longest / ratio);
      return Math.min(1, Math.max(1e-6, ((longer + 0.5) / (steps + 1)) * share * share));
    },

    reset(series) {
      times.fill(0, series * 2, series * 2 + 2);
      bins.fill(0, series * 2 * BINS, (series + 1) * 2 * BINS);
    },

    save: () => ({ times: times.slice(), bins: bins.slice() }),
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
