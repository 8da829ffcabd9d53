import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GaugeRecord, LogRecord, Sender, SpanRecord } from '../send/otlp-encode.ts';
import { parseTable, parseUtcSeconds, readBytes } from './csv.ts';
import { requireFolder } from './metric-sets.ts';
import type { GaugeColumn } from './multimodal-columns.ts';
import { FRONT_COLUMNS, NODE_COLUMNS, POD_COLUMNS } from './multimodal-columns.ts';
import { parseQuoted } from './quoted-csv.ts';

/** One injected fault; never leaves the scorer. */
export interface Fault {
  readonly at: number;
  readonly service: string;
  readonly type: string;
  /** When it is known to be over; else it is taken to last five minutes. */
  readonly until?: number;
}

/** Half-open range of event time in ms. */
export type Range = readonly [number, number];

/** Everything of one system, in no particular order; `data/README.md` lists the traps that are handled here. */
export interface MultimodalSet {
  readonly name: string;
  readonly gauges: readonly GaugeRecord[];
  readonly spans: readonly SpanRecord[];
  readonly logs: readonly LogRecord[];
  readonly faults: readonly Fault[];
  /** Known to be free of faults. */
  readonly quiet: readonly Range[];
  /** Where faults are injected. */
  readonly faulty: readonly Range[];
}

export const MULTIMODAL_SETS = ['nezha-trainticket', 'nezha-onlineboutique'] as const;
export type MultimodalName = (typeof MULTIMODAL_SETS)[number];

const utc = (text: string): number => Date.parse(`${text}Z`);

const LAYOUT: Readonly<
  Record<
    MultimodalName,
    { traces: readonly string[]; logs: readonly string[]; quiet: readonly Range[]; faulty: readonly Range[] }
  >
> = {
  'nezha-trainticket': {
    // `2023-01-30-faultfree` is a part of the continuous file.
    traces: ['2023-01-29-faultfree', '2023-01-29-windows', '2023-01-30-continuous'],
    logs: ['2023-01-29-faultfree', '2023-01-29-windows', '2023-01-30-faultfree', '2023-01-30-windows'],
    // From 08:20 to 11:45 pods are held at their CPU limit for three minutes twelve times: somebody injected faults without labels.
    quiet: [
      [utc('2023-01-27T00:00:00'), utc('2023-01-27T08:15:00')],
      [utc('2023-01-27T11:50:00'), utc('2023-01-28T00:00:00')],
    ],
    faulty: [
      [utc('2023-01-29T08:40:00'), utc('2023-01-29T15:36:00')],
      [utc('2023-01-30T11:38:00'), utc('2023-01-30T13:06:00')],
    ],
  },
  'nezha-onlineboutique': {
    traces: [''],
    logs: ['2022-08-22'],
    quiet: [
      [utc('2022-08-14T10:10:00'), utc('2022-08-15T00:00:00')],
      [utc('2022-08-21T00:00:00'), utc('2022-08-22T00:00:00')],
      [utc('2022-08-22T08:05:00'), utc('2022-08-23T00:00:00')],
    ],
    faulty: [[utc('2022-08-22T03:51:00'), utc('2022-08-22T08:05:00')]],
  },
};

/** Reads one system whole (tens of MB inflated per set). @throws MissingData */
export function readMultimodal(dataDir: string, name: MultimodalName): MultimodalSet {
  const folder = requireFolder(join(dataDir, 'multimodal', name));
  const layout = LAYOUT[name];
  const senders = new Senders();
  const logs = layout.logs.flatMap((sub) =>
    filesOf(join(folder, 'logs', sub)).flatMap((file) => readLogs(file, senders)),
  );
  const spans = layout.traces.flatMap((sub) =>
    filesOf(join(folder, 'traces', sub)).flatMap((file) => readSpans(file, senders)),
  );
  const gauges = readdirSync(join(folder, 'metrics'))
    .sort()
    .flatMap((day) => filesOf(join(folder, 'metrics', day)).flatMap((file) => readGauges(file, senders)));
  const unique = dedup(spans, (s) => s.traceId + s.spanId);
  nameKinds(unique);
  return {
    name,
    gauges: dedup(
      gauges,
      (g) => `${g.sender.service}/${g.sender.pod}/${g.metric}/${Object.values(g.labels).join()}/${g.at}`,
    ),
    spans: unique,
    logs: dedup(logs, (l) => `${l.at}/${l.sender.pod}/${l.spanId}/${l.body}`),
    faults: readFaults(join(folder, 'labels')),
    quiet: layout.quiet,
    faulty: layout.faulty,
  };
}

