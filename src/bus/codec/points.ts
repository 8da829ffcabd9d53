import { TocsinError } from '../../domain/error.ts';
import { createPointBatch, type PointBatch } from '../../domain/signal/batch.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';

/**
 * Points as columns: count, series as runs of consecutive indices, times as runs of equal times, values raw. Exporters send
 * the same series in the same order and stamp a body once, so that a point takes little more than its value's 8 bytes.
 */
export function encodePoints(out: ByteWriter, batch: PointBatch): void {
  const { length, value } = batch;
  out.varint(length);
  encodeSeries(out, batch.series, length);
  encodeTimes(out, batch.time, length);
  out.f64s(value, length);
}

/** Decodes into `into` when it has room, else into a new batch; returns the one used. @throws TocsinError `corrupt`. */
export function decodePoints(from: ByteReader, into: PointBatch): PointBatch {
  const length = from.count(8);
  const batch = length <= into.series.length ? into : createPointBatch(length * 2);
  decodeSeries(from, batch.series, length);
  decodeTimes(from, batch.time, length);
  from.f64s(length, batch.value);
  batch.length = length;
  return batch;
}

/** Runs of indices that go up by one: distance from the end of the run before, length less one. */
export function encodeSeries(out: ByteWriter, series: Int32Array, length: number): void {
  let expected = 0;
  for (let i = 0; i < length; ) {
    const first = series[i]!;
    let end = i + 1;
    while (end < length && series[end] === first + end - i) end++;
    out.signed(first - expected);
    out.varint(end - i - 1);
    expected = first + end - i;
    i = end;
  }
}

export function decodeSeries(from: ByteReader, series: Int32Array, length: number): void {
  let expected = 0;
  for (let i = 0; i < length; ) {
    const first = expected + from.signed();
    const end = i + from.varint() + 1;
    if (end > length || first < 0 || first > 0x7fffffff)
      throw new TocsinError('corrupt', `a run of series from ${first}`);
    expected = first + end - i;
    for (let k = i; k < end; k++) series[k] = first + k - i;
    i = end;
  }
}

/** Runs of equal numbers: length less one, the number. NaN ends its run. */
export function encodeTimes(out: ByteWriter, time: Float64Array, length: number): void {
  for (let i = 0; i < length; ) {
    const at = time[i]!;
    let end = i + 1;
    while (end < length && time[end] === at && at !== 0) end++;
    out.varint(end - i - 1);
    out.f64(at);
    i = end;
  }
}

export function decodeTimes(from: ByteReader, time: Float64Array, length: number): void {
  for (let i = 0; i < length; ) {
    const end = i + from.varint() + 1;
    if (end > length) throw new TocsinError('corrupt', 'a run of times beyond the batch');
    time.fill(from.f64(), i, end);
    i = end;
  }
}
