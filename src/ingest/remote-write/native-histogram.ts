import { malformed, WIRE_BYTES, type Wire } from '../wire/proto.ts';
import type { HistogramColumns } from './write-columns.ts';

/** Most buckets that one histogram may bring; Prometheus itself stops at 160 by default. */
export const MAX_BUCKETS = 16_384;
const CUSTOM_BUCKETS = -53;
const RESET_HINT_GAUGE = 3;

/** A list of numbers that grows to a limit and remembers how many were sent. */
class Numbers {
  length = 0;
  values = new Float64Array(64);

  push(value: number): void {
    const at = this.length++;
    if (at >= MAX_BUCKETS) return;
    if (at === this.values.length) {
      const next = new Float64Array(at * 2);
      next.set(this.values);
      this.values = next;
    }
    this.values[at] = value;
  }
}

/** Buckets of one sign: spans say where, deltas (integers) or counts (floats) how many. */
class Side {
  readonly offsets = new Numbers();
  readonly lengths = new Numbers();
  readonly deltas = new Numbers();
  readonly counts = new Numbers();
  /** Index of each bucket, and its count; filled by `unfold`. */
  index = new Float64Array(64);
  count = new Float64Array(64);
  length = 0;

  begin(): void {
    for (const list of [this.offsets, this.lengths, this.deltas, this.counts]) list.length = 0;
    this.length = 0;
  }

  /** @returns what is wrong, or ''. */
  unfold(): string {
    const sent = this.deltas.length + this.counts.length;
    if (sent > MAX_BUCKETS || this.offsets.length > MAX_BUCKETS)
      return `a histogram of more than ${MAX_BUCKETS} buckets`;
    if (this.deltas.length > 0 && this.counts.length > 0) return 'a histogram with both integer and float buckets';
    if (this.index.length < sent) {
      this.index = new Float64Array(sent * 2);
      this.count = new Float64Array(sent * 2);
    }
    const integers = this.deltas.length > 0;
    let at = 0;
    let index = 0;
    let running = 0;
    for (let s = 0; s < this.offsets.length; s++) {
      if (s > 0 && this.offsets.values[s]! < 0) return 'a histogram whose spans overlap';
      index += this.offsets.values[s]!;
      const length = this.lengths.values[s]!;
      if (at + length > sent) return 'a histogram whose spans do not match its buckets';
      for (let k = 0; k < length; k++) {
        running = integers ? running + this.deltas.values[at]! : this.counts.values[at]!;
        if (!(running >= 0)) return 'a histogram with a negative bucket';
        this.index[at] = index++;
        this.count[at++] = running;
      }
    }
    if (at !== sent) return 'a histogram whose spans do not match its buckets';
    this.length = at;
    return '';
  }
}

/**
 * One native histogram (`prometheus.Histogram` and `io.prometheus.write.v2.Histogram`: same fields), integer or float,
 * exponential or with custom bounds. Read into itself, then unfolded into columns; reused.
 */
export class NativeHistogram {
  time = 0;
  /** `start_timestamp` of later 2.0 drafts, 0 if absent. */
  startTime = 0;
  total = 0;
  sum = 0;
  /** The sum is the stale marker. */
  stale = false;
  /** Reset hint GAUGE: the buckets are a state, not a running total. */
  gauge = false;
  private schema = 0;
  private zeroThreshold = 0;
  private zeroCount = 0;
  private readonly positive = new Side();
  private readonly negative = new Side();
  private readonly bounds = new Numbers();

