import type { ScoreColumns, SeriesDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { createRows, joinRows, type Rows } from '../../stats/rows.ts';
import { flooredScale, LARGEST } from '../../stats/scale-floor.ts';

export const TWIN_OPTIONS = {
  window: { type: 'integer', default: 10, min: 2, doc: 'Samples in a window: the factor between the two time scales.' },
  levelWindows: { type: 'number', default: 30, min: 2, doc: 'Memory of the levels, in windows.' },
  scaleWindows: { type: 'number', default: 150, min: 5, doc: 'Memory of the scales, in windows.' },
  clip: { type: 'number', default: 4, min: 1, doc: 'Residuals are learnt only up to this many scales (Huber).' },
  warmup: { type: 'integer', default: 15, min: 4, doc: 'Windows before scores may be used.' },
} as const satisfies OptionsSpec;

const VERSION = 2;
/** Words of the collecting row. */
const COLLECTOR = { sum: 0, squares: 1, lowest: 2, highest: 3, fill: 4, origin: 5, fractional: 6, width: 8 } as const;
/** Four models (mean, min, max, std), each: level, deviation, previous, deviation of the step; then the windows seen. */
const MODEL_WIDTH = 4;
const COUNT = 4 * MODEL_WIDTH;
const WIDTH = COUNT + 2;
const SIGMA_OF_MEAN_DEVIATION = 1.2533;

/** What the models are told of a finished window. `fractional` is 0 while the series had whole numbers only. */
export interface TwinWindow {
  readonly mean: number;
  readonly std: number;
  readonly lowest: number;
  readonly highest: number;
  readonly fractional: number;
}

export interface TwinModels {
  readonly rows: Rows;
  /** Scores a finished window of a series, then learns it. @returns the raw score, -1 while warming up. */
  close(series: number, mode: number, window: TwinWindow): number;
}

/** The coarse half: models of what ten samples make together, touched once a window. */
export function createTwinModels(options: Options<typeof TWIN_OPTIONS> = defaultsOf(TWIN_OPTIONS)): TwinModels {
  const rows = createRows(WIDTH);
  const { clip, warmup } = options;
  const levelRate = 1 / options.levelWindows;
  const scaleRate = 1 / options.scaleWindows;

  /** Largest and second largest of a window. Numbers in a closure would be allocated anew at every write. */
  const top = new Float64Array(2);
  function raise(z: number): void {
    if (z > top[0]!) {
      top[1] = top[0]!;
      top[0] = z;
    } else if (z > top[1]!) top[1] = z;
  }

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
    const size = Math.abs(residual);
    const stepSize = Math.abs(x - previous);
    raise(size / scale);
    raise(stepSize / stepScale);
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

  return {
    rows,
    close(series, mode, window) {
      const f = rows.f32;
      const o = series * WIDTH;
      const n = f[o + COUNT]!;
      const floor = flooredScale(0, window.mean, window.fractional);
      top.fill(0);
      model(f, o, window.mean, n, floor, mode);
      model(f, o + MODEL_WIDTH, window.lowest, n, floor, mode);
      model(f, o + 2 * MODEL_WIDTH, window.highest, n, floor, mode);
      model(f, o + 3 * MODEL_WIDTH, window.std, n, floor, mode);
      if (n < 1e6) f[o + COUNT] = n + 1;
      return n >= warmup ? (top[0]! + top[1]!) / 2 : -1;
    },
  };
}

/**
 * The second time scale: mean, minimum, maximum and standard deviation of every ten samples, each against its own robust
 * level (EWMA) and its previous value. Score = mean of the two largest of the eight. Ramps, shifts, oscillations and
 * changes of variance that no single sample shows are seen here. A window speaks once, at the sample that fills it.
 */
export function createTwin(options: Options<typeof TWIN_OPTIONS> = defaultsOf(TWIN_OPTIONS)): SeriesDetector {
  const collector = createRows(COLLECTOR.width);
  const models = createTwinModels(options);
  const rows = joinRows({ rows: collector, models: models.rows });
  const { window } = options;

  function closeWindow(f: Float32Array, o: number, series: number, mode: number): number {
    const fill = f[o + COLLECTOR.fill]!;
    const offset = f[o + COLLECTOR.sum]! / fill;
    const variance = f[o + COLLECTOR.squares]! / fill - offset * offset;
    f[o + COLLECTOR.sum] = 0;
    f[o + COLLECTOR.squares] = 0;
    f[o + COLLECTOR.fill] = 0;
    return models.close(series, mode, {
      mean: f[o + COLLECTOR.origin]! + offset,
      std: variance > 0 ? Math.sqrt(variance) : 0,
      lowest: f[o + COLLECTOR.lowest]!,
      highest: f[o + COLLECTOR.highest]!,
      fractional: f[o + COLLECTOR.fractional]!,
    });
  }

  function observe(batch: PointBatch, learn: Uint8Array, out: ScoreColumns): void {
    const { series, value, length } = batch;
    const { raw, ready } = out;
    const f = collector.f32;
    for (let i = 0; i < length; i++) {
      const x = value[i]!;
      const o = series[i]! * COLLECTOR.width;
      raw[i] = 0;
      ready[i] = 0;
      if (!(x < LARGEST && x > -LARGEST)) continue;
      const mode = learn[i]!;
      if (mode === 0) continue;
      const fill = f[o + COLLECTOR.fill]!;
      // Sums are taken from the window's first sample, so that a large level does not eat the variance.
      if (fill === 0) {
        f[o + COLLECTOR.origin] = x;
        f[o + COLLECTOR.lowest] = x;
        f[o + COLLECTOR.highest] = x;
      } else {
        const offset = x - f[o + COLLECTOR.origin]!;
        f[o + COLLECTOR.sum] = f[o + COLLECTOR.sum]! + offset;
        f[o + COLLECTOR.squares] = f[o + COLLECTOR.squares]! + offset * offset;
        if (x < f[o + COLLECTOR.lowest]!) f[o + COLLECTOR.lowest] = x;
        if (x > f[o + COLLECTOR.highest]!) f[o + COLLECTOR.highest] = x;
      }
      f[o + COLLECTOR.fill] = fill + 1;
      if (f[o + COLLECTOR.fractional] === 0 && x !== Math.trunc(x)) f[o + COLLECTOR.fractional] = 1;
      if (fill + 1 < window) continue;
      const score = closeWindow(f, o, series[i]!, mode);
      if (score < 0) continue;
      raw[i] = score;
      ready[i] = 1;
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
