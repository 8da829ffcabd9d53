import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TocsinError } from '../../domain/error.ts';
import { SERIES_KIND } from '../../domain/signal/series.ts';
import { ShardSeriesTable } from '../series/series-table.ts';
import { RemoteWriteDecoder } from './remote-write.ts';
import { RecordingSink } from './testing/recording-sink.ts';
import { encodeV1, encodeV2, type HistogramMessage, patchStale, type SeriesMessage } from './testing/schema.ts';

const STALE = 123456.78912;
const T = 1_700_000_000_000;

function setUp(options: { maxSeriesPerTenant?: number } = {}) {
  const table = new ShardSeriesTable(options);
  const decoder = new RemoteWriteDecoder(table);
  const sink = new RecordingSink();
  const run = (version: 1 | 2, series: readonly SeriesMessage[], tenant = 'default') =>
    version === 1
      ? decoder.decodeV1(patchStale(encodeV1(series), STALE), tenant, sink)
      : decoder.decodeV2(patchStale(encodeV2(series), STALE), tenant, sink);
  return { table, decoder, sink, run };
}

const named = (name: string, labels: Record<string, string> = {}) => ({ __name__: name, ...labels });
const one = (value = 1, timestamp = T) => [{ value, timestamp }];

for (const version of [1, 2] as const) {
  describe(`remote write ${version}.0`, () => {
    it('gives every sample to its series, in order', () => {
      const labels = fc.dictionary(
        fc.constantFrom('a', 'b', 'path', 'code'),
        fc.string({ minLength: 1, maxLength: 8 }),
        {
          maxKeys: 4,
        },
      );
      const samples = fc.array(
        fc.record({
          value: fc.double({ noNaN: true, noDefaultInfinity: true }),
          timestamp: fc.integer({ min: 1, max: 2 ** 45 }),
        }),
        { minLength: 1, maxLength: 4 },
      );
      const series = fc.record({ name: fc.constantFrom('up', 'x_total', 'y'), labels, samples });
      fc.assert(
        fc.property(fc.array(series, { maxLength: 30 }), (list) => {
          const { run, sink, table } = setUp();
          const messages = list.map((s) => ({
            labels: named(s.name, { job: 'web', ...s.labels }),
            samples: s.samples,
          }));
          const total = list.reduce((sum, s) => sum + s.samples.length, 0);
          for (let round = 0; round < 2; round++) {
            sink.points_.length = 0;
            expect(run(version, messages)).toMatchObject({
              accepted: total,
              rejected: 0,
              written: { samples: total, histograms: 0, exemplars: 0 },
            });
            const got = sink.points_.map(({ series: index, time, value }) => {
              const info = table.describe(index);
              return [info.metric, info.service, { ...info.labels }, time, value === 0 ? 0 : value];
            });
            const expected = list.flatMap((s) =>
              s.samples.map(({ timestamp, value }) => [s.name, 'web', s.labels, timestamp, value === 0 ? 0 : value]),
            );
            expect(got).toEqual(expected);
          }
        }),
        { numRuns: 60 },
      );
    });

    it('keeps one series for the same labels in any order, and apart by tenant', () => {
      const { run, sink } = setUp();
      run(version, [{ labels: { __name__: 'm', job: 'j', a: '1', b: '2' }, samples: one() }]);
      run(version, [{ labels: { b: '2', a: '1', job: 'j', __name__: 'm' }, samples: one(2, T + 1) }]);
      run(version, [{ labels: { __name__: 'm', job: 'j', a: '1', b: '2' }, samples: one(3, T + 2) }], 'other');
      const [first, second, third] = sink.points_.map((point) => point.series);
      expect(second).toBe(first);
      expect(third).not.toBe(first);
    });

    it('names the service and the instance', () => {
      const { run, sink, table } = setUp();
      run(version, [
        { labels: named('up', { job: 'api', instance: 'host-1:9090' }), samples: one() },
        { labels: named('up', { job: 'collector', service_name: 'cart', service_namespace: 'shop' }), samples: one() },
        { labels: named('up', { job: 'shop/cart', pod: 'cart-1' }), samples: one() },
        { labels: named('up', { k8s_deployment_name: 'pay', job: 'kubelet' }), samples: one() },
        { labels: named('up'), samples: one() },
      ]);
      expect(
        sink.points_.map((point) => table.describe(point.series)).map((i) => [i.service, i.instance, i.labels]),
      ).toEqual([
        ['api', 'host-1:9090', {}],
        ['shop/cart', '', { job: 'collector' }],
        ['shop/cart', 'cart-1', {}],
        ['pay', '', { job: 'kubelet' }],
        ['unknown_service', '', {}],
      ]);
    });

    it('hands on stale markers of series that it knows, after the samples', () => {
      const { run, sink } = setUp();
      const labels = named('m', { job: 'j' });
      expect(run(version, [{ labels, samples: one(STALE) }])).toMatchObject({ accepted: 1, rejected: 0 });
      expect(sink.stale_).toEqual([]);
      run(version, [{ labels, samples: one(5) }]);
      run(version, [
        {
          labels,
          samples: [
            { value: 6, timestamp: T + 1 },
            { value: STALE, timestamp: T + 2 },
          ],
        },
      ]);
      const { series } = sink.points_[0]!;
      expect(sink.points_.map((point) => point.value)).toEqual([5, 6]);
      expect(sink.stale_).toEqual([{ series, at: T + 2 }]);
      const empty = { countInt: 0, sum: STALE, timestamp: T + 3 };
      run(version, [{ labels, histograms: [{ countInt: 1, sum: 1, timestamp: T }] }]);
      run(version, [{ labels, histograms: [empty] }]);
      expect(sink.stale_[1]).toEqual({ series: sink.histograms_[0]!.series, at: T + 3 });
      expect(sink.histograms_).toHaveLength(1);
    });

    it('takes NaN and infinity as no point and no fault', () => {
      const { run, sink } = setUp();
      const labels = named('m', { job: 'j' });
      const result = run(version, [
        { labels, samples: [...one(Number.NaN), ...one(Infinity, T + 1), ...one(3, T + 2)] },
      ]);
      expect(result).toMatchObject({ accepted: 3, rejected: 0, written: { samples: 3 } });
      expect(sink.points_.map((point) => point.value)).toEqual([3]);
    });

    it('leaves bad series out and keeps the rest', () => {
      const { run, sink } = setUp();
      const result = run(version, [
        { labels: { job: 'j' }, samples: [...one(1), ...one(2, T + 1)] },
        { labels: named('good', { job: 'j' }), samples: one(3), exemplars: 2 },
        { labels: named('timeless', { job: 'j' }), samples: one(4, 0) },
      ]);
      expect(result).toMatchObject({ accepted: 1, rejected: 3, written: { samples: 1, histograms: 0, exemplars: 2 } });
      expect(result.message).not.toBe('');
      expect(sink.points_.map((point) => point.value)).toEqual([3]);
    });

    it('counts what the limit of series refuses', () => {
      const { run } = setUp({ maxSeriesPerTenant: 2 });
      const series = Array.from({ length: 5 }, (_, i) => ({
        labels: named('m', { job: 'j', i: String(i) }),
        samples: one(),
      }));
      expect(run(version, series)).toMatchObject({
        accepted: 2,
        rejected: 3,
        message: 'the limit of series is reached',
      });
      expect(run(version, series)).toMatchObject({ accepted: 2, rejected: 3 });
    });

    it('unfolds native histograms, integer and float, exponential and custom', () => {
      const { run, sink, table } = setUp();
      const integer: HistogramMessage = {
        countInt: 12,
        sum: 18.4,
        schema: 1,
        zeroThreshold: 0.001,
        zeroCountInt: 2,
        positiveSpans: [
          { offset: 0, length: 2 },
          { offset: 1, length: 2 },
        ],
        positiveDeltas: [1, 1, -1, 0],
        negativeSpans: [{ offset: 0, length: 2 }],
        negativeDeltas: [2, 1],
        timestamp: T,
      };
      const float: HistogramMessage = {
        countFloat: 3.5,
        sum: 5,
        schema: 0,
        zeroCountFloat: 0.5,
        positiveSpans: [{ offset: 2, length: 3 }],
        positiveCounts: [1, 0, 2],
        timestamp: T + 1,
        resetHint: 3,
      };
      const custom: HistogramMessage = {
        countInt: 9,
        sum: 40,
        schema: -53,
        customValues: [1, 5, 10],
        positiveSpans: [
          { offset: 0, length: 2 },
          { offset: 1, length: 1 },
        ],
        positiveDeltas: [4, -1, -1],
        timestamp: T + 2,
      };
      const result = run(version, [{ labels: named('h', { job: 'j' }), histograms: [integer, float, custom] }]);
      expect(result).toMatchObject({ accepted: 3, rejected: 0, written: { samples: 0, histograms: 3 } });
      const r = Math.SQRT2;
      const near = (buckets: readonly (readonly [number, number, number])[]) =>
        buckets.map((bucket) => bucket.map((x) => (Number.isFinite(x) ? Number(x.toFixed(9)) : x)));
      expect(near(sink.histograms_[0]!.buckets)).toEqual(
        near([
          [-r, -1, 3],
          [-1, -1 / r, 2],
          [-0.001, 0.001, 2],
          [1 / r, 1, 1],
          [1, r, 2],
          [2, 2 * r, 1],
          [2 * r, 4, 1],
        ]),
      );
      expect(sink.histograms_[0]).toMatchObject({ time: T, total: 12, sum: 18.4, startTime: 0 });
      expect(sink.histograms_[1]!.buckets).toEqual([
        [0, 0, 0.5],
        [2, 4, 1],
        [8, 16, 2],
      ]);
      expect(sink.histograms_[1]!.total).toBe(3.5);
      expect(sink.histograms_[2]!.buckets).toEqual([
        [-Infinity, 1, 4],
        [1, 5, 3],
        [10, Infinity, 2],
      ]);
      const kinds = sink.histograms_.map((h) => table.describe(h.series).kind);
      expect(kinds).toEqual([SERIES_KIND.histogram, SERIES_KIND.deltaHistogram, SERIES_KIND.histogram]);
      expect(sink.histograms_[2]!.series).toBe(sink.histograms_[0]!.series);
    });

    it('unfolds any spans as an obvious twin does', () => {
      const spans = fc.array(fc.record({ offset: fc.nat(5), length: fc.integer({ min: 1, max: 4 }) }), {
        maxLength: 5,
      });
      fc.assert(
        fc.property(
          spans,
          fc.integer({ min: -10, max: 10 }),
          fc.integer({ min: -4, max: 8 }),
          fc.infiniteStream(fc.nat(9)),
          (list, shift, schema, stream) => {
            const positiveSpans = list.map((span, i) => (i === 0 ? { ...span, offset: span.offset + shift } : span));
            const counts: number[] = [];
            const expected: [number, number, number][] = [];
            let index = 0;
            for (const span of positiveSpans) {
              index += span.offset;
              for (let k = 0; k < span.length; k++, index++) {
                const count = stream.next().value as number;
                counts.push(count);
                if (count > 0) expected.push([2 ** ((index - 1) * 2 ** -schema), 2 ** (index * 2 ** -schema), count]);
              }
            }
            const positiveDeltas = counts.map((count, i) => count - (counts[i - 1] ?? 0));
            const { run, sink } = setUp();
            const countInt = counts.reduce((sum, count) => sum + count, 0);
            run(version, [
              {
                labels: named('h', { job: 'j' }),
                histograms: [{ countInt, schema, positiveSpans, positiveDeltas, timestamp: T }],
              },
            ]);
            expect(sink.histograms_[0]!.buckets).toEqual(expected);
            expect(sink.histograms_[0]!.total).toBe(countInt);
          },
        ),
        { numRuns: 60 },
      );
    });

    it('leaves impossible histograms out', () => {
      const { run, sink } = setUp();
      const bad: HistogramMessage[] = [
        { positiveSpans: [{ offset: 0, length: 3 }], positiveDeltas: [1] },
        { positiveSpans: [{ offset: 0, length: 1 }], positiveDeltas: [1, 2] },
        { positiveSpans: [{ offset: 0, length: 1 }], positiveDeltas: [-1] },
        { positiveSpans: [{ offset: 0, length: 4_000_000_000 }], positiveDeltas: [1] },
        { schema: -53, customValues: [2, 1], positiveSpans: [{ offset: 0, length: 1 }], positiveDeltas: [1] },
        { schema: -53, customValues: [1], positiveSpans: [{ offset: 2, length: 1 }], positiveDeltas: [1] },
        { schema: 200 },
        { schema: -4, positiveSpans: [{ offset: 2_000_000_000, length: 1 }], positiveDeltas: [1] },
      ];
      const histograms = bad.map((h) => ({ countInt: 1, timestamp: T, ...h }));
      const good = {
        countInt: 1,
        sum: 1,
        timestamp: T,
        positiveSpans: [{ offset: 1, length: 1 }],
        positiveDeltas: [1],
      };
      const result = run(version, [{ labels: named('h', { job: 'j' }), histograms: [...histograms, good] }]);
      expect(result).toMatchObject({ accepted: 1, rejected: bad.length });
      expect(sink.histograms_.map((h) => h.buckets)).toEqual([[[1, 2, 1]]]);
    });

    it('survives any bytes: refuses them whole, leaving no trace, or takes them', () => {
      const body = version === 1 ? encodeV1 : encodeV2;
      const seed = body([
        { labels: named('m', { job: 'j' }), samples: one(), exemplars: 1, type: 1, unit: 's', created: T },
        {
          labels: named('h', { job: 'j' }),
          histograms: [
            {
              countInt: 1,
              timestamp: T,
              positiveSpans: [{ offset: 1, length: 1 }],
              positiveDeltas: [1],
              customValues: [1],
            },
          ],
        },
      ]);
      const edits = fc.array(fc.tuple(fc.nat(seed.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 5 });
      const mutated = fc.tuple(edits, fc.nat(seed.length)).map(([list, cut]) => {
        const bytes = Uint8Array.from(seed);
        for (const [at, value] of list) bytes[at] = value;
        return cut % 3 === 0 ? bytes.subarray(0, cut) : bytes;
      });
      fc.assert(
        fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 100 })), (bytes) => {
          const { decoder, sink, table } = setUp();
          try {
            if (version === 1) decoder.decodeV1(bytes, 'default', sink);
            else decoder.decodeV2(bytes, 'default', sink);
          } catch (error) {
            expect(error).toBeInstanceOf(TocsinError);
            expect((error as TocsinError).code).toBe('bad_payload');
            expect([sink.points_.length, sink.histograms_.length, sink.stale_.length, table.size]).toEqual([
              0, 0, 0, 0,
            ]);
          }
        }),
        { numRuns: 800 },
      );
    });
  });
}

