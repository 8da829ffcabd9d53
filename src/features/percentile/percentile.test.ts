import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHistogramBatch, type HistogramBatch } from '../../domain/signal/batch.ts';
import { SERIES_KIND, type SeriesTable } from '../../domain/signal/series.ts';
import { HISTOGRAM_FEATURES } from '../spec.ts';
import { bucketQuantile, createBuckets } from './buckets.ts';
import { createPercentile, type Percentile } from './percentile.ts';

interface Histogram {
  readonly series?: number;
  readonly time: number;
  readonly start?: number;
  readonly sum?: number;
  /** Upper bound and population, ascending; the lower bound is the one before. */
  readonly buckets: readonly (readonly [upper: number, count: number])[];
}

function batchOf(list: readonly Histogram[]): HistogramBatch {
  const batch = createHistogramBatch(list.length, 1000);
  batch.length = list.length;
  let pool = 0;
  list.forEach((histogram, i) => {
    batch.series[i] = histogram.series ?? 0;
    batch.time[i] = histogram.time;
    batch.startTime[i] = histogram.start ?? 0;
    batch.sum[i] = histogram.sum ?? Number.NaN;
    batch.total[i] = histogram.buckets.reduce((sum, [, count]) => sum + count, 0);
    batch.bucketStart[i] = pool;
    let lower = Number.NEGATIVE_INFINITY;
    for (const [upper, count] of histogram.buckets) {
      // Decoders give non-empty buckets only.
      if (count !== 0) {
        batch.lower[pool] = lower;
        batch.upper[pool] = upper;
        batch.count[pool++] = count;
      }
      lower = upper;
    }
    batch.bucketStart[i + 1] = pool;
  });
  return batch;
}

/** Series 0 cumulative, 1 delta; computed series are numbered from 10 by name. */
function fakeTable(): SeriesTable & { readonly made: string[] } {
  const made: string[] = [];
  const missing = (): never => {
    throw new Error('not part of this fake');
  };
  return {
    made,
    size: 20,
    service: new Int32Array(20),
    kind: Uint8Array.of(SERIES_KIND.histogram, SERIES_KIND.deltaHistogram),
    modality: new Uint8Array(20),
    live: new Uint8Array(20).fill(1),
    describe: (s) => ({
      id: 'x',
      tenant: 't',
      service: 's',
      metric: `latency${s}`,
      unit: 'ms',
      kind: SERIES_KIND.histogram,
      modality: 'metric',
      labels: { route: '/' },
      instance: '',
    }),
    derive: missing,
    deriveFrom(parent, metric, unit) {
      const name = `${metric} ${parent} ${unit}`;
      if (!made.includes(name)) made.push(name);
      return 10 + made.indexOf(name);
    },
    serviceCount: () => 1,
    describeService: missing,
    instance: new Int32Array(0),
    instanceName: missing,
    ensureService: missing,
  };
}

function fresh(): Percentile {
  const percentile = createPercentile();
  percentile.grow(2);
  return percentile;
}

function apply(
  percentile: Percentile,
  table: ReturnType<typeof fakeTable>,
  list: readonly Histogram[],
): Record<string, number> {
  const points = percentile.apply(batchOf(list), table);
  return Object.fromEntries(
    Array.from({ length: points.length }, (_, i) => [
      table.made[points.series[i]! - 10]!.split(' ')[0],
      points.value[i]!,
    ]),
  );
}

const BOUNDS = [1, 5, 25, 100, Number.POSITIVE_INFINITY];
const counts = fc.array(fc.nat(50), { minLength: 5, maxLength: 5 });
const zip = (list: readonly number[]): [number, number][] => list.map((count, i) => [BOUNDS[i]!, count]);

