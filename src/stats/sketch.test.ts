import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DURATION_RANGE, SKETCH_RELATIVE_ERROR, SketchRows } from './sketch.ts';

/** The slow, obvious twin: keep everything, sort, pick. */
function exactQuantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(q * (sorted.length - 1))] as number;
}

/** float32 rounding may put a value into the next bin. */
const BOUND = SKETCH_RELATIVE_ERROR * (1 + 1e-5) + 1e-7;
const inRange = fc.double({ min: 1.1e-3, max: 1e7, noNaN: true });
const values = fc.array(
  fc.oneof(
    inRange,
    fc.integer({ min: -9, max: 22 }).map((e) => 2 ** e),
  ),
  { minLength: 1, maxLength: 300 },
);

describe('SketchRows', () => {
  it('keeps every quantile within its relative error of the exact one', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (data, q) => {
        const sketch = new SketchRows(3);
        for (const value of data) sketch.add(1, value);
        const exact = exactQuantile(data, q);
        expect(Math.abs(sketch.quantile(1, q) - exact)).toBeLessThanOrEqual(exact * BOUND);
        expect(sketch.count(0)).toBe(0);
        expect(sketch.count(2)).toBe(0);
      }),
    );
  });

  it('adds many values as it adds them one by one', () => {
    const any = fc.oneof(values, fc.array(fc.double({ noNaN: false }), { maxLength: 20 }));
    fc.assert(
      fc.property(any, (data) => {
        const one = new SketchRows(3);
        const many = new SketchRows(3);
        const rows = Int32Array.from(data, (_, i) => i % 3);
        data.forEach((value, i) => {
          one.add(i % 3, value);
        });
        many.addEach(rows, Float64Array.from(data), data.length);
        expect(many.save()).toEqual(one.save());
      }),
    );
  });

  it('merges in any order and grouping to the sketch of everything', () => {
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        const rows = new SketchRows(8);
        const fill = (row: number, data: readonly number[]): void => {
          for (const value of data) rows.add(row, value);
        };
        fill(0, a);
        fill(1, b);
        fill(2, c);
        fill(3, [...c, ...a, ...b]);
        rows.merge(0, 4);
        rows.merge(1, 4);
        rows.merge(2, 4); // (a + b) + c
        rows.merge(2, 5);
        rows.merge(1, 5);
        rows.merge(0, 5); // (c + b) + a
        for (const row of [4, 5]) {
          expect(rows.bins(row).bin).toEqual(rows.bins(3).bin);
          expect(rows.bins(row).weight).toEqual(rows.bins(3).weight);
          expect(rows.min(row)).toBe(rows.min(3));
          expect(rows.max(row)).toBe(rows.max(3));
          expect(rows.sum(row)).toBeCloseTo(rows.sum(3), 3);
        }
      }),
    );
  });

  it('takes a weight as that many samples', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(inRange, fc.integer({ min: 1, max: 9 })), { minLength: 1 }), (data) => {
        const rows = new SketchRows(2);
        for (const [value, weight] of data) {
          rows.add(0, value, weight);
          for (let i = 0; i < weight; i++) rows.add(1, value);
        }
        expect(rows.bins(0).weight).toEqual(rows.bins(1).weight);
        expect(rows.quantile(0, 0.9)).toBe(rows.quantile(1, 0.9));
      }),
    );
  });

  it('round-trips a row through bins and all rows through save', () => {
    fc.assert(
      fc.property(values, (data) => {
        const rows = new SketchRows(2);
        for (const value of data) rows.add(1, value);
        const other = new SketchRows(1);
        other.absorb(0, rows.bins(1));
        expect(other.bins(0)).toEqual(rows.bins(1));
        const restored = new SketchRows(1);
        restored.restore(rows.save());
        expect(restored.rows).toBe(2);
        expect(restored.bins(1)).toEqual(rows.bins(1));
        restored.grow(5);
        restored.add(4, 3);
        expect(restored.quantile(4, 0.5)).toBeCloseTo(3, 1);
        expect(restored.bins(1)).toEqual(rows.bins(1));
      }),
    );
  });

  it('is empty again after clear', () => {
    const rows = new SketchRows(2);
    rows.add(0, 5);
    rows.add(1, 7);
    rows.clear(0);
    expect(rows.count(0)).toBe(0);
    expect(rows.quantile(0, 0.5)).toBeNaN();
    expect(rows.bins(0).bin).toHaveLength(0);
    expect(rows.quantile(1, 0.5)).toBe(7);
    rows.add(0, 100);
    expect(rows.quantile(0, 0)).toBe(100);
  });

  it('survives odd values: zero, negative, NaN, infinite, tiny, weightless', () => {
    const rows = new SketchRows(1);
    rows.add(0, Number.NaN);
    rows.add(0, 1, 0);
    rows.add(0, 1, -3);
    expect(rows.count(0)).toBe(0);
    for (const value of [0, -5, 1e-30, Number.POSITIVE_INFINITY, 1e300]) rows.add(0, value);
    expect(rows.count(0)).toBe(5);
    expect(rows.quantile(0, 0)).toBe(-5);
    expect(rows.quantile(0, 1)).toBe(DURATION_RANGE.maxValue);
  });

  it('refuses foreign ranges and bins', () => {
    const a = new SketchRows(1);
    const b = new SketchRows(1, { minValue: 1, maxValue: 100 });
    b.add(0, 7);
    expect(() => a.mergeFrom(b, 0, 0)).toThrow('different ranges');
    expect(() => a.restore(b.save())).toThrow('another version or range');
    const foreign = { bin: Int32Array.of(99999), weight: Float64Array.of(1), count: 1, sum: 1, min: 1, max: 1 };
    expect(() => a.absorb(0, foreign)).toThrow('no such sketch bin');
    expect(() => new SketchRows(1, { minValue: 5, maxValue: 1 })).toThrow('impossible');
  });
});
