import { TocsinError } from '../../domain/error.ts';
import type { IntakeResult, Signal, SignalSink } from '../../domain/ports.ts';
import type { PayloadDecoder } from '../contract.ts';
import { ProtoWriter } from '../wire/proto-writer.ts';
import { type Field, LOGS_REQUEST, METRICS_REQUEST, type Message, TRACES_REQUEST } from './json-schema.ts';
import { OtlpLogsDecoder } from './logs.ts';
import { OtlpMetricsDecoder } from './metrics.ts';
import type { ResourceCache } from './resource.ts';
import { OtlpTracesDecoder } from './traces.ts';

/** Values nest in values; deeper than this is an attack. */
const MAX_DEPTH = 100;
const utf8 = new TextDecoder('utf-8', { fatal: true });
const EMPTY = new Uint8Array(0);

/**
 * OTLP/JSON: rewritten as protobuf, then decoded as such, so that both formats give the same series and the same items by
 * construction. Costs about ten times the protobuf path.
 */
export class OtlpJsonDecoder implements PayloadDecoder {
  private readonly writer = new ProtoWriter();
  private readonly schema: Message;
  private readonly inner: PayloadDecoder;

  constructor(schema: Message, inner: PayloadDecoder) {
    this.schema = schema;
    this.inner = inner;
  }

  decode(body: Uint8Array, tenant: string, sink: SignalSink): IntakeResult {
    return this.inner.decode(this.transcode(body), tenant, sink);
  }

