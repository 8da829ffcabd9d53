import { expect, test } from 'vitest';
import { ROW_SLOTS } from '../../domain/detector.ts';
import { createRng } from '../../stats/rng.ts';
import { createRandomCutForest } from './random-cut-forest.ts';

const SMALL = { trees: 10, sample: 64, memory: 256 };

test('signals that come later make a new forest, and a save in between changes nothing', () => {
  const random = createRng(1);
  const forest = createRandomCutForest(SMALL);
  const row = (signals: number): Float64Array =>
    new Float64Array(ROW_SLOTS).map((_, d) => (d < signals ? random.normal() : 0));
  for (let i = 0; i < 100; i++) forest.learn(0, row(4));
  expect(forest.score(0, row(4))).toBeGreaterThan(0);
  forest.learn(0, row(20));
  expect(forest.score(0, row(20))).toBeNaN();
  for (let i = 0; i < 100; i++) forest.learn(0, row(20));
  const copy = createRandomCutForest(SMALL);
  copy.restore(structuredClone(forest.save()));
  const next = row(20);
  copy.learn(0, next);
  forest.learn(0, next);
  expect(copy.score(0, row(20).fill(2))).toBe(forest.score(0, row(20).fill(2)));
});

test('blame adds up to what sets the row apart', () => {
  const random = createRng(2);
  const forest = createRandomCutForest(SMALL);
  for (let i = 0; i < 100; i++)
    forest.learn(
      0,
      new Float64Array(ROW_SLOTS).map((_, d) => (d < 6 ? random.normal() : 0)),
    );
  const far = new Float64Array(ROW_SLOTS);
  far[3] = 30;
  const blame = new Float64Array(ROW_SLOTS);
  forest.blame(0, far, blame);
  expect(blame[3]! / blame.reduce((sum, x) => sum + x, 0)).toBeGreaterThan(0.8);
});
