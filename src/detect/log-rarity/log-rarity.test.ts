import { describe, expect, it } from 'vitest';
import { LogWorld } from '../log-world.fixture.ts';
import { createLogRarity, type LogRarity } from './log-rarity.ts';

function feed(detector: LogRarity, world: LogWorld, ticks: number): number {
  let findings = 0;
  for (let i = 0; i < ticks; i += 1)
    findings += detector.closeTick(
      world.tick([
        [0, 20],
        [1, 5],
      ]),
      world,
      world.names,
    ).length;
  return findings;
}

describe('LogRarity', () => {
  it('is quiet while a service is new and on a stream of known templates', () => {
    const world = new LogWorld();
    const detector = createLogRarity();
    let findings = 0;
    for (let i = 0; i < 40; i += 1) {
      world.add(`startup step ${'x'.repeat(i)}`, 0, 9);
      findings += detector.closeTick(
        world.tick([
          [world.size - 1, 1],
          [0, 10],
        ]),
        world,
        world.names,
      ).length;
    }
    expect(findings + feed(detector, world, 500)).toBe(0);
  });
  it('reports a new error pattern, more strongly than a new notice, with template and example', () => {
    const strengths = [9, 17].map((severity) => {
      const world = new LogWorld();
      const detector = createLogRarity();
      feed(detector, world, 2000);
      const template = world.add('connection to <*> refused', 0, severity);
      return detector.closeTick(
        world.tick([
          [0, 20],
          [template, 3],
        ]),
        world,
        world.names,
      )[0];
    });
    const [notice, error] = strengths;
    expect(error?.p).toBeLessThan(2e-3);
    expect(error?.p).toBeLessThan(notice?.p ?? 1);
    expect(error?.text).toContain('connection to <*> refused');
    expect(error?.example).toBe('example of connection to <*> refused');
    expect(error?.kind).toBe('new-pattern');
  });
  it('keeps notices quiet after a deploy, not errors', () => {
    const world = new LogWorld();
    const detector = createLogRarity();
    feed(detector, world, 2000);
    detector.deploy(0, world.at);
    const notice = world.add('cache format two', 0, 9);
    expect(
      detector.closeTick(
        world.tick([
          [0, 20],
          [notice, 3],
        ]),
        world,
        world.names,
      ),
    ).toEqual([]);
    const error = world.add('boom', 0, 17);
    expect(
      detector.closeTick(
        world.tick([
          [0, 20],
          [error, 3],
        ]),
        world,
        world.names,
      ).length,
    ).toBe(1);
  });
  it('goes on the same after restore', () => {
    const world = new LogWorld();
    const one = createLogRarity();
    feed(one, world, 300);
    const two = createLogRarity();
    two.restore(one.save());
    const template = world.add('new', 0, 17);
    const tick = world.tick([
      [0, 20],
      [template, 1],
    ]);
    expect(two.closeTick(tick, world, world.names)).toEqual(one.closeTick(tick, world, world.names));
    expect(two.save()).toEqual(one.save());
  });
});
