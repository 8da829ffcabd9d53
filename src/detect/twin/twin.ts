import type { PointBatch } from '../../domain/batch.ts';
import type { ScoreColumns, SeriesDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { createRows } from '../../stats/rows.ts';
import { flooredScale, LARGEST } from '../../stats/scale-floor.ts';

export const TWIN_OPTIONS = {
  window: { type: 'integer', default: 10, min: 2, doc: 'Samples in a window: the factor between the two time scales.' },
  levelWindows: { type: 'number', default: 30, min: 2, doc: 'Memory of the levels, in windows.' },
  scaleWindows: { type: 'number', default: 150, min: 5, doc: 'Memory of the scales, in windows.' },
  clip: { type: 'number', default: 4, min: 1, doc: 'Residuals are learnt only up to this many scales (Huber).' },
  warmup: { type: 'integer', default: 15, min: 4, doc: 'Windows before scores may be used.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const SUM = 0;
const SUM_SQUARES = 1;
const LOWEST = 2;
const HIGHEST = 3;
const FILL = 4;
const COUNT = 5;
const FRACTIONAL = 6;
const ORIGIN = 7;
/** Four models (mean, min, max, std), each: level, deviation, previous, deviation of the step. */
const MODELS = 8;
const MODEL_WIDTH = 4;
const WIDTH = MODELS + 4 * MODEL_WIDTH;
const SIGMA_OF_MEAN_DEVIATION = 1.2533;

/**
 * The second time scale: mean, minimum, maximum and standard deviation of every ten samples, each against its own robust
 * level (EWMA) and its previous value. Score = mean of the two largest of the eight. Ramps, shifts, oscillations and
 * changes of variance that no single sample shows are seen here. A window speaks once, at the sample that fills it.
 */
export function createTwin(options: Options<typeof TWIN_OPTIONS> = defaultsOf(TWIN_OPTIONS)): SeriesDetector {
  const rows = createRows(WIDTH);
  const { window, clip, warmup } = options;
  const levelRate = 1 / options.levelWindows;
  const scaleRate = 1 / options.scaleWindows;

  /** Largest and second largest of a window. Numbers in a closure would be allocated anew at every write. */
  const top = new Float64Array(2);
  function model(f: Float32Array, o: number, x: number, n: number, floor: number, mode: number): void {
    const level = f[o]!;
    const deviation = f[o + 1]!;
    const previous = f[o + 2]!;
    const stepDeviation = f[o + 3]!;
    if (n === 0) {
      f[o] = x;
      f[o + 2] = x;
      return;
    }
    let scale = deviation * SIGMA_OF_MEAN_DEVIATION;
    if (scale < floor) scale = floor;
    let stepScale = stepDeviation * SIGMA_OF_MEAN_DEVIATION;
    if (stepScale < floor) stepScale = floor;
    const residual = x - level;
    const step = x - previous;
    const size = Math.abs(residual);
    const stepSize = Math.abs(step);
    let z = size / scale;
    top[1] = Math.max(top[1]!, Math.min(top[0]!, z));
    top[0] = Math.max(top[0]!, z);
    z = stepSize / stepScale;
    top[1] = Math.max(top[1]!, Math.min(top[0]!, z));
    top[0] = Math.max(top[0]!, z);
    const young = 1 / (n + 1);
    let a = mode === 2 ? levelRate * 8 : levelRate;
    if (a < young) a = young;
    let b = mode === 2 ? scaleRate * 8 : scaleRate;
    if (b < young) b = young;
    const clipped = mode === 1 && n >= warmup;
    const limit = clip * scale;
    const stepLimit = clip * stepScale;
    const learnt = clipped && size > limit ? limit : size;
    const stepLearnt = clipped && stepSize > stepLimit ? stepLimit : stepSize;
    f[o] = level + a * (residual < 0 ? -learnt : learnt);
    f[o + 1] = deviation + b * (learnt - deviation);
    f[o + 2] = x;
    f[o + 3] = stepDeviation + b * (stepLearnt - stepDeviation);
  }

  function closeWindow(f: Float32Array, o: number, mode: number): number {
    const n = f[o + COUNT]!;
    const fill = f[o + FILL]!;
    const offset = f[o + SUM]! / fill;
    const mean = f[o + ORIGIN]! + offset;
    const variance = f[o + SUM_SQUARES]! / fill - offset * offset;
    const std = variance > 0 ? Math.sqrt(variance) : 0;
    const floor = flooredScale(0, mean, f[o + FRACTIONAL]!);
    top.fill(0);
    model(f, o + MODELS, mean, n, floor, mode);
    model(f, o + MODELS + MODEL_WIDTH, f[o + LOWEST]!, n, floor, mode);
    model(f, o + MODELS + 2 * MODEL_WIDTH, f[o + HIGHEST]!, n, floor, mode);
    model(f, o + MODELS + 3 * MODEL_WIDTH, std, n, floor, mode);
    f[o + SUM] = 0;
    f[o + SUM_SQUARES] = 0;
    f[o + FILL] = 0;
    if (n < 1e6) f[o + COUNT] = n + 1;
    return (top[0]! + top[1]!) / 2;
  }

  function observe(batch: PointBatch, learn: Uint8Array, out: ScoreColumns): void {
    const { series, value, length } = batch;
    const { raw, ready } = out;
    const f = rows.f32;
    for (let i = 0; i < length; i++) {
      const x = value[i]!;
      const o = series[i]! * WIDTH;
      raw[i] = 0;
      ready[i] = 0;
      if (!(x < LARGEST && x > -LARGEST)) continue;
      const mode = learn[i]!;
      if (mode === 0) continue;
      const fill = f[o + FILL]!;
      // Sums are taken from the window's first sample, so that a large level does not eat the variance.
      if (fill === 0) {
        f[o + ORIGIN] = x;
        f[o + LOWEST] = x;
        f[o + HIGHEST] = x;
      } else {
        const offset = x - f[o + ORIGIN]!;
        f[o + SUM] = f[o + SUM]! + offset;
        f[o + SUM_SQUARES] = f[o + SUM_SQUARES]! + offset * offset;
        if (x < f[o + LOWEST]!) f[o + LOWEST] = x;
        if (x > f[o + HIGHEST]!) f[o + HIGHEST] = x;
      }
      f[o + FILL] = fill + 1;
      if (f[o + FRACTIONAL] === 0 && x !== Math.trunc(x)) f[o + FRACTIONAL] = 1;
      if (fill + 1 < window) continue;
      if (f[o + COUNT]! >= warmup) ready[i] = 1;
      raw[i] = closeWindow(f, o, mode);
    }
  }

  return {
    name: 'twin',
    bytesPerSeries: rows.bytesPerRow,
    grow: rows.grow,
    observe,
    reset: rows.reset,
    copy: rows.copy,
    save: () => rows.save(VERSION),
    restore: (state) => rows.restore(state, VERSION),
  };
}
