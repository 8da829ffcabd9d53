import { describe, expect, it } from 'vitest';
import { createRng, type Rng } from '../../stats/rng.ts';
import { type MadeSpan, SpanWorld } from '../span-world.fixture.ts';
import { createTraceLatency } from './trace-latency.ts';

const usual = (rng: Rng, count: number, factor = 1): MadeSpan[] =>
  Array.from({ length: count }, () => ({ operation: 3, self: 80 * factor * Math.exp(0.3 * rng.normal()) }));

describe('TraceLatency', () => {
  it('is honest on steady latency, whatever the number of spans', () => {
    for (const count of [3, 40]) {
      const world = new SpanWorld();
      const rng = createRng(count);
      const detector = createTraceLatency();
      let strange = 0;
      for (let i = 0; i < 1500; i += 1) {
        detector.observe(world.spans(usual(rng, count)));
        strange += detector.closeTick(world.next(), world, world.names, world).filter((found) => found.p < 1e-3).length;
      }
      expect(strange).toBeLessThan(6);
    }
  });
  it('never decides on one slow span, finds many, says so in numbers, and restores', () => {
    const world = new SpanWorld();
    const rng = createRng(9);
    const one = createTraceLatency();
    for (let i = 0; i < 300; i += 1) {
      one.observe(world.spans(usual(rng, 30)));
      one.closeTick(world.next(), world, world.names, world);
    }
    one.observe(world.spans([...usual(rng, 29), { operation: 3, self: 60_000 }]));
    expect(one.closeTick(world.next(), world, world.names, world).filter((found) => found.p < 1e-2)).toEqual([]);
    const two = createTraceLatency();
    two.restore(one.save());
    const slow = world.spans(usual(rng, 30, 20));
    one.observe(slow);
    two.observe(slow);
    const at = world.next();
    const found = one.closeTick(at, world, world.names, world);
    expect(found[0]?.p).toBeLessThan(1e-4);
    expect(found[0]?.kind).toBe('latency');
    expect(found[0]?.service).toBe('service-0');
    expect(found[0]?.text).toMatch(/own time p99 of op-3 \d.* s, usually \d+ ms to \d+ ms/u);
    expect(found[0]?.traceId).toMatch(/^trace-/u);
    expect(two.closeTick(at, world, world.names, world)).toEqual(found);
    expect(two.save()).toEqual(one.save());
  });
  it('takes zero and absurd times', () => {
    const world = new SpanWorld();
    const detector = createTraceLatency();
    for (let i = 0; i < 40; i += 1) {
      detector.observe(world.spans([0, 1e-9, 1e12, Number.MAX_VALUE].map((self) => ({ operation: 1, self }))));
      for (const found of detector.closeTick(world.next(), world, world.names, world))
        expect(Number.isFinite(found.p)).toBe(true);
    }
  });
});
