import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../domain/units.ts';
import { createRng } from '../../stats/rng.ts';
import { parseValues, type Sample } from './values.ts';

const expand = (text: string, every = 10 * SECOND): Sample[] => parseValues(text).expand(0, every, createRng(1));

test.each<[string, Sample[]]>([
  ['5', [5]],
  ['5x2', [5, 5, 5]],
  ['1+2x3', [1, 3, 5, 7]],
  ['10-1x3', [10, 9, 8, 7]],
  ['-2+4x1', [-2, 2]],
  ['1e3x1', [1000, 1000]],
  ['0.5-.25x2', [0.5, 0.25, 0]],
  ['_', [null]],
  ['1 _x3 2', [1, null, null, null, 2]],
  ['1 stale', [1, 'stale']],
  ['NaN Inf -Inf', [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
  ['5x30s', [5, 5, 5]],
  ['_x20s 1', [null, null, 1]],
  ['ramp(0, 4)x5', [0, 1, 2, 3, 4]],
  ['7 grow(2)x3', [7, 9, 11, 13]],
  ['grow(2)x2', [2, 4]],
])('%s', (text, samples) => {
  expect(expand(text)).toEqual(samples);
});

test('shapes have the mean and spread they say', () => {
  const moments = (text: string): [number, number] => {
    const all = expand(text) as number[];
    const mean = all.reduce((a, b) => a + b, 0) / all.length;
    return [mean, Math.sqrt(all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length)];
  };
  for (const [text, mean, sd] of [
    ['normal(100, 5)x20000', 100, 5],
    ['uniform(2, 8)x20000', 5, Math.sqrt(3)],
    ['poisson(4)x20000', 4, 2],
    ['poisson(400)x20000', 400, 20],
  ] as const) {
    const [m, s] = moments(text);
    expect(Math.abs(m / mean - 1), text).toBeLessThan(0.02);
    expect(Math.abs(s / sd - 1), text).toBeLessThan(0.05);
  }
});

test('a day has its peak at two in the afternoon, or where it is said', () => {
  const peak = (text: string): number => {
    const all = expand(text, 10 * MINUTE) as number[];
    return all.indexOf(Math.max(...all)) * 10 * MINUTE;
  };
  expect(peak('daily(100, 40, 0)x1d')).toBe(14 * HOUR);
  expect(peak('daily(100, 40, 0, 3h)x1d')).toBe(3 * HOUR);
  expect(expand('daily(100, 40, 0)x2d', HOUR)).toHaveLength((2 * DAY) / HOUR);
});

test('the same seed gives the same samples, whatever comes after', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 50 }), (seed, n) => {
      const of = (text: string) => parseValues(text).expand(0, SECOND, createRng(seed));
      expect(of(`normal(1, 2)x${n} poisson(3)x5`).slice(0, n)).toEqual(of(`normal(1, 2)x${n}`));
    }),
    { numRuns: 30 },
  );
});

test.each([
  ['', /no values/],
  ['five', /'five' is not a value/],
  ['1+2', /how often\? write for example 1\+2x10/],
  ['5xsoon', /'soon' is neither a count nor a duration/],
  ['gaussian(1, 2)x5', /there is no shape 'gaussian'; there are normal, /],
  ['constructor(1)', /there is no shape 'constructor'/],
  ['normal(1)x5', /normal takes 2 arguments, not 1/],
  ['normal(1, much)x5', /'much' is not a number/],
  ['daily(1, 2', /is not a value/],
])('%s is refused', (text, message) => {
  expect(() => parseValues(text)).toThrow(message);
});

test('a slip of the finger does not fill the memory', () => {
  expect(() => expand('5x999999999')).toThrow(/more than/);
});
