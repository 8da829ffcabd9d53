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
  const pair = scan.hashAttributes(start, end, attributeTag, seedA, seedB);
  const a = pair[2]!;
  const b = pair[3]!;
  scratch.countLength = 0;
  scratch.boundLength = 0;
  scratch.negativeLength = 0;
  scratch.offset = 0;
  scratch.negativeOffset = 0;
  let time = 0;
  let startTime = 0;
  let total = 0;
  let sum = Number.NaN;
  let flags = 0;
  let scale = 0;
  let zeroCount = 0;
  let zeroThreshold = 0;
  wire.pos = start;
  while (wire.pos < end) {
    const tag = wire.tag(end);
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
        else if (tag === 0x31) pushCount(wire.fixed64(end));
        else if (tag === 0x3a) readBounds(wire, wire.span(end));
        else if (tag === 0x39) pushBound(wire.double(end));
        else wire.skip(tag, end);
    }
  }
  wire.pos = end;
  if (time === 0) return scan.reject('a data point without a time');
  if ((flags & 1) !== 0) {
    scan.add(start, end, metric, time, Number.NaN, ROLE.stale, a, b);
    return;
  }
  const { histograms } = scan;
  const before = histograms.buckets;
  const fault = exponential ? emitExponential(scan, scale, zeroCount, zeroThreshold) : emitExplicit(scan);
  if (fault !== '') {
    histograms.buckets = before;
    return scan.reject(fault);
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

function emitExplicit(scan: MetricsScan): string {
  const { counts, bounds, countLength, boundLength } = scratch;
  if (countLength > MAX_BUCKETS || boundLength > MAX_BUCKETS) return `a histogram of more than ${MAX_BUCKETS} buckets`;
  if (countLength === 0) return '';
  if (countLength !== boundLength + 1) return 'a histogram whose bounds do not match its buckets';
  for (let k = 0; k < countLength; k++) {
    const lower = k === 0 ? Number.NEGATIVE_INFINITY : bounds[k - 1]!;
    const upper = k === boundLength ? Number.POSITIVE_INFINITY : bounds[k]!;
    if (k < boundLength && !(upper > lower)) return 'a histogram whose bounds do not rise';
    const count = counts[k]!;
    if (count > 0) scan.histograms.bucket(lower, upper, count);
  }
  return '';
}

function emitExponential(scan: MetricsScan, scale: number, zeroCount: number, zeroThreshold: number): string {
  const { counts, countLength, negatives, negativeLength, offset, negativeOffset } = scratch;
  if (countLength > MAX_BUCKETS || negativeLength > MAX_BUCKETS) return `a histogram of more than ${MAX_BUCKETS} buckets`;
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
  while (wire.pos < end) pushCount(wire.fixed64(end));
}

function readBounds(wire: Wire, end: number): void {
  if ((end - wire.pos) % 8 !== 0) malformed('packed double of odd length', wire.pos);
  while (wire.pos < end) pushBound(wire.double(end));
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
