import { describe, expect, it } from 'vitest';
import { createRng } from '../../stats/rng.ts';
import { LogWorld } from '../log-world.fixture.ts';
import { createLogRate, type LogRate } from './log-rate.ts';

/** Poisson-like counts by summing coin flips. */
function around(rng: { next(): number }, mean: number): number {
  let count = 0;
  for (let i = 0; i < mean * 10; i += 1) if (rng.next() < 0.1) count += 1;
  return count;
}

function feed(detector: LogRate, world: LogWorld, rng: { next(): number }, ticks: number): number[] {
  const smallest: number[] = [];
  for (let i = 0; i < ticks; i += 1) {
    const found = detector.closeTick(
      world.tick([
        [0, around(rng, 20)],
        [1, around(rng, 2)],
      ]),
      world,
      world.names,
    );
    smallest.push(Math.min(1, ...found.map((one) => one.p)));
  }
  return smallest;
}

describe('LogRate', () => {
  it('has honest p-values on a steady stream', () => {
    const smallest = feed(createLogRate(), new LogWorld(), createRng(1), 3000);
    expect(smallest.filter((p) => p < 1e-3).length).toBeLessThan(9);
    expect(smallest.every((p) => p > 0 && p <= 1)).toBe(true);
  });
  it('finds a burst and a pattern that stopped, not a service that fell silent', () => {
    const world = new LogWorld();
    const detector = createLogRate();
    const rng = createRng(2);
    feed(detector, world, rng, 500);
    const [burst] = detector.closeTick(
      world.tick([
        [0, 20],
        [1, 60],
      ]),
      world,
      world.names,
    );
    expect(burst?.kind).toBe('pattern-burst');
    expect(burst?.p).toBeLessThan(1e-3);
    expect(burst?.subject).toBe('cache refreshed');
    expect(burst?.text).toContain('60 lines in 10 s');
    const kinds = new Set<string>();
    for (let i = 0; i < 30; i += 1) {
      for (const one of detector.closeTick(
        world.tick([
          [0, 20],
          [1, 0],
        ]),
        world,
        world.names,
      ))
        kinds.add(one.kind);
    }
    expect([...kinds]).toEqual(['pattern-missing']);
    for (let i = 0; i < 10; i += 1) expect(detector.closeTick(world.tick([]), world, world.names)).toEqual([]);
  });
  it('goes on the same after restore', () => {
    const world = new LogWorld();
    const one = createLogRate();
    feed(one, world, createRng(3), 100);
    const two = createLogRate();
    two.restore(one.save());
    const tick = world.tick([
      [0, 90],
      [1, 3],
    ]);
    expect(two.closeTick(tick, world, world.names)).toEqual(one.closeTick(tick, world, world.names));
    expect(two.save()).toEqual(one.save());
  });
});
