import { SERIES_KIND } from '../../domain/signal/series.ts';
import { hashBytes } from '../../stats/hash.ts';
import { NumberPoints } from '../wire/number-points.ts';
import { malformed, type Wire } from '../wire/proto.ts';
import { scanHistogram } from './histogram-scan.ts';
import { HistogramColumns, MetricColumns, ROLE, SampleColumns } from './metrics-columns.ts';
import type { BodyResources } from './resource.ts';
import { scanSummaries } from './summary-scan.ts';

const NO_RECORDED_VALUE = 1;
const DELTA = 1;
/** Mixed into the raw hash once the kind of a sum is known: its fields follow the points on the wire. */
const KIND_MIX = 0x9e3779b1 | 0;

/**
 * First pass over a metrics body: checks its structure, hashes, and fills the columns. Touches neither table nor sink, so
 * that a body that turns out malformed leaves no trace.
 */
export class MetricsScan {
  readonly samples = new SampleColumns();
  readonly histograms = new HistogramColumns();
  readonly metrics = new MetricColumns();
  private readonly fast: NumberPoints | null;
  /** True while the body at hand is in the kernel's memory, and its samples with it. */
  private isFast = false;
  rejected = 0;
  message = '';
  private readonly wire: Wire;
  private readonly resources: BodyResources;
  /** Scratch; entry 1 holds the last hash of attributes. */
  readonly pair = new Int32Array(4);

  /** @param fast Null: every point is read here. */
  constructor(wire: Wire, resources: BodyResources, fast: NumberPoints | null = new NumberPoints()) {
    this.fast = fast;
    this.wire = wire;
    this.resources = resources;
  }

  /** Opens a body on the wire, as a copy in the kernel's memory unless it is very large. */
  open(body: Uint8Array): void {
    const copy = this.fast?.open(body) ?? null;
    this.wire.open(copy ?? body);
    this.isFast = copy !== null;
  }

