import { expect, test } from 'vitest';
import { ROW_SLOTS, type RowDetector } from '../domain/detector.ts';
import { MINUTE } from '../domain/units.ts';
import { createRng } from '../stats/rng.ts';
import { createPromotedFusion } from './promoted-fusion.ts';
import { createRowFusion } from './row-fusion.ts';

/** Says the length of the row; blames by squares. */
function lengthOf(name: string): RowDetector {
  return {
    name,
    bytesPerService: 0,
    score: (_service, row) => Math.hypot(...row),
    blame: (_service, row, out) => out.set(row.map((x) => x * x)),
    learn() {},
    reset() {},
    save: () => ({ version: 1, arrays: {}, meta: null }),
    restore() {},
  };
}

function rowOf(random: ReturnType<typeof createRng>, shift = 0): Float64Array {
  return new Float64Array(ROW_SLOTS).map((_, d) => (d < 8 ? random.normal() + (d < 2 ? shift : 0) : 0));
}

test.each([1, 3])('p of %i detectors of rows is what it says on quiet data, and small for what is far', (count) => {
  const random = createRng(21);
  const names = Array.from({ length: count }, (_, i) => `d${i}`);
  const fusion = createRowFusion(names.map(lengthOf), {});
  let below = 0;
  let seen = 0;
  for (let i = 0; i < 12_000; i++) {
    const verdict = fusion.observe(0, rowOf(random), i * MINUTE, false);
    if (verdict === null || i < 1_000) continue;
    seen++;
    if (verdict.p < 0.01) below++;
  }
  expect(below / seen).toBeGreaterThan(0.005);
  expect(below / seen).toBeLessThan(0.02);
  const far = rowOf(random, 12);
  expect(fusion.observe(0, far, 12_000 * MINUTE, false)!.p).toBeLessThan(1e-4);
  const blame = fusion.blame(0, far);
  expect(blame.reduce((sum, x) => sum + x, 0)).toBeCloseTo(1, 9);
  expect(blame[0]! + blame[1]!).toBeGreaterThan(0.8);
});

test('a strange row is not learnt: an hour of trouble stays strange', () => {
  const random = createRng(22);
  const fusion = createRowFusion([lengthOf('a')], {});
  for (let i = 0; i < 3_000; i++) fusion.observe(0, rowOf(random), i * MINUTE, false);
  for (let i = 0; i < 60; i++)
    expect(fusion.observe(0, rowOf(random, 9), (3_000 + i) * MINUTE, false)!.p).toBeLessThan(1e-3);
});

test('rows and looks go on alike after save and restore; other detectors start cold', () => {
  const random = createRng(23);
  const first = createRowFusion([lengthOf('a'), lengthOf('b')], { a: 2 });
  for (let i = 0; i < 400; i++) first.observe(i % 3, rowOf(random), i * MINUTE, false);
  const saved = structuredClone(first.save());
  const second = createRowFusion([lengthOf('a'), lengthOf('b')], { a: 2 });
  second.restore(saved);
  const row = rowOf(random, 3);
  expect(second.observe(1, row, 400 * MINUTE, false)).toEqual(first.observe(1, row, 400 * MINUTE, false));
  const other = createRowFusion([lengthOf('c')], {});
  other.restore(saved);
  expect(other.observe(1, row, 0, false)).toBeNull();
});

test('looks: a slot is judged by all slots at first and by itself later; looks that were asked for are not learnt', () => {
  const random = createRng(24);
  const looks = createPromotedFusion(['a', 'b'], [1, 1]);
  const raw = Float64Array.of(1, Number.NaN);
  for (let i = 0; i < 3_000; i++) {
    raw[0] = random.exponential();
    looks.judge(i % 20, raw, true);
  }
  raw[0] = 12;
  expect(looks.judge(99, raw, false)).toBeGreaterThan(3);
  for (let i = 0; i < 400; i++) {
    raw[0] = 10 + random.exponential();
    looks.judge(50, raw, true);
  }
  raw[0] = 11;
  expect(looks.judge(50, raw, false)).toBeLessThan(1.5);
  const again = createPromotedFusion(['a', 'b'], [1, 1]);
  again.restore(structuredClone(looks.save()));
  expect(again.judge(50, raw, false)).toBe(looks.judge(50, raw, false));
  looks.reset(50);
  expect(looks.judge(50, raw, false)).toBeGreaterThan(1);
  raw.fill(Number.NaN);
  expect(looks.judge(50, raw, false)).toBeNaN();
});
