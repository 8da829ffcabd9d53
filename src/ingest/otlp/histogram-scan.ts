import { hashBytes } from '../../stats/hash.ts';
import { malformed, type Wire } from '../wire/proto.ts';
import { ROLE } from './metrics-columns.ts';
import type { MetricsScan } from './metrics-scan.ts';

/** Most buckets that one data point may bring; exporters send 160 by default. */
export const MAX_BUCKETS = 16_384;
/** Beyond these the bounds of an exponential histogram leave what a double can hold. */
const MIN_SCALE = -11;
const MAX_SCALE = 30;

/** Scratch for the buckets of the point at hand. */
class Buckets {
  counts = new Float64Array(256);
  bounds = new Float64Array(256);
  countLength = 0;
  boundLength = 0;
  negatives = new Float64Array(256);
  negativeLength = 0;
  offset = 0;
  negativeOffset = 0;
  /** Where the packed counts and bounds are while each came as one packed field, else -1: read in place. */
  countsAt = -1;
  boundsAt = -1;
}
const scratch = new Buckets();

/** Reads one HistogramDataPoint (`attributeTag` 0x4a) or ExponentialHistogramDataPoint (0x0a). */
export function scanHistogram(
  scan: MetricsScan,
  wire: Wire,
  end: number,
  metric: number,
  seedA: number,
  seedB: number,
  attributeTag: number,
): void {
  const start = wire.pos;
  const exponential = attributeTag === 0x0a;
  scratch.countLength = 0;
  scratch.boundLength = 0;
  scratch.negativeLength = 0;
  scratch.offset = 0;
  scratch.negativeOffset = 0;
  scratch.countsAt = -1;
  scratch.boundsAt = -1;
  let time = 0;
  let startTime = 0;
  let total = 0;
  let sum = Number.NaN;
  let flags = 0;
  let scale = 0;
  let zeroCount = 0;
  let zeroThreshold = 0;
  let runStart = start;
  let runEnd = start;
  let runs = 0;
  while (wire.pos < end) {
    const at = wire.pos;
    const tag = wire.tag(end);
    if (tag === attributeTag) {
      if (at !== runEnd) {
        runStart = at;
        runs++;
      }
      wire.pos = wire.span(end);
      runEnd = wire.pos;
      continue;
    }
    switch (tag) {
      case 0x11:
        startTime = wire.fixed64(end) / 1e6;
        break;
      case 0x19:
        time = wire.fixed64(end) / 1e6;
        break;
      case 0x21:
        total = wire.fixed64(end);
        break;
      case 0x29:
        sum = wire.double(end);
        break;
      case 0x50:
        flags = wire.varint32(end);
        break;
      default:
        if (exponential) {
          if (tag === 0x30) scale = wire.sint32(end);
          else if (tag === 0x39) zeroCount = wire.fixed64(end);
          else if (tag === 0x42) readSide(wire, wire.span(end), false);
          else if (tag === 0x4a) readSide(wire, wire.span(end), true);
          else if (tag === 0x71) zeroThreshold = wire.double(end);
          else wire.skip(tag, end);
        } else if (tag === 0x32) readFixed(wire, wire.span(end));
        else if (tag === 0x31) {
          unpackCounts(wire);
          pushCount(wire.fixed64(end));
        } else if (tag === 0x3a) readBounds(wire, wire.span(end));
        else if (tag === 0x39) {
          unpackBounds(wire);
          pushBound(wire.double(end));
        } else wire.skip(tag, end);
    }
  }
  const { pair } = scan;
  if (runs > 1) scan.hashAttributes(start, end, attributeTag, seedA, seedB);
  else hashBytes(wire.view, runStart, runEnd, seedA, seedB, pair, 1);
  const a = pair[2]!;
  const b = pair[3]!;
  wire.pos = end;
  if (time === 0) {
    scan.reject('a data point without a time');
    return;
  }
  if ((flags & 1) !== 0) {
    scan.add(start, end, metric, time, Number.NaN, ROLE.stale, a, b);
    return;
  }
  const { histograms } = scan;
  const before = histograms.buckets;
  const fault = exponential ? emitExponential(scan, scale, zeroCount, zeroThreshold) : emitExplicit(scan, wire.view);
  if (fault !== '') {
    histograms.buckets = before;
    scan.reject(fault);
    return;
  }
  histograms.grow();
  const i = histograms.length++;
  histograms.keys[2 * i] = a;
  histograms.keys[2 * i + 1] = b;
  histograms.time[i] = time;
  histograms.startTime[i] = startTime;
  histograms.total[i] = total;
  histograms.sum[i] = sum;
  histograms.start[i] = start;
  histograms.end[i] = end;
  histograms.metric[i] = metric;
  histograms.bucketStart[i] = before;
  histograms.bucketStart[i + 1] = histograms.buckets;
  scan.sawTime(metric, time);
}

function emitExplicit(scan: MetricsScan, view: DataView): string {
  const { countsAt, boundsAt } = scratch;
  const { counts, bounds, countLength, boundLength } = scratch;
  if (countLength > MAX_BUCKETS || boundLength > MAX_BUCKETS) return `a histogram of more than ${MAX_BUCKETS} buckets`;
  if (countLength === 0) return '';
  if (countLength !== boundLength + 1) return 'a histogram whose bounds do not match its buckets';
  const { histograms } = scan;
  histograms.makeRoom(countLength);
  const { lower: lowers, upper: uppers, count: populations } = histograms;
  let at = histograms.buckets;
  let lower = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < countLength; k++) {
    let upper = Number.POSITIVE_INFINITY;
    if (k < boundLength) {
      upper = boundsAt >= 0 ? view.getFloat64(boundsAt + 8 * k, true) : bounds[k]!;
      if (!(upper > lower)) return 'a histogram whose bounds do not rise';
    }
    const from = countsAt + 8 * k;
    const count = countsAt >= 0 ? view.getUint32(from + 4, true) * 4294967296 + view.getUint32(from, true) : counts[k]!;
    if (count > 0) {
      lowers[at] = lower;
      uppers[at] = upper;
      populations[at++] = count;
    }
    lower = upper;
  }
  histograms.buckets = at;
  return '';
}

