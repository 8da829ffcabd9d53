import { TocsinError } from '../../domain/error.ts';
import { createHistogramBatch, type HistogramBatch } from '../../domain/signal/batch.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';
import { decodeSeries, decodeTimes, encodeSeries, encodeTimes } from './points.ts';

/** Bucket bounds of a sample: as those of the sample before, or given anew. */
const LAYOUT = { same: 0, own: 1 } as const;
/** Populations of a sample: whole numbers as varints, or raw. */
const COUNTS = { whole: 0, raw: 1 } as const;

/** Histograms as columns; bounds are written once for a run of samples that share them, populations as varints. */
export function encodeHistograms(out: ByteWriter, batch: HistogramBatch): void {
  const { length, bucketStart } = batch;
  out.varint(length);
  encodeSeries(out, batch.series, length);
  encodeTimes(out, batch.time, length);
  encodeTimes(out, batch.startTime, length);
  out.f64s(batch.total, length);
  out.f64s(batch.sum, length);
  for (let i = 0; i < length; i++) {
    const start = bucketStart[i]!;
    const end = bucketStart[i + 1]!;
    if (i > 0 && sameLayout(batch, bucketStart[i - 1]!, start, end)) out.byte(LAYOUT.same);
    else {
      out.byte(LAYOUT.own);
      out.varint(end - start);
      for (let k = start; k < end; k++) {
        out.f64(batch.lower[k]!);
        out.f64(batch.upper[k]!);
      }
    }
    encodeCounts(out, batch.count, start, end);
  }
}

/** Decodes into `into` when it has room, else into a new batch; returns the one used. @throws TocsinError `corrupt`. */
export function decodeHistograms(from: ByteReader, into: HistogramBatch): HistogramBatch {
  const length = from.count(16);
  const batch = length <= into.series.length ? into : createHistogramBatch(length * 2, into.lower.length);
  decodeSeries(from, batch.series, length);
  decodeTimes(from, batch.time, length);
  decodeTimes(from, batch.startTime, length);
  from.f64s(length, batch.total);
  from.f64s(length, batch.sum);
  batch.bucketStart[0] = 0;
  for (let i = 0; i < length; i++) {
    const start = batch.bucketStart[i]!;
    const before = i === 0 ? 0 : batch.bucketStart[i - 1]!;
    const own = from.byte();
    if (own > LAYOUT.own || (i === 0 && own === LAYOUT.same)) throw new TocsinError('corrupt', `bucket layout ${own}`);
    const buckets = own === LAYOUT.own ? from.count(16) : start - before;
    makeRoom(batch, start + buckets);
    const { lower, upper } = batch;
    for (let k = start; k < start + buckets; k++) {
      lower[k] = own === LAYOUT.own ? from.f64() : lower[before + k - start]!;
      upper[k] = own === LAYOUT.own ? from.f64() : upper[before + k - start]!;
    }
    decodeCounts(from, batch.count, start, start + buckets);
    batch.bucketStart[i + 1] = start + buckets;
  }
  batch.length = length;
  return batch;
}

/** Makes the bucket columns hold at least `buckets`. */
export function makeRoom(batch: HistogramBatch, buckets: number): void {
  if (buckets <= batch.lower.length) return;
  const room = Math.max(buckets, batch.lower.length * 2);
  batch.lower = widened(batch.lower, room);
  batch.upper = widened(batch.upper, room);
  batch.count = widened(batch.count, room);
}

function widened(column: Float64Array, room: number): Float64Array {
  const wider = new Float64Array(room);
  wider.set(column);
  return wider;
}

function sameLayout({ lower, upper }: HistogramBatch, before: number, start: number, end: number): boolean {
  if (start - before !== end - start) return false;
  for (let k = start, b = before; k < end; k++, b++) {
    if (!Object.is(lower[k], lower[b]) || !Object.is(upper[k], upper[b])) return false;
  }
  return true;
}

function encodeCounts(out: ByteWriter, count: Float64Array, start: number, end: number): void {
  let whole = true;
  for (let k = start; k < end && whole; k++)
    whole = Number.isSafeInteger(count[k]) && count[k]! >= 0 && !Object.is(count[k], -0);
  out.byte(whole ? COUNTS.whole : COUNTS.raw);
  for (let k = start; k < end; k++) {
    if (whole) out.varint(count[k]!);
    else out.f64(count[k]!);
  }
}

function decodeCounts(from: ByteReader, count: Float64Array, start: number, end: number): void {
  const form = from.byte();
  if (form > COUNTS.raw) throw new TocsinError('corrupt', `bucket counts of form ${form}`);
  for (let k = start; k < end; k++) count[k] = form === COUNTS.whole ? from.varint() : from.f64();
}
