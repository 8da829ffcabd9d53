import type { ScoreColumns, SeriesDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { createRows } from '../../stats/rows.ts';
import { flooredScale, LARGEST } from '../../stats/scale-floor.ts';

export const DIFFERENCE_OPTIONS = {
  scaleSamples: { type: 'number', default: 1000, min: 10, doc: 'Memory of the usual size of a step, in samples.' },
  clip: { type: 'number', default: 4, min: 1, doc: 'A step is followed only up to this many usual steps.' },
  warmup: { type: 'integer', default: 30, min: 2, doc: 'Samples before scores may be used.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const WIDTH = 4;
const PREVIOUS = 0;
const DEVIATION = 1;
const COUNT = 2;
const FRACTIONAL = 3;
const SIGMA_OF_MEAN_DEVIATION = 1.2533;

/**
 * Rate of change: score = |value - previous value| / usual step. After an outlier `previous` moves only as far as the clip,
 * so that the way back from a spike is not a second event.
 */
export function createDifference(
  options: Options<typeof DIFFERENCE_OPTIONS> = defaultsOf(DIFFERENCE_OPTIONS),
): SeriesDetector {
  const rows = createRows(WIDTH);
  const { scaleSamples } = options;
  const scaleRate = 1 / scaleSamples;
  const { clip, warmup } = options;

  function observe(batch: PointBatch, learn: Uint8Array, out: ScoreColumns): void {
    const { series, value, length } = batch;
    const { raw, ready } = out;
    const f = rows.f32;
    for (let i = 0; i < length; i++) {
      const x = value[i]!;
      const o = series[i]! * WIDTH;
      const previous = f[o + PREVIOUS]!;
      const deviation = f[o + DEVIATION]!;
      const n = f[o + COUNT]!;
      const fractional = f[o + FRACTIONAL]!;
      const scale = flooredScale(deviation * SIGMA_OF_MEAN_DEVIATION, previous, fractional);
      if (!(x < LARGEST && x > -LARGEST)) {
        raw[i] = 0;
        ready[i] = 0;
        continue;
      }
      const step = x - previous;
      const size = Math.abs(step);
      raw[i] = n > 0 ? size / scale : 0;
      ready[i] = n >= warmup ? 1 : 0;
      const mode = learn[i]!;
      if (mode === 0) continue;
      const limit = clip * scale;
      let rate = scaleRate;
      let learnt = size;
      let next = x;
      if (mode === 2) rate *= 8;
      else if (n >= warmup && size > limit) {
        learnt = limit;
        next = step < 0 ? previous - limit : previous + limit;
      }
      if (n < scaleSamples) {
        const young = 1 / (n + 1);
        if (rate < young) rate = young;
      }
      f[o + PREVIOUS] = next;
      if (n > 0) f[o + DEVIATION] = deviation + rate * (learnt - deviation);
      if (n < 1e6) f[o + COUNT] = n + 1;
      if (fractional === 0 && x !== Math.trunc(x)) f[o + FRACTIONAL] = 1;
    }
  }

  return {
    name: 'difference',
    bytesPerSeries: rows.bytesPerRow,
    grow: rows.grow,
    observe,
    reset: rows.reset,
    copy: rows.copy,
    save: () => rows.save(VERSION),
    restore: (state) => rows.restore(state, VERSION),
  };
}
