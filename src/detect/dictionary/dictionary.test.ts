import { expect, test } from 'vitest';
import { ROW_SLOTS } from '../../domain/detector.ts';
import { createRng } from '../../stats/rng.ts';
import { createDictionary } from './dictionary.ts';

const random = createRng(8);

function near(place: readonly number[]): Float64Array {
  return new Float64Array(ROW_SLOTS).map((_, d) => (d < place.length ? place[d]! + 0.3 * random.normal() : 0));
}

test('knows several usual states, is surprised by another, and knows that one after a few rows', () => {
  const dictionary = createDictionary();
  const states = [
    [0, 0, 0],
    [6, 0, 0],
    [0, 6, 6],
  ];
  for (let i = 0; i < 600; i++) dictionary.learn(0, near(states[i % 3]!));
  for (const state of states) expect(dictionary.score(0, near(state))).toBeLessThan(3);
  const fresh = [6, 6, 0];
  const strange = dictionary.score(0, near(fresh));
  expect(strange).toBeGreaterThan(5);
  for (let i = 0; i < 2; i++) dictionary.learn(0, near(fresh));
  expect(dictionary.score(0, near(fresh))).toBeGreaterThan(5);
  for (let i = 0; i < 4; i++) dictionary.learn(0, near(fresh));
  expect(dictionary.score(0, near(fresh))).toBeLessThan(0.6 * strange);
});

test('scores the distance to the nearest prototype, as a search through the saved ones finds', () => {
  const dictionary = createDictionary({ size: 8, support: 1, memory: 500 });
  for (let i = 0; i < 300; i++) dictionary.learn(0, near([random.int(3) * 4, random.int(2) * 4]));
  const state = dictionary.save().arrays['blocks.blocks'] as Float64Array;
  for (let i = 0; i < 30; i++) {
    const row = near([random.int(12) - 2, 0]);
    let best = Number.POSITIVE_INFINITY;
    for (let k = 0; k < 8; k++) {
      const at = 2 + k * (ROW_SLOTS + 1);
      if (state[at]! < 1) continue;
      best = Math.min(best, Math.hypot(...row.map((x, d) => Math.max(-8, Math.min(8, x)) - state[at + 1 + d]!)));
    }
    expect(dictionary.score(0, row)).toBeCloseTo(best / (state[1]! + 1e-6), 6);
  }
});
