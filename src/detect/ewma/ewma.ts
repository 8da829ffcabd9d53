import type { ScoreColumns, SeriesDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { createRows } from '../../stats/rows.ts';
import { flooredScale, LARGEST } from '../../stats/scale-floor.ts';

export const EWMA_OPTIONS = {
  levelSamples: { type: 'number', default: 60, min: 2, doc: 'Memory of the level, in samples.' },
  scaleSamples: { type: 'number', default: 1000, min: 10, doc: 'Memory of the scale, in samples.' },
  clip: { type: 'number', default: 4, min: 1, doc: 'Residuals are learnt only up to this many scales (Huber).' },
  warmup: { type: 'integer', default: 30, min: 2, doc: 'Samples before scores may be used.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const WIDTH = 4;
const LEVEL = 0;
const DEVIATION = 1;
const COUNT = 2;
const FRACTIONAL = 3;
const SIGMA_OF_MEAN_DEVIATION = 1.2533;

/** Robust moving average: score = |value - level| / scale, both exponentially forgotten, learning clipped after Huber. */
export function createEwma(options: Options<typeof EWMA_OPTIONS> = defaultsOf(EWMA_OPTIONS)): SeriesDetector {
  const rows = createRows(WIDTH);
  const { clip, warmup, scaleSamples } = options;
  const levelRate = 1 / options.levelSamples;
  const scaleRate = 1 / scaleSamples;

  function observe(batch: PointBatch, learn: Uint8Array, out: ScoreColumns): void {
    const { series, value, length } = batch;
    const { raw, expected, lower, upper, ready } = out;
    const f = rows.f32;
    for (let i = 0; i < length; i++) {
      const x = value[i]!;
      const o = series[i]! * WIDTH;
      const level = f[o + LEVEL]!;
      const deviation = f[o + DEVIATION]!;
      const n = f[o + COUNT]!;
      const fractional = f[o + FRACTIONAL]!;
      const scale = flooredScale(deviation * SIGMA_OF_MEAN_DEVIATION, level, fractional);
      const width = 3 * scale;
      expected[i] = n > 0 ? level : NaN;
      lower[i] = n > 0 ? level - width : NaN;
      upper[i] = n > 0 ? level + width : NaN;
      if (!(x < LARGEST && x > -LARGEST)) {
        raw[i] = 0;
        ready[i] = 0;
        continue;
      }
      const residual = x - level;
      const size = Math.abs(residual);
      raw[i] = n > 0 ? size / scale : 0;
      ready[i] = n >= warmup ? 1 : 0;
      const mode = learn[i]!;
      if (mode === 0) continue;
      let rate = levelRate;
      let rateOfScale = scaleRate;
      const limit = clip * scale;
      let step = residual;
      let learnt = size;
      if (mode === 2) {
        rate *= 8;
        rateOfScale *= 8;
      } else if (n >= warmup && size > limit) {
        step = residual < 0 ? -limit : limit;
        learnt = limit;
      }
      if (n < scaleSamples) {
        const young = 1 / (n + 1);
        if (rate < young) rate = young;
        if (rateOfScale < young) rateOfScale = young;
      }
      f[o + LEVEL] = level + rate * step;
      if (n > 0) f[o + DEVIATION] = deviation + rateOfScale * (learnt - deviation);
      if (n < 1e6) f[o + COUNT] = n + 1;
      if (fractional === 0 && x !== Math.trunc(x)) f[o + FRACTIONAL] = 1;
    }
  }

  return {
    name: 'ewma',
    bytesPerSeries: rows.bytesPerRow,
    grow: rows.grow,
    observe,
    reset: rows.reset,
    copy: rows.copy,
    save: () => rows.save(VERSION),
    restore: (state) => rows.restore(state, VERSION),
  };
}