describe('kinds', () => {
  const kindsOf = (version: 1 | 2, series: readonly Pick<SeriesMessage, 'labels' | 'type' | 'unit'>[]) => {
    const { run, sink, table } = setUp();
    run(
      version,
      series.map((message) => ({ ...message, samples: one() })),
    );
    return sink.points_.map((point) => table.describe(point.series));
  };

  it('1.0: the suffix tells counters', () => {
    const names = ['a_total', 'a_count', 'a_sum', 'a_bucket', 'a', 'count', 'a_total_things'];
    const infos = kindsOf(
      1,
      names.map((name) => ({ labels: named(name, { job: 'j' }) })),
    );
    const { counter, gauge } = SERIES_KIND;
    expect(infos.map((info) => info.kind)).toEqual([counter, counter, counter, counter, gauge, gauge, gauge]);
  });

  it('2.0: the metadata tells, and gives the unit', () => {
    const { counter, gauge } = SERIES_KIND;
    const cases: readonly (readonly [string, number, number, Record<string, string>])[] = [
      ['requests', 1, counter, {}],
      ['odd_total', 2, gauge, {}],
      ['h_bucket', 3, counter, { le: '1' }],
      ['gh_bucket', 4, gauge, { le: '1' }],
      ['s', 5, gauge, { quantile: '0.5' }],
      ['s_sum', 5, counter, {}],
      ['target_info', 6, gauge, {}],
      ['state', 7, gauge, {}],
      ['plain_total', 0, counter, {}],
    ];
    const infos = kindsOf(
      2,
      cases.map(([name, type, , labels]) => ({ labels: named(name, { job: 'j', ...labels }), type, unit: 'seconds' })),
    );
    expect(infos.map((info) => info.kind)).toEqual(cases.map(([, , kind]) => kind));
    expect(infos.every((info) => info.unit === 'seconds')).toBe(true);
  });
});

