import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng } from '../../../stats/rng.ts';
import { ksTest } from './ks.ts';

const sorted = (values: readonly number[]): Float64Array => Float64Array.from(values).sort();

test('the distance is that of a slow twin: the two distributions compared at every value', () => {
  const sample = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(sample, sample, (a, b) => {
      const share = (of: readonly number[], x: number): number => of.filter((y) => y <= x).length / of.length;
      const slow = Math.max(...[...a, ...b].map((x) => Math.abs(share(a, x) - share(b, x))));
      expect(ksTest(sorted(a), sorted(b)).statistic).toBeCloseTo(slow, 12);
    }),
  );
});

test('critical distances are those of the tables', () => {
  const a = new Float64Array(100);
  const c = (alpha: number): number => ksTest(a, a, alpha).threshold / Math.sqrt(200 / 10_000);
  expect(c(0.05)).toBeCloseTo(1.36, 2);
  expect(c(0.01)).toBeCloseTo(1.63, 2);
  expect(c(0.001)).toBeCloseTo(1.95, 2);
});

test('the same distribution is drift as seldom as asked, another one is, a tiny difference of many is not', () => {
  const rng = createRng(1);
  const draw = (n: number, mean: number): Float64Array =>
    Float64Array.from({ length: n }, () => mean + rng.normal()).sort();
  let alarms = 0;
  for (let k = 0; k < 300; k++) if (ksTest(draw(200, 0), draw(200, 0)).drifted) alarms++;
  expect(alarms).toBeLessThanOrEqual(3);
  expect(ksTest(draw(200, 0), draw(200, 1)).drifted).toBe(true);
  expect(ksTest(draw(20_000, 0), draw(20_000, 0.1)).drifted).toBe(false);
  expect(ksTest(new Float64Array(0), draw(10, 0)).drifted).toBe(false);
});
