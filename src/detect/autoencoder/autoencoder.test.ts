import { expect, test } from 'vitest';
import { ROW_SLOTS } from '../../domain/detector.ts';
import { createRng } from '../../stats/rng.ts';
import { createAutoencoder } from './autoencoder.ts';

function onCurve(t: number): Float64Array {
  return new Float64Array(ROW_SLOTS).map((_, d) => (d < 8 ? 4 * Math.sin(t + d) : 0));
}

test('learns to give rows back that lie on a curve, and not those beside it', () => {
  const random = createRng(6);
  const encoder = createAutoencoder({ hidden: 6, rate: 0.02 });
  const errorOf = (): number => {
    let sum = 0;
    const blame = new Float64Array(ROW_SLOTS);
    for (let i = 0; i < 50; i++) {
      encoder.blame(0, onCurve(i / 8), blame);
      sum += blame.reduce((a, b) => a + b, 0);
    }
    return sum;
  };
  for (let i = 0; i < 400; i++) encoder.learn(0, onCurve(6.3 * random.next()));
  const state = encoder.save();
  const early = errorOf();
  for (let i = 0; i < 6_000; i++) encoder.learn(0, onCurve(6.3 * random.next()));
  const beside = onCurve(1);
  beside[2] = -beside[2]! + 4;
  expect(encoder.score(0, beside)).toBeGreaterThan(2 * encoder.score(0, onCurve(1)));
  // Errors are weighed by their usual size, so compare under the early weights.
  const blocks = encoder.save().arrays['blocks.blocks'] as Float64Array;
  const before = state.arrays['blocks.blocks'] as Float64Array;
  blocks.set(before.subarray(before.length - ROW_SLOTS), before.length - ROW_SLOTS);
  encoder.restore({ ...state, arrays: { ...state.arrays, 'blocks.blocks': blocks } });
  expect(errorOf()).toBeLessThan(0.5 * early);
});

test('a huge value does not rule the weights', () => {
  const random = createRng(7);
  const encoder = createAutoencoder();
  for (let i = 0; i < 500; i++) encoder.learn(0, onCurve(6.3 * random.next()));
  const before = encoder.score(0, onCurve(2));
  encoder.learn(0, new Float64Array(ROW_SLOTS).fill(1e12));
  expect(encoder.score(0, onCurve(2))).toBeLessThan(2 * before + 1);
});
