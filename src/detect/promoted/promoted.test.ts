import { expect, test } from 'vitest';
import type { PromotedDetector } from '../../domain/detector.ts';
import { DAY, SECOND } from '../../domain/units.ts';
import { createPromotedTier, type PromotedTier, type TickRows } from './promoted.ts';
import { createRingPool } from './ring-pool.ts';

const START = Date.UTC(2026, 0, 5);

/** Says how many values it was shown. */
const counter: PromotedDetector = {
  name: 'counter',
  bytesPerSlot: 100,
  grow() {},
  score: (_slot, _values, length) => length,
  reset() {},
  save: () => ({ version: 1, arrays: {}, meta: null }),
  restore() {},
};

function rows(
  series: readonly number[],
  surprise: (s: number) => number = () => 0,
  value = (s: number) => s,
): TickRows {
  return {
    length: series.length,
    series: Int32Array.from(series),
    mean: Float64Array.from(series, value),
    surprise: Float32Array.from(series, surprise),
  };
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

function run(tier: PromotedTier, ticks: number, series: readonly number[], from = 0): string[] {
  const seen: string[] = [];
  for (let i = from; i < from + ticks; i++) {
    const at = START + i * 10 * SECOND;
    const strange = (s: number): number => (s === 7 && i % 10 === 0 ? 4 : 0.5);
    const value = (s: number): number => Math.sin(i * 1.7 + s);
    tier.tick(
      rows(series, strange, value),
      at,
      (s) => s === 3,
      ({ series: s, wanted, length, raw }) => {
        seen.push(`${i} ${s} ${wanted} ${length} ${raw[0]}`);
      },
    );
  }
  return seen;
}

test('looks at what is strange or wanted within the budget, sweeps the rest in turn, and says what it saw', () => {
  const tier = createPromotedTier([counter], { memory: 64, looks: 20, gate: 3 });
  tier.grow(100);
  run(tier, 60, range(100));
  const seen = run(tier, 60, range(100), 60);
  const asked = seen.filter((line) => line.includes('true')).map((line) => line.split(' ')[1]);
  expect(asked.filter((s) => s === '3').length).toBe(60);
  expect(asked.filter((s) => s === '7').length).toBe(6);
  expect(new Set(seen.map((line) => line.split(' ')[1])).size).toBe(100);
  expect(seen.length).toBeLessThanOrEqual(60 * 20);
  const coverage = tier.coverage(START + 120 * 10 * SECOND);
  expect(coverage).toMatchObject({ held: 100, missed: 0, dayShare: 1 });
  expect(tier.coverage(START + 3 * DAY).dayShare).toBe(0);
});

test('what does not fit the budget is counted as missed', () => {
  const tier = createPromotedTier([counter], { memory: 64, looks: 10, gate: 3 });
  tier.grow(50);
  for (let i = 0; i < 80; i++)
    tier.tick(
      rows(range(50), () => 5),
      START + i * 10 * SECOND,
      () => false,
      () => {},
    );
  expect(tier.coverage(START).missed).toBe(80 * 41);
});

test('is the same twice, and goes on alike after save and restore in the middle', () => {
  const make = (): PromotedTier => {
    const tier = createPromotedTier([counter], { memory: 64, looks: 20, gate: 3 });
    tier.grow(100);
    return tier;
  };
  const whole = make();
  const all = [...run(whole, 70, range(100)), ...run(whole, 50, range(100), 70)];
  const first = make();
  const early = run(first, 70, range(100));
  const second = make();
  second.restore(structuredClone(first.save()));
  expect([...early, ...run(second, 50, range(100), 70)]).toEqual(all);
});

test('more series than rings: strange ones take one from the calm, and every series has its turn', () => {
  const pool = createRingPool(1, 0);
  expect(pool.capacity).toBe(8);
  pool.grow(40);
  const taken: number[] = [];
  const take = (slot: number): void => void taken.push(slot);
  for (let s = 0; s < 8; s++) pool.push(pool.slotFor(s, false, START, take), s, false, START);
  expect(pool.slotFor(20, false, START, take)).toBe(-1);
  const slot = pool.slotFor(21, true, START, take);
  pool.push(slot, 1, true, START);
  expect(pool.owner(slot)).toBe(21);
  expect(pool.held).toBe(8);
  const holders = new Set<number>();
  for (let s = 8; s < 40; s++) pool.slotFor(s, false, START, take);
  for (let i = 0; i < 40; i++) {
    pool.rotate(2, START + 60 * SECOND, take);
    for (let k = 0; k < 8; k++) holders.add(pool.owner(k));
    // The one that was strange a minute ago keeps its ring.
    expect(pool.owner(slot)).toBe(21);
  }
  expect(holders.size).toBe(40);
  pool.release(21);
  expect(pool.slotOf(21)).toBe(-1);
  expect(pool.slotFor(33, false, START, take)).toBeGreaterThanOrEqual(0);
});

test('a ring gives its values oldest first when it is full as well', () => {
  const pool = createRingPool(1, 0);
  pool.grow(1);
  const slot = pool.slotFor(0, false, START, () => {});
  const out = new Float64Array(pool.ringLength);
  for (let i = 0; i < 3 * pool.ringLength + 5; i++) {
    pool.push(slot, i, false, START);
    const n = pool.read(slot, out);
    expect(n).toBe(Math.min(i + 1, pool.ringLength));
    expect([out[0], out[n - 1]]).toEqual([i + 1 - n, i]);
  }
  expect(pool.takeFresh(slot)).toBe(3 * pool.ringLength + 5);
  expect(pool.isFresh(slot)).toBe(false);
});
