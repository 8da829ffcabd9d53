import { ByteWriter } from '../../bus/codec/bytes.ts';
import { encodeHistograms, makeRoom } from '../../bus/codec/histograms.ts';
import { encodePoints, encodeSeries } from '../../bus/codec/points.ts';
import {
  createHistogramBatch,
  createPointBatch,
  type HistogramBatch,
  type PointBatch,
} from '../../domain/signal/batch.ts';
import type { ShardSeriesTable } from '../../ingest/series/series-table.ts';
import { shardOf, virtualShardOf } from '../../ingest/shard-router.ts';
import type { MetricInput } from '../engine/metric-input.ts';

/** Samples of one partition, gathered from a body; `series` holds the partition's numbers. */
interface Share {
  points: PointBatch;
  histograms: HistogramBatch;
  versions: { readonly tenant: string; readonly service: string; readonly version: string; readonly at: number }[];
}

/**
 * Numbers of series as a gateway gives them, per partition, and which of them the partition's worker was told of. A worker
 * learns what a number means from the body that announces it; after that columns of numbers are enough.
 */
export class GatewayColumns {
  readonly #table: ShardSeriesTable;
  readonly #partitions: number;
  readonly #announceEvery: number;
  /** Per series of the gateway's table: its partition's number, and when it was last sent and announced (s since the epoch). */
  #number = new Int32Array(0);
  #sent = new Int32Array(0);
  #announced = new Int32Array(0);
  readonly #used: Int32Array;
  #partitionOf = new Int32Array(0);
  readonly #shares: Share[];
  readonly #writer = new ByteWriter();