function filesOf(folder: string): string[] {
  return readdirSync(requireFolder(folder))
    .filter((file) => file.endsWith('.csv.gz'))
    .sort()
    .map((file) => join(folder, file));
}

function dedup<T>(records: readonly T[], key: (record: T) => string): T[] {
  const seen = new Set<string>();
  return records.filter((record) => {
    const k = key(record);
    if (seen.has(k)) return false;
    seen.add(k);
    return true;
  });
}

/** `ts-order-service-5b67c48447-fj8b7` -> `ts-order-service`. */
export function serviceOfPod(pod: string): string {
  const parts = pod.split('-');
  return parts.length > 2 ? parts.slice(0, -2).join('-') : pod;
}

/** One Sender object per pod, so that records group by identity. The node of a pod is known from its logs only. */
class Senders {
  private readonly byPod = new Map<string, Sender & { host: string }>();
  private readonly byService = new Map<string, Sender>();
  private readonly byHost = new Map<string, Sender>();

  pod(pod: string, node = ''): Sender & { host: string } {
    let sender = this.byPod.get(pod);
    if (sender === undefined) {
      sender = { service: serviceOfPod(pod), pod, host: node };
      this.byPod.set(pod, sender);
    }
    if (node !== '') sender.host = node;
    return sender;
  }

  service(service: string): Sender {
    let sender = this.byService.get(service);
    if (sender === undefined) {
      sender = { service, pod: '', host: '' };
      this.byService.set(service, sender);
    }
    return sender;
  }

  node(host: string): Sender {
    let sender = this.byHost.get(host);
    if (sender === undefined) {
      sender = { service: 'node', pod: '', host };
      this.byHost.set(host, sender);
    }
    return sender;
  }
}

const NO_LABELS = {};

function readGauges(file: string, senders: Senders): GaugeRecord[] {
  const { header, rows } = parseTable(readBytes(file).toString());
  const out: GaugeRecord[] = [];
  const add = (sender: Sender, spec: GaugeColumn, at: number, text: string | undefined): void => {
    const value = text === undefined || text === '' ? Number.NaN : Number(text) * spec[2];
    if (!Number.isNaN(value))
      out.push({ sender, metric: spec[0], unit: spec[1], labels: spec[3] ?? NO_LABELS, at, value });
  };
  // `TimeStamp` is wrong by years in one file; `Time` is right in all.
  const timeColumn = header.findIndex((name) => name.toLowerCase() === 'time');
  if (timeColumn < 0) return [];
  const podColumn = header.indexOf('PodName');
  const frontColumn = header.indexOf('ServiceName');
  for (const row of rows) {
    const at =
      parseUtcSeconds(row[timeColumn]!) * 1000 + Number(`0${/\.\d+/.exec(row[timeColumn]!)?.[0] ?? ''}`) * 1000;
    if (podColumn >= 0) {
      const sender = senders.pod(row[podColumn]!);
      header.forEach((name, c) => {
        const spec = POD_COLUMNS[name];
        if (spec !== undefined) add(sender, spec, at, row[c]);
        const node = NODE_COLUMNS[name];
        // Several pods of a node repeat its figures at slightly different times: rounding to the minute lets dedup keep one.
        if (node !== undefined && sender.host !== '')
          add(senders.node(sender.host), node, Math.floor(at / 60_000) * 60_000, row[c]);
      });
    } else if (frontColumn >= 0) {
      const sender = senders.service(row[frontColumn]!.toLowerCase());
      header.forEach((name, c) => {
        const spec = FRONT_COLUMNS[name];
        if (spec !== undefined) add(sender, spec, at, row[c]);
      });
    } else if (/(source|destination)_50/.test(file)) {
      // Median latency per edge: as the caller saw it (source) and as the callee did (destination).
      const client = file.includes('source_50');
      header.forEach((name, c) => {
        const [caller, callee] = name.split('_');
        if (c < 2 || caller === undefined || callee === undefined) return;
        const labels = client
          ? { 'peer.service': callee, quantile: '0.5' }
          : { 'client.service': caller, quantile: '0.5' };
        add(
          senders.service(client ? caller : callee),
          [client ? 'rpc.client.edge.latency' : 'rpc.server.edge.latency', 's', 1, labels],
          at,
          row[c],
        );
      });
    }
  }
  return out;
}