describe('2.0 only', () => {
  it('carries created timestamps to histograms', () => {
    const { run, sink } = setUp();
    run(2, [{ labels: named('h', { job: 'j' }), histograms: [{ countInt: 0, timestamp: T }], created: T - 5000 }]);
    expect(sink.histograms_[0]!.startTime).toBe(T - 5000);
  });

  it('finds the same series whatever the symbols table looks like', () => {
    const { decoder, sink } = setUp();
    const series = { labels: named('m', { job: 'j', a: 'b' }), samples: one() };
    const other = { labels: named('other', { job: 'k', z: 'b' }), samples: one() };
    decoder.decodeV2(encodeV2([series]), 'default', sink);
    decoder.decodeV2(encodeV2([other, series]), 'default', sink);
    decoder.decodeV2(encodeV2([series], false), 'default', sink);
    const [first, , again, unpacked] = sink.points_.map((point) => point.series);
    expect([again, unpacked]).toEqual([first, first]);
  });

  it('rejects series whose references lead nowhere, keeps the others', () => {
    const { decoder, sink } = setUp();
    const good = encodeV2([{ labels: named('m', { job: 'j' }), samples: one() }]);
    // TimeSeries { labels_refs: [99, 1], samples: [{ 1, T }] } and one with an odd number of references.
    const sample = [0x12, 0x0b, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x10, 0x05];
    const lost = [0x2a, 2 + 2 + sample.length, 0x0a, 2, 99, 1, ...sample];
    const odd = [0x2a, 2 + 1 + sample.length, 0x0a, 1, 1, ...sample];
    const result = decoder.decodeV2(Uint8Array.from([...good, ...lost, ...odd]), 'default', sink);
    expect(result).toMatchObject({ accepted: 1, rejected: 2, message: 'a label that refers to no symbol' });
  });
});

describe('deploys', () => {
  it('notices a new service_version', () => {
    const { run, sink } = setUp();
    const at = (version: string, timestamp: number) =>
      run(1, [{ labels: named('target_info', { job: 'cart', service_version: version }), samples: one(1, timestamp) }]);
    at('1.0', T);
    at('1.0', T + 1000);
    at('1.1', T + 2000);
    expect(sink.deploys).toEqual([{ service: 'cart', from: '1.0', to: '1.1', at: T + 2000 }]);
    expect(new Set(sink.points_.map((point) => point.series)).size).toBe(1);
  });
});