  /**
   * @param announceEvery seconds after which a series is announced anew, so that a worker without memory learns it; also how
   * long a series may be silent before its worker may have forgotten it.
   */
  constructor(table: ShardSeriesTable, partitions: number, announceEvery: number) {
    this.#table = table;
    this.#partitions = partitions;
    this.#announceEvery = announceEvery;
    this.#used = new Int32Array(partitions);
    this.#shares = Array.from({ length: partitions }, () => ({
      points: createPointBatch(0),
      histograms: createHistogramBatch(0, 0),
      versions: [],
    }));
  }

  /** Partition of a service of the table. */
  partition(service: number): number {
    if (service >= this.#partitionOf.length) {
      const known = this.#partitionOf.length;
      const larger = new Int32Array(Math.max(64, this.#table.serviceCount(), service + 1) * 2).fill(-1);
      larger.set(this.#partitionOf.subarray(0, known));
      this.#partitionOf = larger;
    }
    let partition = this.#partitionOf[service]!;
    if (partition < 0) {
      const { tenant, service: name } = this.#table.describeService(service);
      partition = shardOf(virtualShardOf(tenant, name), this.#partitions);
      this.#partitionOf[service] = partition;
    }
    return partition;
  }

  /** True when columns of numbers say all of it: every series was announced, lately enough. */
  allKnown(input: MetricInput, nowSeconds: number): boolean {
    this.#grow();
    return this.#known(input.pointColumns, nowSeconds) && this.#known(input.histogramColumns, nowSeconds);
  }

  #known({ length, series }: { length: number; series: Int32Array }, now: number): boolean {
    const oldest = now - this.#announceEvery;
    for (let i = 0; i < length; i++) {
      const row = series[i]!;
      if (this.#announced[row]! < oldest || this.#sent[row]! < oldest) return false;
      this.#sent[row] = now;
    }
    return true;
  }

  /** Gives numbers to the samples of a body that all belong to `partition`; returns them as they are sent along with it. */
  announce(input: MetricInput, partition: number, nowSeconds: number): Uint8Array {
    this.#grow();
    const { pointColumns, histogramColumns } = input;
    const numbers = new Int32Array(pointColumns.length + histogramColumns.length);
    for (let i = 0; i < numbers.length; i++) {
      const row = i < pointColumns.length ? pointColumns.series[i]! : histogramColumns.series[i - pointColumns.length]!;
      if (this.#announced[row] === 0) this.#number[row] = this.#used[partition]!++;
      this.#announced[row] = nowSeconds;
      this.#sent[row] = nowSeconds;
      numbers[i] = this.#number[row]!;
    }
    this.#writer.reset();
    this.#writer.varint(numbers.length);
    encodeSeries(this.#writer, numbers, numbers.length);
    return this.#writer.written().slice();
  }

  /** The samples of `input` as columns, a piece for each partition that has any. All series must be known. */
  *cut(input: MetricInput): Generator<{ readonly partition: number; readonly columns: Uint8Array }> {
    for (const { service, version, at } of input.versions) {
      const { tenant, service: name } = this.#table.describeService(service);
      this.#shares[this.partition(service)]!.versions.push({ tenant, service: name, version, at });
    }
    this.#sharePoints(input.pointColumns);
    this.#shareHistograms(input.histogramColumns);
    for (const [partition, share] of this.#shares.entries()) {
      if (share.points.length + share.histograms.length + share.versions.length === 0) continue;
      yield { partition, columns: this.#encode(share) };
      share.points.length = 0;
      share.histograms.length = 0;
      share.versions = [];
    }
  }

  #sharePoints({ length, series, time, value }: PointBatch): void {
    const service = this.#table.service;
    for (let i = 0; i < length; ) {
      const first = service[series[i]!]!;
      let end = i + 1;
      while (end < length && service[series[end]!] === first) end++;
      const share = this.#shares[this.partition(first)]!;
      const have = share.points.length;
      if (have + end - i > share.points.series.length) share.points = wider(share.points, have + end - i);
      const { points } = share;
      for (let k = i; k < end; k++) points.series[have + k - i] = this.#number[series[k]!]!;
      points.time.set(time.subarray(i, end), have);
      points.value.set(value.subarray(i, end), have);
      points.length = have + end - i;
      i = end;
    }
  }

  #shareHistograms(batch: HistogramBatch): void {
    for (let i = 0; i < batch.length; i++) {
      const row = batch.series[i]!;
      const share = this.#shares[this.partition(this.#table.service[row]!)]!;
      if (share.histograms.length === share.histograms.series.length)
        share.histograms = widerHistograms(share.histograms);
      const into = share.histograms;
      const at = into.length++;
      into.series[at] = this.#number[row]!;
      for (const name of ['time', 'startTime', 'total', 'sum'] as const) into[name][at] = batch[name][i]!;
      const from = batch.bucketStart[i]!;
      const to = batch.bucketStart[i + 1]!;
      const start = at === 0 ? 0 : into.bucketStart[at]!;
      into.bucketStart[at] = start;
      makeRoom(into, start + to - from);
      for (const name of ['lower', 'upper', 'count'] as const) into[name].set(batch[name].subarray(from, to), start);
      into.bucketStart[at + 1] = start + to - from;
    }
  }

  #encode({ versions, points, histograms }: Share): Uint8Array {
    const out = this.#writer;
    out.reset();
    out.varint(versions.length);
    for (const { tenant, service, version, at } of versions) {
      for (const text of [tenant, service, version]) {
        const bytes = Buffer.from(text);
        out.varint(bytes.length);
        out.raw(bytes);
      }
      out.f64(at);
    }
    encodePoints(out, points);
    encodeHistograms(out, histograms);
    return out.written().slice();
  }

  #grow(): void {
    const { size } = this.#table;
    if (size <= this.#number.length) return;
    const capacity = Math.max(1_024, size * 2);
    const larger = (from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(capacity);
      to.set(from);
      return to;
    };
    this.#number = larger(this.#number);
    this.#sent = larger(this.#sent);
    this.#announced = larger(this.#announced);
  }
}

function wider(from: PointBatch, need: number): PointBatch {
  const to = createPointBatch(Math.max(1_024, need * 2));
  for (const name of ['series', 'time', 'value'] as const) to[name].set(from[name].subarray(0, from.length));
  to.length = from.length;
  return to;
}

function widerHistograms(from: HistogramBatch): HistogramBatch {
  const to = createHistogramBatch(Math.max(64, from.length * 2), Math.max(1_024, from.lower.length));
  for (const name of ['series', 'time', 'startTime', 'total', 'sum', 'bucketStart', 'lower', 'upper', 'count'] as const)
    to[name].set(from[name]);
  to.length = from.length;
  return to;
}
