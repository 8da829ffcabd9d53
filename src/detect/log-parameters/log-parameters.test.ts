import { describe, expect, it } from 'vitest';
import { LogWorld } from '../log-world.fixture.ts';
import { createLogParameters } from './log-parameters.ts';

describe('LogParameters', () => {
  it('finds a number that left its range, ignores ids, times and versions, and restores', () => {
    const world = new LogWorld();
    const one = createLogParameters();
    const zero = new Int32Array(10);
    const lines = (ms: number, i: number): string[] =>
      Array.from(
        { length: 10 },
        (_, k) => `request ${i * 7919 + k * 104_729} took ${ms + (k % 3)} ms at 10:${i % 60}:01 v1.2.3 id-77`,
      );
    let findings = 0;
    for (let i = 0; i < 200; i += 1) {
      one.observe(world.batch(lines(40 + (i % 5), i)), zero);
      findings += one.closeTick(world.tick([[0, 10]]), world, world.names).filter((found) => found.p < 1e-3).length;
    }
    expect(findings).toBe(0);
    const two = createLogParameters();
    two.restore(one.save());
    for (const detector of [one, two]) detector.observe(world.batch(lines(4000, 3)), zero);
    const tick = world.tick([[0, 10]]);
    const found = one.closeTick(tick, world, world.names);
    expect(found[0]?.p).toBeLessThan(1e-3);
    expect(found[0]?.labels['field']).toBe('2');
    expect(found[0]?.value).toBeGreaterThan(3900);
    expect(found[0]?.upper).toBeLessThan(100);
    expect(two.closeTick(tick, world, world.names)).toEqual(found);
    expect(two.save()).toEqual(one.save());
  });
});