function emitExponential(scan: MetricsScan, scale: number, zeroCount: number, zeroThreshold: number): string {
  const { counts, countLength, negatives, negativeLength, offset, negativeOffset } = scratch;
  if (countLength > MAX_BUCKETS || negativeLength > MAX_BUCKETS)
    return `a histogram of more than ${MAX_BUCKETS} buckets`;
  if (scale < MIN_SCALE || scale > MAX_SCALE) return `an exponential histogram of scale ${scale}`;
  if (!(zeroThreshold >= 0)) return 'an exponential histogram with a negative zero threshold';
  const step = 2 ** -scale;
  for (let k = negativeLength - 1; k >= 0; k--) {
    if (negatives[k]! === 0) continue;
    const near = 2 ** ((negativeOffset + k) * step);
    if (near === Number.POSITIVE_INFINITY) return 'an exponential histogram with bounds beyond any number';
    scan.histograms.bucket(-(2 ** ((negativeOffset + k + 1) * step)), -near, negatives[k]!);
  }
  if (zeroCount > 0) scan.histograms.bucket(negativeLength > 0 ? -zeroThreshold : 0, zeroThreshold, zeroCount);
  for (let k = 0; k < countLength; k++) {
    if (counts[k]! === 0) continue;
    const lower = 2 ** ((offset + k) * step);
    if (lower === Number.POSITIVE_INFINITY) return 'an exponential histogram with bounds beyond any number';
    scan.histograms.bucket(lower, 2 ** ((offset + k + 1) * step), counts[k]!);
  }
  return '';
}

/** Buckets { sint32 offset = 1; repeated uint64 bucket_counts = 2 }. */
function readSide(wire: Wire, end: number, negative: boolean): void {
  const atCounts = scratch.countLength;
  if (negative) scratch.countLength = 0;
  const kept = scratch.counts;
  if (negative) scratch.counts = scratch.negatives;
  let offset = 0;
  while (wire.pos < end) {
    const tag = wire.tag(end);
    if (tag === 0x08) offset = wire.sint32(end);
    else if (tag === 0x10) pushCount(wire.varint(end));
    else if (tag === 0x12) {
      const stop = wire.span(end);
      while (wire.pos < stop) pushCount(wire.varint(stop));
    } else wire.skip(tag, end);
  }
  if (!negative) {
    scratch.offset = offset;
    return;
  }
  scratch.negatives = scratch.counts;
  scratch.negativeLength = scratch.countLength;
  scratch.negativeOffset = offset;
  scratch.counts = kept;
  scratch.countLength = atCounts;
}

function readFixed(wire: Wire, end: number): void {
  if ((end - wire.pos) % 8 !== 0) malformed('packed fixed64 of odd length', wire.pos);
  if (scratch.countLength === 0) {
    scratch.countsAt = wire.pos;
    scratch.countLength = (end - wire.pos) / 8;
    wire.pos = end;
    return;
  }
  unpackCounts(wire);
  while (wire.pos < end) pushCount(wire.fixed64(end));
}

function readBounds(wire: Wire, end: number): void {
  if ((end - wire.pos) % 8 !== 0) malformed('packed double of odd length', wire.pos);
  if (scratch.boundLength === 0) {
    scratch.boundsAt = wire.pos;
    scratch.boundLength = (end - wire.pos) / 8;
    wire.pos = end;
    return;
  }
  unpackBounds(wire);
  while (wire.pos < end) pushBound(wire.double(end));
}

/** A second piece of a packed field: the first one moves to the scratch. Legal, and never sent. */
function unpackCounts(wire: Wire): void {
  if (scratch.countsAt < 0) return;
  const kept = wire.pos;
  const count = scratch.countLength;
  wire.pos = scratch.countsAt;
  scratch.countsAt = -1;
  scratch.countLength = 0;
  for (let k = 0; k < count; k++) pushCount(wire.fixed64(wire.buf.length));
  wire.pos = kept;
}

function unpackBounds(wire: Wire): void {
  if (scratch.boundsAt < 0) return;
  const kept = wire.pos;
  const count = scratch.boundLength;
  wire.pos = scratch.boundsAt;
  scratch.boundsAt = -1;
  scratch.boundLength = 0;
  for (let k = 0; k < count; k++) pushBound(wire.double(wire.buf.length));
  wire.pos = kept;
}

function pushCount(count: number): void {
  const at = scratch.countLength++;
  if (at >= MAX_BUCKETS) return;
  if (at === scratch.counts.length) scratch.counts = doubled(scratch.counts);
  scratch.counts[at] = count;
}

function pushBound(bound: number): void {
  const at = scratch.boundLength++;
  if (at >= MAX_BUCKETS) return;
  if (at === scratch.bounds.length) scratch.bounds = doubled(scratch.bounds);
  scratch.bounds[at] = bound;
}

function doubled(from: Float64Array): Float64Array<ArrayBuffer> {
  const next = new Float64Array(from.length * 2);
  next.set(from);
  return next;
}
