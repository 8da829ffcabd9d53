import { expect, test } from 'vitest';
import { ROW_SLOTS } from '../../domain/detector.ts';
import { createRowEnergy } from './row-energy.ts';

const row = (...values: number[]): Float64Array => {
  const out = new Float64Array(ROW_SLOTS);
  out.set(values);
  return out;
};

test('is the root mean square over the signals that the service has', () => {
  const energy = createRowEnergy({ live: 100 });
  for (let i = 0; i < 200; i++) energy.learn(0, row(1, -1, 2, i < 50 ? 3 : 0));
  // Three signals are live, the fourth has been 0 for too long.
  expect(energy.score(0, row(3, 0, 4))).toBeCloseTo(5 / Math.sqrt(3), 9);
  expect(energy.score(0, row())).toBe(0);
});
