import type { StateBlob } from '../../domain/detector.ts';
import { createRows, type Rows } from '../../stats/rows.ts';

/**
 * The p-value of the fused score against the series' own past: a log-histogram for the bulk (quarter-octave bins from the
 * float's own bits, all counts halved at 6000) and a generalised Pareto tail by moments above the 98 % quantile
 * (methods 1.5), both weighed against a curve common to all series.
 * Detectors depend on each other, so no formula for the sum of their p-values would hold.
 */
export interface FusedCalibrator {
  readonly bytesPerSeries: number;
  grow(capacity: number): void;
  /** -log10 p of a score in [0, 8], 0 while fewer than 100 scores are known, at most 6. */
  surprise(series: number, score: number): number;
  /**
   * What the same score is worth as evidence against a service: a series that has been here only a few times before counts
   * for less, because a service has many series and each has its bad habits.
   */
  evidence(series: number, score: number): number;
  learn(series: number, score: number): void;
  reset(series: number): void;
  copy(from: number, to: number): void;
  save(live?: boolean): StateBlob;
  restore(state: StateBlob): void;
}

const VERSION = 1;
const BINS = 32;
const TOTAL = 16;
const THRESHOLD = 17;
const MEAN = 18;
const SQUARES = 19;
const EXCEEDED = 20;
const WIDTH = 22;
/** Bins start at 2^-5 and end at 2^3. */
const FIRST_BIN = (127 - 5) << 2;
const MANTISSA_BITS = 21;
const HALVE_AT = 6000;
const TAIL_SHARE = 0.02;
const WARMUP = 100;
/** Before so many scores the tail is not extrapolated. */
const TAIL_FROM = 2000;
const SURPRISE_AT_THRESHOLD = -Math.log10(TAIL_SHARE);
const SMALLEST_SIGMA = 0.02;
/**
 * What the fused score means for an average series, as [score, -log10 p]: because every detector is calibrated before, its
 * distribution is nearly the same for Gaussian, skewed, heavy-tailed, diurnal, autocorrelated and count data (measured
 * with the registry's weights; `series-fusion.test.ts` holds it). A series' own past corrects it in proportion to its
 * length, so that a new series is not blind and one full of old incidents is not deaf.
 */
const COMMON_CURVE: readonly (readonly [number, number])[] = [
  [0, 0],
  [0.1, 0.12],
  [0.55, 1],
  [0.9, 1.52],
  [1.2, 2],
  [1.5, 2.52],
  [1.8, 3],
  [2.35, 3.52],
  [3, 4],
  [4, 4.6],
  [5, 5],
  [8, 6],
];
/** The common curve counts as much as so many scores of the series' own. */
const COMMON_WEIGHT = 10_000;
/** How much of the common curve counts beyond what a history of this length can show: other series have shown it. */
const BEYOND = 0.1;
/**
 * A score that was reached well over this many times before is as ordinary as its share says, whatever the curve says. The
 * square keeps a handful of earlier incidents from making a series deaf: with 3 and no square NAB fell from 60 to 57.
 */
const FEW = 20;
/** Scores below this (p above 0.03) are read from the common curve alone. */
const ORDINARY = 0.9;
/** The curve at the edges of the bins. */
const COMMON = Float64Array.from({ length: BINS + 1 }, (_, bin) => {
  const score = bin === 0 ? 0 : (1 + (bin & 3) / 4) * 2 ** ((bin >> 2) - 5);
  const at = Math.max(
    1,
    COMMON_CURVE.findIndex(([edge]) => edge >= score),
  );
  const [x0, y0] = COMMON_CURVE[at - 1]!;
  const [x1, y1] = COMMON_CURVE[at]!;
  return y0 + ((y1 - y0) * (score - x0)) / (x1 - x0);
});

/** Where the bins begin; the last entry is where the last one ends. */
const EDGES = Float64Array.from({ length: BINS + 1 }, (_, bin) =>
  bin === 0 ? 0 : (1 + (bin & 3) / 4) * 2 ** ((bin >> 2) - 5),
);

/** As evidence, a score reached well over this many times before is as ordinary as its share says. */
const FEW_AS_EVIDENCE = 3;
const BEYOND_AS_EVIDENCE = 0.5;

/** Beyond what so short a past can say, only a part counts; never more than 6. */
function capped(strange: number, most: number, beyond: number): number {
  const held = strange > most ? most + beyond * (strange - most) : strange;
  return held < 6 ? held : 6;
}

/** What the kernel of the ordinary course (`fuse/ordinary-course.ts`) has to know; its edges and curve have 33 entries. */
export const CALIBRATOR = {
  width: WIDTH,
  edges: EDGES,
  common: COMMON,
  ordinary: ORDINARY,
  warmup: WARMUP,
  halveAt: HALVE_AT,
} as const;

