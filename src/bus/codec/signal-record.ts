import { TocsinError } from '../../domain/error.ts';
import type { PayloadFormat, Signal } from '../../domain/ports.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { bytesField, doubleField, Fields, textField, varintField } from './fields.ts';

const SIGNALS: readonly Signal[] = ['metrics', 'logs', 'traces'];
const FORMATS: readonly PayloadFormat[] = ['otlp-protobuf', 'otlp-json', 'remote-write-1', 'remote-write-2'];
const KINDS = ['body', 'columns', 'heartbeat'] as const;

/** A record of the topic `signals`: message `tocsin.v1.Signals`. */
export interface SignalRecord {
  readonly kind: (typeof KINDS)[number];
  readonly gateway: string;
  readonly wallNow: number;
  readonly watermark: number;
  readonly tenant: string;
  readonly signal: Signal;
  readonly format: PayloadFormat;
  readonly body: Uint8Array;
  readonly numbers: Uint8Array;
  readonly columns: Uint8Array;
}

/** One writer for all: nothing runs in between. */
const out = new ByteWriter();

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

/** A new array, the caller's to keep. */
export function encodeSignal(record: SignalRecord): Uint8Array {
  out.reset();
  varintField(out, 1, KINDS.indexOf(record.kind) + 1);
  textField(out, 2, record.gateway);
  doubleField(out, 3, record.wallNow);
  doubleField(out, 4, record.watermark);
  textField(out, 5, record.tenant);
  varintField(out, 6, SIGNALS.indexOf(record.signal));
  varintField(out, 7, FORMATS.indexOf(record.format));
  bytesField(out, 8, record.body);
  bytesField(out, 9, record.numbers);
  bytesField(out, 10, record.columns);
  return out.written().slice();
}

/** Byte columns are views into `bytes`. @throws TocsinError `corrupt`. */
export function decodeSignal(bytes: Uint8Array): SignalRecord {
  const fields = Fields.read(new ByteReader(bytes));
  const kind = KINDS[fields.number(1) - 1];
  const signal = SIGNALS[fields.number(6)];
  const format = FORMATS[fields.number(7)];
  if (kind === undefined || signal === undefined || format === undefined)
    throw new TocsinError(
      'corrupt',
      `kind ${fields.number(1)}, signal ${fields.number(6)}, format ${fields.number(7)}`,
    );
  return {
    kind,
    gateway: fields.text(2),
    wallNow: fields.number(3),
    watermark: fields.number(4),
    tenant: fields.text(5),
    signal,
    format,
    body: fields.bytes(8),
    numbers: fields.bytes(9),
    columns: fields.bytes(10),
  };
}
