import { expect, test } from 'vitest';
import { createPointBatch } from '../../domain/signal/batch.ts';
import { createSeriesScores } from '../../fuse/series-scores.ts';
import { SignMemory } from './sign-memory.ts';

/** Lower bounds after a batch with one value a series, from 0 on; all are expected at -1 to -0.5, around -2. */
function bounded(memory: SignMemory, values: readonly number[]) {
  const batch = createPointBatch(values.length);
  batch.length = values.length;
  batch.series.set(values.map((_, i) => i));
  batch.value.set(values);
  const scores = createSeriesScores(values.length);
  scores.lower.fill(-2);
  scores.expected.fill(-1);
  scores.upper.fill(-0.5);
  memory.bound(batch, scores);
  return [...scores.lower].map((lower, i) => [lower, scores.expected[i], scores.upper[i]]);
}

test('only what was negative once may be expected below zero, for ever and after a restart', () => {
  const memory = new SignMemory();
  memory.grow(3);
  expect(bounded(memory, [1, -1, 0])).toEqual([
    [0, 0, 0],
    [-2, -1, -0.5],
    [0, 0, 0],
  ]);
  const restored = new SignMemory();
  restored.restore(memory.save());
  restored.copy(1, 2);
  expect(bounded(restored, [1, 1, 1]).map(([lower]) => lower)).toEqual([0, -2, -2]);
  restored.reset(1);
  expect(bounded(restored, [1, 1, 1]).map(([lower]) => lower)).toEqual([0, 0, -2]);
});

test('an unknown band stays unknown', () => {
  const memory = new SignMemory();
  memory.grow(1);
  const scores = createSeriesScores(1);
  scores.lower.fill(Number.NaN);
  const batch = createPointBatch(1);
  batch.length = 1;
  memory.bound(batch, scores);
  expect(scores.lower[0]).toBeNaN();
});