export function createFusedCalibrator(rows: Rows = createRows(WIDTH)): FusedCalibrator {
  const float = new Float32Array(1);
  const bits = new Uint32Array(float.buffer);

  function binOf(score: number): number {
    float[0] = score;
    const bin = (bits[0]! >>> MANTISSA_BITS) - FIRST_BIN;
    return bin < 0 ? 0 : bin < BINS ? bin : BINS - 1;
  }

  /** Puts the threshold of the tail at the 98 % quantile of the histogram. */
  function retarget(f: Float32Array, counts: Uint16Array, o: number): void {
    const wanted = TAIL_SHARE * f[o + TOTAL]!;
    let above = 0;
    let bin = BINS - 1;
    for (; bin > 0; bin--) {
      const next = above + counts[o * 2 + bin]!;
      if (next >= wanted) break;
      above = next;
    }
    const low = EDGES[bin]!;
    const high = EDGES[bin + 1]!;
    const inside = counts[o * 2 + bin]!;
    f[o + THRESHOLD] = inside > 0 ? high - ((wanted - above) / inside) * (high - low) : high;
  }

  function surpriseOf(series: number, score: number, asEvidence: boolean): number {
    const f = rows.f32;
    const o = series * WIDTH;
    const total = f[o + TOTAL]!;
    if (total < WARMUP) return 0;
    const bin = binOf(score);
    const high = EDGES[bin + 1]!;
    const share = (high - score) / (high - EDGES[bin]!);
    const common = COMMON[bin + 1]! + share * (COMMON[bin]! - COMMON[bin + 1]!);
    // Most samples end here: how ordinary an ordinary score is changes nothing, and the sum below costs 20 times as much.
    if (score < ORDINARY) return common;
    const threshold = f[o + THRESHOLD]!;
    const counts = rows.u16;
    const at = o * 2;
    let above = 0.5;
    for (let b = BINS - 1; b > bin; b--) above += counts[at + b]!;
    above += counts[at + bin]! * share;
    const counted = above >= total + 1 ? 0 : -Math.log10(above / (total + 1));
    let own = counted;
    if (score > threshold && total >= TAIL_FROM) {
      const mean = f[o + MEAN]!;
      const variance = f[o + SQUARES]! - mean * mean;
      let shape = variance > 0 ? 0.5 * (1 - (mean * mean) / variance) : 0;
      shape = shape < 0 ? 0 : shape > 0.5 ? 0.5 : shape;
      const sigma = mean * (1 - shape);
      const reach = (score - threshold) / (sigma > SMALLEST_SIGMA ? sigma : SMALLEST_SIGMA);
      own = SURPRISE_AT_THRESHOLD + Math.LOG10E * (shape < 1e-3 ? reach : Math.log(1 + shape * reach) / shape);
    }
    const trust = total / (total + COMMON_WEIGHT);
    const strange = common + trust * (own - common);
    const most = Math.log10(20 * (total + 1));
    if (asEvidence)
      return capped(
        counted < strange ? strange + (above / (above + FEW_AS_EVIDENCE)) * (counted - strange) : strange,
        most,
        BEYOND_AS_EVIDENCE,
      );
    // A sparse count scores high at each event, and those are many.
    return capped(
      counted < strange ? strange + ((above * above) / (above * above + FEW * FEW)) * (counted - strange) : strange,
      most,
      BEYOND,
    );
  }

  function learnOne(series: number, score: number): void {
    const f = rows.f32;
    const counts = rows.u16;
    const o = series * WIDTH;
    const total = f[o + TOTAL]! + 1;
    const bin = binOf(score);
    counts[o * 2 + bin] = counts[o * 2 + bin]! + 1;
    f[o + TOTAL] = total;
    const threshold = f[o + THRESHOLD]!;
    if (score > threshold && total > WARMUP) {
      const exceeded = f[o + EXCEEDED]!;
      const mean = f[o + MEAN]!;
      const rate = exceeded < 60 ? 1 / (exceeded + 1) : 1 / 60;
      const limit = 10 * mean;
      const over = score - threshold;
      const excess = exceeded > 10 && over > limit ? limit : over;
      f[o + MEAN] = mean + rate * (excess - mean);
      f[o + SQUARES] = f[o + SQUARES]! + rate * (excess * excess - f[o + SQUARES]!);
      if (exceeded < 1e6) f[o + EXCEEDED] = exceeded + 1;
    }
    if (total >= HALVE_AT) {
      let left = 0;
      for (let b = 0; b < BINS; b++) {
        const half = counts[o * 2 + b]! >> 1;
        counts[o * 2 + b] = half;
        left += half;
      }
      f[o + TOTAL] = left;
      retarget(f, counts, o);
    } else if ((total & 63) === 0) retarget(f, counts, o);
  }

  return {
    bytesPerSeries: rows.bytesPerRow,
    grow: rows.grow,
    surprise: (series, score) => surpriseOf(series, score, false),
    evidence: (series, score) => surpriseOf(series, score, true),
    learn: learnOne,
    reset: rows.reset,
    copy: rows.copy,
    save: (live) => rows.save(VERSION, null, live),
    restore: (state) => rows.restore(state, VERSION),
  };
}
