import { expect, test } from 'vitest';
import { createRng } from '../../stats/rng.ts';
import { createPatchKnn } from './patch-knn.ts';

/** Distance of the last patch to its k-th nearest earlier one that does not overlap it, by sorting all of them. */
function slow(values: Float64Array, width: number, parts: number, k: number): { own: number; all: number[] } {
  const part = Math.floor(width / parts);
  const embed = (end: number): number[] =>
    Array.from({ length: parts }, (_, p) => {
      const from = end - (parts - p) * part;
      return values.slice(from, from + part).reduce((a, b) => a + b, 0) / part;
    });
  const ends: number[] = [];
  for (let end = values.length; end >= width; end -= 4) ends.unshift(end);
  const points = ends.map(embed);
  const apart = Math.ceil(width / 4);
  const distance = (q: number, count: number): number =>
    points
      .slice(0, count)
      .map((p, i) =>
        Math.abs(i - q) < apart ? Number.POSITIVE_INFINITY : Math.hypot(...p.map((x, d) => x - points[q]![d]!)),
      )
      .sort((a, b) => a - b)[k - 1]!;
  const last = points.length - 1;
  return {
    own: distance(last, points.length),
    all: Array.from({ length: 12 }, (_, i) =>
      distance(Math.floor(((last - apart) * (i + 1)) / 13), points.length - apart),
    ),
  };
}

test('scores as a search through all patches does', () => {
  const random = createRng(2);
  const knn = createPatchKnn();
  for (let round = 0; round < 10; round++) {
    const values = Float64Array.from({ length: 160 + round * 17 }, (_, i) => Math.sin(i / 4) + 0.3 * random.normal());
    const { own, all } = slow(values, 32, 8, 3);
    const usual = all.reduce((a, b) => a + b, 0) / all.length;
    expect(knn.score(0, values, values.length, 1)).toBeCloseTo(own / (usual + 0.05), 9);
  }
});
