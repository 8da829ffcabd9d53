import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { ERRORS, TocsinError } from '../../../domain/error.ts';
import type { Signal } from '../../../domain/ports.ts';
import { Body, type BufferPool } from '../body.ts';
import type { Coding } from '../options.ts';
import { messageOf, statusProto } from '../otlp-reply.ts';

/** https://github.com/grpc/grpc/blob/master/doc/statuscodes.md */
export const GRPC = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

export type GrpcMethod = { readonly kind: 'export'; readonly signal: Signal } | { readonly kind: 'health' };

const PREFIX = '/opentelemetry.proto.collector.';
const METHODS: ReadonlyMap<string, GrpcMethod> = new Map<string, GrpcMethod>([
  [`${PREFIX}metrics.v1.MetricsService/Export`, { kind: 'export', signal: 'metrics' }],
  [`${PREFIX}logs.v1.LogsService/Export`, { kind: 'export', signal: 'logs' }],
  [`${PREFIX}trace.v1.TraceService/Export`, { kind: 'export', signal: 'traces' }],
  ['/grpc.health.v1.Health/Check', { kind: 'health' }],
]);
const SERVICES: ReadonlySet<string> = new Set([
  '',
  ...[...METHODS.keys()].map((path) => path.slice(1, path.indexOf('/', 1))),
]);

export function methodOf(path: string): GrpcMethod | undefined {
  return METHODS.get(path);
}

export const ACCEPT_ENCODING = 'identity,gzip,zstd';

/** A failed call: the status code may differ from what the error's code maps to. */
export class GrpcError extends TocsinError {
  readonly status: number;

  constructor(status: number, message: string) {
    super('invalid_request', message);
    this.status = status;
  }
}

export function statusOf(error: TocsinError): number {
  return error instanceof GrpcError ? error.status : ERRORS[error.code].grpc;
}

/** Trailers that end a call. `grpc-status-details-bin` carries RetryInfo, which OTLP exporters obey. */
export function trailersOf(error: TocsinError): OutgoingHttpHeaders {
  const status = statusOf(error);
  const trailers: OutgoingHttpHeaders = {
    'grpc-status': String(status),
    'grpc-message': percentEncode(messageOf(error)),
  };
  if (error.retryAfterMs !== undefined) {
    trailers['grpc-status-details-bin'] = statusProto(error, status).toString('base64').replace(/=+$/, '');
  }
  if (status === GRPC.unimplemented) trailers['grpc-accept-encoding'] = ACCEPT_ENCODING;
  return trailers;
}

/** Printable ASCII but `%` as it is, every other byte of the UTF-8 as %XX (gRPC over HTTP/2, Status-Message). */
export function percentEncode(text: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(text)) return text;
  let out = '';
  for (const byte of Buffer.from(text)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    out += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

/** @throws GrpcError UNIMPLEMENTED. */
export function codingOf(headers: IncomingHttpHeaders): Coding {
  const encoding = headers['grpc-encoding'];
  if (encoding === undefined || encoding === 'identity') return 'identity';
  if (encoding === 'gzip' || encoding === 'zstd') return encoding;
  throw new GrpcError(GRPC.unimplemented, `grpc-encoding ${String(encoding)} is not supported`);
}

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** @returns the time the caller waits, ms, or null. @throws GrpcError INVALID_ARGUMENT. */
export function timeoutOf(headers: IncomingHttpHeaders): number | null {
  const header = headers['grpc-timeout'];
  if (header === undefined) return null;
  const match = /^(\d{1,8})([HMSmun])$/.exec(String(header));
  if (match === null) throw new GrpcError(GRPC.invalidArgument, 'grpc-timeout is malformed');
  return Number(match[1]) * UNIT_MS[match[2]!]!;
}

export function frame(message: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(5 + message.length);
  out[0] = 0;
  out.writeUInt32BE(message.length, 1);
  out.set(message, 5);
  return out;
}

/** Collects the one length-prefixed message of a unary call from DATA frames cut anywhere. */
export class UnaryMessage {
  /** The flag byte said that the message is in `grpc-encoding`. */
  compressed = false;
  /** Length in the prefix; -1 until the prefix is there. */
  declared = -1;
  body: Body | undefined;
  readonly #pool: BufferPool;
  readonly #prefix = new Uint8Array(5);
  #prefixLength = 0;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  get complete(): boolean {
    return this.body !== undefined && this.body.length === this.declared;
  }

  /**
   * @param onPrefix called once, with the length of the message, before memory is taken for it; may throw.
   * @throws GrpcError for a second message or a bad flag.
   */
  append(chunk: Uint8Array, onPrefix: (bytes: number) => void): void {
    let at = 0;
    while (this.#prefixLength < 5 && at < chunk.length) this.#prefix[this.#prefixLength++] = chunk[at++]!;
    if (this.#prefixLength < 5) return;
    if (this.body === undefined) {
      const [flag, a, b, c, d] = this.#prefix;
      if (flag! > 1) throw new GrpcError(GRPC.invalidArgument, 'the message flag is neither 0 nor 1');
      this.compressed = flag === 1;
      const declared = ((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0;
      onPrefix(declared);
      this.declared = declared;
      this.body = new Body(this.#pool, declared);
    }
    if (at === chunk.length) return;
    if (this.body.length + chunk.length - at > this.declared) {
      throw new GrpcError(GRPC.unimplemented, 'a unary call takes one message');
    }
    this.body.append(at === 0 ? chunk : chunk.subarray(at));
  }
}

/**
 * Answers `grpc.health.v1.Health/Check`. Request: field 1 = service name; response: field 1 = SERVING (1) or NOT_SERVING (2).
 * @throws GrpcError NOT_FOUND for a service that is not ours.
 */
export function checkHealth(request: Uint8Array, draining: boolean): Uint8Array {
  const named = request.length >= 2 && request[0] === 0x0a && request[1]! < 0x80;
  const service = named ? Buffer.from(request.subarray(2, 2 + request[1]!)).toString() : '';
  if (!SERVICES.has(service)) throw new GrpcError(GRPC.notFound, `unknown service ${service}`);
  return Uint8Array.of(0x08, draining ? 2 : 1);
}
