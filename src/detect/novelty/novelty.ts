import type { PointBatch } from '../../domain/batch.ts';
import type { ScoreColumns, SeriesDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { createRows } from '../../stats/rows.ts';
import { flooredScale, LARGEST } from '../../stats/scale-floor.ts';

export const NOVELTY_OPTIONS = {
  window: { type: 'integer', default: 6, min: 2, doc: 'Samples in a window.' },
  memory: { type: 'number', default: 2000, min: 10, doc: 'Memory of the ranges, in windows.' },
  warmup: { type: 'integer', default: 20, min: 4, doc: 'Windows before scores may be used.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const WIDTH = 10;
const LOWEST = 0;
const HIGHEST = 1;
const FILL = 2;
/** Lowest and highest window minimum, then lowest and highest window maximum, so far. */
const MIN_LOW = 3;
const MIN_HIGH = 4;
const MAX_LOW = 5;
const MAX_HIGH = 6;
const CENTRE = 7;
const COUNT = 8;
const FRACTIONAL = 9;
/** Brings a tenth of the range outside to the size of two sigma, so that the tails' floors fit. */
const SCALE = 20;

/**
 * Never seen at a coarser scale: the minimum and the maximum of the current window against the (slowly shrinking) ranges
 * of earlier window minima and maxima; score = distance outside, in units of the whole range. A window's minimum above all
 * earlier minima is as novel as a maximum above all maxima. A window speaks once, at the sample
 * that fills it: held for the whole window, one false alarm would count as many.
 */
export function createNovelty(options: Options<typeof NOVELTY_OPTIONS> = defaultsOf(NOVELTY_OPTIONS)): SeriesDetector {
  const rows = createRows(WIDTH);
  const { window, warmup } = options;
  const fade = 1 / options.memory;

  function closeWindow(f: Float32Array, o: number, mode: number): number {
    const lowest = f[o + LOWEST]!;
    const highest = f[o + HIGHEST]!;
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
    const unit = flooredScale(maxHigh - minLow, centre, f[o + FRACTIONAL]!);
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
    f[o + FILL] = 0;
    if (n < 1e6) f[o + COUNT] = n + 1;
    return outside > 0 ? (SCALE * outside) / unit : 0;
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
      if (fill === 0 || x < f[o + LOWEST]!) f[o + LOWEST] = x;
      if (fill === 0 || x > f[o + HIGHEST]!) f[o + HIGHEST] = x;
      f[o + FILL] = fill + 1;
      if (f[o + FRACTIONAL] === 0 && x !== Math.trunc(x)) f[o + FRACTIONAL] = 1;
      if (fill + 1 < window) continue;
      if (f[o + COUNT]! >= warmup) ready[i] = 1;
      raw[i] = closeWindow(f, o, mode);
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
