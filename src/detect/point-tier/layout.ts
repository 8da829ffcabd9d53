/**
 * Where each detector's state lies in a row of the point tier, in 32-bit words. One row of three cache lines holds all
 * that a sample always touches; what only a finished window touches lies in the windows' own rows.
 */
export const ROW = {
  /** Samples learnt, up to a million; one count serves all detectors. */
  count: 0,
  /** 1 once a value with a fraction was seen. */
  fractional: 1,
  ewmaLevel: 2,
  ewmaDeviation: 3,
  previous: 4,
  stepDeviation: 5,
  holtLevel: 6,
  holtTrend: 7,
  holtDeviation: 8,
  arLevel: 9,
  arDeviation: 10,
  /** Four weights, then four lags. */
  arWeight: 11,
  arLag: 15,
  /** 5, 25, 50, 75 and 95 % quantile. */
  quantile: 19,
  quantileDeviation: 24,
  runValue: 25,
  run: 26,
  runLongest: 27,
  runMean: 28,
  runs: 29,
  shiftFast: 30,
  shiftSlow: 31,
  shiftGap: 32,
  shiftDeviation: 33,
  twinFill: 34,
  twinOrigin: 35,
  twinSum: 36,
  twinSquares: 37,
  twinLow: 38,
  twinHigh: 39,
  noveltyFill: 40,
  noveltyLow: 41,
  noveltyHigh: 42,
  width: 44,
} as const;

/** Columns of the raw scores that the point tier writes, in this order. */
export const POINT_TIER = [
  'ewma',
  'difference',
  'holt',
  'ar',
  'quantile',
  'mean-shift',
  'run-length',
  'twin',
  'novelty',
] as const;

/** Options of the detectors that the tier computes, as the detectors' own folders declare them. */
export interface PointTierOptions {
  readonly ewma: { levelSamples: number; scaleSamples: number; clip: number; warmup: number };
  readonly difference: { scaleSamples: number; clip: number; warmup: number };
  readonly holt: { level: number; trend: number; damping: number; scaleSamples: number; clip: number; warmup: number };
  readonly ar: { levelSamples: number; rate: number; scaleSamples: number; clip: number; warmup: number };
  readonly quantile: { rate: number; warmup: number };
  readonly 'mean-shift': { fastSamples: number; slowSamples: number; clip: number; warmup: number };
  readonly 'run-length': { warmup: number; memory: number };
  readonly twin: { window: number };
  readonly novelty: { window: number };
}
