import type { ScoreColumns, SeriesDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { createRows } from '../../stats/rows.ts';
import { flooredScale, LARGEST } from '../../stats/scale-floor.ts';

export const MEAN_SHIFT_OPTIONS = {
  fastSamples: { type: 'number', default: 24, min: 2, doc: 'Memory of the recent mean, in samples.' },
  slowSamples: { type: 'number', default: 600, min: 10, doc: 'Memory of the long-run mean, in samples.' },
  clip: {
    type: 'number',
    default: 8,
    min: 1,
    doc: 'A sample moves the means as if it were at most this many deviations away.',
  },
  warmup: { type: 'integer', default: 150, min: 8, doc: 'Samples before scores may be used.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const WIDTH = 6;
const FAST = 0;
const SLOW = 1;
const GAP = 2;
const DEVIATION = 3;
const COUNT = 4;
const FRACTIONAL = 5;
const SIGMA_OF_MEAN_DEVIATION = 1.2533;

/** Slow changes of level: score = |recent mean - long-run mean| / usual gap between the two. */
export function createMeanShift(
  options: Options<typeof MEAN_SHIFT_OPTIONS> = defaultsOf(MEAN_SHIFT_OPTIONS),
): SeriesDetector {
  const rows = createRows(WIDTH);
  const fastRate = 1 / options.fastSamples;
  const { slowSamples } = options;
  const slowRate = 1 / slowSamples;
  const { clip, warmup } = options;

  function observe(batch: PointBatch, learn: Uint8Array, out: ScoreColumns): void {
    const { series, value, length } = batch;
    const { raw, ready } = out;
    const f = rows.f32;
    for (let i = 0; i < length; i++) {
      const x = value[i]!;
      const o = series[i]! * WIDTH;
      if (!(x < LARGEST && x > -LARGEST)) {
        raw[i] = 0;
        ready[i] = 0;
        continue;
      }
      const fast = f[o + FAST]!;
      const slow = f[o + SLOW]!;
      const usual = f[o + GAP]!;
      const deviation = f[o + DEVIATION]!;
      const n = f[o + COUNT]!;
      const fractional = f[o + FRACTIONAL]!;
      let step = x - fast;
      if (n >= warmup) {
        const limit = clip * flooredScale(deviation * SIGMA_OF_MEAN_DEVIATION, slow, fractional);
        if (step > limit) step = limit;
        else if (step < -limit) step = -limit;
      }
      const young = n < slowSamples ? 1 / (n + 1) : 0;
      const next = fast + (fastRate > young ? fastRate : young) * step;
      const gap = Math.abs(next - slow);
      raw[i] = n > 0 ? gap / flooredScale(usual * SIGMA_OF_MEAN_DEVIATION, slow, fractional) : 0;
      ready[i] = n >= warmup ? 1 : 0;
      const mode = learn[i]!;
      if (mode === 0) continue;
      let rate = mode === 2 ? slowRate * 8 : slowRate;
      if (rate < young) rate = young;
      f[o + FAST] = next;
      f[o + SLOW] = slow + rate * (next - slow);
      if (n >= 10) f[o + GAP] = usual + (n < slowSamples ? Math.max(rate, 1 / (n - 9)) : rate) * (gap - usual);
      if (n > 0) f[o + DEVIATION] = deviation + (young > 0.005 ? young : 0.005) * (Math.abs(step) - deviation);
      if (n < 1e6) f[o + COUNT] = n + 1;
      if (fractional === 0 && x !== Math.trunc(x)) f[o + FRACTIONAL] = 1;
    }
  }

  return {
    name: 'mean-shift',
    bytesPerSeries: rows.bytesPerRow,
    grow: rows.grow,
    observe,
    reset: rows.reset,
    copy: rows.copy,
    save: () => rows.save(VERSION),
    restore: (state) => rows.restore(state, VERSION),
  };
}
