import { ProtoWriter } from '../../ingest/wire/proto-writer.ts';

/** Who sends: becomes the resource. Records of the same object travel under one resource. */
export interface Sender {
  readonly service: string;
  /** Pod name; empty for the service as a whole. */
  readonly instance: string;
  /** Empty when unknown. */
  readonly version: string;
}

export interface MetricRecord {
  readonly sender: Sender;
  readonly metric: string;
  readonly unit: string;
  readonly kind: 'gauge' | 'counter' | 'delta' | 'updown';
  readonly labels: Readonly<Record<string, string>>;
  readonly at: number;
  /** NaN with `stale` is the mark that the series ended. */
  readonly value: number;
  readonly stale: boolean;
}

export interface LogRecord {
  readonly sender: Sender;
  readonly at: number;
  readonly severity: number;
  readonly body: string;
  readonly traceId: Uint8Array | null;
}

export interface SpanRecord {
  readonly sender: Sender;
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentId: Uint8Array | null;
  readonly name: string;
  readonly kind: number;
  readonly start: number;
  readonly end: number;
  readonly error: boolean;
}

const NO_RECORDED_VALUE = 1;
const TEMPORALITY = { delta: 1, cumulative: 2 } as const;
const ERROR = 2;

const nanos = (ms: number): bigint => BigInt(Math.round(ms * 1_000)) * 1_000n;

function nested(w: ProtoWriter, field: number, body: () => void): void {
  const start = w.begin(field);
  body();
  w.end(start);
}

function attribute(w: ProtoWriter, field: number, key: string, value: string): void {
  nested(w, field, () => {
    w.string(1, key);
    nested(w, 2, () => w.string(1, value));
  });
}

/** One Resource{Metrics,Logs,Spans} a sender, with one scope that `body` fills. */
function resources<T extends { readonly sender: Sender }>(
  w: ProtoWriter,
  records: readonly T[],
  body: (own: readonly T[]) => void,
): void {
  for (const [sender, own] of Map.groupBy(records, (record) => record.sender)) {
    nested(w, 1, () => {
      nested(w, 1, () => {
        attribute(w, 1, 'service.name', sender.service);
        if (sender.version !== '') attribute(w, 1, 'service.version', sender.version);
        if (sender.instance !== '') attribute(w, 1, 'k8s.pod.name', sender.instance);
      });
      nested(w, 2, () => body(own));
    });
  }
}

/** ExportMetricsServiceRequest. */
export function encodeMetrics(records: readonly MetricRecord[]): Uint8Array<ArrayBuffer> {
  const w = new ProtoWriter();
  resources(w, records, (own) => {
    for (const points of Map.groupBy(own, (record) => `${record.kind} ${record.metric}`).values()) {
      const { metric, unit, kind } = points[0]!;
      nested(w, 2, () => {
        w.string(1, metric);
        w.string(3, unit);
        nested(w, kind === 'gauge' ? 5 : 7, () => {
          for (const point of points) dataPoint(w, point);
          if (kind === 'gauge') return;
          w.varint(2, kind === 'delta' ? TEMPORALITY.delta : TEMPORALITY.cumulative);
          if (kind !== 'updown') w.varint(3, 1);
        });
      });
    }
  });
  return w.finish();
}

function dataPoint(w: ProtoWriter, point: MetricRecord): void {
  nested(w, 1, () => {
    w.fixed64(3, nanos(point.at));
    if (point.stale) w.varint(8, NO_RECORDED_VALUE);
    else w.double(4, point.value);
    for (const [key, value] of Object.entries(point.labels)) attribute(w, 7, key, value);
  });
}

/** ExportLogsServiceRequest. */
export function encodeLogs(records: readonly LogRecord[]): Uint8Array<ArrayBuffer> {
  const w = new ProtoWriter();
  resources(w, records, (own) => {
    for (const log of own) {
      nested(w, 2, () => {
        w.fixed64(1, nanos(log.at));
        w.varint(2, log.severity);
        nested(w, 5, () => w.string(1, log.body));
        if (log.traceId !== null) w.bytes(9, log.traceId);
        w.fixed64(11, nanos(log.at));
      });
    }
  });
  return w.finish();
}

/** ExportTraceServiceRequest. */
export function encodeSpans(records: readonly SpanRecord[]): Uint8Array<ArrayBuffer> {
  const w = new ProtoWriter();
  resources(w, records, (own) => {
    for (const span of own) {
      nested(w, 2, () => {
        w.bytes(1, span.traceId);
        w.bytes(2, span.spanId);
        if (span.parentId !== null) w.bytes(4, span.parentId);
        w.string(5, span.name);
        w.varint(6, span.kind);
        w.fixed64(7, nanos(span.start));
        w.fixed64(8, nanos(span.end));
        if (span.error) nested(w, 15, () => w.varint(3, ERROR));
      });
    }
  });
  return w.finish();
}
