import { ByteReader } from '../../bus/codec/bytes.ts';
import type { PayloadFormat, Signal } from '../../domain/ports.ts';
import type { MetricInput } from '../engine/metric-input.ts';
import type { ShardEngine } from '../engine/shard-engine.ts';

/** Kinds of input-log frames. Part of the on-disk format: append only. */
export const FRAME = {
  /** A request body as it came. */
  body: 1,
  time: 2,
  resume: 3,
  /** Samples of known series as columns, without the body that they came in. */
  columns: 4,
} as const;

const SIGNALS: readonly Signal[] = ['metrics', 'logs', 'traces'];
const FORMATS: readonly PayloadFormat[] = ['otlp-protobuf', 'otlp-json', 'remote-write-1', 'remote-write-2'];

export interface BodyFrame {
  readonly signal: Signal;
  readonly format: PayloadFormat;
  readonly tenant: string;
  readonly wallNow: number;
  readonly body: Uint8Array;
}

const HEADER = 11;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What stands before the body in its frame: signal u8, format u8, wall f64, tenant length u8, tenant. */
export function bodyHeader(frame: Omit<BodyFrame, 'body'>): Uint8Array {
  const tenant = encoder.encode(frame.tenant);
  const out = new Uint8Array(HEADER + tenant.length);
  out[0] = SIGNALS.indexOf(frame.signal);
  out[1] = FORMATS.indexOf(frame.format);
  new DataView(out.buffer).setFloat64(2, frame.wallNow, true);
  out[10] = tenant.length;
  out.set(tenant, HEADER);
  return out;
}

function decodeBody(payload: Uint8Array): BodyFrame {
  const view = new DataView(payload.buffer, payload.byteOffset);
  const start = HEADER + payload[10]!;
  return {
    signal: SIGNALS[payload[0]!]!,
    format: FORMATS[payload[1]!]!,
    wallNow: view.getFloat64(2, true),
    tenant: decoder.decode(payload.subarray(HEADER, start)),
    body: payload.subarray(start),
  };
}

export function encodeTime(wallNow: number): Uint8Array {
  return new Uint8Array(Float64Array.of(wallNow).buffer);
}

export function decodeTime(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset).getFloat64(0, true);
}

/** Does to the engine what the frame did when it was written. @param input scratch, reused. */
export function applyFrame(engine: ShardEngine, input: MetricInput, kind: number, payload: Uint8Array): void {
  switch (kind) {
    case FRAME.body: {
      const { signal, format, body, tenant, wallNow } = decodeBody(payload);
      if (signal === 'metrics') {
        engine.read(format, body, tenant, wallNow, input);
        engine.apply(input, wallNow);
      } else engine.accept(signal, format, body, tenant, wallNow);
      break;
    }
    case FRAME.columns: {
      const from = new ByteReader(payload);
      const wallNow = from.f64();
      input.decode(from);
      engine.applyColumns(input, wallNow);
      break;
    }
    case FRAME.time:
      engine.passTime(decodeTime(payload));
      break;
    case FRAME.resume:
      engine.resume(decodeTime(payload));
      break;
  }
}
