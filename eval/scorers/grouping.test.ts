import { expect, it } from 'vitest';
import { normaliseTemplate, scoreGrouping } from './grouping.ts';

const truth = ['a <*>', 'a <*>', 'b', 'b', 'c x=<*>,<*> d'];

it('gives 1 to the true grouping with the true texts', () => {
  const texts = ['a <*>', 'b', 'c <*> d'];
  expect(scoreGrouping([0, 0, 1, 1, 2], (g) => texts[g]!, truth)).toEqual({ ga: 1, pa: 1, fga: 1, fta: 1 });
});

it('counts a split or mixed group as wrong for all its lines', () => {
  const score = scoreGrouping([0, 0, 1, 2, 3], () => 'a <*>', truth);
  expect(score.ga).toBe(3 / 5);
  expect(score.pa).toBe(2 / 5);
  expect(score.fga).toBeCloseTo((2 * 2) / (4 + 3), 9);
  expect(score.fta).toBeCloseTo((2 * 1) / (4 + 3), 9);
  expect(scoreGrouping([0, 0, 0, 0, 1], () => 'z', truth)).toMatchObject({ ga: 1 / 5, pa: 0, fta: 0 });
});

it('merges neighbouring parameters', () => {
  expect(normaliseTemplate('x  <*> y=<*> <*>, z')).toBe('x <*> z');
});