  /** The same request as protobuf; valid until the next call. @throws TocsinError `bad_payload`. */
  transcode(body: Uint8Array): Uint8Array {
    let value: unknown;
    try {
      value = JSON.parse(utf8.decode(body));
    } catch (cause) {
      throw new TocsinError(
        'bad_payload',
        `malformed JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
        {
          cause,
        },
      );
    }
    this.writer.reset();
    this.message(value, this.schema, '$', 0);
    return this.writer.finish();
  }

  private message(value: unknown, schema: Message, path: string, depth: number): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) wrong(path, 'an object');
    if (depth > MAX_DEPTH) wrong(path, `at most ${MAX_DEPTH} levels deep`);
    for (const [name, item] of Object.entries(value as Record<string, unknown>)) {
      const field = schema.get(name);
      if (field === undefined || item === null) continue;
      const at = `${path}.${name}`;
      if (!field.repeated) this.field(field, item, at, depth);
      else if (!Array.isArray(item)) wrong(at, 'an array');
      else if (field.type === 'message') {
        for (let i = 0; i < item.length; i++) this.field(field, item[i], `${at}[${i}]`, depth);
      } else this.packed(field, item, at);
    }
  }

  private field(field: Field, value: unknown, path: string, depth: number): void {
    const { writer } = this;
    const { number } = field;
    switch (field.type) {
      case 'message': {
        const start = writer.begin(number);
        this.message(value, field.of!(), path, depth + 1);
        writer.end(start);
        return;
      }
      case 'string':
        writer.string(number, typeof value === 'string' ? value : wrong(path, 'a string'));
        return;
      case 'hex':
        // Unreadable: no id; whether the item can do without is for the decoder to say.
        writer.bytes(number, typeof value === 'string' ? idBytes(value) : wrong(path, 'a string'));
        return;
      case 'base64':
        writer.bytes(number, typeof value === 'string' ? Buffer.from(value, 'base64') : wrong(path, 'a string'));
        return;
      case 'bool':
        writer.varint(number, truth(value, path) ? 1 : 0);
        return;
      case 'double':
        writer.double(number, decimal(value, path));
        return;
      case 'enum':
        writer.varint64(number, BigInt(this.enumeration(field, value, path)));
        return;
      default:
        this.integer(field, value, path);
    }
  }

  /** Integers come as numbers or as strings; one that is neither leaves the field unset. */
  private integer(field: Field, value: unknown, path: string): void {
    const { writer } = this;
    const integer = integerOf(value, path);
    if (integer === null) return;
    if (field.type === 'fixed64') {
      if (integer >= 0n) writer.fixed64(field.number, integer);
    } else if (field.type === 'sfixed64') writer.fixed64(field.number, integer);
    else writer.varint64(field.number, wireInteger(field, integer));
  }

  private packed(field: Field, items: readonly unknown[], path: string): void {
    const { writer } = this;
    const start = writer.begin(field.number);
    for (let i = 0; i < items.length; i++) {
      if (field.type === 'double') {
        writer.rawDouble(decimal(items[i], `${path}[${i}]`));
        continue;
      }
      const integer = integerOf(items[i], `${path}[${i}]`) ?? 0n;
      if (field.type === 'fixed64') writer.rawFixed64(integer < 0n ? 0n : integer);
      else writer.rawVarint64(wireInteger(field, integer));
    }
    writer.end(start);
  }

  private enumeration(field: Field, value: unknown, path: string): number {
    if (typeof value === 'number' && Number.isInteger(value)) return value;
    const number = typeof value === 'string' ? (field.names![value] ?? digits(value)) : null;
    return number ?? wrong(path, 'a number or a name of the enumeration');
  }
}

export interface OtlpDecoders {
  readonly protobuf: {
    readonly metrics: PayloadDecoder;
    readonly logs: PayloadDecoder;
    readonly traces: PayloadDecoder;
  };
  readonly json: { readonly metrics: PayloadDecoder; readonly logs: PayloadDecoder; readonly traces: PayloadDecoder };
}

/** Rewrites OTLP/JSON bodies as protobuf, for whoever has to cut them; what is returned is valid until the next call. */
export function createJsonTranscoder(): (signal: Signal, body: Uint8Array) => Uint8Array {
  const nobody: PayloadDecoder = { decode: () => ({ accepted: 0, rejected: 0, message: '' }) };
  const decoders = {
    metrics: new OtlpJsonDecoder(METRICS_REQUEST, nobody),
    logs: new OtlpJsonDecoder(LOGS_REQUEST, nobody),
    traces: new OtlpJsonDecoder(TRACES_REQUEST, nobody),
  };
  return (signal, body) => decoders[signal].transcode(body);
}

/** The six OTLP decoders of a shard. */
export function createOtlpDecoders(cache: ResourceCache): OtlpDecoders {
  const metrics = new OtlpMetricsDecoder(cache);
  const logs = new OtlpLogsDecoder(cache);
  const traces = new OtlpTracesDecoder(cache);
  return {
    protobuf: { metrics, logs, traces },
    json: {
      metrics: new OtlpJsonDecoder(METRICS_REQUEST, metrics),
      logs: new OtlpJsonDecoder(LOGS_REQUEST, logs),
      traces: new OtlpJsonDecoder(TRACES_REQUEST, traces),
    },
  };
}

function wrong(path: string, expected: string): never {
  throw new TocsinError('bad_payload', `OTLP/JSON: ${path} is not ${expected}`);
}

/** Hex, as OTLP says; or base64 of 16 or 8 bytes, as protobuf's own JSON writes it and some exporters send. */
function idBytes(text: string): Uint8Array {
  if (/^(?:[\w+/-]{22}==|[\w+/-]{11}=)$/.test(text)) return Buffer.from(text, 'base64');
  return text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text) ? Buffer.from(text, 'hex') : EMPTY;
}

function truth(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value;
  if (value === 'true' || value === 'false') return value === 'true';
  return wrong(path, 'a boolean');
}

function decimal(value: unknown, path: string): number {
  if (typeof value === 'number') return value;
  // Protobuf's JSON writes "NaN", "Infinity" and "-Infinity"; an unreadable text is NaN, which no item survives.
  if (typeof value === 'string') return value.trim() === '' ? Number.NaN : Number(value);
  return wrong(path, 'a number');
}

function integerOf(value: unknown, path: string): bigint | null {
  if (typeof value === 'number') return Number.isFinite(value) ? inRange(BigInt(Math.trunc(value))) : null;
  if (typeof value === 'string') return /^[+-]?\d{1,20}$/.test(value) ? inRange(BigInt(value.replace('+', ''))) : null;
  return wrong(path, 'an integer');
}

function inRange(value: bigint): bigint | null {
  return value >= -(1n << 63n) && value < 1n << 64n ? value : null;
}

function digits(text: string): number | null {
  return /^\d{1,3}$/.test(text) ? Number(text) : null;
}

function wireInteger(field: Field, value: bigint): bigint {
  if (field.type === 'sint32') {
    const narrow = BigInt.asIntN(32, value);
    return BigInt.asUintN(32, (narrow << 1n) ^ (narrow >> 31n));
  }
  return field.type === 'uint32' ? BigInt.asUintN(32, value) : value;
}
