import { describe, expect, it } from 'vitest';
import { createRng, type Rng } from '../../stats/rng.ts';
import { type MadeSpan, SpanWorld } from '../span-world.fixture.ts';
import { createTraceErrors } from './trace-errors.ts';

const calls = (rng: Rng, count: number, share: number): MadeSpan[] =>
  Array.from({ length: count }, () => ({ operation: 2, error: rng.next() < share }));

describe('TraceErrors', () => {
  it('is honest at a steady share and finds a rise, with numbers and an example, and restores', () => {
    const world = new SpanWorld();
    const rng = createRng(5);
    const one = createTraceErrors();
    let strange = 0;
    for (let i = 0; i < 2000; i += 1) {
      one.observe(world.spans(calls(rng, 40, 0.02)));
      strange += one.closeTick(world.next(), world, world.names, world).filter((found) => found.p < 1e-3).length;
    }
    expect(strange).toBeLessThan(6);
    const two = createTraceErrors();
    two.restore(one.save());
    const bad = world.spans(calls(rng, 40, 0.4));
    one.observe(bad);
    two.observe(bad);
    const at = world.next();
    const found = one.closeTick(at, world, world.names, world);
    expect(found[0]?.p).toBeLessThan(1e-3);
    expect(found[0]?.text).toMatch(/^\d+ of 40 calls of op-2 failed \(\d+ %\), usually 2(\.\d)? %$/u);
    expect(found[0]?.traceId).toMatch(/^trace-/u);
    expect(two.closeTick(at, world, world.names, world)).toEqual(found);
    expect(two.save()).toEqual(one.save());
  });
  it('does not learn a long outage as normal within minutes', () => {
    const world = new SpanWorld();
    const rng = createRng(6);
    const detector = createTraceErrors();
    for (let i = 0; i < 500; i += 1) {
      detector.observe(world.spans(calls(rng, 40, 0.01)));
      detector.closeTick(world.next(), world, world.names, world);
    }
    let last = 1;
    for (let i = 0; i < 12; i += 1) {
      detector.observe(world.spans(calls(rng, 40, 0.6)));
      last = detector.closeTick(world.next(), world, world.names, world)[0]?.p ?? 1;
    }
    expect(last).toBeLessThan(0.03);
  });
});
