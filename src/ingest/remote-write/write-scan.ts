import { hashBytes, hashPair } from '../../stats/hash.ts';
import { malformed, type Wire } from '../wire/proto.ts';
import { int64, isStale, NativeHistogram } from './native-histogram.ts';
import { Symbols } from './symbols.ts';
import { EntryColumns, HistogramColumns, ITEM, SampleColumns } from './write-columns.ts';

export type WriteVersion = 1 | 2;

/** Field numbers of TimeSeries where the two versions differ. */
const LAYOUT = {
  1: { timeseries: 1, samples: 0x12, exemplars: 0x1a, histograms: 0x22 },
  2: { timeseries: 5, samples: 0x12, exemplars: 0x22, histograms: 0x1a },
} as const;

/**
 * First pass over a write request of either version: checks its structure, hashes, and fills the columns. Touches neither
 * table nor sink, so that a body that turns out malformed leaves no trace.
 */
export class WriteScan {
  readonly entries = new EntryColumns();
  readonly samples = new SampleColumns();
  readonly histograms = new HistogramColumns();
  readonly symbols = new Symbols();
  rejected = 0;
  message = '';
  exemplars = 0;
  /** NaN and infinite samples: valid in Prometheus, no points for us. */
  notFinite = 0;
  private readonly wire: Wire;
  private readonly native = new NativeHistogram();
  private readonly pair = new Int32Array(4);
  private seedA = 0;
  private seedB = 0;
  private version: WriteVersion = 1;
  /** The TimeSeries at hand: its bytes, hash, metadata, and its entry for each kind of item (-1: none yet). */
  private start = 0;
  private end = 0;
  private seriesA = 0;
  private seriesB = 0;
  private type = 0;
  private unit = 0;
  private created = 0;
  private readonly open = new Int32Array(3);

  constructor(wire: Wire) {
    this.wire = wire;
  }

  /** Scans the open body. `seed` holds the tenant's lanes. @throws TocsinError `bad_payload`. */
  run(version: WriteVersion, seed: Int32Array): void {
    const { wire } = this;
    this.entries.begin();
    this.samples.begin();
    this.histograms.begin();
    this.rejected = 0;
    this.message = '';
    this.exemplars = 0;
    this.notFinite = 0;
    this.version = version;
    this.seedA = seed[0]!;
    this.seedB = seed[1]!;
    const end = wire.buf.length;
    // The symbols may in theory follow what refers to them.
    if (version === 2) this.symbols.read(wire, end);
    const timeseries = LAYOUT[version].timeseries;
    wire.pos = 0;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag >>> 3 !== timeseries) {
        wire.skip(tag, end);
        continue;
      }
      const stop = wire.message(tag, end);
      this.timeSeries(stop);
      wire.pos = stop;
    }
  }

  reject(why: string, count = 1): void {
    if (this.rejected === 0) this.message = why;
    this.rejected += count;
  }

  private timeSeries(end: number): void {
    const { wire, pair } = this;
    const start = wire.pos;
    const layout = LAYOUT[this.version];
    this.start = start;
    this.end = end;
    this.open.fill(-1);
    const fault = this.version === 1 ? this.headV1(end) : this.headV2(end);
    this.seriesA = pair[0]!;
    this.seriesB = pair[1]!;
    wire.pos = start;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag === layout.samples) this.sample(wire.span(end), fault);
      else if (tag === layout.histograms) this.histogram(wire.span(end), fault);
      else {
        if (tag === layout.exemplars && fault === '') this.exemplars++;
        wire.skip(tag, end);
      }
    }
  }

  /** Chains the hash of the labels onto the tenant's lanes. */
  private headV1(end: number): string {
    const { wire, pair } = this;
    this.type = 0;
    this.unit = 0;
    this.created = 0;
    pair[0] = this.seedA;
    pair[1] = this.seedB;
    while (wire.pos < end) {
      const at = wire.pos;
      const tag = wire.tag(end);
      if (tag === 0x0a) {
        // Labels stand side by side: one hash over all of them.
        wire.pos = wire.span(end);
        while (wire.pos < end && wire.buf[wire.pos] === 0x0a) {
          wire.pos++;
          wire.pos = wire.span(end);
        }
        hashBytes(wire.view, at, wire.pos, pair[0]!, pair[1]!, pair, 0);
      } else if (tag >>> 3 <= 4) wire.pos = wire.message(tag, end);
      else wire.skip(tag, end);
    }
    return '';
  }

  /** @returns what is wrong with the references to symbols, or ''. */
  private headV2(end: number): string {
    const { wire, pair } = this;
    let fault = '';
    this.type = 0;
    this.unit = 0;
    this.created = 0;
    pair[0] = this.seedA;
    pair[1] = this.seedB;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag === 0x0a || tag === 0x08) fault = this.symbols.hashRefs(wire, tag, end, pair) || fault;
      else if (tag === 0x2a) this.metadata(wire.span(end));
      else if (tag === 0x30) this.created = int64(wire.varint(end));
      else if (tag >>> 3 <= 5) wire.pos = wire.message(tag, end);
      else wire.skip(tag, end);
    }
    return fault;
  }

  private metadata(end: number): void {
    const { wire } = this;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag === 0x08) this.type = wire.varint32(end) & 0xff;
      else if (tag === 0x20) this.unit = wire.varint(end);
      else wire.skip(tag, end);
    }
  }

  /** The entry of this TimeSeries for items of a kind; made at the first. */
  private entryOf(item: number, time: number, ended: boolean): number {
    const { entries } = this;
    let at = this.open[item]!;
    if (at < 0) {
      at = entries.add();
      this.open[item] = at;
      entries.start[at] = this.start;
      entries.end[at] = this.end;
      entries.item[at] = item;
      entries.type[at] = this.type;
      entries.unit[at] = this.unit < this.symbols.length ? this.unit : 0;
      entries.firstTime[at] = time;
      entries.ended[at] = 1;
      // Kind follows from both, and the same labels with another kind are another series.
      hashPair(item, this.type, this.seriesA, this.seriesB, entries.keys, at);
    }
    if (!ended) entries.ended[at] = 0;
    return at;
  }

  private sample(end: number, fault: string): void {
    const { wire } = this;
    let value = 0;
    let time = 0;
    let stale = false;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag === 0x09) {
        stale = isStale(wire.view, wire.pos, end);
        value = wire.double(end);
      } else if (tag === 0x10) time = int64(wire.varint(end));
      else if (tag >>> 3 <= 2) malformed(`Sample field ${tag >>> 3} has wire type ${tag & 7}`, wire.pos);
      else wire.skip(tag, end);
    }
    if (fault !== '') this.reject(fault);
    else if (!(time > 0)) this.reject('a sample without a time');
    else if (!stale && !Number.isFinite(value)) this.notFinite++;
    else this.samples.add(this.entryOf(ITEM.sample, time, stale), time, value, stale);
  }

  private histogram(end: number, fault: string): void {
    const { wire, native, histograms } = this;
    native.read(wire, end);
    const { time } = native;
    const item = native.gauge ? ITEM.gaugeHistogram : ITEM.histogram;
    if (fault !== '') this.reject(fault);
    else if (!(time > 0)) this.reject('a histogram without a time');
    else if (native.stale) this.samples.add(this.entryOf(item, time, true), time, Number.NaN, true);
    else {
      const first = histograms.buckets;
      const wrong = native.unfold(histograms);
      if (wrong === '') {
        const start = native.startTime || this.created;
        histograms.add(this.entryOf(item, time, false), time, start, native.total, native.sum, first);
      } else {
        histograms.buckets = first;
        this.reject(wrong);
      }
    }
  }
}
