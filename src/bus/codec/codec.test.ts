import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TocsinError } from '../../domain/error.ts';
import {
  createHistogramBatch,
  createPointBatch,
  type HistogramBatch,
  type PointBatch,
} from '../../domain/signal/batch.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { decodeHistograms, encodeHistograms, makeRoom } from './histograms.ts';
import { decodePoints, encodePoints } from './points.ts';

const series = fc.oneof(fc.integer({ min: 0, max: 0x7fffffff }), fc.integer({ min: 0, max: 12 }));
const double = fc.double();
const time = fc.oneof(fc.constantFrom(0, -0, 1_700_000_000_000, 1_700_000_000_000.25), double);
const point = fc.record({ series, time, value: double });
const bucket = fc.tuple(double, double, fc.oneof(fc.nat(), double, fc.constantFrom(-0, 2 ** 53 - 1, 2 ** 53)));
const layouts = fc.array(bucket, { maxLength: 6 });
const histogram = fc.record({
  series,
  time,
  startTime: time,
  total: double,
  sum: double,
  buckets: layouts,
  repeat: fc.boolean(),
});

function pointBatch(points: readonly { series: number; time: number; value: number }[]): PointBatch {
  const batch = createPointBatch(points.length + 3);
  points.forEach((p, i) => {
    batch.series[i] = p.series;
    batch.time[i] = p.time;
    batch.value[i] = p.value;
  });
  batch.length = points.length;
  return batch;
}

const rowsOf = (batch: PointBatch): unknown[] =>
  Array.from({ length: batch.length }, (_, i) => [batch.series[i], batch.time[i], batch.value[i]]);

type Histogram = typeof histogram extends fc.Arbitrary<infer T> ? T : never;

function histogramBatch(samples: readonly Histogram[]): HistogramBatch {
  const batch = createHistogramBatch(samples.length + 1, 1);
  let before: Histogram['buckets'] = [];
  let at = 0;
  samples.forEach((sample, i) => {
    // Bounds as in the sample before, with populations of its own: the case that the format makes short.
    const buckets = sample.repeat
      ? before.map(([lower, upper]): [number, number, number] => [lower, upper, i])
      : sample.buckets;
    before = buckets;
    batch.series[i] = sample.series;
    batch.time[i] = sample.time;
    batch.startTime[i] = sample.startTime;
    batch.total[i] = sample.total;
    batch.sum[i] = sample.sum;
    batch.bucketStart[i] = at;
    makeRoom(batch, at + buckets.length);
    for (const [lower, upper, count] of buckets) {
      batch.lower[at] = lower;
      batch.upper[at] = upper;
      batch.count[at++] = count;
    }
    batch.bucketStart[i + 1] = at;
  });
  batch.length = samples.length;
  return batch;
}

const samplesOf = (batch: HistogramBatch): unknown[] =>
  Array.from({ length: batch.length }, (_, i) => {
    const [from, to] = [batch.bucketStart[i]!, batch.bucketStart[i + 1]!];
    const head = [batch.series[i], batch.time[i], batch.startTime[i], batch.total[i], batch.sum[i]];
    return [
      ...head,
      Array.from(batch.lower.subarray(from, to)),
      Array.from(batch.upper.subarray(from, to)),
      Array.from(batch.count.subarray(from, to)),
    ];
  });

function encoded(write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter();
  write(out);
  return out.written().slice();
}

describe('columns on the wire', () => {
  test('any points come back as they were, bit by bit', () => {
    fc.assert(
      fc.property(fc.array(point, { maxLength: 40 }), (points) => {
        const batch = pointBatch(points);
        const from = new ByteReader(encoded((out) => encodePoints(out, batch)));
        expect(rowsOf(decodePoints(from, createPointBatch(2)))).toEqual(rowsOf(batch));
        expect(from.left).toBe(0);
      }),
    );
  });

  test('any histograms come back as they were, bit by bit', () => {
    fc.assert(
      fc.property(fc.array(histogram, { maxLength: 12 }), (samples) => {
        const batch = histogramBatch(samples);
        const from = new ByteReader(encoded((out) => encodeHistograms(out, batch)));
        expect(samplesOf(decodeHistograms(from, createHistogramBatch(1, 1)))).toEqual(samplesOf(batch));
        expect(from.left).toBe(0);
      }),
    );
  });

  test('numbers come back as they were', () => {
    fc.assert(
      fc.property(
        fc.maxSafeInteger().map((n) => Math.trunc(n / 2)),
        fc.maxSafeNat(),
        (a, b) => {
          const from = new ByteReader(
            encoded((out) => {
              out.signed(a);
              out.varint(b);
            }),
          );
          expect([from.signed(), from.varint()]).toEqual([a + 0, b]);
        },
      ),
    );
  });

  test('a thousand points of a steady exporter take little more than their values', () => {
    const batch = pointBatch(
      Array.from({ length: 1000 }, (_, i) => ({ series: 5000 + i, time: 1_700_000_000_000, value: i / 3 })),
    );
    expect(encoded((out) => encodePoints(out, batch)).length).toBeLessThan(8 * 1000 + 32);
  });

  test('damaged or cut bytes are refused or read as something, never past the end and never slowly', () => {
    const good = [
      encoded((out) =>
        encodePoints(
          out,
          pointBatch([
            { series: 3, time: 1, value: 2 },
            { series: 4, time: 1, value: 3 },
          ]),
        ),
      ),
      encoded((out) =>
        encodeHistograms(
          out,
          histogramBatch([{ series: 1, time: 1, startTime: 0, total: 3, sum: 1, buckets: [[0, 1, 3]], repeat: false }]),
        ),
      ),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...good),
        fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }),
        fc.nat(200),
        (bytes, changes, keep) => {
          const damaged = bytes.slice(0, keep);
          for (const [at, value] of changes) if (at < damaged.length) damaged[at] = value;
          for (const decode of [
            (from: ByteReader) => decodePoints(from, createPointBatch(0)),
            (from: ByteReader) => decodeHistograms(from, createHistogramBatch(0, 0)),
          ]) {
            try {
              const batch = decode(new ByteReader(damaged));
              expect(batch.length).toBeLessThanOrEqual(damaged.length);
            } catch (error) {
              expect(error).toBeInstanceOf(TocsinError);
            }
          }
        },
      ),
    );
  });

  test('every cut of a good encoding is refused', () => {
    const whole = encoded((out) =>
      encodePoints(
        out,
        pointBatch([
          { series: 3, time: 1, value: 2 },
          { series: 9, time: 2, value: 3 },
        ]),
      ),
    );
    for (let keep = 0; keep < whole.length; keep++) {
      expect(() => decodePoints(new ByteReader(whole.subarray(0, keep)), createPointBatch(4))).toThrow(TocsinError);
    }
  });
});
