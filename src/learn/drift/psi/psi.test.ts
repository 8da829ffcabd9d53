import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRng } from '../../../stats/rng.ts';
import { psi } from './psi.ts';

const counts = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 8, maxLength: 8 });

test('it is the sum of two relative entropies, symmetric and never negative', () => {
  fc.assert(
    fc.property(counts, counts, (a, b) => {
      const { statistic } = psi(a, b);
      expect(psi(b, a).statistic).toBeCloseTo(statistic, 12);
      const share = (of: readonly number[]): number[] => of.map((x) => (x + 0.5) / (of.reduce((s, y) => s + y, 0) + 4));
      const entropy = (p: readonly number[], q: readonly number[]): number =>
        p.reduce((sum, x, i) => sum + x * Math.log(x / q[i]!), 0);
      const empty = a.every((x) => x === 0) || b.every((x) => x === 0);
      const [p, q] = [share(a), share(b)];
      expect(statistic).toBeCloseTo(empty ? 0 : entropy(p, q) + entropy(q, p), 9);
      expect(statistic).toBeGreaterThanOrEqual(0);
    }),
  );
});

test('small samples of one distribution are no drift, moved shares are, a little is to be watched', () => {
  const rng = createRng(2);
  const draw = (n: number, power: number): number[] => {
    const bins = new Array<number>(10).fill(0);
    for (let i = 0; i < n; i++) bins[Math.floor(rng.next() ** power * 10)]!++;
    return bins;
  };
  let alarms = 0;
  for (let k = 0; k < 200; k++) if (psi(draw(60, 1), draw(60, 1)).drifted) alarms++;
  expect(alarms).toBeLessThanOrEqual(20);
  expect(psi(draw(1_000, 1), draw(1_000, 2)).drifted).toBe(true);
  expect(psi(draw(5_000, 1), draw(5_000, 1.4))).toMatchObject({ watch: true, drifted: false });
  expect(psi([0, 0], [3, 4]).drifted).toBe(false);
});
