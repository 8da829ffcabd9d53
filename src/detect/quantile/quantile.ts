import type { ScoreColumns, SeriesDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { createRows } from '../../stats/rows.ts';
import { flooredScale, LARGEST } from '../../stats/scale-floor.ts';

export const QUANTILE_OPTIONS = {
  rate: {
    type: 'number',
    default: 0.01,
    min: 0.0001,
    max: 0.2,
    doc: 'Step of the quantiles, in usual deviations a sample.',
  },
  warmup: { type: 'integer', default: 100, min: 8, doc: 'Samples before scores may be used.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const WIDTH = 8;
const Q05 = 0;
const Q25 = 1;
const Q50 = 2;
const Q75 = 3;
const Q95 = 4;
const DEVIATION = 5;
const COUNT = 6;
const FRACTIONAL = 7;
/** The interquartile range of a unit Gaussian is 1.349. */
const SIGMAS_PER_IQR = 1 / 1.349;

/**
 * Running 5, 25, 50, 75 and 95 % quantiles by stochastic gradient; score = distance outside the quartiles in units of the
 * interquartile range (Tukey's fences, as a number). The 5-95 % range bounds the unit from below for skewed series.
 */
export function createQuantile(
  options: Options<typeof QUANTILE_OPTIONS> = defaultsOf(QUANTILE_OPTIONS),
): SeriesDetector {
  const rows = createRows(WIDTH);
  const { rate: eta, warmup } = options;

  function observe(batch: PointBatch, learn: Uint8Array, out: ScoreColumns): void {
    const { series, value, length } = batch;
    const { raw, ready } = out;
    const f = rows.f32;
    for (let i = 0; i < length; i++) {
      const x = value[i]!;
      const o = series[i]! * WIDTH;
      const q05 = f[o + Q05]!;
      const q25 = f[o + Q25]!;
      const q50 = f[o + Q50]!;
      const q75 = f[o + Q75]!;
      const q95 = f[o + Q95]!;
      const n = f[o + COUNT]!;
      const fractional = f[o + FRACTIONAL]!;
      const above = (q95 - q50) * 0.61;
      const below = (q50 - q05) * 0.61;
      const iqr = (q75 - q25) * SIGMAS_PER_IQR;
      const unitUp = flooredScale(Math.max(iqr, above), q50, fractional);
      const unitDown = flooredScale(Math.max(iqr, below), q50, fractional);
      if (!(x < LARGEST && x > -LARGEST)) {
        raw[i] = 0;
        ready[i] = 0;
        continue;
      }
      raw[i] = n === 0 ? 0 : Math.max(0, (x - q75) / unitUp, (q25 - x) / unitDown);
      ready[i] = n >= warmup ? 1 : 0;
      const mode = learn[i]!;
      if (mode === 0) continue;
      if (n === 0) {
        f[o + Q05] = x;
        f[o + Q25] = x;
        f[o + Q50] = x;
        f[o + Q75] = x;
        f[o + Q95] = x;
      } else {
        const deviation = f[o + DEVIATION]!;
        const distance = Math.abs(x - q50);
        const limit = 6 * deviation;
        const rate = n < 200 ? 1 / (n + 1) : 0.005;
        const learnt = n >= warmup && distance > limit && mode === 1 ? limit : distance;
        f[o + DEVIATION] = deviation + rate * (learnt - deviation);
        let step = eta * (n < 200 ? 1 + 2000 / (n + 20) : 1) * deviation;
        if (mode === 2) step *= 8;
        // 1 above the quantile, 0 below, without a branch: half of these are coin tosses to the processor.
        f[o + Q05] = q05 + (Number(x > q05) - 0.95) * step;
        f[o + Q25] = q25 + (Number(x > q25) - 0.75) * step;
        f[o + Q50] = q50 + (Number(x > q50) - 0.5) * step;
        f[o + Q75] = q75 + (Number(x > q75) - 0.25) * step;
        f[o + Q95] = q95 + (Number(x > q95) - 0.05) * step;
      }
      if (n < 1e6) f[o + COUNT] = n + 1;
      if (fractional === 0 && x !== Math.trunc(x)) f[o + FRACTIONAL] = 1;
    }
  }

  return {
    name: 'quantile',
    bytesPerSeries: rows.bytesPerRow,
    grow: rows.grow,
    observe,
    reset: rows.reset,
    copy: rows.copy,
    save: () => rows.save(VERSION),
    restore: (state) => rows.restore(state, VERSION),
  };
}