describe('createPercentile', () => {
  it('makes of cumulative samples what delta samples of the same observations give', () => {
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1, maxLength: 10 }), (intervals) => {
        const percentile = fresh();
        const table = fakeTable();
        let time = 10_000;
        const total = [0, 0, 0, 0, 0];
        apply(percentile, table, [{ time, buckets: zip(total), sum: 0 }]);
        apply(percentile, table, [{ series: 1, time, buckets: zip(total), sum: 0 }]);
        let sum = 0;
        for (const interval of intervals) {
          time += 10_000;
          for (const [i, count] of interval.entries()) total[i]! += count;
          sum += interval[0]!;
          const cumulative = apply(percentile, table, [{ time, buckets: zip(total), sum }]);
          const delta = apply(percentile, table, [{ series: 1, time, buckets: zip(interval), sum: interval[0]! }]);
          for (const [name, value] of Object.entries(delta)) {
            expect(cumulative[name.replace('1', '0')]).toBeCloseTo(value, 9);
          }
          expect(Object.keys(cumulative)).toHaveLength(Object.keys(delta).length);
        }
      }),
    );
  });

  it('names and measures what the catalogue says', () => {
    const percentile = fresh();
    const table = fakeTable();
    apply(percentile, table, [{ time: 10_000, buckets: [[10, 0]], sum: 0 }]);
    const got = apply(percentile, table, [{ time: 20_000, buckets: [[10, 100]], sum: 700 }]);
    expect(got).toEqual({ 'latency0.rate': 10, 'latency0.p50': 5, 'latency0.p99': 9.9, 'latency0.mean': 7 });
    expect(table.made).toEqual(['latency0.rate 0 1/s', 'latency0.p50 0 ms', 'latency0.p99 0 ms', 'latency0.mean 0 ms']);
    expect(Object.keys(got).map((name) => name.replace('latency0', '{metric}'))).toEqual(
      HISTOGRAM_FEATURES.map((f) => f.metric),
    );
  });

  it('sees restarts by a falling count or a new start, and survives another layout', () => {
    const percentile = fresh();
    const table = fakeTable();
    apply(percentile, table, [
      {
        time: 10_000,
        start: 1,
        buckets: [
          [1, 100],
          [2, 50],
        ],
      },
    ]);
    expect(apply(percentile, table, [{ time: 20_000, start: 1, buckets: [[1, 10]] }])['latency0.rate']).toBe(1);
    expect(apply(percentile, table, [{ time: 30_000, start: 25_000, buckets: [[1, 20]] }])['latency0.rate']).toBe(2);
    expect(percentile.counters.resets).toBe(2);
    // An exponential histogram halves its resolution: old buckets count for the wider ones that hold them.
    apply(percentile, table, [
      {
        time: 40_000,
        start: 25_000,
        buckets: [
          [1, 20],
          [2, 8],
          [4, 8],
        ],
      },
    ]);
    const wide = apply(percentile, table, [
      {
        time: 50_000,
        start: 25_000,
        buckets: [
          [1, 20],
          [4, 26],
        ],
      },
    ]);
    expect(wide['latency0.rate']).toBe(1);
    expect(wide['latency0.p50']).toBeCloseTo(2.5, 9);
  });

  it('gives a rate of zero and nothing else for an interval without observations', () => {
    const percentile = fresh();
    const table = fakeTable();
    const same = { buckets: [[1, 100]] as const, sum: 5 };
    apply(percentile, table, [{ time: 10_000, ...same }]);
    expect(apply(percentile, table, [{ time: 20_000, ...same }])).toEqual({ 'latency0.rate': 0 });
  });

  it('leaves out what is late, repeated or malformed', () => {
    const percentile = fresh();
    const table = fakeTable();
    apply(percentile, table, [{ time: 10_000, buckets: [[1, 1]] }]);
    expect(apply(percentile, table, [{ time: 10_000, buckets: [[1, 9]] }])).toEqual({});
    expect(apply(percentile, table, [{ time: 20_000, buckets: [[1, -9]] }])).toEqual({});
    expect(
      apply(percentile, table, [
        {
          time: 20_000,
          buckets: [
            [2, 1],
            [1, 1],
          ],
        },
      ]),
    ).toEqual({});
    expect(percentile.counters).toEqual({ resets: 0, late: 1, malformed: 2 });
  });

  it('asks again for a computed series that was evicted, and does without one that is refused', () => {
    const percentile = fresh();
    const table = fakeTable();
    const at = (time: number): Histogram => ({ time, buckets: [[1, time / 1000]] });
    apply(percentile, table, [at(10_000)]);
    expect(Object.keys(apply(percentile, table, [at(20_000)]))).toHaveLength(3);
    table.live[10] = 0;
    let asked = 0;
    const refusing = {
      ...table,
      deriveFrom: () => {
        asked++;
        return -1;
      },
    };
    expect(percentile.apply(batchOf([at(30_000)]), refusing).length).toBe(2);
    expect(asked).toBe(1);
    table.live[10] = 1;
    expect(Object.keys(apply(percentile, table, [at(40_000)]))).toHaveLength(3);
  });

  it('goes on after restore as if nothing had happened', () => {
    const percentile = fresh();
    const table = fakeTable();
    const bucketsAt = (k: number): [number, number][] => Array.from({ length: 20 }, (_, i) => [i + 1, k * (i + 1)]);
    apply(percentile, table, [{ time: 10_000, buckets: bucketsAt(1) }]);
    apply(percentile, table, [{ time: 20_000, buckets: bucketsAt(2) }]);
    const restored = createPercentile();
    restored.restore(percentile.save());
    const next = [{ time: 30_000, buckets: bucketsAt(5) }];
    expect(apply(restored, table, next)).toEqual(apply(percentile, table, next));
    expect(restored.save()).toEqual(percentile.save());
  });
});

describe('bucketQuantile', () => {
  it('stays within the bucket that holds the rank', () => {
    fc.assert(
      fc.property(counts, fc.double({ min: 0, max: 1, noNaN: true }), (list, q) => {
        const buckets = createBuckets(5);
        buckets.length = 5;
        list.forEach((count, i) => {
          buckets.lower[i] = i === 0 ? Number.NEGATIVE_INFINITY : BOUNDS[i - 1]!;
          buckets.upper[i] = BOUNDS[i]!;
          buckets.count[i] = count;
          buckets.total += count;
        });
        const got = bucketQuantile(buckets, q);
        if (buckets.total === 0) {
          expect(got).toBeNaN();
          return;
        }
        // Slow twin: every observation in a list, by its bucket.
        const all = list.flatMap((count, i) => new Array<number>(count).fill(i));
        const bucket = all[Math.max(0, Math.ceil(q * all.length) - 1)]!;
        expect(got).toBeGreaterThanOrEqual(bucket === 0 ? 0 : BOUNDS[bucket - 1]! - 1e-9);
        expect(got).toBeLessThanOrEqual(BOUNDS[bucket]! + 1e-9);
      }),
    );
  });

  it('finds the exact quantile of exponential buckets within their resolution', () => {
    const base = 2 ** (1 / 8);
    const buckets = createBuckets(80);
    buckets.length = 80;
    for (let i = 0; i < 80; i++) {
      buckets.lower[i] = base ** i;
      buckets.upper[i] = base ** (i + 1);
      buckets.count[i] = 1;
    }
    buckets.total = 80;
    expect(bucketQuantile(buckets, 0.5)).toBeCloseTo(base ** 40, 6);
  });
});
