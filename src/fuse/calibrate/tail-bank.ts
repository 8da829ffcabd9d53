import type { StateBlob } from '../../domain/detector.ts';
import { createRows } from '../../stats/rows.ts';

/**
 * A compact tail for each (series, detector), 9 bytes: the 95 % quantile of past scores and the mean of ln(score /
 * quantile) above it (Hill's estimator), both exponentially forgotten. It turns raw scores of any unit into comparable
 * -log10 p; the fused score is calibrated again by `fused-calibrator.ts`, so this one need not be exact.
 */
export interface TailBank {
  readonly bytesPerSeries: number;
  grow(capacity: number): void;
  /**
   * Adds `weight * -log10 p` (at most 8) of each ready score to `sum`, notes -log10 p in `surprise` (0 where not ready),
   * marks the sample as `known`,
   * then learns the score where `mode[i]` is 1.
   */
  observe(
    detector: number,
    length: number,
    series: Int32Array,
    raw: Float32Array,
    ready: Uint8Array,
    mode: Uint8Array,
    weight: number,
    surprise: Float32Array,
    sum: Float32Array,
    known: Uint8Array,
  ): void;
  reset(series: number): void;
  copy(from: number, to: number): void;
  save(): StateBlob;
  restore(state: StateBlob): void;
}

const VERSION = 1;
const SURPRISE_AT_QUANTILE = 1.30103;
const EXCESS_SHARE = 0.05;
const QUANTILE_RATE = 0.01;
/** Below so many scores the quantile moves faster. */
const YOUNG = 96;
const EXCESS_RATE = 0.02;
const CAP = 8;
/** No quantile below one scale: floors of the detectors' scales would be undone by a tail that adapts to nothing. */
const SMALLEST_QUANTILE = 1;
const SMALLEST_EXCESS = 0.12;

export function createTailBank(detectors: number): TailBank {
  const countWords = Math.ceil(detectors / 4);
  const width = 2 * detectors + countWords;
  const rows = createRows(width);

  return {
    bytesPerSeries: rows.bytesPerRow,
    grow: rows.grow,
    observe(detector, length, series, raw, ready, mode, weight, surprise, sum, known) {
      const f = rows.f32;
      const bytes = rows.u8;
      for (let i = 0; i < length; i++) {
        if (ready[i] === 0) {
          surprise[i] = 0;
          continue;
        }
        const o = series[i]! * width;
        const at = o + 2 * detector;
        const countAt = (o + 2 * detectors) * 4 + detector;
        const score = raw[i]!;
        let quantile = f[at]!;
        let excess = f[at + 1]!;
        const n = bytes[countAt]!;
        if (n === 0) {
          quantile = score > SMALLEST_QUANTILE ? score : SMALLEST_QUANTILE;
          excess = 0.3;
        }
        const ratio = score / quantile;
        let strange: number;
        let over = 0;
        if (ratio <= 1) strange = SURPRISE_AT_QUANTILE * 0.5 * ratio * (1 + ratio);
        else {
          over = Math.log(ratio);
          strange = SURPRISE_AT_QUANTILE + (Math.LOG10E * over) / excess;
          if (strange > CAP) strange = CAP;
        }
        surprise[i] = strange;
        known[i] = 1;
        sum[i] = sum[i]! + weight * strange;
        if (mode[i] !== 1) continue;
        const rate = n < YOUNG ? 1 / (n + 4) : QUANTILE_RATE;
        if (ratio > 1) {
          const limit = 10 * excess;
          excess += EXCESS_RATE * ((over < limit ? over : limit) - excess);
          quantile *= 1 + rate * (1 - EXCESS_SHARE);
        } else quantile *= 1 - rate * EXCESS_SHARE;
        f[at] = quantile > SMALLEST_QUANTILE ? quantile : SMALLEST_QUANTILE;
        f[at + 1] = excess > SMALLEST_EXCESS ? excess : SMALLEST_EXCESS;
        if (n < 255) bytes[countAt] = n + 1;
      }
    },
    reset: rows.reset,
    copy: rows.copy,
    save: () => rows.save(VERSION),
    restore: (state) => rows.restore(state, VERSION),
  };
}