  /** Reads the message `[wire.pos, end)`. @throws TocsinError `bad_payload`. */
  read(wire: Wire, end: number): void {
    this.time = this.startTime = this.total = this.sum = this.schema = this.zeroThreshold = this.zeroCount = 0;
    this.stale = this.gauge = false;
    this.positive.begin();
    this.negative.begin();
    this.bounds.length = 0;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      switch (tag) {
        case 0x08:
          this.total = wire.varint(end);
          break;
        case 0x11:
          this.total = wire.double(end);
          break;
        case 0x19:
          this.stale = isStale(wire.view, wire.pos, end);
          this.sum = wire.double(end);
          break;
        case 0x20:
          this.schema = wire.sint32(end);
          break;
        case 0x29:
          this.zeroThreshold = wire.double(end);
          break;
        case 0x30:
          this.zeroCount = wire.varint(end);
          break;
        case 0x39:
          this.zeroCount = wire.double(end);
          break;
        case 0x42:
          readSpan(wire, wire.span(end), this.negative);
          break;
        case 0x48:
        case 0x4a:
          readZigzags(wire, tag, end, this.negative.deltas);
          break;
        case 0x51:
        case 0x52:
          readDoubles(wire, tag, end, this.negative.counts);
          break;
        case 0x5a:
          readSpan(wire, wire.span(end), this.positive);
          break;
        case 0x60:
        case 0x62:
          readZigzags(wire, tag, end, this.positive.deltas);
          break;
        case 0x69:
        case 0x6a:
          readDoubles(wire, tag, end, this.positive.counts);
          break;
        case 0x70:
          this.gauge = wire.varint32(end) === RESET_HINT_GAUGE;
          break;
        case 0x78:
          this.time = int64(wire.varint(end));
          break;
        case 0x81:
        case 0x82:
          readDoubles(wire, tag, end, this.bounds);
          break;
        case 0x88:
          this.startTime = int64(wire.varint(end));
          break;
        default:
          if (tag >>> 3 <= 17) malformed(`Histogram field ${tag >>> 3} has wire type ${tag & 7}`, wire.pos);
          wire.skip(tag, end);
      }
    }
  }

  /** Adds its non-empty buckets, in rising order. @returns what is wrong, or ''; then what was added is to be forgotten. */
  unfold(into: HistogramColumns): string {
    const fault = this.positive.unfold() || this.negative.unfold();
    if (fault !== '') return fault;
    if (!(this.total >= 0)) return 'a histogram with a negative count';
    if (this.schema === CUSTOM_BUCKETS) return this.unfoldCustom(into);
    // Schemas below -4 or above 8 are not defined by Prometheus; -9 to 52 are what the exponent of a double can follow.
    if (this.schema < -9 || this.schema > 52) return `a histogram of schema ${this.schema}`;
    if (!(this.zeroThreshold >= 0) || !(this.zeroCount >= 0)) return 'a histogram with a bad zero bucket';
    const step = 2 ** -this.schema;
    const { positive, negative } = this;
    for (let k = negative.length - 1; k >= 0; k--) {
      const near = 2 ** ((negative.index[k]! - 1) * step);
      if (near === Number.POSITIVE_INFINITY) return 'a histogram with bounds beyond any number';
      if (negative.count[k]! > 0) into.bucket(-(2 ** (negative.index[k]! * step)), -near, negative.count[k]!);
    }
    if (this.zeroCount > 0) {
      into.bucket(negative.length > 0 ? -this.zeroThreshold : 0, this.zeroThreshold, this.zeroCount);
    }
    for (let k = 0; k < positive.length; k++) {
      const near = 2 ** ((positive.index[k]! - 1) * step);
      if (near === Number.POSITIVE_INFINITY) return 'a histogram with bounds beyond any number';
      if (positive.count[k]! > 0) into.bucket(near, 2 ** (positive.index[k]! * step), positive.count[k]!);
    }
    return '';
  }

  private unfoldCustom(into: HistogramColumns): string {
    const { positive, bounds } = this;
    if (bounds.length > MAX_BUCKETS) return `a histogram of more than ${MAX_BUCKETS} buckets`;
    if (this.negative.length > 0 || this.zeroCount !== 0)
      return 'a histogram of custom buckets with others beside them';
    for (let i = 1; i < bounds.length; i++) {
      if (!(bounds.values[i]! > bounds.values[i - 1]!)) return 'a histogram whose bounds do not rise';
    }
    for (let k = 0; k < positive.length; k++) {
      const index = positive.index[k]!;
      if (index < 0 || index > bounds.length) return 'a histogram with buckets outside its bounds';
      const lower = index === 0 ? Number.NEGATIVE_INFINITY : bounds.values[index - 1]!;
      const upper = index === bounds.length ? Number.POSITIVE_INFINITY : bounds.values[index]!;
      if (positive.count[k]! > 0) into.bucket(lower, upper, positive.count[k]!);
    }
    return '';
  }
}

/** Prometheus' stale marker: one NaN among many, told by its bits. */
export function isStale(view: DataView, at: number, end: number): boolean {
  return at + 8 <= end && view.getUint32(at, true) === 2 && view.getUint32(at + 4, true) === 0x7ff00000;
}

/** A 64-bit varint as the signed number it stands for. */
export function int64(unsigned: number): number {
  return unsigned >= 2 ** 63 ? unsigned - 2 ** 64 : unsigned;
}

function readSpan(wire: Wire, end: number, side: Side): void {
  let offset = 0;
  let length = 0;
  while (wire.pos < end) {
    const tag = wire.tag(end);
    if (tag === 0x08) offset = wire.sint32(end);
    else if (tag === 0x10) length = wire.varint(end);
    else wire.skip(tag, end);
  }
  side.offsets.push(offset);
  side.lengths.push(length);
}

function readZigzags(wire: Wire, tag: number, end: number, into: Numbers): void {
  const packed = (tag & 7) === WIRE_BYTES;
  const stop = packed ? wire.span(end) : end;
  while (wire.pos < stop) {
    const value = wire.varint(stop);
    into.push(value % 2 === 0 ? value / 2 : -(value + 1) / 2);
    if (!packed) return;
  }
}

function readDoubles(wire: Wire, tag: number, end: number, into: Numbers): void {
  if ((tag & 7) !== WIRE_BYTES) {
    into.push(wire.double(end));
    return;
  }
  const stop = wire.span(end);
  if ((stop - wire.pos) % 8 !== 0) malformed('packed doubles of odd length', wire.pos);
  while (wire.pos < stop) into.push(wire.double(stop));
}
