import { describe, expect, it } from 'vitest';
import { LogWorld } from '../log-world.fixture.ts';
import { createLogSequence, type LogSequence } from './log-sequence.ts';

const decoder = new TextDecoder();
const decode = (bytes: Uint8Array): string => decoder.decode(bytes);

function session(detector: LogSequence, world: LogWorld, id: number, order: readonly number[]): void {
  const sessions = Int32Array.from(order.flatMap(() => [Math.imul(id, 0x9e3779b1), id]));
  detector.observe(world.batch(order.map((template) => `line of ${template}`)), Int32Array.from(order), sessions);
}

describe('LogSequence', () => {
  it('finds an order never seen inside a session and names the line', () => {
    const world = new LogWorld();
    const one = createLogSequence(decode);
    let id = 1;
    let findings = 0;
    for (let tick = 0; tick < 400; tick += 1) {
      for (let k = 0; k < 5; k += 1) {
        session(one, world, id, k % 2 === 0 ? [0, 1, 0] : [0, 0, 1]);
        id += 1;
      }
      findings += one.closeTick(world.tick([[0, 10]]), world, world.names).length;
    }
    expect(findings).toBe(0);
    const two = createLogSequence(decode);
    two.restore(one.save());
    for (const detector of [one, two]) session(detector, world, id, [0, 1, 1]);
    const tick = world.tick([[0, 10]]);
    const found = one.closeTick(tick, world, world.names);
    expect(found[0]?.kind).toBe('sequence');
    expect(found[0]?.p).toBeLessThan(0.02);
    expect(found[0]?.example).toBe('line of 1');
    expect(two.closeTick(tick, world, world.names)).toEqual(found);
    expect(two.save()).toEqual(one.save());
  });
  it('ignores records without a session', () => {
    const world = new LogWorld();
    const detector = createLogSequence(decode);
    detector.observe(world.batch(['a', 'b']), Int32Array.of(0, 1), new Int32Array(4));
    expect(detector.closeTick(world.tick([[0, 2]]), world, world.names)).toEqual([]);
  });
});
