import { expect, test } from 'vitest';
import { ROW_SLOTS } from '../../domain/detector.ts';
import { MINUTE, SECOND } from '../../domain/units.ts';
import { createRng } from '../../stats/rng.ts';
import { createServiceRows, type RowInput, type ServiceRows } from './service-row.ts';

const START = Date.UTC(2026, 0, 5);
const TAU = 3.5 * 86_400_000;

function input(entries: readonly (readonly [number, number])[]): RowInput {
  return {
    length: entries.length,
    series: Int32Array.from(entries, ([series]) => series),
    mean: Float64Array.from(entries, ([, value]) => value),
  };
}

function rowsOf(rows: ServiceRows, at: number): Map<number, number[]> {
  const out = new Map<number, number[]>();
  rows.close(at, (service, row) => out.set(service, [...row.subarray(0, 4)]));
  return out;
}

test('standardises against a slow level, as the slow twin does', () => {
  const random = createRng(1);
  const rows = createServiceRows();
  rows.grow(1);
  rows.assign(0, 0, 'a');
  const interval = Float64Array.of(MINUTE);
  let level = 0;
  let variance = 0;
  for (let i = 0; i < 2_000; i++) {
    const value = 100 + 5 * random.normal() + (i > 1_500 ? 40 : 0);
    rows.add(input([[0, value]]), START + i * MINUTE, interval);
    const z = rowsOf(rows, START + i * MINUTE).get(0)![0]!;
    if (i === 0) level = value;
    const off = value - level;
    const sd = Math.max(Math.sqrt(variance), 0.003 * Math.abs(level), 1e-12);
    const limit = Math.max(4 * sd, 0.1 * Math.abs(off));
    const learnt = i < 500 ? off : Math.max(-limit, Math.min(limit, off));
    const rate = Math.max(MINUTE / TAU, 1 / (i + 1));
    level += rate * learnt;
    variance += rate * (learnt * learnt - variance);
    expect(z).toBeCloseTo(i < 60 ? 0 : Math.max(-16, Math.min(16, off / sd)), 2);
    if (i > 1_500 && i < 1_600) expect(z).toBeGreaterThan(3);
  }
});

test('instances of a workload share a signal, and a row waits for most signals but not for long', () => {
  const rows = createServiceRows();
  rows.grow(8);
  const interval = new Float64Array(8).fill(10 * SECOND);
  for (let s = 0; s < 6; s++) rows.assign(s, 3, s < 2 ? 'cpu' : `other ${s}`);
  const all = [0, 1, 2, 3, 4, 5].map((s) => [s, 10 + s] as const);
  let at = START;
  for (let i = 0; i < 100; i++, at += 10 * SECOND) {
    rows.add(input(all.map(([s, value]) => [s, value + (i % 2)] as const)), at, interval);
    expect(rowsOf(rows, at).has(3)).toBe(true);
  }
  rows.add(
    input([
      [0, 99],
      [1, 11.5],
    ]),
    at,
    interval,
  );
  expect(rowsOf(rows, at).size).toBe(0);
  rows.add(input([[2, 12.5]]), at + 50 * SECOND, interval);
  expect(rowsOf(rows, at + 40 * SECOND).size).toBe(0);
  const row = rowsOf(rows, at + 55 * SECOND).get(3)!;
  // The mean of one instance far out (clipped at 16) and one as usual.
  expect(row[0]).toBeGreaterThan(7);
  expect(row[0]).toBeLessThan(8.6);
  expect(rows.seriesOf(3, 0)).toBe(1);
  expect(rows.seriesOf(3, 60)).toBe(-1);
});

test('signals beyond the slots share them, always the same way', () => {
  const make = (): ServiceRows => {
    const rows = createServiceRows();
    rows.grow(200);
    for (let s = 0; s < 200; s++) rows.assign(s, 0, `signal ${s}`);
    return rows;
  };
  const first = make();
  const second = make();
  const interval = new Float64Array(200).fill(MINUTE);
  const values = input(Array.from({ length: 200 }, (_, s) => [s, s] as const));
  for (const rows of [first, second]) rows.add(values, START, interval);
  for (let slot = 0; slot < ROW_SLOTS; slot++) expect(first.seriesOf(0, slot)).toBe(second.seriesOf(0, slot));
});

test('goes on alike after save and restore; a released series is cold', () => {
  const random = createRng(2);
  const first = createServiceRows();
  first.grow(4);
  const interval = new Float64Array(4).fill(MINUTE);
  for (let s = 0; s < 4; s++) first.assign(s, s % 2, `k${s}`);
  for (let i = 0; i < 200; i++) {
    first.add(
      input([
        [0, random.normal()],
        [1, random.normal()],
        [2, 5],
        [3, i],
      ]),
      START + i * MINUTE,
      interval,
    );
    if (i < 199) first.close(START + i * MINUTE, () => {});
  }
  const second = createServiceRows();
  second.restore(structuredClone(first.save()));
  const at = START + 200 * MINUTE;
  for (const rows of [first, second])
    rows.add(
      input([
        [0, 3],
        [3, 1],
      ]),
      at,
      interval,
    );
  const expected = rowsOf(first, at);
  expect(rowsOf(second, at)).toEqual(expected);
  expect(expected.get(0)![0]).not.toBe(0);
  first.release(0);
  first.assign(0, 0, 'k0');
  first.add(input([[0, 50]]), at + MINUTE, interval);
  expect(rowsOf(first, at + 2 * MINUTE).get(0)![0]).toBe(0);
  expect(() => second.restore({ version: 99, arrays: {}, meta: null })).toThrow(/version 99/);
});
