import { describe, expect, test } from 'vitest';
import { createRng } from '../../stats/rng.ts';
import { SlowTails } from './slow-tails.ts';

const random = createRng(9);
const scores: Record<string, () => number> = {
  exponential: () => 1.5 * random.exponential(),
  'half normal': () => Math.abs(random.normal()),
  'heavy (Pareto 4)': () => (1 - random.next()) ** -0.25,
  'narrow around 1': () => 1 + 0.1 * random.normal(),
};

describe.each(Object.keys(scores))('p of %s scores', (name) => {
  test('is what it says: half to twice the nominal share below 1 %, at most three times below 0.1 %', () => {
    const tails = new SlowTails(40_000);
    let below2 = 0;
    let below3 = 0;
    for (let i = 0; i < 40_000; i++) {
      const score = scores[name]!();
      const surprise = tails.surprise(0, score);
      tails.learn(0, score);
      if (i < 2_000) continue;
      if (surprise > 2) below2++;
      if (surprise > 3) below3++;
    }
    expect(below2 / 38_000).toBeGreaterThan(0.005);
    expect(below2 / 38_000).toBeLessThan(0.02);
    expect(below3 / 38_000).toBeLessThan(0.003);
  });

  test('rises with the score and has no jumps', () => {
    const tails = new SlowTails(10_000);
    for (let i = 0; i < 3_000; i++) tails.learn(4, scores[name]!());
    let before = tails.surprise(4, 1 / 4);
    for (let x = 1 / 4; x < 60; x *= 1.002) {
      const now = tails.surprise(4, x);
      expect(now).toBeGreaterThanOrEqual(before - 1e-6);
      expect(now - before).toBeLessThan(0.25);
      before = now;
    }
    expect(before).toBeGreaterThan(4);
  });
});

test('an empty history says nothing; a cleared or restored one goes on alike', () => {
  const tails = new SlowTails(1_000);
  expect(tails.surprise(0, 50)).toBe(0);
  for (let i = 0; i < 500; i++) tails.learn(1, random.exponential());
  const copy = new SlowTails(1_000);
  copy.restore(structuredClone(tails.save()));
  expect(copy.surprise(1, 7)).toBe(tails.surprise(1, 7));
  tails.clear(1);
  expect(tails.surprise(1, 50)).toBe(0);
  expect(copy.surprise(1, 50)).toBeGreaterThan(2);
  expect(() => copy.restore({ version: 99, arrays: {}, meta: null })).toThrow(/unknown/);
});
