import { type ByteReader, ByteWriter } from '../../bus/codec/bytes.ts';
import { decodeHistograms, encodeHistograms, makeRoom } from '../../bus/codec/histograms.ts';
import { decodePoints, encodePoints } from '../../bus/codec/points.ts';
import type { SignalSink } from '../../domain/ports.ts';
import {
  createHistogramBatch,
  createPointBatch,
  type DeployMarker,
  type HistogramBatch,
  type PointBatch,
} from '../../domain/signal/batch.ts';
import type { EpochMs } from '../../domain/units.ts';
import type { SeriesNames } from '../../ingest/series/series-names.ts';

/** Most items handed on at once: more gains no throughput and costs latency. */
const SLICE = 2_048;

interface VersionNote {
  readonly service: number;
  readonly version: string;
  readonly at: EpochMs;
}

/**
 * What one metrics body turned out to hold, kept between decoding and applying: in between it goes to the input log, as
 * columns when the body brought nothing but samples of known series.
 */
export class MetricInput implements SignalSink {
  #points: PointBatch = createPointBatch(SLICE);
  #histograms: HistogramBatch = createHistogramBatch(256, 4_096);
  readonly versions: VersionNote[] = [];
  readonly #deploys: DeployMarker[] = [];
  readonly #stale: { readonly series: number; readonly at: EpochMs }[] = [];
  readonly #out = new ByteWriter();

  begin(): void {
    this.#points.length = 0;
    this.#histograms.length = 0;
    this.#histograms.bucketStart[0] = 0;
    this.versions.length = 0;
    this.#deploys.length = 0;
    this.#stale.length = 0;
  }

  /** Tells the table of the versions that services showed; those that are deploys are handed on with the samples. */
  noteVersions(names: SeriesNames): void {
    for (const { service, version, at } of this.versions) {
      const marker = names.noteVersion(service, version, at);
      if (marker !== null) this.deploy(marker);
    }
  }

  get pointColumns(): PointBatch {
    return this.#points;
  }

  get histogramColumns(): HistogramBatch {
    return this.#histograms;
  }

  /** True when columns say all of it: no series ended. */
  get isPlain(): boolean {
    return this.#stale.length === 0;
  }

  // ---------------------------------------------------------------- SignalSink

  points(batch: PointBatch): void {
    const { length } = batch;
    const have = this.#points.length;
    if (have + length > this.#points.series.length) this.#points = widenedPoints(this.#points, have + length);
    const kept = this.#points;
    kept.series.set(batch.series.subarray(0, length), have);
    kept.time.set(batch.time.subarray(0, length), have);
    kept.value.set(batch.value.subarray(0, length), have);
    kept.length = have + length;
  }

  histograms(batch: HistogramBatch): void {
    const { length } = batch;
    const have = this.#histograms.length;
    if (have + length > this.#histograms.series.length)
      this.#histograms = widenedHistograms(this.#histograms, have + length);
    const kept = this.#histograms;
    for (const name of ['series', 'time', 'startTime', 'total', 'sum'] as const)
      kept[name].set(batch[name].subarray(0, length), have);
    const from = batch.bucketStart[0]!;
    const to = batch.bucketStart[length]!;
    const at = kept.bucketStart[have]!;
    makeRoom(kept, at + to - from);
    for (const name of ['lower', 'upper', 'count'] as const) kept[name].set(batch[name].subarray(from, to), at);
    for (let i = 1; i <= length; i++) kept.bucketStart[have + i] = at + batch.bucketStart[i]! - from;
    kept.length = have + length;
  }

  deploy(marker: DeployMarker): void {
    this.#deploys.push(marker);
  }

  stale(series: number, at: EpochMs): void {
    this.#stale.push({ series, at });
  }

  logs(): never {
    throw new TypeError('a metrics body holds no logs');
  }

  spans(): never {
    throw new TypeError('a metrics body holds no spans');
  }

  /** Hands everything on, in the order of a body. The columns may be changed by the receiver. */
  deliver(sink: SignalSink): void {
    for (const marker of this.#deploys) sink.deploy(marker);
    const points = this.#points;
    if (points.length <= SLICE) {
      if (points.length > 0) sink.points(points);
    } else
      for (let from = 0; from < points.length; from += SLICE)
        sink.points(pointsPart(points, from, Math.min(points.length, from + SLICE)));
    const histograms = this.#histograms;
    for (let from = 0; from < histograms.length; from += SLICE)
      sink.histograms(histogramsPart(histograms, from, Math.min(histograms.length, from + SLICE)));
    for (const { series, at } of this.#stale) sink.stale(series, at);
  }

  // ---------------------------------------------------------------- input log

  /** Columns of a plain input; valid until the next call. */
  encode(wallNow: EpochMs): Uint8Array {
    const out = this.#out;
    out.reset();
    out.f64(wallNow);
    out.varint(this.versions.length);
    for (const { service, version, at } of this.versions) {
      const text = Buffer.from(version);
      out.varint(service);
      out.varint(text.length);
      out.raw(text);
      out.f64(at);
    }
    encodePoints(out, this.#points);
    encodeHistograms(out, this.#histograms);
    return out.written();
  }

  /** Reads what `encode` wrote, behind the wall time. @throws TocsinError `corrupt`. */
  decode(from: ByteReader): void {
    this.begin();
    for (let left = from.count(10); left > 0; left--) {
      const service = from.varint();
      const version = Buffer.from(from.raw(from.varint())).toString();
      this.versions.push({ service, version, at: from.f64() });
    }
    this.#samples(from);
  }

  /** Reads samples alone: what `encodePoints` and `encodeHistograms` wrote. @throws TocsinError `corrupt`. */
  decodeSamples(from: ByteReader): void {
    this.begin();
    this.#samples(from);
  }

  #samples(from: ByteReader): void {
    this.#points = decodePoints(from, this.#points);
    this.#histograms = decodeHistograms(from, this.#histograms);
  }
}

function pointsPart({ series, time, value }: PointBatch, from: number, to: number): PointBatch {
  return {
    length: to - from,
    series: series.subarray(from, to),
    time: time.subarray(from, to),
    value: value.subarray(from, to),
  };
}

function histogramsPart(batch: HistogramBatch, from: number, to: number): HistogramBatch {
  const part = (column: Float64Array): Float64Array => column.subarray(from, to);
  const { lower, upper, count } = batch;
  return {
    length: to - from,
    series: batch.series.subarray(from, to),
    time: part(batch.time),
    startTime: part(batch.startTime),
    total: part(batch.total),
    sum: part(batch.sum),
    bucketStart: batch.bucketStart.subarray(from, to + 1),
    lower,
    upper,
    count,
  };
}

function widenedPoints(from: PointBatch, need: number): PointBatch {
  const to = createPointBatch(Math.max(need, from.series.length * 2));
  for (const name of ['series', 'time', 'value'] as const) to[name].set(from[name].subarray(0, from.length));
  to.length = from.length;
  return to;
}

function widenedHistograms(from: HistogramBatch, need: number): HistogramBatch {
  const to = createHistogramBatch(Math.max(need, from.series.length * 2), from.lower.length);
  for (const name of ['series', 'time', 'startTime', 'total', 'sum', 'bucketStart', 'lower', 'upper', 'count'] as const)
    to[name].set(from[name]);
  to.length = from.length;
  return to;
}
