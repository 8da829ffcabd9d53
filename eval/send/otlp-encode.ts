import { ProtoWriter } from './protobuf.ts';

/** Who sent it: becomes the resource. Records of the same object are sent under one resource. */
export interface Sender {
  readonly service: string;
  /** Empty when the record is of the service as a whole. */
  readonly pod: string;
  /** Empty when unknown. */
  readonly host: string;
}

export interface GaugeRecord {
  readonly sender: Sender;
  readonly metric: string;
  readonly unit: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Event time, ms since the epoch. */
  readonly at: number;
  readonly value: number;
}

export interface SpanRecord {
  readonly sender: Sender;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root span. */
  readonly parentId: string;
  readonly name: string;
  kind: number;
  /** Status ERROR. */
  readonly error: boolean;
  /** Nanoseconds since the epoch. */
  readonly start: bigint;
  readonly end: bigint;
}

export interface LogRecord {
  readonly sender: Sender;
  readonly at: bigint;
  readonly severity: number;
  readonly body: string;
  readonly traceId: string;
  readonly spanId: string;
}

function attribute(w: ProtoWriter, field: number, key: string, value: string): void {
  w.message(field, (kv) => {
    kv.text(1, key);
    kv.message(2, (any) => any.text(1, value));
  });
}

function resource(w: ProtoWriter, sender: Sender): void {
  w.message(1, (r) => {
    if (sender.service !== '') attribute(r, 1, 'service.name', sender.service);
    if (sender.pod !== '') attribute(r, 1, 'k8s.pod.name', sender.pod);
    if (sender.host !== '') attribute(r, 1, 'host.name', sender.host);
  });
}

function bySender<T extends { readonly sender: Sender }>(records: readonly T[]): Map<Sender, T[]> {
  const groups = new Map<Sender, T[]>();
  for (const record of records) {
    const group = groups.get(record.sender);
    if (group === undefined) groups.set(record.sender, [record]);
    else group.push(record);
  }
  return groups;
}

function nanos(ms: number): bigint {
  return BigInt(Math.round(ms)) * 1_000_000n;
}

/** ExportMetricsServiceRequest: every record a gauge. `shift` (ms) is added to all times. */
export function encodeGauges(records: readonly GaugeRecord[], shift: number): Uint8Array {
  const w = new ProtoWriter(records.length * 100 + 256);
  for (const [sender, own] of bySender(records)) {
    w.message(1, (rm) => {
      resource(rm, sender);
      rm.message(2, (scope) => {
        const byMetric = new Map<string, GaugeRecord[]>();
        for (const record of own) {
          const group = byMetric.get(record.metric);
          if (group === undefined) byMetric.set(record.metric, [record]);
          else group.push(record);
        }
        for (const [metric, points] of byMetric) {
          scope.message(2, (m) => {
            m.text(1, metric);
            m.text(3, points[0]!.unit);
            m.message(5, (gauge) => {
              for (const point of points) {
                gauge.message(1, (p) => {
                  p.fixed64(3, nanos(point.at + shift));
                  p.double(4, point.value);
                  for (const [key, value] of Object.entries(point.labels)) attribute(p, 7, key, value);
                });
              }
            });
          });
        }
      });
    });
  }
  return w.finish();
}

/** ExportTraceServiceRequest. */
export function encodeSpans(records: readonly SpanRecord[], shift: number): Uint8Array {
  const w = new ProtoWriter(records.length * 160 + 256);
  const move = nanos(shift);
  for (const [sender, own] of bySender(records)) {
    w.message(1, (rs) => {
      resource(rs, sender);
      rs.message(2, (scope) => {
        for (const span of own) {
          scope.message(2, (s) => {
            s.raw(1, Buffer.from(span.traceId, 'hex'));
            s.raw(2, Buffer.from(span.spanId, 'hex'));
            if (span.parentId !== '') s.raw(4, Buffer.from(span.parentId, 'hex'));
            s.text(5, span.name);
            s.varint(6, span.kind);
            s.fixed64(7, span.start + move);
            s.fixed64(8, span.end + move);
            if (span.error) s.message(15, (status) => status.varint(3, 2));
          });
        }
      });
    });
  }
  return w.finish();
}

/** ExportLogsServiceRequest. */
export function encodeLogs(records: readonly LogRecord[], shift: number): Uint8Array {
  const w = new ProtoWriter(records.length * 300 + 256);
  const move = nanos(shift);
  for (const [sender, own] of bySender(records)) {
    w.message(1, (rl) => {
      resource(rl, sender);
      rl.message(2, (scope) => {
        for (const log of own) {
          scope.message(2, (l) => {
            l.fixed64(1, log.at + move);
            if (log.severity > 0) l.varint(2, log.severity);
            l.message(5, (body) => body.text(1, log.body));
            if (log.traceId.length === 32) l.raw(9, Buffer.from(log.traceId, 'hex'));
            if (log.spanId.length === 16) l.raw(10, Buffer.from(log.spanId, 'hex'));
            l.fixed64(11, log.at + move);
          });
        }
      });
    });
  }
  return w.finish();
}
