import { ProtoWriter } from '../../ingest/wire/proto-writer.ts';

/** The demo's telemetry as OTLP protobuf requests, one resource per pod. */
export interface Pod {
  readonly service: string;
  readonly language: string;
  readonly version: string;
  readonly name: string;
  readonly node: string;
}

export interface Gauge {
  readonly pod: Pod;
  readonly metric: string;
  readonly unit: string;
  readonly at: number;
  readonly value: number;
}

export interface Histogram {
  readonly pod: Pod;
  readonly metric: string;
  readonly unit: string;
  readonly at: number;
  readonly since: number;
  readonly operation: string;
  readonly status: string;
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  readonly sum: number;
}

export interface DemoSpan {
  readonly pod: Pod;
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentId: Uint8Array | null;
  readonly name: string;
  readonly kind: number;
  readonly start: number;
  readonly end: number;
  readonly error: boolean;
}

export interface DemoLog {
  readonly pod: Pod;
  readonly at: number;
  readonly severity: number;
  readonly body: string;
  readonly traceId: Uint8Array | null;
}

const SEVERITY_TEXT: Readonly<Record<number, string>> = { 9: 'INFO', 13: 'WARN', 17: 'ERROR' };

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

function resourceOf(w: ProtoWriter, pod: Pod): void {
  nested(w, 1, () => {
    attribute(w, 1, 'service.name', pod.service);
    attribute(w, 1, 'service.version', pod.version);
    attribute(w, 1, 'service.namespace', 'shop');
    attribute(w, 1, 'telemetry.sdk.language', pod.language);
    attribute(w, 1, 'k8s.deployment.name', pod.service);
    attribute(w, 1, 'k8s.pod.name', pod.name);
    attribute(w, 1, 'k8s.node.name', pod.node);
  });
}

function groupBy<T, K>(items: readonly T[], key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const k = key(item);
    const group = groups.get(k);
    if (group === undefined) groups.set(k, [item]);
    else group.push(item);
  }
  return groups;
}

/** ExportMetricsServiceRequest of gauges and cumulative histograms. */
export function encodeMetrics(gauges: readonly Gauge[], histograms: readonly Histogram[]): Uint8Array<ArrayBuffer> {
  const w = new ProtoWriter();
  const byPod = groupBy(histograms, (h) => h.pod);
  for (const [pod, own] of groupBy(gauges, (g) => g.pod)) {
    nested(w, 1, () => {
      resourceOf(w, pod);
      nested(w, 2, () => {
        for (const [metric, points] of groupBy(own, (g) => g.metric)) {
          nested(w, 2, () => {
            w.string(1, metric);
            w.string(3, points[0]!.unit);
            nested(w, 5, () => {
              for (const point of points) {
                nested(w, 1, () => {
                  w.fixed64(3, nanos(point.at));
                  w.double(4, point.value);
                });
              }
            });
          });
        }
        for (const [metric, points] of groupBy(byPod.get(pod) ?? [], (h) => h.metric))
          histogramMetric(w, metric, points);
      });
    });
  }
  return w.finish();
}

function histogramMetric(w: ProtoWriter, metric: string, points: readonly Histogram[]): void {
  nested(w, 2, () => {
    w.string(1, metric);
    w.string(3, points[0]!.unit);
    nested(w, 9, () => {
      for (const point of points) {
        nested(w, 1, () => {
          attribute(w, 9, 'http.route', point.operation);
          attribute(w, 9, 'http.response.status_code', point.status);
          w.fixed64(2, nanos(point.since));
          w.fixed64(3, nanos(point.at));
          w.fixed64(4, BigInt(point.counts.reduce((a, b) => a + b, 0)));
          w.double(5, point.sum);
          nested(w, 6, () => {
            for (const count of point.counts) w.rawFixed64(BigInt(count));
          });
          nested(w, 7, () => {
            for (const bound of point.bounds) w.rawDouble(bound);
          });
        });
      }
      w.varint(2, 2);
    });
  });
}

/** ExportTraceServiceRequest. */
export function encodeSpans(spans: readonly DemoSpan[]): Uint8Array<ArrayBuffer> {
  const w = new ProtoWriter();
  for (const [pod, own] of groupBy(spans, (s) => s.pod)) {
    nested(w, 1, () => {
      resourceOf(w, pod);
      nested(w, 2, () => {
        for (const span of own) {
          nested(w, 2, () => {
            w.bytes(1, span.traceId);
            w.bytes(2, span.spanId);
            if (span.parentId !== null) w.bytes(4, span.parentId);
            w.string(5, span.name);
            w.varint(6, span.kind);
            w.fixed64(7, nanos(span.start));
            w.fixed64(8, nanos(span.end));
            if (span.error) nested(w, 15, () => w.varint(3, 2));
          });
        }
      });
    });
  }
  return w.finish();
}

/** ExportLogsServiceRequest. */
export function encodeLogs(logs: readonly DemoLog[]): Uint8Array<ArrayBuffer> {
  const w = new ProtoWriter();
  for (const [pod, own] of groupBy(logs, (l) => l.pod)) {
    nested(w, 1, () => {
      resourceOf(w, pod);
      nested(w, 2, () => {
        for (const log of own) {
          nested(w, 2, () => {
            w.fixed64(1, nanos(log.at));
            w.varint(2, log.severity);
            w.string(3, SEVERITY_TEXT[log.severity] ?? 'INFO');
            nested(w, 5, () => w.string(1, log.body));
            if (log.traceId !== null) w.bytes(9, log.traceId);
            w.fixed64(11, nanos(log.at));
          });
        }
      });
    });
  }
  return w.finish();
}
