import { ERRORS, type TocsinError } from '../../domain/error.ts';
import type { IntakeResult, Signal } from '../../domain/ports.ts';

/**
 * Bodies of OTLP answers. Shapes: opentelemetry-proto `collector/<signal>/v1/<signal>_service.proto` (partial_success is field 1 of each
 * response, in it 1 = rejected count, 2 = error_message), `google/rpc/status.proto`, `google/rpc/error_details.proto`.
 */

const EMPTY = Buffer.alloc(0);
const REJECTED_KEY: Record<Signal, string> = {
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
  traces: 'rejectedSpans',
};
/** Long messages would not fit where gRPC carries them (headers). */
const MAX_MESSAGE = 1024;

/** An `Export*ServiceResponse` in protobuf: the three share their field numbers. Empty when everything was taken. */
export function responseProto(result: IntakeResult): Buffer {
  if (result.rejected === 0 && result.message === '') return EMPTY;
  const message = Buffer.from(result.message);
  const parts = [];
  if (result.rejected > 0) parts.push(tag(1, 0), varint(result.rejected));
  if (message.length > 0) parts.push(bytesField(2, message));
  return bytesField(1, Buffer.concat(parts));
}

/** The same in OTLP/JSON: 64-bit integers are strings there. */
export function responseJson(signal: Signal, result: IntakeResult): Buffer {
  if (result.rejected === 0 && result.message === '') return Buffer.from('{}');
  const partial: Record<string, string> = {};
  if (result.rejected > 0) partial[REJECTED_KEY[signal]] = String(result.rejected);
  if (result.message !== '') partial['errorMessage'] = result.message;
  return Buffer.from(JSON.stringify({ partialSuccess: partial }));
}

/** `google.rpc.Status`, with RetryInfo when the error says how long to wait. */
export function statusProto(error: TocsinError, code: number = ERRORS[error.code].grpc): Buffer {
  const parts = [tag(1, 0), varint(code), bytesField(2, Buffer.from(messageOf(error)))];
  if (error.retryAfterMs !== undefined) parts.push(bytesField(3, retryInfo(error.retryAfterMs)));
  return Buffer.concat(parts);
}

export function statusJson(error: TocsinError): Buffer {
  const { grpc } = ERRORS[error.code];
  const status: Record<string, unknown> = { code: grpc, message: messageOf(error) };
  if (error.retryAfterMs !== undefined) {
    const retryDelay = `${error.retryAfterMs / 1000}s`;
    status['details'] = [{ '@type': RETRY_INFO_URL, retryDelay }];
  }
  return Buffer.from(JSON.stringify(status));
}

export function messageOf(error: TocsinError): string {
  return error.message.length > MAX_MESSAGE ? `${error.message.slice(0, MAX_MESSAGE)}...` : error.message;
}

const RETRY_INFO_URL = 'type.googleapis.com/google.rpc.RetryInfo';

function retryInfo(ms: number): Buffer {
  const seconds = Math.floor(ms / 1000);
  const nanos = Math.round((ms - seconds * 1000) * 1e6);
  const duration = Buffer.concat([
    seconds > 0 ? Buffer.concat([tag(1, 0), varint(seconds)]) : EMPTY,
    nanos > 0 ? Buffer.concat([tag(2, 0), varint(nanos)]) : EMPTY,
  ]);
  const info = bytesField(1, duration);
  return Buffer.concat([bytesField(1, Buffer.from(RETRY_INFO_URL)), bytesField(2, info)]);
}

function tag(field: number, wire: number): Buffer {
  return Buffer.of((field << 3) | wire);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

function bytesField(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([tag(field, 2), varint(bytes.length), bytes]);
}
