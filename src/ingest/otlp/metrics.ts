import type { IntakeResult, SignalSink } from '../../domain/ports.ts';
import { createHistogramBatch, createPointBatch } from '../../domain/signal/batch.ts';
import { SERIES_KIND } from '../../domain/signal/series.ts';
import type { PayloadDecoder } from '../contract.ts';
import type { ShardSeriesTable } from '../series/series-table.ts';
import { Wire } from '../wire/proto.ts';
import { readAttributes } from './attributes.ts';
import { ROLE } from './metrics-columns.ts';
import { MetricsScan } from './metrics-scan.ts';
import { BodyResources, type ResourceCache } from './resource.ts';

/** Most items of a batch: beyond it throughput gains nothing and latency suffers. */
export const SLICE = 2048;

/** ExportMetricsServiceRequest (protobuf) → points and histograms. */
export class OtlpMetricsDecoder implements PayloadDecoder {
  private readonly table: ShardSeriesTable;
  private readonly wire = new Wire();
  private readonly resources: BodyResources;
  private readonly scan: MetricsScan;
  private readonly points = createPointBatch(SLICE);
  private readonly batch = createHistogramBatch(SLICE, 1);
  private readonly decoder = new TextDecoder();

  constructor(cache: ResourceCache) {
    this.table = cache.table;
    this.resources = new BodyResources(cache);
    this.scan = new MetricsScan(this.wire, this.resources);
  }

  decode(body: Uint8Array, tenant: string, sink: SignalSink): IntakeResult {
    const { wire, scan, resources } = this;
    scan.open(body);
    try {
      resources.begin(tenant);
      scan.run();
      const { samples, histograms } = scan;
      const unknown =
        this.table.resolve(samples.length, samples.keys, samples.series) +
        this.table.resolve(histograms.length, histograms.keys, histograms.series);
      if (unknown > 0) this.checkUnknown();
      // From here on nothing fails any more.
      resources.open(wire, tenant, sink);
      this.table.touch(samples.length, samples.series, samples.time);
      this.table.touch(histograms.length, histograms.series, histograms.time);
      if (unknown > 0) this.registerUnknown();
      const accepted = this.deliverSamples(sink, unknown === 0 && samples.special === 0) + this.deliverHistograms(sink);
      this.deliverStale(sink);
      return { accepted, rejected: scan.rejected, message: scan.message };
    } finally {
      wire.close();
    }
  }

  /** Attributes of a known raw form were checked when it was registered; the others are checked here. */
  private checkUnknown(): void {
    const { wire, scan } = this;
    const { samples, histograms, metrics } = scan;
    for (let i = 0; i < samples.length; i++) {
      if (samples.series[i]! >= 0) continue;
      readAttributes(wire, samples.start[i]!, samples.end[i]!, metrics.attributes[samples.metric[i]!]!, null);
    }
    for (let i = 0; i < histograms.length; i++) {
      if (histograms.series[i]! >= 0) continue;
      readAttributes(wire, histograms.start[i]!, histograms.end[i]!, metrics.attributes[histograms.metric[i]!]!, null);
    }
  }

  private registerUnknown(): void {
    const { samples, histograms } = this.scan;
    for (let i = 0; i < samples.length; i++) {
      if (samples.series[i]! >= 0 || samples.role[i] === ROLE.stale) continue;
      const a = samples.keys[2 * i]!;
      const b = samples.keys[2 * i + 1]!;
      const known = this.table.find(a, b);
      if (known >= 0) {
        samples.series[i] = known;
        continue;
      }
      const role = samples.role[i]!;
      this.identify(samples.metric[i]!, samples.start[i]!, samples.end[i]!, role, samples.quantile[i]!);
      samples.series[i] = this.table.register(a, b, samples.time[i]!);
    }
    for (let i = 0; i < histograms.length; i++) {
      if (histograms.series[i]! >= 0) continue;
      const a = histograms.keys[2 * i]!;
      const b = histograms.keys[2 * i + 1]!;
      const known = this.table.find(a, b);
      if (known >= 0) {
        histograms.series[i] = known;
        continue;
      }
      this.identify(histograms.metric[i]!, histograms.start[i]!, histograms.end[i]!, ROLE.sample, 0);
      histograms.series[i] = this.table.register(a, b, histograms.time[i]!);
    }
    for (let i = 0; i < samples.length; i++) {
      if (samples.series[i]! >= 0 || samples.role[i] !== ROLE.stale) continue;
      samples.series[i] = this.table.find(samples.keys[2 * i]!, samples.keys[2 * i + 1]!);
      if (samples.series[i]! >= 0) continue;
      this.identify(samples.metric[i]!, samples.start[i]!, samples.end[i]!, samples.ends[i]!, samples.quantile[i]!);
      samples.series[i] = this.table.lookUp();
    }
  }

