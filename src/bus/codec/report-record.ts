import { TocsinError } from '../../domain/error.ts';
import type { TickReport, WindowRows } from '../../domain/signal/history.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { bytesField, doubleField, doublesField, Fields, varintField } from './fields.ts';

const DOUBLES = ['start', 'count', 'mean', 'variance', 'min', 'max', 'last'] as const;
const FLOATS = ['expected', 'lower', 'upper', 'surprise'] as const;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A record of the topic `reports`: message `tocsin.v1.Report`. A new array, the caller's to keep. */
export function encodeReport(report: TickReport): Uint8Array {
  const { shard, sequence, at, provisional, windows, ...detail } = report;
  const out = new ByteWriter();
  varintField(out, 1, shard);
  varintField(out, 2, sequence);
  doubleField(out, 3, at);
  varintField(out, 4, provisional ? 1 : 0);
  bytesField(out, 5, encoder.encode(JSON.stringify(detail, numbersAsText)));
  bytesField(out, 6, encodeWindows(windows));
  return out.written();
}

/** @throws TocsinError `corrupt`. */
export function decodeReport(bytes: Uint8Array): TickReport {
  const fields = Fields.read(new ByteReader(bytes));
  let detail: Omit<TickReport, 'shard' | 'sequence' | 'at' | 'provisional' | 'windows'>;
  try {
    detail = JSON.parse(decoder.decode(fields.bytes(5)), numbersFromText) as typeof detail;
  } catch (cause) {
    throw new TocsinError('corrupt', 'the detail of a report is not JSON', { cause });
  }
  return {
    ...detail,
    shard: fields.number(1),
    sequence: fields.number(2),
    at: fields.number(3),
    provisional: fields.number(4) === 1,
    windows: decodeWindows(fields.bytes(6)),
  };
}

function encodeWindows(windows: WindowRows): Uint8Array {
  const { length } = windows;
  if (length === 0) return new Uint8Array(0);
  const out = new ByteWriter();
  varintField(out, 1, length);
  for (const [i, name] of DOUBLES.entries()) doublesField(out, 2 + i, windows[name], length);
  bytesField(out, 9, view(windows.series, length));
  for (const [i, name] of FLOATS.entries()) bytesField(out, 10 + i, view(windows[name], length));
  return out.written();
}

function decodeWindows(bytes: Uint8Array): WindowRows {
  const fields = Fields.read(new ByteReader(bytes));
  const length = fields.number(1);
  const floats = (field: number): Float32Array => new Float32Array(exactly(fields.bytes(field), length * 4));
  const doubles = (name: (typeof DOUBLES)[number]): Float64Array => {
    const values = fields.doubles(2 + DOUBLES.indexOf(name));
    if (values.length !== length) throw new TocsinError('corrupt', `${values.length} of ${length} windows`);
    return values;
  };
  return {
    length,
    start: doubles('start'),
    series: new Int32Array(exactly(fields.bytes(9), length * 4)),
    count: doubles('count'),
    mean: doubles('mean'),
    variance: doubles('variance'),
    min: doubles('min'),
    max: doubles('max'),
    last: doubles('last'),
    expected: floats(10),
    lower: floats(11),
    upper: floats(12),
    surprise: floats(13),
  };
}

const view = (array: Int32Array | Float32Array, length: number): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, length * 4);

function exactly(bytes: Uint8Array, length: number): ArrayBuffer {
  if (bytes.length !== length) throw new TocsinError('corrupt', `${bytes.length} bytes of a column, not ${length}`);
  return bytes.slice().buffer as ArrayBuffer;
}

/** JSON has no NaN and no infinity; a report must come back as it was. */
const ODD = new Map<string, number>([
  ['\u0000NaN', Number.NaN],
  ['\u0000Infinity', Number.POSITIVE_INFINITY],
  ['\u0000-Infinity', Number.NEGATIVE_INFINITY],
]);
const numbersAsText = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? `\u0000${value}` : value;
const numbersFromText = (_: string, value: unknown): unknown =>
  typeof value === 'string' && value.startsWith('\u0000') ? (ODD.get(value) ?? value) : value;
