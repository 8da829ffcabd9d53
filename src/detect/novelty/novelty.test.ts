import { describe, expect, it } from 'vitest';
import { createScoreColumns, type SeriesDetector } from '../../domain/detector.ts';
import { createPointBatch } from '../../domain/signal/batch.ts';
import { createRng } from '../../stats/rng.ts';
import { createNovelty } from './novelty.ts';

/** Raw scores of one series, learning every sample. */
function scores(detector: SeriesDetector, values: ArrayLike<number>): number[] {
  detector.grow(1);
  const batch = createPointBatch(1);
  const out = createScoreColumns(1);
  batch.length = 1;
  return Array.from(values, (value, i) => {
    batch.time[0] = i * 60_000;
    batch.value[0] = value;
    detector.observe(batch, new Uint8Array([1]), out);
    return out.raw[0]!;
  });
}

const rng = createRng(3);
const noisy = Float64Array.from({ length: 1500 }, (_, i) => 40.5 + 5 * rng.normal() + (i === 900 ? 200 : 0));

/** 32-bit state rounds: equal to four digits or so. */
function alike(fast: readonly number[], slow: readonly number[]): void {
  for (const [i, score] of fast.entries()) {
    expect(Math.abs(score - slow[i]!), `sample ${i}`).toBeLessThan(1e-3 * (1 + slow[i]!));
  }
}

describe('novelty', () => {
  it('equals the plain formula', () => {
    const range = { minLow: 0, minHigh: 0, maxLow: 0, maxHigh: 0, centre: 0 };
    const slow = Array.from(noisy, (_, i) => {
      if (i % 6 !== 5) return 0;
      const window = noisy.slice(i - 5, i + 1);
      const low = Math.min(...window);
      const high = Math.max(...window);
      const middle = (low + high) / 2;
      if (i === 5) Object.assign(range, { minLow: low, minHigh: low, maxLow: high, maxHigh: high, centre: middle });
      const unit = Math.max(range.maxHigh - range.minLow, 0.003 * Math.abs(range.centre), 1e-12);
      const outside = Math.max(0, range.minLow - low, low - range.minHigh, range.maxLow - high, high - range.maxHigh);
      const centre = range.centre;
      const shrink = (edge: number): number => edge + (centre - edge) / 2000;
      range.centre += (4 / 2000) * (middle - centre);
      range.minLow = Math.min(low, shrink(range.minLow));
      range.minHigh = Math.max(low, shrink(range.minHigh));
      range.maxLow = Math.min(high, shrink(range.maxLow));
      range.maxHigh = Math.max(high, shrink(range.maxHigh));
      return i < 20 * 6 ? 0 : (20 * outside) / unit;
    });
    alike(scores(createNovelty(), noisy), slow);
  });

  it('speaks once a window, and of a trough that is not low enough as of a peak', () => {
    const high = Float64Array.from({ length: 1206 }, (_, i) => (i < 1200 ? 40 + 10 * (i % 2) + rng.next() : 50.5));
    const raw = scores(createNovelty(), high);
    expect(raw[1205]).toBeGreaterThan(5);
    expect(raw.slice(1200, 1205)).toEqual([0, 0, 0, 0, 0]);
  });
});