function readSpans(file: string, senders: Senders): SpanRecord[] {
  const { rows } = parseTable(readBytes(file).toString());
  const out: SpanRecord[] = [];
  for (const [traceId, spanId, parent, pod, name, start, end] of rows) {
    if (traceId?.length !== 32 || spanId?.length !== 16 || !/^\d+$/.test(end ?? '')) continue;
    out.push({
      sender: senders.pod(pod!),
      traceId,
      spanId,
      parentId: parent?.length === 16 ? parent : '',
      name: name!,
      kind: 1,
      error: false,
      start: BigInt(start!),
      end: BigInt(end!),
    });
  }
  return out;
}

/** SERVER if the parent is in another service, CLIENT if a child is, else INTERNAL: what an instrumented caller would have said. */
export function nameKinds(spans: readonly SpanRecord[]): void {
  const byId = new Map<string, SpanRecord>();
  for (const span of spans) byId.set(span.traceId + span.spanId, span);
  for (const span of spans) {
    const parent = span.parentId === '' ? undefined : byId.get(span.traceId + span.parentId);
    if (parent === undefined || parent.sender.service === span.sender.service) continue;
    span.kind = 2;
    if (parent.kind !== 2) parent.kind = 3;
  }
}

function readLogs(file: string, senders: Senders): LogRecord[] {
  const [header, ...rows] = parseQuoted(readBytes(file).toString());
  const column = (name: string): number => header!.indexOf(name);
  const [time, node, pod, trace, span, body] = ['TimeUnixNano', 'Node', 'PodName', 'TraceID', 'SpanID', 'Log'].map(
    column,
  ) as [number, number, number, number, number, number];
  const out: LogRecord[] = [];
  for (const row of rows) {
    if (!/^\d+$/.test(row[time] ?? '')) continue;
    const text = bodyOf(row[body] ?? '');
    out.push({
      sender: senders.pod(row[pod]!, row[node]!),
      at: BigInt(row[time]!),
      severity: severityOf(text),
      body: text,
      traceId: row[trace]?.length === 32 ? row[trace] : '',
      spanId: row[span]?.length === 16 ? row[span] : '',
    });
  }
  return out;
}

/** The line inside the container runtime's JSON envelope. */
function bodyOf(cell: string): string {
  try {
    return (JSON.parse(cell) as { log?: string }).log?.trimEnd() ?? cell;
  } catch {
    return cell;
  }
}

function severityOf(body: string): number {
  const word = /\b(ERROR|WARN|WARNING|INFO|DEBUG)\b/i.exec(body.slice(0, 200))?.[1]?.toUpperCase();
  return word === 'ERROR'
    ? 17
    : word === 'WARN' || word === 'WARNING'
      ? 13
      : word === 'INFO'
        ? 9
        : word === 'DEBUG'
          ? 5
          : 0;
}

function readFaults(folder: string): Fault[] {
  const faults: Fault[] = [];
  for (const file of readdirSync(requireFolder(folder)).sort()) {
    const parsed = JSON.parse(readFileSync(join(folder, file), 'utf8')) as RawFault[] | Record<string, RawFault[]>;
    for (const raw of Array.isArray(parsed) ? parsed : Object.values(parsed).flat()) {
      // `inject_timestamp` is 8 hours early for some; `inject_time` is right.
      faults.push({
        at: utc(raw.inject_time.replace(' ', 'T')),
        service: serviceOfPod(raw.inject_pod),
        type: raw.inject_type,
      });
    }
  }
  return faults.sort((a, b) => a.at - b.at);
}

interface RawFault {
  readonly inject_time: string;
  readonly inject_pod: string;
  readonly inject_type: string;
}