  /** @throws TocsinError `bad_payload`. */
  run(): void {
    if (this.fast !== null && this.isFast) this.samples.use(this.fast.columns, this.fast.room);
    else this.samples.begin();
    this.histograms.begin();
    this.metrics.begin();
    this.rejected = 0;
    this.message = '';
    const { wire } = this;
    const end = wire.buf.length;
    wire.pos = 0;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag >>> 3 === 1) this.resourceMetrics(wire.message(tag, end));
      else wire.skip(tag, end);
    }
  }

  reject(why: string): void {
    if (this.rejected++ === 0) this.message = why;
  }

  sawTime(metric: number, time: number): void {
    this.resources.sawTime(this.metrics.resource[metric]!, time);
  }

  private resourceMetrics(end: number): void {
    const { wire } = this;
    const start = wire.pos;
    const resource = this.resources.scan(wire, start, end);
    wire.pos = start;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag !== 0x12) {
        wire.skip(tag, end);
        continue;
      }
      const stop = wire.span(end);
      while (wire.pos < stop) {
        const field = wire.tag(stop);
        if (field >>> 3 === 2) this.metric(wire.message(field, stop), resource);
        else wire.skip(field, stop);
      }
    }
  }

  private metric(end: number, resource: number): void {
    const { wire, metrics, pair } = this;
    const start = wire.pos;
    let nameStart = start;
    let nameEnd = start;
    let unitStart = start;
    let unitEnd = start;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      const field = tag >>> 3;
      if (field === 1) {
        nameEnd = wire.message(tag, end);
        nameStart = wire.pos;
        wire.pos = nameEnd;
      } else if (field === 3) {
        unitEnd = wire.message(tag, end);
        unitStart = wire.pos;
        wire.pos = unitEnd;
      } else wire.skip(tag, end);
    }
    const at = metrics.add(nameStart, nameEnd, unitStart, unitEnd, resource);
    hashBytes(wire.view, nameStart, nameEnd, this.resources.seedA(resource), this.resources.seedB(resource), pair, 0);
    const a = pair[0]!;
    const b = pair[1]!;
    wire.pos = start;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      switch (tag >>> 3) {
        case 5:
          metrics.kind[at] = SERIES_KIND.gauge;
          metrics.attributes[at] = 0x3a;
          this.numbers(wire.message(tag, end), at, a, b);
          break;
        case 7:
          this.sum(wire.message(tag, end), at, a, b);
          break;
        case 9:
          this.distribution(wire.message(tag, end), at, a, b, 0x4a);
          break;
        case 10:
          this.distribution(wire.message(tag, end), at, a, b, 0x0a);
          break;
        case 11:
          metrics.attributes[at] = 0x3a;
          metrics.kind[at] = SERIES_KIND.counter;
          scanSummaries(this, wire, wire.message(tag, end), at, a, b);
          break;
        default:
          wire.skip(tag, end);
      }
    }
  }

  private numbers(end: number, metric: number, a: number, b: number): void {
    const { wire } = this;
    while (wire.pos < end) {
      if (this.plainPoints(end, metric, a, b)) return;
      const tag = wire.tag(end);
      if (tag === 0x0a) this.numberPoint(wire.span(end), metric, a, b);
      else if (tag >>> 3 === 1) wire.message(tag, end);
      else wire.skip(tag, end);
    }
  }

  private sum(end: number, metric: number, a: number, b: number): void {
    const { wire, samples, metrics } = this;
    const first = samples.length;
    let temporality = 0;
    let monotonic = false;
    while (wire.pos < end) {
      if (this.plainPoints(end, metric, a, b)) break;
      const tag = wire.tag(end);
      if (tag === 0x0a) this.numberPoint(wire.span(end), metric, a, b);
      else if (tag === 0x10) temporality = wire.varint32(end);
      else if (tag === 0x18) monotonic = wire.varint(end) !== 0;
      else if (tag >>> 3 <= 3) malformed(`Sum field ${tag >>> 3} has wire type ${tag & 7}`, wire.pos);
      else wire.skip(tag, end);
    }
    // Increments that go both ways have no total that we could know: they are scored as they are.
    const kind = monotonic
      ? temporality === DELTA
        ? SERIES_KIND.delta
        : SERIES_KIND.counter
      : temporality === DELTA
        ? SERIES_KIND.gauge
        : SERIES_KIND.upDown;
    metrics.kind[metric] = kind;
    metrics.attributes[metric] = 0x3a;
    const mix = Math.imul(kind, KIND_MIX);
    const { keys } = samples;
    for (let i = first; i < samples.length; i++) keys[2 * i]! ^= mix;
  }

  /** Gauge and sum points: the hot loop. Takes those that the kernel understands; true if nothing is left up to `end`. */
  private plainPoints(end: number, metric: number, a: number, b: number): boolean {
    const { wire, samples, fast } = this;
    // Samples of a body that outgrew the kernel's columns have moved away from it.
    if (fast === null || !this.isFast || samples.keys !== fast.columns.keys) return false;
    const first = samples.length;
    wire.pos = fast.read(wire.pos, end, metric, a, b, first);
    const { count } = fast;
    if (count > first) {
      samples.role.fill(0, first, count);
      samples.length = count;
      this.resources.sawTime(this.metrics.resource[metric]!, samples.time[first]!);
    }
    return wire.pos >= end;
  }

  /** One gauge or sum point, as the kernel reads it and in every other form that it may have. `[wire.pos, end)` is the NumberDataPoint; leaves `wire.pos` at `end`. */
  private numberPoint(end: number, metric: number, seedA: number, seedB: number): void {
    const { wire, samples } = this;
    const { buf, view } = wire;
    const start = wire.pos;
    let pos = start;
    let time = 0;
    let value = Number.NaN;
    let flags = 0;
    let runStart = start;
    let runEnd = start;
    let a = seedA;
    let b = seedB;
    while (pos < end) {
      const tag = buf[pos]!;
      if (tag === 0x3a) {
        const at = pos++;
        if (pos >= end) malformed('truncated attribute', at);
        let length = buf[pos++]!;
        if (length >= 128) {
          wire.pos = pos - 1;
          length = wire.varint(end);
          pos = wire.pos;
        }
        pos += length;
        if (pos > end) malformed('a length beyond the end of its message', at);
        if (at !== runEnd) {
          // Attributes in several runs, with other fields between them: rare, but they are one set.
          if (runEnd > runStart) {
            hashBytes(view, runStart, runEnd, a, b, this.pair, 1);
            a = this.pair[2]!;
            b = this.pair[3]!;
          }
          runStart = at;
        }
        runEnd = pos;
      } else if (tag === 0x19) {
        if (pos + 9 > end) malformed('truncated number', pos);
        time = (view.getUint32(pos + 5, true) * 4294967296 + view.getUint32(pos + 1, true)) / 1e6;
        pos += 9;
      } else if (tag === 0x21) {
        if (pos + 9 > end) malformed('truncated number', pos);
        value = view.getFloat64(pos + 1, true);
        pos += 9;
      } else if (tag === 0x31) {
        if (pos + 9 > end) malformed('truncated number', pos);
        value = view.getInt32(pos + 5, true) * 4294967296 + view.getUint32(pos + 1, true);
        pos += 9;
      } else if (tag === 0x11) {
        if (pos + 9 > end) malformed('truncated number', pos);
        pos += 9;
      } else {
        wire.pos = pos;
        const field = wire.tag(end);
        if (field === 0x40) flags = wire.varint32(end);
        else if (KNOWN_NUMBER_FIELDS.includes(field >>> 3)) {
          malformed(`NumberDataPoint field ${field >>> 3} has wire type ${field & 7}`, pos);
        } else wire.skip(field, end);
        pos = wire.pos;
      }
    }
    wire.pos = end;
    let role = 0;
    if ((flags & NO_RECORDED_VALUE) !== 0) role = ROLE.stale;
    else if (!(value - value === 0)) {
      this.reject('a data point without a finite value');
      return;
    }
    if (time === 0) {
      this.reject('a data point without a time');
      return;
    }
    const i = samples.length;
    if (i === samples.capacity) samples.grow();
    hashBytes(view, runStart, runEnd, a, b, samples.keys, i);
    samples.time[i] = time;
    samples.value[i] = value;
    samples.start[i] = start;
    samples.end[i] = end;
    samples.metric[i] = metric;
    samples.role[i] = role;
    if (role !== 0) {
      samples.ends[i] = ROLE.sample;
      samples.special++;
    }
    samples.length = i + 1;
    this.resources.sawTime(this.metrics.resource[metric]!, time);
  }

  private distribution(end: number, metric: number, a: number, b: number, attributes: number): void {
    const { wire, histograms, samples, metrics } = this;
    const first = histograms.length;
    const firstStale = samples.length;
    let temporality = 0;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag === 0x0a) scanHistogram(this, wire, wire.span(end), metric, a, b, attributes);
      else if (tag === 0x10) temporality = wire.varint32(end);
      else if (tag >>> 3 <= 2) malformed(`Histogram field ${tag >>> 3} has wire type ${tag & 7}`, wire.pos);
      else wire.skip(tag, end);
    }
    const kind = temporality === DELTA ? SERIES_KIND.deltaHistogram : SERIES_KIND.histogram;
    metrics.kind[metric] = kind;
    metrics.attributes[metric] = attributes;
    const mix = Math.imul(kind, KIND_MIX);
    for (let i = first; i < histograms.length; i++) histograms.keys[2 * i]! ^= mix;
    for (let i = firstStale; i < samples.length; i++) samples.keys[2 * i]! ^= mix;
  }

  /** Adds a sample outside the hot loop. */
  add(
    start: number,
    end: number,
    metric: number,
    time: number,
    value: number,
    role: number,
    a: number,
    b: number,
  ): number {
    const { samples } = this;
    samples.grow();
    const i = samples.length++;
    samples.keys[2 * i] = a;
    samples.keys[2 * i + 1] = b;
    samples.time[i] = time;
    samples.value[i] = value;
    samples.start[i] = start;
    samples.end[i] = end;
    samples.metric[i] = metric;
    samples.role[i] = role;
    samples.ends[i] = ROLE.sample;
    if (role === ROLE.stale) samples.special++;
    this.resources.sawTime(this.metrics.resource[metric]!, time);
    return i;
  }

  /** Hash of all attributes (fields with `attributeTag`) of the message `[start, end)`, run by run as the hot loop does. */
  hashAttributes(start: number, end: number, attributeTag: number, seedA: number, seedB: number): Int32Array {
    const { wire, pair } = this;
    let a = seedA;
    let b = seedB;
    let runStart = start;
    let runEnd = start;
    wire.pos = start;
    while (wire.pos < end) {
      const at = wire.pos;
      const tag = wire.tag(end);
      if (tag !== attributeTag) {
        wire.skip(tag, end);
        continue;
      }
      wire.pos = wire.span(end);
      if (at !== runEnd) {
        if (runEnd > runStart) {
          hashBytes(wire.view, runStart, runEnd, a, b, pair, 1);
          a = pair[2]!;
          b = pair[3]!;
        }
        runStart = at;
      }
      runEnd = wire.pos;
    }
    hashBytes(wire.view, runStart, runEnd, a, b, pair, 1);
    return pair;
  }
}

const KNOWN_NUMBER_FIELDS = [2, 3, 4, 6, 7, 8];
