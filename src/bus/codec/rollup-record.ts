import { TocsinError } from '../../domain/error.ts';
import type { Rollup, RollupBatch } from '../../domain/signal/rollup.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { bytesField, doubleField, Fields, textField, varintField } from './fields.ts';

const PAIR = 12;

/** A record of the topic `rollups`: message `tocsin.v1.RollupBatch`. A new array, the caller's to keep. */
export function encodeRollups({ tenant, service, tick, rows }: RollupBatch): Uint8Array {
  const out = new ByteWriter();
  textField(out, 1, tenant);
  textField(out, 2, service);
  varintField(out, 3, tick);
  for (const row of rows) bytesField(out, 4, encodeRow(row));
  return out.written();
}

function encodeRow({ metric, count, mean, m2, min, max, sketch }: Rollup): Uint8Array {
  const out = new ByteWriter();
  textField(out, 1, metric);
  varintField(out, 2, count);
  doubleField(out, 3, mean);
  doubleField(out, 4, m2);
  doubleField(out, 5, min);
  doubleField(out, 6, max);
  const pairs = new DataView(new ArrayBuffer(sketch.size * PAIR));
  for (const [i, [bin, weight]] of [...sketch].sort(([a], [b]) => a - b).entries()) {
    pairs.setInt32(i * PAIR, bin, true);
    pairs.setFloat64(i * PAIR + 4, weight, true);
  }
  bytesField(out, 7, new Uint8Array(pairs.buffer));
  return out.written();
}

/** @throws TocsinError `corrupt`. */
export function decodeRollups(bytes: Uint8Array): RollupBatch {
  const rows: Rollup[] = [];
  const fields = Fields.read(new ByteReader(bytes), (field, value) => {
    if (field === 4) rows.push(decodeRow(value));
  });
  return { tenant: fields.text(1), service: fields.text(2), tick: fields.number(3), rows };
}

function decodeRow(bytes: Uint8Array): Rollup {
  const fields = Fields.read(new ByteReader(bytes));
  const pairs = fields.bytes(7);
  if (pairs.length % PAIR !== 0) throw new TocsinError('corrupt', `${pairs.length} bytes of a sketch`);
  const view = new DataView(pairs.buffer, pairs.byteOffset, pairs.byteLength);
  const sketch = new Map<number, number>();
  for (let at = 0; at < pairs.length; at += PAIR) sketch.set(view.getInt32(at, true), view.getFloat64(at + 4, true));
  return {
    metric: fields.text(1),
    count: fields.number(2),
    mean: fields.number(3),
    m2: fields.number(4),
    min: fields.number(5),
    max: fields.number(6),
    sketch,
  };
}
