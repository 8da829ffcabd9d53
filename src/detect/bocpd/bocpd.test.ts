import { expect, test } from 'vitest';
import { createRng } from '../../stats/rng.ts';
import { lnGamma } from '../../stats/tails/count-tails.ts';
import { createBocpd } from './bocpd.ts';

interface Run {
  readonly n: number;
  readonly w: number;
  readonly mean: number;
  readonly kappa: number;
  readonly beta: number;
}

/** The recursion of the paper over runs as objects, none merged. */
function slow(values: readonly number[], hazard: number): Map<number, number> {
  let runs: Run[] = [{ n: 0, w: 1, mean: 0, kappa: 0.2, beta: 0.5 }];
  for (const x of values) {
    const likely = runs.map(({ n, w, mean, kappa, beta }) => {
      const alpha = 1 + n / 2;
      const scale = (beta * (kappa + 1)) / (alpha * kappa);
      const df = 2 * alpha;
      const t = lnGamma((df + 1) / 2) - lnGamma(df / 2) - 0.5 * Math.log(df * Math.PI * scale);
      return w * Math.exp(t - ((df + 1) / 2) * Math.log1p((x - mean) ** 2 / (df * scale)));
    });
    const total = likely.reduce((a, b) => a + b, 0);
    runs = [
      { n: 0, w: hazard, mean: 0, kappa: 0.2, beta: 0.5 },
      ...runs.map((run, i) => ({
        n: run.n + 1,
        w: (likely[i]! / total) * (1 - hazard),
        mean: run.mean + (x - run.mean) / (run.kappa + 1),
        kappa: run.kappa + 1,
        beta: run.beta + (run.kappa * (x - run.mean) ** 2) / (2 * (run.kappa + 1)),
      })),
    ];
  }
  return new Map(runs.map((run) => [run.n, run.w]));
}

const random = createRng(5);

test('the odds of a recent change are those of the paper while no run is longer than can be told apart', () => {
  const bocpd = createBocpd({ expected: 100, longest: 80, recent: 6 });
  for (const shift of [0, 1, 3, 8]) {
    const values = Array.from({ length: 80 }, (_, i) => random.normal() + (i >= 76 ? shift : 0));
    const weights = slow(values, 1 / 100);
    let young = 0;
    for (let n = 1; n <= 6; n++) young += weights.get(n)!;
    const odds = 1 + Math.max(0, Math.log10(young / (1 - young) / (6 / 100)));
    expect(bocpd.score(0, Float64Array.from(values), 80, 80)).toBeCloseTo(odds, 3);
  }
});

test('says how long ago the level changed', () => {
  const bocpd = createBocpd();
  for (const ago of [5, 12, 30]) {
    const values = Float64Array.from({ length: 200 }, (_, i) => random.normal() + (i >= 200 - ago ? 6 : 0));
    expect(Math.abs(bocpd.sinceChange(values, 200) - ago)).toBeLessThanOrEqual(1);
  }
  const calm = Float64Array.from({ length: 200 }, () => random.normal());
  expect(bocpd.sinceChange(calm, 200)).toBe(64);
});
