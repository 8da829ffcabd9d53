import { describe, expect, it } from 'vitest';
import { createScoreColumns, type SeriesDetector } from '../../domain/detector.ts';
import { createPointBatch } from '../../domain/signal/batch.ts';
import { createRng } from '../../stats/rng.ts';
import { createQuantile } from './quantile.ts';

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

describe('quantile', () => {
  it('finds the quantiles of a skewed sample', () => {
    const values = Float64Array.from({ length: 20_000 }, () => Math.exp(rng.normal()));
    const detector = createQuantile();
    scores(detector, values);
    const state = new Float32Array((detector.save().arrays['rows'] as Uint8Array).slice().buffer);
    const sorted = values.slice().sort();
    [0.05, 0.25, 0.5, 0.75, 0.95].forEach((share, i) => {
      const below = sorted.findIndex((x) => x > state[i]!) / sorted.length;
      expect(Math.abs(below - share)).toBeLessThan(0.05);
    });
  });

  it('scores 0 between the quartiles', () => {
    const raw = scores(createQuantile(), Float64Array.from([...noisy, 40.5]));
    expect(raw[1500]).toBe(0);
    expect(raw[900]).toBeGreaterThan(10);
  });
});
