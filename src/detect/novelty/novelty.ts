import type { ScoreColumns, SeriesDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { createRows, joinRows, type Rows } from '../../stats/rows.ts';
import { flooredScale, LARGEST } from '../../stats/scale-floor.ts';

export const NOVELTY_OPTIONS = {
  window: { type: 'integer', default: 6, min: 2, doc: 'Samples in a window.' },
  memory: { type: 'number', default: 2000, min: 10, doc: 'Memory of the ranges, in windows.' },
  warmup: { type: 'integer', default: 20, min: 4, doc: 'Windows before scores may be used.' },
} as const satisfies OptionsSpec;

const VERSION = 2;
/** Words of the collecting row. */
const COLLECTOR = { lowest: 0, highest: 1, fill: 2, fractional: 3, width: 4 } as const;
/** Lowest and highest window minimum, then lowest and highest window maximum, so far. */
const MIN_LOW = 0;
const MIN_HIGH = 1;
const MAX_LOW = 2;
const MAX_HIGH = 3;
const CENTRE = 4;
const COUNT = 5;
const WIDTH = 6;
/** Brings a tenth of the range outside to the size of two sigma, so that the tails' floors fit. */
const SCALE = 20;

/** What the ranges are told of a finished window. `fractional` is 0 while the series had whole numbers only. */
export interface NoveltyWindow {
  readonly lowest: number;
  readonly highest: number;
  readonly fractional: number;
}

export interface NoveltyRanges {
  readonly rows: Rows;
  /** Scores a finished window of a series, then learns it. @returns the raw score, -1 while warming up. */
  close(series: number, mode: number, window: NoveltyWindow): number;
}

/** The ranges of earlier windows, touched once a window. */
export function createNoveltyRanges(
  options: Options<typeof NOVELTY_OPTIONS> = defaultsOf(NOVELTY_OPTIONS),
): NoveltyRanges {
  const rows = createRows(WIDTH);
  const { warmup } = options;
  const fade = 1 / options.memory;
  return {
    rows,
    close(series, mode, { lowest, highest, fractional }) {
      const f = rows.f32;
      const o = series * WIDTH;
      const n = f[o + COUNT]!;
      if (n === 0) {
        f[o + MIN_LOW] = lowest;
        f[o + MIN_HIGH] = lowest;
        f[o + MAX_LOW] = highest;
        f[o + MAX_HIGH] = highest;
        f[o + CENTRE] = (lowest + highest) / 2;
      }
      const minLow = f[o + MIN_LOW]!;
      const minHigh = f[o + MIN_HIGH]!;
      const maxLow = f[o + MAX_LOW]!;
      const maxHigh = f[o + MAX_HIGH]!;
      const centre = f[o + CENTRE]!;
      const unit = flooredScale(maxHigh - minLow, centre, fractional);
      let outside = minLow - lowest;
      if (lowest - minHigh > outside) outside = lowest - minHigh;
      if (maxLow - highest > outside) outside = maxLow - highest;
      if (highest - maxHigh > outside) outside = highest - maxHigh;
      const shrink = mode === 2 ? fade * 8 : fade;
      f[o + CENTRE] = centre + shrink * 4 * ((lowest + highest) / 2 - centre);
      const a = minLow + shrink * (centre - minLow);
      const b = minHigh + shrink * (centre - minHigh);
      const c = maxLow + shrink * (centre - maxLow);
      const d = maxHigh + shrink * (centre - maxHigh);
      f[o + MIN_LOW] = lowest < a ? lowest : a;
      f[o + MIN_HIGH] = lowest > b ? lowest : b;
      f[o + MAX_LOW] = highest < c ? highest : c;
      f[o + MAX_HIGH] = highest > d ? highest : d;
      if (n < 1e6) f[o + COUNT] = n + 1;
      if (n < warmup) return -1;
      return outside > 0 ? (SCALE * outside) / unit : 0;
    },
  };
}

/**
 * Never seen at a coarser scale: the minimum and the maximum of the current window against the (slowly shrinking) ranges
 * of earlier window minima and maxima; score = distance outside, in units of the whole range. A window's minimum above all
 * earlier minima is as novel as a maximum above all maxima. A window speaks once, at the sample
 * that fills it: held for the whole window, one false alarm would count as many.
 */
export function createNovelty(options: Options<typeof NOVELTY_OPTIONS> = defaultsOf(NOVELTY_OPTIONS)): SeriesDetector {
  const collector = createRows(COLLECTOR.width);
  const ranges = createNoveltyRanges(options);
  const rows = joinRows({ rows: collector, ranges: ranges.rows });
  const { window } = options;

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
      if (fill === 0 || x < f[o + COLLECTOR.lowest]!) f[o + COLLECTOR.lowest] = x;
      if (fill === 0 || x > f[o + COLLECTOR.highest]!) f[o + COLLECTOR.highest] = x;
      f[o + COLLECTOR.fill] = fill + 1;
      if (f[o + COLLECTOR.fractional] === 0 && x !== Math.trunc(x)) f[o + COLLECTOR.fractional] = 1;
      if (fill + 1 < window) continue;
      f[o + COLLECTOR.fill] = 0;
      const [lowest, highest, fractional] = [
        f[o + COLLECTOR.lowest]!,
        f[o + COLLECTOR.highest]!,
        f[o + COLLECTOR.fractional]!,
      ];
      const score = ranges.close(series[i]!, mode, { lowest, highest, fractional });
      if (score < 0) continue;
      raw[i] = score;
      ready[i] = 1;
    }
  }

  return {
    name: 'novelty',
    bytesPerSeries: rows.bytesPerRow,
    grow: rows.grow,
    observe,
    reset: rows.reset,
    copy: rows.copy,
    save: () => rows.save(VERSION),
    restore: (state) => rows.restore(state, VERSION),
  };
}
