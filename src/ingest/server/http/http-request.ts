import type { IncomingHttpHeaders } from 'node:http';
import { TocsinError } from '../../../domain/error.ts';
import type { PayloadFormat, Signal } from '../../../domain/ports.ts';
import type { Coding } from '../options.ts';

/** What a path of the ingest port takes. */
export interface HttpRoute {
  readonly signal: Signal;
  readonly kind: 'otlp' | 'remote-write';
}

const ROUTES: ReadonlyMap<string, HttpRoute> = new Map([
  ['/v1/metrics', { signal: 'metrics', kind: 'otlp' }],
  ['/v1/logs', { signal: 'logs', kind: 'otlp' }],
  ['/v1/traces', { signal: 'traces', kind: 'otlp' }],
  ['/api/v1/write', { signal: 'metrics', kind: 'remote-write' }],
]);

export function routeOf(url: string): HttpRoute | undefined {
  const query = url.indexOf('?');
  return ROUTES.get(query < 0 ? url : url.slice(0, query));
}

const V2_MESSAGE = 'io.prometheus.write.v2.Request';
const V1_MESSAGE = 'prometheus.WriteRequest';

/** @throws TocsinError `unsupported_media_type`. */
export function formatOf(route: HttpRoute, headers: IncomingHttpHeaders): PayloadFormat {
  const type = headers['content-type'] ?? '';
  // The two exact spellings that nearly every exporter uses.
  if (route.kind === 'otlp') {
    if (type === 'application/x-protobuf') return 'otlp-protobuf';
    if (type === 'application/json') return 'otlp-json';
  }
  const [media = '', ...parameters] = type.split(';').map((part) => part.trim());
  const name = media.toLowerCase();
  if (route.kind === 'otlp') {
    if (name === 'application/x-protobuf' || name === 'application/protobuf') return 'otlp-protobuf';
    if (name === 'application/json') {
      const charset = parameterOf(parameters, 'charset')?.toLowerCase() ?? 'utf-8';
      if (charset === 'utf-8' || charset === 'us-ascii') return 'otlp-json';
    }
  } else if (name === 'application/x-protobuf') {
    const message = parameterOf(parameters, 'proto') ?? V1_MESSAGE;
    if (message === V1_MESSAGE) return 'remote-write-1';
    if (message === V2_MESSAGE) return 'remote-write-2';
  }
  throw new TocsinError('unsupported_media_type', `content type ${type === '' ? '(none)' : type} is not taken here`);
}

function parameterOf(parameters: readonly string[], name: string): string | undefined {
  for (const parameter of parameters) {
    const equals = parameter.indexOf('=');
    if (equals > 0 && parameter.slice(0, equals).trim().toLowerCase() === name) {
      return parameter
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1');
    }
  }
  return undefined;
}

/** @throws TocsinError `unsupported_media_type`. */
export function codingOf(route: HttpRoute, headers: IncomingHttpHeaders): Coding {
  const header = headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (route.kind === 'remote-write') {
    // Remote write 1.0 senders of old leave the header out; Prometheus' own receiver assumes Snappy then, and so do we.
    if (header === '' || header === 'snappy') return 'snappy';
  } else {
    if (header === '' || header === 'identity') return 'identity';
    if (header === 'gzip' || header === 'zstd' || header === 'deflate') return header;
    if (header === 'x-gzip') return 'gzip';
  }
  throw new TocsinError(
    'unsupported_media_type',
    `content encoding ${header === '' ? '(none)' : header} is not taken here`,
  );
}

/**
 * Bytes that will follow, or null when only the end of a chunked body will tell.
 * @returns 'missing' when the request has neither a length nor chunks (411).
 */
export function announcedLength(headers: IncomingHttpHeaders): number | null | 'missing' {
  if (headers['transfer-encoding'] !== undefined) return null;
  const length = headers['content-length'];
  return length === undefined ? 'missing' : Number(length);
}
