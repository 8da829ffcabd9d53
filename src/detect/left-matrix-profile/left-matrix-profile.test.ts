import { expect, test } from 'vitest';
import { createRng } from '../../stats/rng.ts';
import { createLeftMatrixProfile } from './left-matrix-profile.ts';

/** Smallest distance of the last shape to an earlier one that does not overlap it, both standardised. */
function slow(values: Float64Array, length: number, width: number): number {
  const shape = (from: number): number[] => {
    const x = Array.from(values.subarray(from, from + width));
    const mean = x.reduce((a, b) => a + b, 0) / width;
    const sd = Math.max(0.15, Math.sqrt(x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / width));
    return x.map((v) => (v - mean) / sd);
  };
  const own = shape(length - width);
  let best = Number.POSITIVE_INFINITY;
  for (let from = 0; from + width <= length - width; from++)
    best = Math.min(best, Math.hypot(...shape(from).map((v, i) => v - own[i]!)));
  return best;
}

test('is the distance to the nearest earlier shape over its running mean', () => {
  const random = createRng(4);
  const profile = createLeftMatrixProfile({ width: 12 });
  profile.grow(1);
  const values = Float64Array.from(
    { length: 200 },
    (_, i) => Math.sin(i / 3) + 0.1 * random.normal() + (i > 150 && i < 160 ? 2 : 0),
  );
  let mean = 0;
  let strangest = 0;
  for (let length = 100; length <= 200; length++) {
    const far = slow(values, length, 12);
    const n = length - 100;
    const score = profile.score(0, values, length, 1);
    if (n < 4) expect(score).toBeNaN();
    else {
      expect(score).toBeCloseTo(far / (mean + 0.05), 3);
      if (score > strangest) strangest = score;
    }
    mean += Math.max(0.02, 1 / (n + 1)) * ((n < 4 ? far : Math.min(far, 3 * mean)) - mean);
  }
  expect(strangest).toBeGreaterThan(2);
});
