import type { IntakeResult, SignalSink } from '../../domain/ports.ts';
import { createHistogramBatch, createPointBatch } from '../../domain/signal/batch.ts';
import type { ShardSeriesTable } from '../series/series-table.ts';
import { Wire } from '../wire/proto.ts';
import { SeriesLabels } from './series-labels.ts';
import { REFUSED } from './write-columns.ts';
import { WriteScan, type WriteVersion } from './write-scan.ts';

/** Most items of a batch: beyond it throughput gains nothing and latency suffers. */
const SLICE = 2048;

/**
 * Prometheus remote write, 1.0 (`prometheus.WriteRequest`) and 2.0 (`io.prometheus.write.v2.Request`), inflated → points,
 * native histograms and stale markers. One instance a shard; batches are reused between calls. See README.md for what
 * becomes a counter, and whose series it is.
 */
export class RemoteWriteDecoder {
  private readonly table: ShardSeriesTable;
  private readonly wire = new Wire();
  private readonly scan: WriteScan;
  private readonly labels: SeriesLabels;
  private readonly seed = new Int32Array(2);
  private readonly points = createPointBatch(SLICE);
  private readonly batch = createHistogramBatch(SLICE, 1);
  /** Entries that turned out to have no name. */
  private nameless = new Uint8Array(0);

  constructor(table: ShardSeriesTable) {
    this.table = table;
    this.scan = new WriteScan(this.wire);
    this.labels = new SeriesLabels(this.wire, this.scan.symbols, table);
  }

  /** @throws TocsinError `bad_payload` before anything of the body reaches the sink or the series table. */
  decodeV1(body: Uint8Array, tenant: string, sink: SignalSink): IntakeResult {
    return this.decode(1, body, tenant, sink);
  }

  /** @throws TocsinError `bad_payload` before anything of the body reaches the sink or the series table. */
  decodeV2(body: Uint8Array, tenant: string, sink: SignalSink): IntakeResult {
    return this.decode(2, body, tenant, sink);
  }

  private decode(version: WriteVersion, body: Uint8Array, tenant: string, sink: SignalSink): IntakeResult {
    const { wire, scan, table } = this;
    wire.open(body);
    try {
      table.tenantSeed(tenant, this.seed, 0);
      scan.run(version, this.seed);
      const { entries, samples, histograms } = scan;
      if (table.resolve(entries.length, entries.keys, entries.series) > 0) {
        this.checkUnknown(version);
        this.registerUnknown(version, tenant, sink);
      }
      // From here on nothing fails any more.
      for (let i = 0; i < samples.length; i++) {
        samples.series[i] = samples.stale[i] === 1 ? -1 : entries.series[samples.entry[i]!]!;
      }
      for (let i = 0; i < histograms.length; i++) histograms.series[i] = entries.series[histograms.entry[i]!]!;
      table.touch(samples.length, samples.series, samples.time);
      table.touch(histograms.length, histograms.series, histograms.time);
      const written = {
        samples: this.deliverSamples(sink) + scan.notFinite,
        histograms: this.deliverHistograms(sink),
        exemplars: scan.exemplars,
      };
      written.samples += this.deliverStale(sink);
      const accepted = written.samples + written.histograms;
      return { accepted, rejected: scan.rejected, message: scan.message, written };
    } finally {
      wire.close();
    }
  }

  /** Labels of a known raw form were checked when it was registered; the others are checked here. */
  private checkUnknown(version: WriteVersion): void {
    const { entries } = this.scan;
    if (this.nameless.length < entries.length) this.nameless = new Uint8Array(entries.length * 2);
    for (let i = 0; i < entries.length; i++) {
      if (entries.series[i]! >= 0) continue;
      this.nameless[i] = this.labels.hasName(version, entries.start[i]!, entries.end[i]!) ? 0 : 1;
    }
  }

  private registerUnknown(version: WriteVersion, tenant: string, sink: SignalSink): void {
    const { table, labels } = this;
    const { entries } = this.scan;
    for (let i = 0; i < entries.length; i++) {
      if (entries.series[i]! >= 0) continue;
      if (this.nameless[i] === 1 || entries.ended[i] === 1) {
        entries.series[i] = this.nameless[i] === 1 ? REFUSED.nameless : REFUSED.unseen;
        continue;
      }
      const a = entries.keys[2 * i]!;
      const b = entries.keys[2 * i + 1]!;
      const known = table.find(a, b);
      if (known >= 0) {
        entries.series[i] = known;
        continue;
      }
      const at = entries.firstTime[i]!;
      labels.identify(version, tenant, entries, i);
      entries.series[i] = table.register(a, b, at);
      const marker = labels.deployed(at);
      if (marker !== null) sink.deploy(marker);
    }
  }

  private deliverSamples(sink: SignalSink): number {
    const { samples, entries } = this.scan;
    const { points } = this;
    let accepted = 0;
    let n = 0;
    for (let i = 0; i < samples.length; i++) {
      if (samples.stale[i] === 1) continue;
      const series = entries.series[samples.entry[i]!]!;
      if (series < 0) {
        this.refuse(series);
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
      const last = i === histograms.length;
      const series = last ? -1 : histograms.series[i]!;
      if (!last && series < 0) this.refuse(series);
      // Buckets of neighbours adjoin: a refused sample ends the batch.
      if (n > 0 && (series < 0 || n === SLICE)) {
        batch.length = n;
        sink.histograms(batch);
        accepted += n;
        n = 0;
      }
      if (series < 0) continue;
      batch.series[n] = series;
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

  private refuse(series: number): void {
    this.scan.reject(series === REFUSED.nameless ? 'a series without __name__' : 'the limit of series is reached');
  }

  /** After everything else of the body: what came with the marker came before the end. */
  private deliverStale(sink: SignalSink): number {
    const { samples, entries } = this.scan;
    let accepted = 0;
    for (let i = 0; i < samples.length; i++) {
      if (samples.stale[i] === 0) continue;
      const series = entries.series[samples.entry[i]!]!;
      if (series < 0 && series !== REFUSED.unseen) {
        this.refuse(series);
        continue;
      }
      accepted++;
      if (series < 0) continue;
      this.table.markStale(series);
      sink.stale(series, samples.time[i]!);
    }
    return accepted;
  }
}
