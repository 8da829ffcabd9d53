import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  binomialAtLeast,
  binomialAtMost,
  lnGamma,
  negativeBinomialAtLeast,
  negativeBinomialAtMost,
  poissonAtLeast,
  smallestOf,
} from './count-tails.ts';
import { ScoreTails } from './score-tails.ts';

function sum(from: number, to: number, term: (k: number) => number): number {
  let total = 0;
  for (let k = from; k <= to; k += 1) total += term(k);
  return total;
}
const lnFactorial = (n: number): number => sum(1, n, (k) => Math.log(k));
const close = (a: number, b: number): void => {
  expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-8 * Math.max(b, 1e-3));
};

describe('count tails against plain sums', () => {
  it('lnGamma', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 150 }), (n) => {
        close(lnGamma(n + 1), lnFactorial(n));
      }),
    );
  });
  it('binomial', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.nat(60),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (n, k, p) => {
          const term = (i: number): number =>
            Math.exp(
              lnFactorial(n) - lnFactorial(i) - lnFactorial(n - i) + i * Math.log(p) + (n - i) * Math.log(1 - p),
            );
          close(binomialAtLeast(k, n, p), sum(k, n, term));
          close(binomialAtMost(k, n, p), sum(0, Math.min(k, n), term));
        },
      ),
    );
  });
  it('Poisson and negative binomial', () => {
    fc.assert(
      fc.property(
        fc.nat(40),
        fc.double({ min: 0.01, max: 30, noNaN: true }),
        fc.double({ min: 0.2, max: 50, noNaN: true }),
        (k, mean, size) => {
          close(
            1 - poissonAtLeast(k, mean),
            sum(0, k - 1, (i) => Math.exp(i * Math.log(mean) - mean - lnFactorial(i))),
          );
          const term = (i: number): number =>
            Math.exp(
              lnGamma(i + size) -
                lnGamma(size) -
                lnFactorial(i) +
                size * Math.log(size / (size + mean)) +
                i * Math.log(mean / (size + mean)),
            );
          close(1 - negativeBinomialAtLeast(k, mean, size), sum(0, k - 1, term));
          close(negativeBinomialAtMost(k, mean, size), sum(0, k, term));
        },
      ),
    );
  });
  it('smallestOf', () => {
    close(smallestOf(0.1, 3), 1 - 0.9 ** 3);
    expect(smallestOf(1e-9, 10)).toBeCloseTo(1e-8, 12);
    expect(smallestOf(1, 10)).toBe(1);
  });
});

describe('ScoreTails', () => {
  it('never claims more than the model, and is monotone in the claim', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1e-9, max: 1, noNaN: true }), { maxLength: 50 }),
        fc.double({ min: 1e-9, max: 1, noNaN: true }),
        (history, p) => {
          const tails = new ScoreTails();
          for (const past of history) expect(tails.observe(3, past)).toBeGreaterThanOrEqual(past);
          expect(tails.observe(3, p, false)).toBeGreaterThanOrEqual(tails.observe(3, p / 2, false) * (1 - 1e-9));
        },
      ),
    );
  });
  it('tames a model that cries wolf', () => {
    const tails = new ScoreTails();
    for (let i = 0; i < 1000; i += 1) tails.observe(0, i % 10 === 0 ? 1e-6 : 0.5);
    expect(tails.observe(0, 1e-6, false)).toBeGreaterThan(0.08);
    const calm = new ScoreTails();
    for (let i = 0; i < 1000; i += 1) calm.observe(0, (i + 1) / 1000);
    expect(calm.observe(0, 1e-6, false)).toBeLessThan(1e-4);
    const copy = new ScoreTails();
    copy.restore(calm.save());
    expect(copy.observe(0, 1e-4)).toBe(calm.observe(0, 1e-4));
  });
});