  /** Fills the table's identity with the series of one data point. */
  private identify(metric: number, start: number, end: number, role: number, quantile: number): void {
    const { metrics } = this.scan;
    const { identity } = this.table;
    const resource = this.resources.entries[metrics.resource[metric]!]!;
    const kind = role === ROLE.quantile ? SERIES_KIND.gauge : metrics.kind[metric]!;
    identity.begin(resource.service, this.metricIndex(metric, role), kind);
    identity.addEncoded(resource.labels, 0, resource.labels.length);
    readAttributes(this.wire, start, end, metrics.attributes[metric]!, identity);
    if (role === ROLE.quantile) identity.addText('quantile', String(quantile));
  }

  private metricIndex(metric: number, role: number): number {
    const { metrics } = this.scan;
    const plain = role === ROLE.sample || role === ROLE.quantile;
    if (plain && metrics.index[metric]! >= 0) return metrics.index[metric]!;
    const { buf } = this.wire;
    const name = this.decoder.decode(buf.subarray(metrics.nameStart[metric], metrics.nameEnd[metric]));
    const unit = this.decoder.decode(buf.subarray(metrics.unitStart[metric], metrics.unitEnd[metric]));
    if (role === ROLE.count) return this.table.names.metric(`${name}_count`, '1');
    if (role === ROLE.sum) return this.table.names.metric(`${name}_sum`, unit);
    metrics.index[metric] = this.table.names.metric(name, unit);
    return metrics.index[metric]!;
  }

  /** `isWhole`: every sample is one of a known series. */
  private deliverSamples(sink: SignalSink, isWhole: boolean): number {
    const { samples } = this.scan;
    if (!isWhole) return this.pickSamples(sink);
    // The columns are handed on where they are.
    for (let from = 0; from < samples.length; from += SLICE) {
      const to = Math.min(samples.length, from + SLICE);
      sink.points({
        length: to - from,
        series: samples.series.subarray(from, to),
        time: samples.time.subarray(from, to),
        value: samples.value.subarray(from, to),
      });
    }
    return samples.length;
  }

  private pickSamples(sink: SignalSink): number {
    const { samples } = this.scan;
    const { points } = this;
    let accepted = 0;
    let n = 0;
    for (let i = 0; i < samples.length; i++) {
      const series = samples.series[i]!;
      if (samples.role[i] === ROLE.stale) {
        accepted++;
        continue;
      }
      if (series < 0) {
        this.scan.reject('the limit of series is reached');
        continue;
      }
      points.series[n] = series;
      points.time[n] = samples.time[i]!;
      points.value[n] = samples.value[i]!;
      if (++n < SLICE) continue;
      points.length = n;
      sink.points(points);
      accepted += n;
      n = 0;
    }
    if (n === 0) return accepted;
    points.length = n;
    sink.points(points);
    return accepted + n;
  }

  private deliverHistograms(sink: SignalSink): number {
    const { histograms } = this.scan;
    const { batch } = this;
    batch.lower = histograms.lower;
    batch.upper = histograms.upper;
    batch.count = histograms.count;
    let accepted = 0;
    let n = 0;
    for (let i = 0; i <= histograms.length; i++) {
      const refused = i < histograms.length && histograms.series[i]! < 0;
      if (refused) this.scan.reject('the limit of series is reached');
      // Buckets of neighbours adjoin: a refused sample ends the batch.
      if (n > 0 && (refused || n === SLICE || i === histograms.length)) {
        batch.length = n;
        sink.histograms(batch);
        accepted += n;
        n = 0;
      }
      if (refused || i === histograms.length) continue;
      batch.series[n] = histograms.series[i]!;
      batch.time[n] = histograms.time[i]!;
      batch.startTime[n] = histograms.startTime[i]!;
      batch.total[n] = histograms.total[i]!;
      batch.sum[n] = histograms.sum[i]!;
      batch.bucketStart[n] = histograms.bucketStart[i]!;
      batch.bucketStart[n + 1] = histograms.bucketStart[i + 1]!;
      n++;
    }
    return accepted;
  }

  /** The end of a series that we never saw is no news. */
  private deliverStale(sink: SignalSink): void {
    const { samples } = this.scan;
    for (let i = 0; i < samples.length; i++) {
      if (samples.role[i] !== ROLE.stale || samples.series[i]! < 0) continue;
      this.table.markStale(samples.series[i]!);
      sink.stale(samples.series[i]!, samples.time[i]!);
    }
  }
}
