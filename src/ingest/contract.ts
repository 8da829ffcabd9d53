import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TocsinError } from '../domain/error.ts';
import type { IntakeResult, SignalSink } from '../domain/ports.ts';
import type { SeriesInfo } from '../domain/signal/series.ts';
import type { ShardSeriesTable } from './series/series-table.ts';

/**
 * Turns one inflated body into columns. One instance a shard and signal; batches are reused between calls.
 *
 * Contract: a body that is not what its format says throws TocsinError `bad_payload` naming the byte offset, before anything
 * of it reaches the sink or the series table; a single bad item is left out and counted; batches hold at most 2048 items.
 */
export interface PayloadDecoder {
  decode(body: Uint8Array, tenant: string, sink: SignalSink): IntakeResult;
}

/** What came out of a decoder, copied, in words. */
export interface Collected {
  readonly points: { series: SeriesInfo; row: number; time: number; value: number }[];
  readonly histograms: {
    series: SeriesInfo;
    time: number;
    start: number;
    total: number;
    sum: number;
    buckets: number[][];
  }[];
  readonly logs: { service: string; instance: string; time: number; severity: number; body: string; trace: string }[];
  readonly spans: Record<string, string | number>[];
  readonly stale: { series: SeriesInfo; time: number }[];
  readonly deploys: { service: string; from: string; to: string; at: number }[];
  result: IntakeResult;
}

export function collect(
  decoder: PayloadDecoder,
  table: ShardSeriesTable,
  body: Uint8Array,
  tenant = 'default',
): Collected {
  const out: Collected = {
    points: [],
    histograms: [],
    logs: [],
    spans: [],
    stale: [],
    deploys: [],
    result: { accepted: 0, rejected: 0, message: '' },
  };
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const text = (buffer: Uint8Array, start: number, end: number): string =>
    Buffer.from(buffer.subarray(start, end)).toString('utf8');
  out.result = decoder.decode(body, tenant, {
    points(batch) {
      expect(batch.length).toBeLessThanOrEqual(2048);
      for (let i = 0; i < batch.length; i++) {
        const row = batch.series[i]!;
        out.points.push({ series: table.describe(row), row, time: batch.time[i]!, value: batch.value[i]! });
      }
    },
    histograms(batch) {
      for (let i = 0; i < batch.length; i++) {
        const buckets: number[][] = [];
        for (let k = batch.bucketStart[i]!; k < batch.bucketStart[i + 1]!; k++) {
          buckets.push([batch.lower[k]!, batch.upper[k]!, batch.count[k]!]);
        }
        out.histograms.push({
          series: table.describe(batch.series[i]!),
          time: batch.time[i]!,
          start: batch.startTime[i]!,
          total: batch.total[i]!,
          sum: batch.sum[i]!,
          buckets,
        });
      }
    },
    logs(batch) {
      for (let i = 0; i < batch.length; i++) {
        out.logs.push({
          service: table.describeService(batch.service[i]!).service,
          instance: table.instanceName(batch.instance[i]!),
          time: batch.time[i]!,
          severity: batch.severity[i]!,
          body: text(batch.buffer, batch.bodyStart[i]!, batch.bodyEnd[i]!),
          trace: hex(batch.traceIds.subarray(i * 16, i * 16 + 16)),
        });
      }
    },
    spans(batch) {
      for (let i = 0; i < batch.length; i++) {
        out.spans.push({
          service: table.describeService(batch.service[i]!).service,
          instance: table.instanceName(batch.instance[i]!),
          start: batch.start[i]!,
          end: batch.end[i]!,
          kind: batch.kind[i]!,
          error: batch.error[i]!,
          name: text(batch.buffer, batch.nameStart[i]!, batch.nameEnd[i]!),
          trace: hex(batch.traceIds.subarray(i * 16, i * 16 + 16)),
          span: hex(batch.spanIds.subarray(i * 8, i * 8 + 8)),
          parent: hex(batch.parentIds.subarray(i * 8, i * 8 + 8)),
        });
      }
    },
    deploy: (marker) => out.deploys.push({ ...marker }),
    stale: (series, time) => out.stale.push({ series: table.describe(series), time }),
  });
  return out;
}

export interface DecoderSubject {
  readonly name: string;
  make(): { decoder: PayloadDecoder; table: ShardSeriesTable };
  /** Good bodies; the contract mutilates them. */
  readonly bodies: readonly Uint8Array[];
}

/** What every decoder must stand: registered decoders run this in their tests. */
export function checkDecoderContract(subject: DecoderSubject): void {
  const attempt = (decoder: PayloadDecoder, table: ShardSeriesTable, body: Uint8Array): void => {
    const before = [table.size, table.serviceCount()];
    let delivered = 0;
    const count = (batch: { length: number }): void => {
      delivered += batch.length;
    };
    try {
      decoder.decode(body, 'default', {
        points: count,
        histograms: count,
        logs: count,
        spans: count,
        deploy: () => void delivered++,
        stale: () => void delivered++,
      });
    } catch (error) {
      expect(error).toBeInstanceOf(TocsinError);
      expect((error as TocsinError).code).toBe('bad_payload');
      // A refused body leaves no trace.
      expect(delivered).toBe(0);
      expect([table.size, table.serviceCount()]).toEqual(before);
    }
  };

  describe(`${subject.name} keeps the decoder contract`, () => {
    test('random bytes are refused or decoded, never a crash', () => {
      const { decoder, table } = subject.make();
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (body) => attempt(decoder, table, body)),
        { numRuns: 300 },
      );
    });

    test('every truncation of a good body is refused or decoded', () => {
      for (const body of subject.bodies) {
        const { decoder, table } = subject.make();
        const step = Math.max(1, Math.floor(body.length / 400));
        for (let length = 0; length < body.length; length += step) attempt(decoder, table, body.slice(0, length));
      }
    });

    test('bit flips, forged bytes and splices are refused or decoded', () => {
      const { decoder, table } = subject.make();
      fc.assert(
        fc.property(
          fc.constantFrom(...subject.bodies),
          fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
          (body, edits) => {
            // Not slice: a Buffer's is a view of the original.
            const copy = new Uint8Array(body);
            for (const [at, byte] of edits) copy[at % copy.length]! ^= byte;
            attempt(decoder, table, copy);
          },
        ),
        { numRuns: 1500 },
      );
    });

    test('a good body still decodes after bad ones, and twice gives the same', () => {
      const { decoder, table } = subject.make();
      const body = subject.bodies[0]!;
      const first = collect(decoder, table, body);
      attempt(decoder, table, body.slice(0, body.length - 3));
      expect({ ...collect(decoder, table, body), deploys: first.deploys }).toEqual(first);
    });

    test('a body that stands inside a larger buffer decodes alike', () => {
      const one = subject.make();
      const two = subject.make();
      const body = subject.bodies[0]!;
      const wide = new Uint8Array(body.length + 24).fill(255);
      wide.set(body, 13);
      expect(collect(two.decoder, two.table, wide.subarray(13, 13 + body.length))).toEqual(
        collect(one.decoder, one.table, body),
      );
    });
  });
}
