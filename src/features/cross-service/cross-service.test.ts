import { describe, expect, it } from 'vitest';
import { createRng } from '../../stats/rng.ts';
import { type CrossService, createCrossService } from './cross-service.ts';

const EDGES = [
  { caller: 'web', callee: 'db' },
  { caller: 'web', callee: 'mail' },
];

/** `db` drives `web` two ticks later with the given strength; `mail` goes its own way. */
function run(cross: CrossService, seed: number, ticks: number, strength: number): void {
  const rng = createRng(seed);
  const db = [rng.normal(), rng.normal()];
  for (let i = 0; i < ticks; i++) {
    db.push(rng.normal());
    const web = strength * db[i]! + Math.sqrt(1 - strength ** 2) * rng.normal();
    cross.observe(
      new Map([
        ['db', 10 + 3 * db[i + 2]!],
        ['web', 100 + web],
        ['mail', rng.normal()],
      ]),
      EDGES,
    );
  }
}

describe('createCrossService', () => {
  it('finds strength and lag of a coupling, and none where there is none', () => {
    const cross = createCrossService();
    run(cross, 1, 2000, 0.9);
    const coupled = cross.correlation('web', 'db')!;
    expect(coupled.lag).toBe(2);
    expect(Math.abs(coupled.r - 0.9)).toBeLessThan(0.06);
    expect(Math.abs(cross.correlation('web', 'mail')!.r)).toBeLessThan(0.2);
    expect(cross.correlation('db', 'web')).toBeNull();
  });

  it('agrees with a plain lagged Pearson correlation while young', () => {
    const cross = createCrossService();
    const rng = createRng(9);
    const x: number[] = [];
    const y: number[] = [];
    for (let i = 0; i < 400; i++) {
      y.push(rng.normal());
      x.push(0.7 * y[i]! + 0.5 * rng.normal());
      cross.observe(
        new Map([
          ['a', x[i]!],
          ['b', y[i]!],
        ]),
        [{ caller: 'a', callee: 'b' }],
      );
    }
    const mean = (list: readonly number[]): number => list.reduce((sum, v) => sum + v, 0) / list.length;
    const [mx, my] = [mean(x), mean(y)];
    const cov = mean(x.map((v, i) => (v - mx) * (y[i]! - my)));
    const pearson = cov / Math.sqrt(mean(x.map((v) => (v - mx) ** 2)) * mean(y.map((v) => (v - my) ** 2)));
    const got = cross.correlation('a', 'b')!;
    expect(got.lag).toBe(0);
    expect(Math.abs(got.r - pearson)).toBeLessThan(0.05);
  });

  it('scores a break of an established coupling far above usual scatter, and watches nothing else', () => {
    const cross = createCrossService();
    run(cross, 1, 1500, 0.9);
    const usual: number[] = [];
    for (let i = 0; i < 30; i++) {
      run(cross, 50 + i, 10, 0.9);
      usual.push(...cross.breaks().map((one) => one.raw));
    }
    expect(cross.breaks().map((one) => one.callee)).toEqual(['db']);
    run(cross, 3, 60, 0);
    const broken = cross.breaks()[0]!;
    expect(broken.recent).toBeLessThan(0.5);
    expect(broken.raw).toBeGreaterThan(2 * Math.max(...usual));
  });

  it('does not take calm for a break', () => {
    const cross = createCrossService();
    run(cross, 1, 1500, 0.9);
    for (let i = 0; i < 200; i++) {
      cross.observe(
        new Map([
          ['db', 10 + 0.01 * (i % 2)],
          ['web', 100 - 0.01 * (i % 2)],
        ]),
        EDGES,
      );
    }
    expect(cross.breaks()[0]!.raw).toBe(0);
  });

  it('learns nothing from ticks in which a service is unknown', () => {
    const cross = createCrossService();
    run(cross, 1, 100, 0.9);
    const before = cross.correlation('web', 'db');
    cross.observe(new Map([['web', 5]]), EDGES);
    cross.observe(
      new Map([
        ['web', Number.NaN],
        ['db', 3],
      ]),
      EDGES,
    );
    expect(cross.correlation('web', 'db')).toEqual(before);
  });

  it('goes on after restore as if nothing had happened', () => {
    const cross = createCrossService();
    run(cross, 1, 300, 0.9);
    cross.observe(new Map([['web', 5]]), EDGES);
    const restored = createCrossService();
    restored.restore(JSON.parse(JSON.stringify(cross.save())));
    for (const one of [cross, restored]) run(one, 2, 50, 0.3);
    expect(restored.breaks()).toEqual(cross.breaks());
    expect(restored.save()).toEqual(cross.save());
  });
});
