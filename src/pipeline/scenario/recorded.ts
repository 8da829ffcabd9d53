import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { TocsinError } from '../../domain/error.ts';
import type { PayloadFormat, Signal } from '../../domain/ports.ts';

/** One recorded request. */
export interface RecordedRequest {
  readonly signal: Signal;
  readonly format: PayloadFormat;
  readonly body: Uint8Array;
  /** Newest time in it, ms: requests are replayed in this order. */
  readonly at: number;
}

const LARGEST_FILE = 2 * 1024 ** 3;
const SIGNALS: readonly Signal[] = ['metrics', 'logs', 'traces'];

/**
 * Reads recorded telemetry: OTLP/JSON lines, one JSON request, or one protobuf request, each also gzipped.
 * @param given the signal, for files whose name does not say.
 * @param undated time of what carries none.
 * @throws TocsinError `invalid_request` where the signal is unknown.
 */
export function readRecorded(file: string, given: string | undefined, undated: number): RecordedRequest[] {
  const packed = readFileSync(file);
  const data = file.endsWith('.gz') ? gunzipSync(packed, { maxOutputLength: LARGEST_FILE }) : packed;
  const name = basename(file).replace(/\.gz$/, '');
  const signal = SIGNALS.find(
    (candidate) => candidate === given || (given === undefined && new RegExp(candidate.replace(/s$/, '')).test(name)),
  );
  if (name.endsWith('.pb') || name.endsWith('.bin')) {
    if (signal === undefined) throw new TocsinError('invalid_request', `${file}: say --signal metrics, logs or traces`);
    return [{ signal, format: 'otlp-protobuf', body: data, at: undated }];
  }
  const lines = name.endsWith('.json') ? [data.toString('utf8')] : data.toString('utf8').split('\n');
  return lines.filter((line) => line.trim() !== '').map((line) => jsonRequest(file, line, signal, undated));
}

function jsonRequest(file: string, line: string, signal: Signal | undefined, undated: number): RecordedRequest {
  const own: Signal | undefined = line.includes('"resourceMetrics"')
    ? 'metrics'
    : line.includes('"resourceLogs"')
      ? 'logs'
      : line.includes('"resourceSpans"')
        ? 'traces'
        : signal;
  if (own === undefined)
    throw new TocsinError(
      'invalid_request',
      `${file}: a line is no OTLP/JSON request (no resourceMetrics, resourceLogs or resourceSpans)`,
    );
  let newest = 0;
  for (const [, nanos] of line.matchAll(/"(?:timeUnixNano|endTimeUnixNano|observedTimeUnixNano)"\s*:\s*"?(\d+)/g))
    newest = Math.max(newest, Number(nanos) / 1e6);
  return { signal: own, format: 'otlp-json', body: Buffer.from(line), at: newest === 0 ? undated : newest };
}
