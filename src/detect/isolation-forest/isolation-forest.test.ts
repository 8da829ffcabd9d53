import { expect, test } from 'vitest';
import { ROW_SLOTS } from '../../domain/detector.ts';
import { createRng } from '../../stats/rng.ts';
import { createIsolationForest } from './isolation-forest.ts';

/** Two signals that rise and fall together. */
function together(random: ReturnType<typeof createRng>): Float64Array {
  const row = new Float64Array(ROW_SLOTS);
  const cause = 2 * random.normal();
  row[0] = cause + 0.2 * random.normal();
  row[1] = cause + 0.2 * random.normal();
  return row;
}

test('a forest grown from quiet rows sees a pair that goes apart, each value being ordinary by itself', () => {
  const random = createRng(1);
  const forest = createIsolationForest();
  for (let i = 0; i < 1024; i++) forest.learn(0, together(random));
  const usual = Array.from({ length: 300 }, () => forest.score(0, together(random))).sort((a, b) => a - b);
  const apart = new Float64Array(ROW_SLOTS);
  apart[0] = 3;
  apart[1] = -3;
  expect(forest.score(0, apart)).toBeGreaterThan(usual[270]!);
});

test('the reservoir forgets: what was strange a while ago is usual when it has become the rule', () => {
  const random = createRng(2);
  const forest = createIsolationForest({ trees: 32, depth: 6, refit: 64, memory: 256 });
  for (let i = 0; i < 512; i++) forest.learn(0, together(random));
  const moved = new Float64Array(ROW_SLOTS).fill(6, 0, 2);
  const before = forest.score(0, moved);
  for (let i = 0; i < 1500; i++) {
    const row = together(random);
    row[0] = row[0]! + 6;
    row[1] = row[1]! + 6;
    forest.learn(0, row);
  }
  expect(forest.score(0, moved)).toBeLessThan(0.8 * before);
});
