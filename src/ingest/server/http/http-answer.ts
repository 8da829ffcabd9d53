import type { ServerResponse } from 'node:http';
import { ERRORS, type TocsinError } from '../../../domain/error.ts';
import type { IntakeResult, PayloadFormat } from '../../../domain/ports.ts';
import { messageOf, responseJson, responseProto, statusJson, statusProto } from '../otlp-reply.ts';
import type { HttpRoute } from './http-request.ts';

/** An answer ready to be written. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

/** How errors are written: as the request was, or plainly to a sender whose format is unknown. */
export type ErrorStyle = 'protobuf' | 'json' | 'text';

export function styleOf(route: HttpRoute | undefined, contentType: string | undefined): ErrorStyle {
  if (route?.kind === 'remote-write') return 'text';
  return contentType !== undefined && /^application\/(x-)?protobuf\b/i.test(contentType) ? 'protobuf' : 'json';
}

const TYPES: Record<ErrorStyle, string> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
  text: 'text/plain; charset=utf-8',
};

export function errorAnswer(
  error: TocsinError,
  style: ErrorStyle,
  extra: readonly (readonly [string, string])[] = [],
  status: number = ERRORS[error.code].http,
): HttpAnswer {
  const body =
    style === 'protobuf'
      ? statusProto(error)
      : style === 'json'
        ? statusJson(error)
        : Buffer.from(`${messageOf(error)}\n`);
  const headers: (readonly [string, string])[] = [['Content-Type', TYPES[style]], ...extra];
  if (error.retryAfterMs !== undefined) {
    headers.push(['Retry-After', String(Math.max(1, Math.ceil(error.retryAfterMs / 1000)))]);
  }
  if (error.code === 'unauthenticated') headers.push(['WWW-Authenticate', 'Bearer realm="tocsin"']);
  return { status, headers, body };
}

export function resultAnswer(route: HttpRoute, format: PayloadFormat, result: IntakeResult): HttpAnswer {
  if (route.kind === 'remote-write') return remoteWriteAnswer(format, result);
  return format === 'otlp-json'
    ? { status: 200, headers: [['Content-Type', TYPES.json]], body: responseJson(route.signal, result) }
    : { status: 200, headers: [['Content-Type', TYPES.protobuf]], body: responseProto(result) };
}

/** Partly invalid is 400, with what is valid kept: the sender must not retry it (remote write 1.0 and 2.0, "Invalid samples"). */
function remoteWriteAnswer(format: PayloadFormat, result: IntakeResult): HttpAnswer {
  const headers: (readonly [string, string])[] = format === 'remote-write-2' ? writtenHeaders(result.written) : [];
  if (result.rejected === 0) return { status: 204, headers, body: Buffer.alloc(0) };
  headers.push(['Content-Type', TYPES.text]);
  return { status: 400, headers, body: Buffer.from(`${result.rejected} items rejected: ${result.message}\n`) };
}

/** Remote write 2.0 senders want the counts with errors too; without headers they must assume an old receiver. */
export function writtenHeaders(written: IntakeResult['written']): (readonly [string, string])[] {
  return [
    ['X-Prometheus-Remote-Write-Samples-Written', String(written?.samples ?? 0)],
    ['X-Prometheus-Remote-Write-Histograms-Written', String(written?.histograms ?? 0)],
    ['X-Prometheus-Remote-Write-Exemplars-Written', String(written?.exemplars ?? 0)],
  ];
}

/** Writes the answer. With `open`, the response is complete for the sender but not ended: see `http-server.ts`, lingering. */
export function write(response: ServerResponse, answer: HttpAnswer, head: boolean, close: boolean, open = false): void {
  response.statusCode = answer.status;
  for (const [name, value] of answer.headers) response.setHeader(name, value);
  if (close) response.setHeader('Connection', 'close');
  if (answer.status !== 204) response.setHeader('Content-Length', answer.body.length);
  if (!open) {
    // As one string with the head it is one write; a buffer would be a gathering write of two, a few microseconds more.
    if (head || answer.body.length === 0) response.end();
    else response.end(answer.body.toString('latin1'), 'latin1');
    return;
  }
  if (head || answer.body.length === 0) response.flushHeaders();
  else response.write(answer.body);
}
