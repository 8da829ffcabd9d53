import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileKernel } from '../../../scripts/build-kernels.ts';
import { createPointBatch, type PointBatch } from '../../domain/signal/batch.ts';
import { WINDOWS_WASM } from '../../stats/kernels/windows-wasm.ts';
import { WINDOW_SPECS, type WindowName } from '../spec.ts';
import { createWindows, type WindowStats, type Windows } from './window.ts';

const START = 1_699_999_200_000; // a whole hour
type Sample = { readonly series: number; readonly time: number; readonly value: number };
interface Row {
  start: number;
  series: number;
  count: number;
  mean: number;
  variance: number;
  min: number;
  max: number;
  last: number;
  surprise: number;
}

function batchOf(samples: readonly Sample[]): PointBatch {
  const batch = createPointBatch(samples.length);
  batch.length = samples.length;
  samples.forEach((sample, i) => {
    batch.series[i] = sample.series;
    batch.time[i] = sample.time;
    batch.value[i] = sample.value;
  });
  return batch;
}

function feed(windows: Windows, samples: readonly Sample[]): void {
  for (const sample of samples) {
    const surprise = Float32Array.of(sample.value % 7);
    const none = Float32Array.of(Number.NaN);
    windows.observe(batchOf([sample]), surprise, none, none, none);
  }
}

function close(windows: Windows, watermark: number): Row[] {
  const out: Row[] = [];
  const { length, start, series, count, mean, variance, min, max, last, surprise } = windows.close(watermark);
  for (let i = 0; i < length; i++) {
    out.push({
      start: start[i]!,
      series: series[i]!,
      count: count[i]!,
      mean: mean[i]!,
      variance: variance[i]!,
      min: min[i]!,
      max: max[i]!,
      last: last[i]!,
      surprise: surprise[i]!,
    });
  }
  return out;
}

function read(
  windows: Windows,
  series: number,
  window: WindowName,
  now: number,
  mode: 'rolling' | 'finished',
): WindowStats {
  const out = { count: 0, mean: 0, variance: 0, min: 0, max: 0, last: 0 };
  windows.read(series, window, now, mode, out);
  return out;
}

/** The slow, obvious twin: keep everything. */
function exact(samples: readonly Sample[]): {
  count: number;
  mean: number;
  variance: number;
  min: number;
  max: number;
} {
  const values = samples.map((sample) => sample.value);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { count: values.length, mean, variance, min: Math.min(...values), max: Math.max(...values) };
}

function expectClose(
  got: { count: number; mean: number; variance: number; min: number; max: number },
  samples: readonly Sample[],
): void {
  expect(got.count).toBe(samples.length);
  if (samples.length === 0) return;
  const want = exact(samples);
  const scale = Math.max(1, want.max - want.min);
  expect(Math.abs(got.mean - want.mean)).toBeLessThan(scale * 1e-4);
  expect(Math.abs(got.variance - want.variance)).toBeLessThan(scale * scale * 1e-4);
  expect(Math.abs(got.min - want.min)).toBeLessThan(scale * 1e-4);
  expect(Math.abs(got.max - want.max)).toBeLessThan(scale * 1e-4);
}

/** Streams of two series with steps from under a second to over an hour, around a large level. */
const stream = fc
  .array(
    fc.tuple(
      fc.nat(1),
      fc.oneof(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 1, max: 5_000_000 })),
      fc.integer({ min: -500, max: 500 }),
    ),
    { minLength: 1, maxLength: 120 },
  )
  .map((list) => {
    const time = [START, START];
    return list.map(([series, dt, value]): Sample => {
      time[series] = time[series]! + dt;
      return { series, time: time[series]!, value: 1e6 + value };
    });
  });

