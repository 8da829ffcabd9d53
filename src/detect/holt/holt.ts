import type { ScoreColumns, SeriesDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { createRows } from '../../stats/rows.ts';
import { flooredScale, LARGEST } from '../../stats/scale-floor.ts';

export const HOLT_OPTIONS = {
  level: { type: 'number', default: 0.3, min: 0.001, max: 1, doc: 'Smoothing of the level (alpha).' },
  trend: { type: 'number', default: 0.05, min: 0.0001, max: 1, doc: 'Smoothing of the trend (beta).' },
  damping: {
    type: 'number',
    default: 0.9,
    min: 0,
    max: 1,
    doc: 'Share of the trend that is carried on per sample (phi).',
  },
  scaleSamples: { type: 'number', default: 1000, min: 10, doc: 'Memory of the scale, in samples.' },
  clip: { type: 'number', default: 4, min: 1, doc: 'Residuals are learnt only up to this many scales (Huber).' },
  warmup: { type: 'integer', default: 30, min: 2, doc: 'Samples before scores may be used.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const WIDTH = 6;
const LEVEL = 0;
const TREND = 1;
const DEVIATION = 2;
const COUNT = 3;
const FRACTIONAL = 4;
const SIGMA_OF_MEAN_DEVIATION = 1.2533;

/** Holt's level and damped trend: score = |value - forecast| / scale of the one-step error. */
export function createHolt(options: Options<typeof HOLT_OPTIONS> = defaultsOf(HOLT_OPTIONS)): SeriesDetector {
  const rows = createRows(WIDTH);
  const { scaleSamples } = options;
  const scaleRate = 1 / scaleSamples;
  const { clip, warmup, damping, level: alpha, trend: beta } = options;

  function observe(batch: PointBatch, learn: Uint8Array, out: ScoreColumns): void {
    const { series, value, length } = batch;
    const { raw, ready } = out;
    const f = rows.f32;
    for (let i = 0; i < length; i++) {
      const x = value[i]!;
      const o = series[i]! * WIDTH;
      const trend = f[o + TREND]! * damping;
      const forecast = f[o + LEVEL]! + trend;
      const deviation = f[o + DEVIATION]!;
      const n = f[o + COUNT]!;
      const fractional = f[o + FRACTIONAL]!;
      const scale = flooredScale(deviation * SIGMA_OF_MEAN_DEVIATION, forecast, fractional);
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
      if (n === 0) {
        f[o + LEVEL] = x;
      } else {
        const limit = clip * scale;
        let step = residual;
        let learnt = size;
        let rate = scaleRate;
        if (mode === 2) {
          // Re-anchoring jumps to the new level and takes no trend from the jump.
          f[o + LEVEL] = x;
          f[o + TREND] = 0;
          rate *= 8;
        } else {
          if (n >= warmup && size > limit) {
            step = residual < 0 ? -limit : limit;
            learnt = limit;
          }
          f[o + LEVEL] = forecast + alpha * step;
          f[o + TREND] = trend + alpha * beta * step;
        }
        if (n < scaleSamples) {
          const young = 1 / (n + 1);
          if (rate < young) rate = young;
        }
        f[o + DEVIATION] = deviation + rate * (learnt - deviation);
      }
      if (n < 1e6) f[o + COUNT] = n + 1;
      if (fractional === 0 && x !== Math.trunc(x)) f[o + FRACTIONAL] = 1;
    }
  }

  return {
    name: 'holt',
    bytesPerSeries: rows.bytesPerRow,
    grow: rows.grow,
    observe,
    reset: rows.reset,
    copy: rows.copy,
    save: () => rows.save(VERSION),
    restore: (state) => rows.restore(state, VERSION),
  };
}
