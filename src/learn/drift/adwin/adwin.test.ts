import { expect, test } from 'vitest';
import { createRng } from '../../../stats/rng.ts';
import { driftContract } from '../contract.ts';
import { createAdwin } from './adwin.ts';

driftContract('adwin', () => createAdwin());

/** The window as a list of buckets, each a list of values: cuts looked for at the same borders, with plain sums. */
function slowAdwin(delta = 0.002, clock = 32) {
  /** By size, oldest first. */
  let sizes: number[][][] = [[]];
  let ticks = 0;
  let drifted = false;
  const values = () => sizes.toReversed().flat(2);
  const differs = (): boolean => {
    const all = values();
    const n = all.length;
    const mean = all.reduce((s, x) => s + x, 0) / n;
    const variance = all.reduce((s, x) => s + (x - mean) ** 2, 0) / n;
    const log = Math.log((2 * Math.log(n)) / delta);
    let n0 = 0;
    for (const bucket of sizes.toReversed().flat()) {
      n0 += bucket.length;
      const n1 = n - n0;
      if (n1 < 5) return false;
      if (n0 < 5) continue;
      const m = 1 / (n0 - 4) + 1 / (n1 - 4);
      const bound = Math.sqrt(2 * m * variance * log) + (2 / 3) * log * m;
      const old = all.slice(0, n0).reduce((s, x) => s + x, 0) / n0;
      const fresh = all.slice(n0).reduce((s, x) => s + x, 0) / n1;
      if (Math.abs(old - fresh) > bound) return true;
    }
    return false;
  };
  return {
    width: () => values().length,
    mean: () => values().reduce((s, x) => s + x, 0) / values().length,
    update(x: number): boolean {
      if (drifted) {
        sizes = [[]];
        ticks = 0;
      }
      drifted = false;
      sizes[0]!.push([x]);
      for (let k = 0; k < sizes.length; k++)
        if (sizes[k]!.length > 5) {
          const [a, b] = sizes[k]!.splice(0, 2);
          sizes[k + 1] ??= [];
          sizes[k + 1]!.push([...a!, ...b!]);
        }
      ticks++;
      if (ticks % clock !== 0) return false;
      drifted = values().length > 10 && differs();
      return drifted;
    },
  };
}

test('it cuts where a slow twin that keeps every value does', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const rng = createRng(seed);
    const fast = createAdwin();
    const slow = slowAdwin();
    for (let i = 0; i < 1_200; i++) {
      const x = 100 + rng.normal() + (i > 400 ? 1 : 0) - (i > 800 ? seed : 0);
      expect(fast.update(x)).toBe(slow.update(x));
    }
    expect(fast.width).toBe(slow.width());
    expect(fast.mean).toBeCloseTo(slow.mean(), 9);
  }
});

test('its window is short after a change and long where there is none', () => {
  const rng = createRng(5);
  const adwin = createAdwin();
  for (let i = 0; i < 5_000; i++) adwin.update(rng.normal());
  expect(adwin.width).toBe(5_000);
  for (let i = 0; i < 200; i++) adwin.update(3 + rng.normal());
  expect(adwin.width).toBeLessThan(400);
  expect(adwin.mean).toBeGreaterThan(2);
});
