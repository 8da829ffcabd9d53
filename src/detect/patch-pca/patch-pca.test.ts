import { expect, test } from 'vitest';
import { createRng } from '../../stats/rng.ts';
import { createPatchPca } from './patch-pca.ts';

const random = createRng(1);
const wave = (n: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => Math.sin(i / 3) + 0.05 * random.normal());

test('a wave that loses its shape leaves more than the components explain, whatever its size', () => {
  const pca = createPatchPca();
  pca.grow(1);
  const values = wave(300);
  const usual = pca.score(0, values, 300, 300);
  expect(usual).toBeGreaterThan(0.3);
  expect(usual).toBeLessThan(3);
  const flat = values.slice();
  flat.fill(0.2, 288);
  expect(pca.score(0, flat, 300, 1)).toBeGreaterThan(4 * usual);
});

test('finds its components anew after as many values as configured, not before', () => {
  const pca = createPatchPca({ width: 16, rank: 3, refit: 10 });
  pca.grow(1);
  pca.score(0, wave(200), 200, 200);
  const before = JSON.stringify(pca.save().arrays['rows']!.slice(16));
  pca.score(0, wave(200), 200, 9);
  expect(JSON.stringify(pca.save().arrays['rows']!.slice(16))).toBe(before);
  pca.score(0, wave(200), 200, 1);
  expect(JSON.stringify(pca.save().arrays['rows']!.slice(16))).not.toBe(before);
});