describe('createWindows', () => {
  it('gives out each base window once, equal to its slow twin, whenever it is closed', () => {
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 30 }), (samples, every) => {
        const windows = createWindows();
        windows.grow(2);
        const rows: Row[] = [];
        const fed: Sample[] = [];
        samples.forEach((sample, i) => {
          feed(windows, [sample]);
          fed.push(sample);
          // Not past the newest of the slower series, so that no window is closed before its last sample.
          const newest = [0, 1].map((series) => fed.findLast((one) => one.series === series)?.time ?? START);
          if (i % every === 0) rows.push(...close(windows, Math.min(...newest)));
        });
        rows.push(...close(windows, Number.MAX_SAFE_INTEGER / 2));
        const groups = Map.groupBy(samples, (one) => `${one.series}@${Math.floor(one.time / 10_000) * 10_000}`);
        expect(rows.map((row) => `${row.series}@${row.start}`).sort()).toEqual([...groups.keys()].sort());
        for (const row of rows) {
          const own = groups.get(`${row.series}@${row.start}`)!;
          expectClose(row, own);
          expect(row.last).toBeCloseTo(own.at(-1)!.value, 2);
          expect(row.surprise).toBe(Math.max(...own.map((one) => one.value % 7)));
        }
        expect(close(windows, Number.MAX_SAFE_INTEGER / 2)).toEqual([]);
      }),
    );
  });

  it('knows every finished window of the catalogue exactly', () => {
    fc.assert(
      fc.property(stream, fc.boolean(), (samples, closing) => {
        const windows = createWindows();
        windows.grow(2);
        feed(windows, samples);
        const now = Math.max(...samples.map((sample) => sample.time));
        if (closing) close(windows, now);
        for (const { name, ms } of WINDOW_SPECS) {
          if (name === '10s') continue; // given out as rows
          const end = Math.floor(now / ms) * ms;
          for (const series of [0, 1]) {
            const own = samples.filter((one) => one.series === series && one.time >= end - ms && one.time < end);
            // A series that is ahead of the window by two lengths has forgotten it; here none is.
            expectClose(read(windows, series, name, now, 'finished'), own);
          }
        }
      }),
    );
  });

  it('estimates the rolling window of a steady series', () => {
    const windows = createWindows();
    windows.grow(1);
    const samples = Array.from({ length: 7200 }, (_, i) => ({
      series: 0,
      time: START + i * 1000,
      value: 50 + (i % 10),
    }));
    feed(windows, samples);
    const now = samples.at(-1)!.time + 1000;
    for (const { name, ms } of WINDOW_SPECS) {
      const got = read(windows, 0, name, now - 500, 'rolling');
      expect(Math.abs(got.count - ms / 1000) / (ms / 1000)).toBeLessThan(0.11);
      expect(got.mean).toBeCloseTo(54.5, 0);
      expect(got.last).toBe(59);
    }
    expect(read(windows, 0, '1m', now + 300_000, 'rolling').count).toBe(0);
  });

  it('folds late samples as if they had come in time, except into what was given out', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(119), { maxLength: 10 }), (samples, picks) => {
        const own = samples.filter((one) => one.series === 0);
        const heldBack = new Set(picks.map((pick) => own[pick % Math.max(1, own.length)]).slice(0, own.length - 1));
        heldBack.delete(own.at(-1));
        heldBack.delete(own[0]);
        const windows = createWindows();
        windows.grow(2);
        feed(
          windows,
          own.filter((one) => !heldBack.has(one)),
        );
        for (const late of heldBack) if (late !== undefined) windows.observeLate(batchOf([late]));
        const now = own.at(-1)?.time ?? START;
        for (const { name, ms } of WINDOW_SPECS) {
          if (name === '10s') continue;
          const end = Math.floor(now / ms) * ms;
          expectClose(
            read(windows, 0, name, now, 'finished'),
            own.filter((one) => one.time >= end - ms && one.time < end),
          );
        }
      }),
    );
  });

  it('keeps its precision for a small ripple on a large level, through a change of level', () => {
    const windows = createWindows();
    windows.grow(1);
    const samples = Array.from({ length: 4 * 3600 }, (_, i) => ({
      series: 0,
      time: START + i * 1000,
      value: (i < 60 ? 0 : 1e9) + (i % 2),
    }));
    feed(windows, samples);
    const got = read(windows, 0, '1m', samples.at(-1)!.time, 'finished');
    expect(got.variance).toBeCloseTo(0.25, 5);
    expect(got.mean).toBeCloseTo(1e9 + 0.5, 3);
  });

  it('goes on after restore as if nothing had happened', () => {
    fc.assert(
      fc.property(stream, stream, (before, after) => {
        const windows = createWindows();
        windows.grow(2);
        feed(windows, before);
        const restored = createWindows();
        restored.restore(windows.save());
        const later = after.map((one) => ({ ...one, time: one.time + 700_000_000 }));
        feed(windows, later);
        feed(restored, later);
        expect(close(restored, START * 2)).toEqual(close(windows, START * 2));
        expect(restored.save()).toEqual(windows.save());
      }),
    );
  });

  it('leaves out what is not finite, forgets on reset', () => {
    const windows = createWindows();
    windows.grow(2);
    feed(windows, [{ series: 0, time: START, value: Number.NaN }]);
    expect(windows.dropped).toBe(1);
    feed(windows, [{ series: 1, time: START, value: 5 }]);
    windows.reset(1);
    feed(windows, [{ series: 1, time: START + 10_000, value: 6 }]);
    expect(close(windows, START + 60_000)).toHaveLength(1);
  });

  it('goes on with any number of series in and out of order, as one at a time', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2999), fc.nat(3)), { minLength: 1, maxLength: 40 }), (steps) => {
        const together = createWindows();
        const apart = createWindows();
        const both = [together, apart];
        for (const windows of both) windows.grow(16);
        apart.grow(9000);
        let time = START;
        const rows: [Row[], Row[]] = [[], []];
        for (const [from, every] of steps) {
          time += 7000;
          const series = Array.from({ length: 1 + (from % 40) }, (_, k) => (from + k * (every + 1)) % 3000);
          const samples = series.map((one) => ({ series: one, time, value: (one * 7 + time / 1000) % 13 }));
          together.grow(3000);
          const zero = new Float32Array(samples.length);
          together.observe(batchOf(samples), zero, zero, zero, zero);
          const none = new Float32Array(1);
          for (const sample of samples) apart.observe(batchOf([sample]), none, none, none, none);
          if (every === 0) for (const i of [0, 1]) rows[i]!.push(...close(both[i]!, time));
        }
        for (const i of [0, 1]) rows[i]!.push(...close(both[i]!, START * 2));
        expect(rows[0]).toEqual(rows[1]);
      }),
      { numRuns: 30 },
    );
  });

  it('has the kernel that its source compiles to', async () => {
    expect(await compileKernel('windows')).toContain(WINDOWS_WASM);
  });
});
