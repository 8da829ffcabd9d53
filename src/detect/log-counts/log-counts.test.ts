import { describe, expect, it } from 'vitest';
import { LogWorld } from '../log-world.fixture.ts';
import { createLogCounts } from './log-counts.ts';

describe('LogCounts', () => {
  it('finds a mixture never seen, knows two usual ones, and restores', () => {
    const world = new LogWorld();
    const rare = world.add('retrying', 0, 9);
    const one = createLogCounts();
    let strange = 0;
    for (let i = 0; i < 400; i += 1) {
      const tick = world.tick(
        i % 3 === 0
          ? [[0, 20 + (i % 4)]]
          : [
              [0, 3 + (i % 2)],
              [1, 18 + (i % 5)],
            ],
      );
      strange += one.closeTick(tick, world, world.names).filter((found) => found.p < 1e-2).length;
    }
    expect(strange).toBe(0);
    const two = createLogCounts();
    two.restore(one.save());
    const tick = world.tick([
      [0, 2],
      [rare, 40],
    ]);
    const found = one.closeTick(tick, world, world.names);
    expect(found[0]?.p).toBeLessThan(1e-3);
    expect(found[0]?.subject).toBe('retrying');
    expect(two.closeTick(tick, world, world.names)).toEqual(found);
    expect(two.save()).toEqual(one.save());
  });
});
