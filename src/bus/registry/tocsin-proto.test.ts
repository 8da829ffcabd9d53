import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { createWindowRows, type TickReport } from '../../domain/signal/history.ts';
import { encodeReport } from '../codec/report-record.ts';
import { encodeSignal } from '../codec/signal-record.ts';
import { TOCSIN_PROTO } from './tocsin-proto.ts';

/** A library that knows nothing of our codec reads our records by the registered schema. */
const root = protobuf.parse(TOCSIN_PROTO, { keepCase: true }).root;

describe('records are messages of the registered schema', () => {
  test('signals', () => {
    const type = root.lookupType('tocsin.v1.Signals');
    const bytes = encodeSignal({
      kind: 'columns',
      gateway: 'g-1',
      wallNow: 1_700_000_000_123.5,
      watermark: 1_700_000_000_000,
      tenant: 'acmé',
      signal: 'traces',
      format: 'remote-write-2',
      body: Uint8Array.of(1, 2, 3),
      numbers: Uint8Array.of(4),
      columns: Uint8Array.of(5, 6),
    });
    expect(type.toObject(type.decode(bytes), { bytes: Array, enums: String })).toEqual({
      kind: 'COLUMNS',
      gateway: 'g-1',
      wall_ms: 1_700_000_000_123.5,
      watermark_ms: 1_700_000_000_000,
      tenant: 'acmé',
      signal: 2,
      format: 3,
      body: [1, 2, 3],
      numbers: [4],
      columns: [5, 6],
    });
  });

  test('reports', () => {
    const windows = createWindowRows(4);
    windows.length = 2;
    windows.start.set([10, 20]);
    windows.series.set([7, 9]);
    windows.mean.set([1.5, Number.NaN]);
    windows.surprise.set([0.25, 3]);
    const report: TickReport = {
      shard: 3,
      sequence: 41,
      at: 1_700_000_000_000,
      provisional: true,
      services: [],
      edges: [],
      deploys: [{ service: 'a', from: '1', to: '2', at: 5 }],
      templates: [],
      traces: [],
      decisions: [],
      newSeries: [],
      windows,
    };
    const type = root.lookupType('tocsin.v1.Report');
    const read = type.toObject(type.decode(encodeReport(report)), { longs: Number, bytes: Array }) as {
      shard: number;
      sequence: number;
      at_ms: number;
      provisional: boolean;
      detail: number[];
      windows: { length: number; start: number[]; mean: number[]; series: number[] };
    };
    expect(read).toMatchObject({ shard: 3, sequence: 41, at_ms: report.at, provisional: true });
    expect(JSON.parse(Buffer.from(read.detail).toString())).toMatchObject({ deploys: report.deploys });
    expect(read.windows).toMatchObject({ length: 2, start: [10, 20], mean: [1.5, Number.NaN] });
    expect(Array.from(new Int32Array(Uint8Array.from(read.windows.series).buffer))).toEqual([7, 9]);
  });
});
