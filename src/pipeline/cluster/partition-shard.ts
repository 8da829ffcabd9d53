import type { BusRecord } from '../../bus/bus.ts';
import { ByteReader } from '../../bus/codec/bytes.ts';
import { decodeSignal, type SignalRecord } from '../../bus/codec/signal-record.ts';
import type { Snapshot } from '../../domain/ports.ts';
import type { HistogramBatch, PointBatch } from '../../domain/signal/batch.ts';
import type { TickReport } from '../../domain/signal/history.ts';
import { MetricInput } from '../engine/metric-input.ts';
import { ShardEngine, type ShardStats } from '../engine/shard-engine.ts';
import type { Settings } from '../settings.ts';
import { hashState } from '../shard/durable-shard.ts';
import { NumberMaps } from './number-maps.ts';
import { Rollups } from './rollups.ts';

/** Caps are held by gateways: a worker that refused what a gateway took would lose its place in the columns. */
const NO_LIMIT = 1 << 30;

export interface PartitionShardOptions {
  readonly partition: number;
  readonly settings: Settings;
  readonly emit: (report: TickReport) => void;
}

/**
 * A shard whose input log is a partition of the bus: a function of its records in their order. A snapshot carries the offset
 * that comes next, so that any worker can go on from it.
 */
export class PartitionShard {
  /** Offset of the first record not taken in. */
  next = 0;
  /** Samples of series that nobody announced to us: only after a snapshot was lost. */
  unknown = 0;
  readonly rollups: Rollups;
  readonly #engine: ShardEngine;
  readonly #maps = new NumberMaps();
  readonly #input = new MetricInput();

  constructor({ partition, settings, emit }: PartitionShardOptions) {
    this.#engine = new ShardEngine({
      shard: partition,
      settings: { ...settings, ingest: { ...settings.ingest, max_series_per_tenant: NO_LIMIT } },
      emit,
      onEvict: (series) => {
        this.#maps.evict(series);
        this.rollups.evict(series);
      },
    });
    this.rollups = new Rollups((series) => this.#engine.table.describe(series));
  }

  /**
   * Takes in the next record; one that was taken in before is passed over.
   * @throws TocsinError `corrupt`, `bad_payload` for a record that cannot be read: it is passed over and belongs in the
   * dead-letter topic.
   */
  apply({ offset, value }: BusRecord): void {
    if (offset < this.next) return;
    this.next = offset + 1;
    const record = decodeSignal(value);
    switch (record.kind) {
      case 'heartbeat':
        this.#engine.reach(record.watermark, record.wallNow);
        break;
      case 'columns':
        this.#columns(record);
        break;
      case 'body':
        this.#body(record);
        break;
    }
  }

  /** Goes on behind a record that is not to be taken in. */
  passOver(offset: number): void {
    this.next = Math.max(this.next, offset + 1);
  }

  #body({ gateway, signal, format, body, tenant, wallNow, numbers }: SignalRecord): void {
    if (signal !== 'metrics') {
      this.#engine.accept(signal, format, body, tenant, wallNow);
      return;
    }
    const input = this.#input;
    this.#engine.read(format, body, tenant, wallNow, input);
    if (numbers.length > 0) {
      const { pointColumns: points, histogramColumns: histograms } = input;
      this.#maps.announce(
        gateway,
        wallNow,
        numbers,
        points.series.subarray(0, points.length),
        histograms.series.subarray(0, histograms.length),
      );
    }
    this.#engine.apply(input, wallNow);
  }

  #columns({ gateway, wallNow, columns }: SignalRecord): void {
    const from = new ByteReader(columns);
    const versions = readVersions(from);
    const input = this.#input;
    input.decodeSamples(from);
    for (const { tenant, service, version, at } of versions)
      input.versions.push({ service: this.#engine.table.ensureService(tenant, service), version, at });
    const { pointColumns: points, histogramColumns: histograms } = input;
    const lost = this.#maps.resolve(gateway, wallNow, points.length, points.series);
    const lostHistograms = this.#maps.resolve(gateway, wallNow, histograms.length, histograms.series);
    if (lost > 0) dropPoints(points);
    if (lostHistograms > 0) dropHistograms(histograms);
    this.unknown += lost + lostHistograms;
    this.#engine.applyColumns(input, wallNow);
  }

  /** Number of the next report. */
  get sequence(): number {
    return this.#engine.sequence;
  }

  stats(): ShardStats {
    return this.#engine.stats();
  }

  /** Arrays may be live memory: write them before the next call. */
  snapshot(at: number): Snapshot {
    return { at, position: this.next, parts: { ...this.#engine.save(), numbers: this.#maps.save() } };
  }

  restore({ position, parts }: Snapshot): void {
    const { numbers, ...rest } = parts;
    this.#engine.restore(rest);
    if (numbers !== undefined) this.#maps.restore(numbers);
    this.next = position;
  }

  /** Fingerprint of what the records made of this shard. */
  stateHash(): string {
    return hashState(this.#engine.save());
  }
}

interface NamedVersion {
  readonly tenant: string;
  readonly service: string;
  readonly version: string;
  readonly at: number;
}

/** As `GatewayColumns` writes them, in front of the samples. */
function readVersions(from: ByteReader): NamedVersion[] {
  const text = (): string => Buffer.from(from.raw(from.varint())).toString();
  return Array.from({ length: from.count(11) }, () => ({
    tenant: text(),
    service: text(),
    version: text(),
    at: from.f64(),
  }));
}

function dropPoints(batch: PointBatch): void {
  const { series, time, value } = batch;
  let kept = 0;
  for (let i = 0; i < batch.length; i++) {
    if (series[i]! < 0) continue;
    series[kept] = series[i]!;
    time[kept] = time[i]!;
    value[kept] = value[i]!;
    kept++;
  }
  batch.length = kept;
}

function dropHistograms(batch: HistogramBatch): void {
  const { series, bucketStart } = batch;
  let kept = 0;
  let at = 0;
  for (let i = 0; i < batch.length; i++) {
    const from = bucketStart[i]!;
    const to = bucketStart[i + 1]!;
    if (series[i]! < 0) continue;
    series[kept] = series[i]!;
    for (const name of ['time', 'startTime', 'total', 'sum'] as const) batch[name][kept] = batch[name][i]!;
    for (const name of ['lower', 'upper', 'count'] as const) batch[name].copyWithin(at, from, to);
    bucketStart[kept] = at;
    at += to - from;
    kept++;
  }
  bucketStart[kept] = at;
  batch.length = kept;
}
