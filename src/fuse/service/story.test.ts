import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../stats/rng.ts';
import { createStory, excessP, familyOf, STORY_SPAN } from './story.ts';

const T = 1_700_000_000_000;
const look = (family: string, surprise: number) => ({ family, surprise });

describe('sum of excesses', () => {
  it.each([
    [0.1, 1],
    [1, 1.5],
    [3, 2.5],
  ])('is what drawing says (rate %s, excess %s)', (rate, excess) => {
    const rng = createRng(11);
    const gap = () => -Math.log(1 - rng.next());
    const draws = 200_000;
    let beyond = 0;
    for (let i = 0; i < draws; i += 1) {
      let sum = 0;
      // A Poisson number of them: exponential gaps until the time is over.
      for (let t = gap(); t < rate; t += gap()) sum += gap() / Math.LN10;
      if (sum >= excess) beyond += 1;
    }
    const p = excessP(excess, rate);
    expect(Math.abs(p - beyond / draws)).toBeLessThan(5 * Math.sqrt(p / draws));
  });

  it('falls with the excess and rises with the rate', () => {
    const positive = fc.double({ min: 0.01, max: 12, noNaN: true });
    fc.assert(
      fc.property(positive, positive, fc.double({ min: 0.01, max: 3, noNaN: true }), (excess, rate, more) => {
        const p = excessP(excess, rate);
        expect(p).toBeGreaterThan(0);
        expect(p).toBeLessThanOrEqual(1);
        expect(excessP(excess + more, rate)).toBeLessThanOrEqual(p);
        expect(excessP(excess, rate + more)).toBeGreaterThanOrEqual(p);
      }),
    );
  });

  it('of one look that seldom comes is its p', () => {
    expect(excessP(2, 1e-4)).toBeCloseTo(1e-4 * 10 ** -2, 9);
  });
});

describe('story of a service', () => {
  it('counts what measures one thing once, and different things each', () => {
    const story = createStory();
    const p = (...looks: { family: string; surprise: number }[]) => story.p(0, T, looks, 20, 0.5);
    const other = look('o', 2.5);
    expect(p(other, look('a', 3), look('a', 3), look('a', 2.5))).toBe(p(other, look('a', 3)));
    expect(p(other, look('a', 3), look('b', 3))).toBeLessThan(p(other, look('a', 3)) / 5);
    expect(p(other, look('a', 6))).toBe(p(other, look('a', 3.5)));
    expect(p(other, look('a', 3.4))).toBeLessThan(p(other, look('a', 3)));
    expect(p(look('a', 3))).toBe(1);
    expect(p(look('a', 3), look('b', 1.9))).toBe(1);
  });

  it('adds up what goes on, half as much for the same thing, and forgets after two minutes', () => {
    const story = createStory();
    const alone = story.p(0, T + 60_000, [look('a', 3)], 20, 0.5);
    story.tell(0, T, [look('a', 3)], 20);
    const again = story.p(0, T + 60_000, [look('a', 3)], 20, 0.5);
    const other = story.p(0, T + 60_000, [look('b', 3)], 20, 0.5);
    expect(again).toBeLessThan(alone);
    expect(other).toBeLessThan(again);
    expect(story.p(0, T + STORY_SPAN, [], 20, 0.5)).toBe(1);
    // Ten seconds later it is the same look.
    expect(story.p(0, T + 10_000, [look('a', 3)], 0, 0.5)).toBe(story.p(0, T + 10_000, [], 0, 0.5));
    expect(story.p(1, T, [], 20, 0.5)).toBe(1);
  });

  it('changes nothing by being asked, and goes on after a restore', () => {
    const story = createStory();
    story.tell(3, T, [look('a', 2.7), look('b', 4)], 11);
    const ask = (s: typeof story) => s.p(3, T + 50_000, [look('c', 2.2)], 7, 0.3);
    const before = ask(story);
    expect(ask(story)).toBe(before);
    const other = createStory();
    other.restore(JSON.parse(JSON.stringify(story.save())) as ReturnType<typeof story.save>);
    expect(ask(other)).toBe(before);
    story.tell(3, T + 20_000, [look('a', 3.1)], 9);
    expect(ask(other)).toBe(before);
  });

  it('knows what measures one thing by its name', () => {
    expect(familyOf('k8s.pod.cpu_limit_utilization')).toBe(familyOf('k8s.pod.cpu.usage'));
    expect(familyOf('http.server.request.duration.p99')).toBe(familyOf('http.server.request.duration.p50'));
    expect(familyOf('http.server.request.duration.rate')).not.toBe(familyOf('http.server.request.duration.p50'));
    expect(familyOf('node_memory_MemFree_bytes')).not.toBe(familyOf('node_cpu_seconds_total'));
    expect(familyOf('up')).toBe('up');
  });
});
