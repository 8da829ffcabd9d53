import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Rollup } from '../../domain/signal/rollup.ts';
import { ServiceWindows } from './service-window.ts';
import { addValue, mergeSketch, sketchQuantile, type ValueSketch } from './value-sketch.ts';

const value = fc.double({ min: -1e6, max: 1e6, noNaN: true }).filter((v) => Math.abs(v) > 1e-6);

function rollup(values: readonly number[]): Rollup {
  const sketch: ValueSketch = new Map();
  for (const v of values) addValue(sketch, v);
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return {
    metric: 'm',
    count: values.length,
    mean,
    m2: values.reduce((sum, v) => sum + (v - mean) ** 2, 0),
    min: Math.min(...values),
    max: Math.max(...values),
    sketch,
  };
}

describe('service windows', () => {
  it('are those of all values together, however they were rolled up', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(value, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 6 }),
        (ticks) => {
          const windows = new ServiceWindows();
          for (const [i, values] of ticks.entries())
            windows.add({ tenant: 't', service: 's', tick: i * 10_000, rows: [rollup(values)] });
          const [row] = windows.close().filter(({ window }) => window === '1m');
          const all = ticks.flat();
          const mean = all.reduce((sum, v) => sum + v, 0) / all.length;
          const variance = all.reduce((sum, v) => sum + (v - mean) ** 2, 0) / all.length;
          expect(row).toMatchObject({
            count: all.length,
            min: Math.min(...all),
            max: Math.max(...all),
            start: 0,
            rate: null,
          });
          expect(row!.mean).toBeCloseTo(mean, 5);
          expect(Math.abs(row!.variance - variance)).toBeLessThanOrEqual(1e-9 * Math.max(1, variance));
          const exact = all.toSorted((a, b) => a - b)[Math.floor(0.5 * (all.length - 1))]!;
          expect(Math.abs(row!.p50 - exact)).toBeLessThanOrEqual(Math.abs(exact) / 64);
        },
      ),
    );
  });

  it('close once, in order, with the change against the window before', () => {
    const windows = new ServiceWindows();
    for (let tick = 0; tick < 18; tick++)
      windows.add({ tenant: 't', service: 's', tick: tick * 10_000, rows: [rollup([Math.floor(tick / 6) * 30])] });
    expect(windows.close(60_000).map(({ window, start }) => [window, start])).toEqual([['1m', 0]]);
    const rows = windows.close(180_000);
    expect(rows.map(({ start, rate }) => [start, rate])).toEqual([
      [60_000, 0.5],
      [120_000, 0.5],
    ]);
    expect(windows.close(180_000)).toEqual([]);
  });
});

describe('value sketch', () => {
  it('merges to the sketch of everything', () => {
    fc.assert(
      fc.property(fc.array(value), fc.array(value), (a, b) => {
        const one: ValueSketch = new Map();
        const two: ValueSketch = new Map();
        const both: ValueSketch = new Map();
        for (const v of a) addValue(one, v);
        for (const v of b) addValue(two, v);
        for (const v of [...a, ...b]) addValue(both, v);
        mergeSketch(one, two);
        for (const q of [0, 0.5, 0.99, 1]) expect(sketchQuantile(one, q)).toEqual(sketchQuantile(both, q));
      }),
    );
  });
});
