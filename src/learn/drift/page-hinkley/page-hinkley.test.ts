import { expect, test } from 'vitest';
import { createRng } from '../../../stats/rng.ts';
import { driftContract } from '../contract.ts';
import { createPageHinkley } from './page-hinkley.ts';

const OPTIONS = { delta: 0.1, lambda: 50, min_samples: 30, alpha: 0.9999 };
driftContract('page-hinkley', () => createPageHinkley(OPTIONS));

test('its statistic is that of a slow twin that keeps every value', () => {
  const rng = createRng(4);
  const fast = createPageHinkley({ ...OPTIONS, lambda: 1e9, alpha: 1 });
  const seen: number[] = [];
  const sums: [number, number][] = [];
  for (let i = 0; i < 400; i++) {
    const x = rng.normal() + i / 200;
    fast.update(x);
    seen.push(x);
    const mean = seen.reduce((s, y) => s + y, 0) / seen.length;
    const [up, down] = sums.at(-1) ?? [0, 0];
    sums.push([up + x - mean - 0.1, down + x - mean + 0.1]);
    const rise = sums.at(-1)![0] - Math.min(...sums.map(([s]) => s));
    const fall = Math.max(...sums.map(([, s]) => s)) - sums.at(-1)![1];
    if (i >= 30) expect(fast.statistic).toBeCloseTo(Math.max(rise, fall), 6);
  }
});

test('a fall is drift as a rise is', () => {
  const rng = createRng(6);
  const test = createPageHinkley(OPTIONS);
  let at = -1;
  for (let i = 0; i < 800; i++) if (test.update(rng.normal() - (i >= 600 ? 2 : 0)) && at < 0) at = i;
  expect(at).toBeGreaterThanOrEqual(600);
  expect(at).toBeLessThan(650);
});
