import { describe, expect, it } from 'vitest';
import { createScoreColumns, type SeriesDetector } from '../../domain/detector.ts';
import { createPointBatch } from '../../domain/signal/batch.ts';
import { createRng } from '../../stats/rng.ts';
import { createMeanShift } from './mean-shift.ts';

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

describe('mean-shift', () => {
  it('sees a shift of one sigma that no sample shows', () => {
    const shifted = Float64Array.from({ length: 3000 }, (_, i) => 50 + rng.normal() + (i >= 2900 ? 1.5 : 0));
    const raw = scores(createMeanShift(), shifted);
    const usual = raw.slice(1000, 2900).sort((a, b) => a - b)[1880]!;
    expect(Math.max(...raw.slice(2900))).toBeGreaterThan(1.5 * usual);
  });

  it('is hardly moved by one spike', () => {
    expect(scores(createMeanShift(), noisy)[900]).toBeLessThan(6);
  });
});
