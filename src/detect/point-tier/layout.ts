/** Detectors that the point tier computes, in the order of its columns. */
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

/** Bytes a series of the kernel's three areas (points.as.ts): the detectors of every sample, and the windows' models. */
export const AREAS = { points: 43 * 4, twin: 80, novelty: 24 } as const;

/** Options of the detectors that the tier computes, as the detectors' own folders declare them. */
export interface PointTierOptions {
  readonly ewma: { levelSamples: number; scaleSamples: number; clip: number; warmup: number };
  readonly difference: { scaleSamples: number; clip: number; warmup: number };
  readonly holt: { level: number; trend: number; damping: number; scaleSamples: number; clip: number; warmup: number };
  readonly ar: { levelSamples: number; rate: number; scaleSamples: number; clip: number; warmup: number };
  readonly quantile: { rate: number; warmup: number };
  readonly 'mean-shift': { fastSamples: number; slowSamples: number; clip: number; warmup: number };
  readonly 'run-length': { warmup: number; memory: number };
  readonly twin: { window: number; levelWindows: number; scaleWindows: number; clip: number; warmup: number };
  readonly novelty: { window: number; memory: number; warmup: number };
}

/** The kernel's parameters in the order in which it counts them. */
export function parametersOf(options: PointTierOptions): number[] {
  const { ewma, difference, holt, ar, quantile, twin, novelty } = options;
  const shift = options['mean-shift'];
  const run = options['run-length'];
  return [
    1 / ewma.levelSamples,
    1 / ewma.scaleSamples,
    ewma.clip,
    ewma.warmup,
    1 / difference.scaleSamples,
    difference.clip,
    difference.warmup,
    holt.level,
    holt.level * holt.trend,
    holt.damping,
    1 / holt.scaleSamples,
    holt.clip,
    holt.warmup,
    ar.rate,
    1 / ar.levelSamples,
    1 / ar.scaleSamples,
    ar.clip,
    ar.warmup,
    quantile.rate,
    quantile.warmup,
    1 / shift.fastSamples,
    1 / shift.slowSamples,
    shift.slowSamples,
    shift.clip,
    shift.warmup,
    run.warmup,
    1 / run.memory,
    twin.window,
    1 / twin.levelWindows,
    1 / twin.scaleWindows,
    twin.clip,
    twin.warmup,
    novelty.window,
    1 / novelty.memory,
    novelty.warmup,
  ];
}
