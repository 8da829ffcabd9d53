import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { loadConfig } from '../config/load.ts';
import { TocsinError } from '../domain/error.ts';
import type { Incident } from '../domain/incident.ts';
import type { PayloadFormat, Signal } from '../domain/ports.ts';
import { EmbeddedPipeline } from '../pipeline/embedded.ts';
import { settingsSchema } from '../pipeline/settings.ts';
import type { Output } from './output.ts';

export interface ReplayOptions {
  readonly config?: string;
  readonly signal?: string;
  readonly output: string;
}

interface Request {
  readonly signal: Signal;
  readonly format: PayloadFormat;
  readonly body: Uint8Array;
  /** Newest time in it, ms: requests are replayed in this order. */
  readonly at: number;
}

const LARGEST_FILE = 2 * 1024 ** 3;
const SIGNALS: readonly Signal[] = ['metrics', 'logs', 'traces'];

/** Runs recorded telemetry through the pipeline in virtual time: wall time is the time in the data. */
export async function replay(files: readonly string[], options: ReplayOptions, output: Output): Promise<number> {
  const settings = loadConfig(options.config ?? null, settingsSchema, process.env).config;
  const requests = files.flatMap((file) => readRequests(file, options.signal)).sort((a, b) => a.at - b.at);
  if (requests.length === 0) throw new TocsinError('invalid_request', 'the files hold no telemetry');
  const pipeline = new EmbeddedPipeline({ settings });
  let accepted = 0;
  let rejected = 0;
  for (const [i, request] of requests.entries()) {
    pipeline.passTime(request.at);
    const result = pipeline.accept(request.signal, request.format, request.body, request.at);
    accepted += result.accepted;
    rejected += result.rejected;
    output.progress('replay', (i + 1) / requests.length);
  }
  const last = requests.at(-1)!.at;
  for (let at = last; at <= last + 120_000; at += 10_000) pipeline.passTime(at);
  const incidents = pipeline.incidents();
  if (options.output === 'json') output.line(JSON.stringify(incidents, null, 2));
  else {
    for (const incident of incidents) output.line(describe(incident));
    const stats = pipeline.stats();
    output.line(`${incidents.length} incidents; ${accepted} items in ${requests.length} requests, ${rejected} rejected; ${stats.series} series of ${stats.services} services`);
  }
  return 0;
}

function describe(incident: Incident): string {
  const causes = incident.causes.slice(0, 3).map((cause) => `${cause.service} ${Math.round(cause.share * 100)} %`);
  return `${new Date(incident.openedAt).toISOString()}  ${incident.severity.padEnd(8)} ${incident.title}\n    ${incident.summary}\n    likely cause: ${causes.join(', ') || 'unknown'}`;
}

function readRequests(file: string, given: string | undefined): Request[] {
  const packed = readFileSync(file);
  const data = file.endsWith('.gz') ? gunzipSync(packed, { maxOutputLength: LARGEST_FILE }) : packed;
  const name = basename(file).replace(/\.gz$/, '');
  const signal = SIGNALS.find((candidate) => candidate === given || (given === undefined && new RegExp(candidate.replace(/s$/, '')).test(name)));
  if (name.endsWith('.pb') || name.endsWith('.bin')) {
    if (signal === undefined) throw new TocsinError('invalid_request', `${file}: say --signal metrics, logs or traces`);
    return [{ signal, format: 'otlp-protobuf', body: data, at: Date.now() }];
  }
  const lines = name.endsWith('.json') ? [data.toString('utf8')] : data.toString('utf8').split('\n');
  return lines.filter((line) => line.trim() !== '').map((line) => jsonRequest(file, line, signal));
}

function jsonRequest(file: string, line: string, signal: Signal | undefined): Request {
  const own: Signal | undefined = line.includes('"resourceMetrics"') ? 'metrics' : line.includes('"resourceLogs"') ? 'logs' : line.includes('"resourceSpans"') ? 'traces' : signal;
  if (own === undefined) throw new TocsinError('invalid_request', `${file}: a line is no OTLP/JSON request (no resourceMetrics, resourceLogs or resourceSpans)`);
  let newest = 0;
  for (const [, nanos] of line.matchAll(/"(?:timeUnixNano|endTimeUnixNano|observedTimeUnixNano)"\s*:\s*"?(\d+)/g)) newest = Math.max(newest, Number(nanos) / 1e6);
  return { signal: own, format: 'otlp-json', body: Buffer.from(line), at: newest === 0 ? Date.now() : newest };
}
