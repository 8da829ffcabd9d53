import type { ScoreColumns, SeriesDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { createRows } from '../../stats/rows.ts';
import { flooredScale, LARGEST } from '../../stats/scale-floor.ts';

export const AR_OPTIONS = {
  levelSamples: {
    type: 'number',
    default: 200,
    min: 2,
    doc: 'Memory of the level that is taken off first, in samples.',
  },
  rate: {
    type: 'number',
    default: 0.02,
    min: 0.0001,
    max: 1,
    doc: 'Step of the normalised least mean squares update.',
  },
  scaleSamples: { type: 'number', default: 1000, min: 10, doc: 'Memory of the scale, in samples.' },
  clip: { type: 'number', default: 4, min: 1, doc: 'Residuals are learnt only up to this many scales (Huber).' },
  warmup: { type: 'integer', default: 60, min: 8, doc: 'Samples before scores may be used.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const WIDTH = 12;
const LEVEL = 0;
const DEVIATION = 1;
const COUNT = 2;
const FRACTIONAL = 3;
const WEIGHT = 4;
const LAG = 8;
const SIGMA_OF_MEAN_DEVIATION = 1.2533;

/**
 * AR(4) on the values less a slow level, weights by normalised least mean squares: score = |value - forecast| / scale.
 * Lags hold the *cleaned* value (forecast plus clipped residual), so that an outlier does not echo for four samples.
 */
export function createAr(options: Options<typeof AR_OPTIONS> = defaultsOf(AR_OPTIONS)): SeriesDetector {
  const rows = createRows(WIDTH);
  const levelRate = 1 / options.levelSamples;
  const { scaleSamples } = options;
  const scaleRate = 1 / scaleSamples;
  const { clip, warmup, rate: mu } = options;

  function observe(batch: PointBatch, learn: Uint8Array, out: ScoreColumns): void {
    const { series, value, length } = batch;
    const { raw, ready } = out;
    const f = rows.f32;
    for (let i = 0; i < length; i++) {
      const x = value[i]!;
      const o = series[i]! * WIDTH;
      const level = f[o + LEVEL]!;
      const deviation = f[o + DEVIATION]!;
      const n = f[o + COUNT]!;
      const fractional = f[o + FRACTIONAL]!;
      // Lags are absolute values; the level moves beneath them.
      const a = f[o + LAG]! - level;
      const b = f[o + LAG + 1]! - level;
      const c = f[o + LAG + 2]! - level;
      const d = f[o + LAG + 3]! - level;
      const wa = f[o + WEIGHT]!;
      const wb = f[o + WEIGHT + 1]!;
      const wc = f[o + WEIGHT + 2]!;
      const wd = f[o + WEIGHT + 3]!;
      // Cleaned lags feed back into the forecast: without a bound, weights that sum above one would run away with it.
      const far = Math.max(Math.abs(a), Math.abs(b), Math.abs(c), Math.abs(d));
      let ahead = wa * a + wb * b + wc * c + wd * d;
      ahead = ahead > far ? far : ahead < -far ? -far : ahead;
      const forecast = level + ahead;
      const scale = flooredScale(deviation * SIGMA_OF_MEAN_DEVIATION, level, fractional);
      if (!(x < LARGEST && x > -LARGEST)) {
        raw[i] = 0;
        ready[i] = 0;
        continue;
      }
      const residual = x - forecast;
      const size = Math.abs(residual);
      raw[i] = n > 0 ? size / scale : 0;
      ready[i] = n >= warmup ? 1 : 0;
      const mode = learn[i]!;
      if (mode === 0) continue;
      if (n < 4) {
        // Nothing to regress on yet: fill the lags, start from "as before".
        f[o + LEVEL] = level + (x - level) / (n + 1);
        if (n > 0) f[o + DEVIATION] = deviation + (Math.abs(x - level) - deviation) / (n + 1);
        if (n === 0) {
          f[o + WEIGHT] = 0.5;
          f[o + LAG] = x;
          f[o + LAG + 1] = x;
          f[o + LAG + 2] = x;
        }
        f[o + LAG + 3] = f[o + LAG + 2]!;
        f[o + LAG + 2] = f[o + LAG + 1]!;
        f[o + LAG + 1] = f[o + LAG]!;
        f[o + LAG] = x;
      } else {
        const limit = clip * scale;
        let step = residual;
        let learnt = size;
        let rateOfScale = scaleRate;
        let rateOfLevel = levelRate;
        if (mode === 2) {
          rateOfScale *= 8;
          rateOfLevel *= 8;
        } else if (n >= warmup && size > limit) {
          step = residual < 0 ? -limit : limit;
          learnt = limit;
        }
        const cleaned = forecast + step;
        const gain =
          (mu * (size > limit ? (step < 0 ? -limit : limit) : step)) / (a * a + b * b + c * c + d * d + scale * scale);
        f[o + WEIGHT] = wa + gain * a;
        f[o + WEIGHT + 1] = wb + gain * b;
        f[o + WEIGHT + 2] = wc + gain * c;
        f[o + WEIGHT + 3] = wd + gain * d;
        f[o + LAG + 3] = f[o + LAG + 2]!;
        f[o + LAG + 2] = f[o + LAG + 1]!;
        f[o + LAG + 1] = f[o + LAG]!;
        f[o + LAG] = cleaned;
        if (n < scaleSamples) {
          const young = 1 / (n + 1);
          if (rateOfScale < young) rateOfScale = young;
          if (rateOfLevel < young) rateOfLevel = young;
        }
        f[o + LEVEL] = level + rateOfLevel * (cleaned - level);
        f[o + DEVIATION] = deviation + rateOfScale * (learnt - deviation);
      }
      if (n < 1e6) f[o + COUNT] = n + 1;
      if (fractional === 0 && x !== Math.trunc(x)) f[o + FRACTIONAL] = 1;
    }
  }

  return {
    name: 'ar',
    bytesPerSeries: rows.bytesPerRow,
    grow: rows.grow,
    observe,
    reset: rows.reset,
    copy: rows.copy,
    save: () => rows.save(VERSION),
    restore: (state) => rows.restore(state, VERSION),
  };
}
