import type { IntakeResult, PayloadFormat, Signal, SignalIntake, SignalSink } from '../../../domain/ports.ts';
import type { DeployMarker, HistogramBatch, LogBatch, PointBatch, SpanBatch } from '../../../domain/signal/batch.ts';
import type { SeriesInfo } from '../../../domain/signal/series.ts';
import { createOtlpDecoders } from '../../otlp/json.ts';
import { ResourceCache } from '../../otlp/resource.ts';
import { RemoteWriteDecoder } from '../../remote-write/remote-write.ts';
import { ShardSeriesTable } from '../../series/series-table.ts';

export interface SeenPoint {
  readonly info: SeriesInfo;
  readonly time: number;
  readonly value: number;
}
export interface SeenLog {
  readonly service: string;
  readonly body: string;
  readonly severity: number;
  readonly traceId: string;
}
export interface SeenSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: number;
  readonly error: number;
  readonly ms: number;
  readonly spanId: string;
  readonly parentId: string;
}
export interface SeenHistogram {
  readonly info: SeriesInfo;
  readonly total: number;
  readonly sum: number;
  readonly counts: readonly number[];
}

/** The whole of ingest behind the servers: real decoders and series table; keeps everything in plain objects. */
export class DecodingIntake implements SignalIntake, SignalSink {
  readonly points_: SeenPoint[] = [];
  readonly histograms_: SeenHistogram[] = [];
  readonly logs_: SeenLog[] = [];
  readonly spans_: SeenSpan[] = [];
  readonly stale_: SeriesInfo[] = [];
  readonly formats = new Set<PayloadFormat>();
  rejected = 0;
  readonly table = new ShardSeriesTable();
  private readonly otlp = createOtlpDecoders(new ResourceCache(this.table));
  private readonly remoteWrite = new RemoteWriteDecoder(this.table);
  private readonly text = new TextDecoder();

  accept(signal: Signal, format: PayloadFormat, body: Uint8Array, tenant: string): IntakeResult {
    this.formats.add(format);
    const result = this.decode(signal, format, body, tenant);
    this.rejected += result.rejected;
    return result;
  }

  private decode(signal: Signal, format: PayloadFormat, body: Uint8Array, tenant: string): IntakeResult {
    if (format === 'remote-write-1') return this.remoteWrite.decodeV1(body, tenant, this);
    if (format === 'remote-write-2') return this.remoteWrite.decodeV2(body, tenant, this);
    return this.otlp[format === 'otlp-json' ? 'json' : 'protobuf'][signal].decode(body, tenant, this);
  }

  points(batch: PointBatch): void {
    for (let i = 0; i < batch.length; i++) {
      const info = this.table.describe(batch.series[i]!);
      this.points_.push({ info, time: batch.time[i]!, value: batch.value[i]! });
    }
  }

  histograms(batch: HistogramBatch): void {
    for (let i = 0; i < batch.length; i++) {
      this.histograms_.push({
        info: this.table.describe(batch.series[i]!),
        total: batch.total[i]!,
        sum: batch.sum[i]!,
        counts: [...batch.count.subarray(batch.bucketStart[i], batch.bucketStart[i + 1])],
      });
    }
  }

  logs(batch: LogBatch): void {
    for (let i = 0; i < batch.length; i++) {
      this.logs_.push({
        service: this.table.describeService(batch.service[i]!).service,
        body: this.text.decode(batch.buffer.subarray(batch.bodyStart[i], batch.bodyEnd[i])),
        severity: batch.severity[i]!,
        traceId: hex(batch.traceIds, i, 16),
      });
    }
  }

  spans(batch: SpanBatch): void {
    for (let i = 0; i < batch.length; i++) {
      this.spans_.push({
        service: this.table.describeService(batch.service[i]!).service,
        name: this.text.decode(batch.buffer.subarray(batch.nameStart[i], batch.nameEnd[i])),
        kind: batch.kind[i]!,
        error: batch.error[i]!,
        ms: batch.end[i]! - batch.start[i]!,
        spanId: hex(batch.spanIds, i, 8),
        parentId: hex(batch.parentIds, i, 8),
      });
    }
  }

  deploy(_marker: DeployMarker): void {}

  stale(series: number): void {
    this.stale_.push(this.table.describe(series));
  }
}

function hex(bytes: Uint8Array, at: number, size: number): string {
  return Buffer.from(bytes.subarray(at * size, (at + 1) * size)).toString('hex');
}
