import { describe, expect, it } from 'vitest';
import { createRng, type Rng } from '../../stats/rng.ts';
import { type MadeSpan, SpanWorld } from '../span-world.fixture.ts';
import { createTraceStructure, type TraceStructure } from './trace-structure.ts';

/** Each call of 1 calls 11 once and, half of the time, 12. */
function usual(rng: Rng, count: number): MadeSpan[] {
  return Array.from({ length: count }, () => [
    { operation: 1 },
    { operation: 11, parent: 1 },
    ...(rng.next() < 0.5 ? [{ operation: 12, parent: 1 }] : []),
  ]).flat();
}
function feed(detector: TraceStructure, world: SpanWorld, rng: Rng, ticks: number): number {
  let strange = 0;
  for (let i = 0; i < ticks; i += 1) {
    detector.observe(world.spans(usual(rng, 30)));
    strange += detector.closeTick(world.next(), world, world.names, world).filter((found) => found.p < 1e-3).length;
  }
  return strange;
}

describe('TraceStructure', () => {
  it('is honest on a steady structure', () => {
    expect(feed(createTraceStructure(), new SpanWorld(), createRng(1), 2000)).toBeLessThan(6);
  });
  it.each([
    [
      'a child never seen',
      (rng: Rng) => [...usual(rng, 30), { operation: 25, parent: 1 }],
      'op-1 called service-2 op-25, never seen before',
    ],
    [
      'a missing child',
      () => Array.from({ length: 30 }, () => ({ operation: 1 })),
      'op-1 called service-1 op-11 0 times in 30 calls, usually 30',
    ],
    [
      'fan-out',
      (rng: Rng) => [...usual(rng, 30), ...Array.from({ length: 600 }, () => ({ operation: 12, parent: 1 }))],
      'op-1 called service-1 op-12 6',
    ],
  ])('finds %s, and restores', (_, strange, text) => {
    const world = new SpanWorld();
    const rng = createRng(2);
    const one = createTraceStructure();
    feed(one, world, rng, 1500);
    const two = createTraceStructure();
    two.restore(one.save());
    const spans = world.spans(strange(rng));
    one.observe(spans);
    two.observe(spans);
    const at = world.next();
    const found = one.closeTick(at, world, world.names, world);
    expect(found[0]?.text).toContain(text);
    expect(found[0]?.p).toBeLessThan(3e-3);
    expect(found[0]?.kind).toBe('structure');
    expect(two.closeTick(at, world, world.names, world)).toEqual(found);
    expect(two.save()).toEqual(one.save());
  });
});
