/** What a scan of one write request leaves behind, before anything is registered: columns for the whole body, reused. */

/** What the items of an entry are. A TimeSeries with both samples and histograms is two entries: two kinds, two series. */
export const ITEM = { sample: 0, histogram: 1, gaugeHistogram: 2 } as const;

/** Why an entry has no series: the tenant's limit, no name, or nothing to tell of a series never seen but its end. */
export const REFUSED = { limit: -1, nameless: -2, unseen: -3 } as const;

/** Bodies larger than this do not leave their columns behind. */
const KEEP = 1 << 16;

/** Series of the body: entry i is the TimeSeries message `[start[i], end[i])` with items of one kind. */
export class EntryColumns {
  length = 0;
  /** Raw hash, two lanes an entry. */
  keys = new Int32Array(0);
  start = new Int32Array(0);
  end = new Int32Array(0);
  item = new Uint8Array(0);
  /** Metadata.MetricType, 0 unspecified (always so in 1.0). */
  type = new Uint8Array(0);
  /** Symbol of the unit, 0 the empty one. */
  unit = new Int32Array(0);
  /** Time of the first item, for registration. */
  firstTime = new Float64Array(0);
  /** 1 where all that came is the end of the series. */
  ended = new Uint8Array(0);
  /** Filled by `ShardSeriesTable.resolve`; below 0 for a reason of `REFUSED`. */
  series = new Int32Array(0);

  constructor() {
    this.resize(1024);
  }

  begin(): void {
    this.length = 0;
    if (this.start.length > KEEP) this.resize(1024);
  }

  add(): number {
    if (this.length === this.start.length) this.resize(this.length * 2);
    return this.length++;
  }

  private resize(capacity: number): void {
    this.keys = copied(this.keys, new Int32Array(capacity * 2));
    this.start = copied(this.start, new Int32Array(capacity));
    this.end = copied(this.end, new Int32Array(capacity));
    this.item = copied(this.item, new Uint8Array(capacity));
    this.type = copied(this.type, new Uint8Array(capacity));
    this.unit = copied(this.unit, new Int32Array(capacity));
    this.firstTime = copied(this.firstTime, new Float64Array(capacity));
    this.ended = copied(this.ended, new Uint8Array(capacity));
    this.series = new Int32Array(capacity);
  }
}

/** Float samples; sample i belongs to entry `entry[i]`. */
export class SampleColumns {
  length = 0;
  entry = new Int32Array(0);
  time = new Float64Array(0);
  value = new Float64Array(0);
  /** 1 for a stale marker: its bit pattern does not survive every move of a NaN, so it is noted when read. */
  stale = new Uint8Array(0);
  /** Filled from the entries after registration. */
  series = new Int32Array(0);

  constructor() {
    this.resize(2048);
  }

  begin(): void {
    this.length = 0;
    if (this.entry.length > KEEP) this.resize(2048);
  }

  add(entry: number, time: number, value: number, stale: boolean): void {
    if (this.length === this.entry.length) this.resize(this.length * 2);
    const i = this.length++;
    this.entry[i] = entry;
    this.time[i] = time;
    this.value[i] = value;
    this.stale[i] = stale ? 1 : 0;
  }

  private resize(capacity: number): void {
    this.entry = copied(this.entry, new Int32Array(capacity));
    this.time = copied(this.time, new Float64Array(capacity));
    this.value = copied(this.value, new Float64Array(capacity));
    this.stale = copied(this.stale, new Uint8Array(capacity));
    this.series = new Int32Array(capacity);
  }
}

/** Native histograms; sample i owns the pooled buckets `bucketStart[i] .. bucketStart[i + 1]`. */
export class HistogramColumns {
  length = 0;
  entry = new Int32Array(0);
  time = new Float64Array(0);
  startTime = new Float64Array(0);
  total = new Float64Array(0);
  sum = new Float64Array(0);
  series = new Int32Array(0);
  bucketStart = new Int32Array(0);
  buckets = 0;
  lower = new Float64Array(0);
  upper = new Float64Array(0);
  count = new Float64Array(0);

  constructor() {
    this.resize(64);
    this.resizeBuckets(1024);
  }

  begin(): void {
    this.length = 0;
    this.buckets = 0;
    if (this.entry.length > KEEP) this.resize(64);
    if (this.lower.length > KEEP * 16) this.resizeBuckets(1024);
  }

  bucket(lower: number, upper: number, count: number): void {
    if (this.buckets === this.lower.length) this.resizeBuckets(this.buckets * 2);
    const at = this.buckets++;
    this.lower[at] = lower;
    this.upper[at] = upper;
    this.count[at] = count;
  }

  /** Takes the buckets added since `firstBucket` as those of one more sample. */
  add(entry: number, time: number, startTime: number, total: number, sum: number, firstBucket: number): void {
    if (this.length === this.entry.length) this.resize(this.length * 2);
    const i = this.length++;
    this.entry[i] = entry;
    this.time[i] = time;
    this.startTime[i] = startTime;
    this.total[i] = total;
    this.sum[i] = sum;
    this.bucketStart[i] = firstBucket;
    this.bucketStart[i + 1] = this.buckets;
  }

  private resize(capacity: number): void {
    this.entry = copied(this.entry, new Int32Array(capacity));
    this.time = copied(this.time, new Float64Array(capacity));
    this.startTime = copied(this.startTime, new Float64Array(capacity));
    this.total = copied(this.total, new Float64Array(capacity));
    this.sum = copied(this.sum, new Float64Array(capacity));
    this.series = new Int32Array(capacity);
    this.bucketStart = copied(this.bucketStart, new Int32Array(capacity + 1));
  }

  private resizeBuckets(capacity: number): void {
    this.lower = copied(this.lower, new Float64Array(capacity));
    this.upper = copied(this.upper, new Float64Array(capacity));
    this.count = copied(this.count, new Float64Array(capacity));
  }
}

function copied<T extends Int32Array | Float64Array | Uint8Array>(from: T, to: T): T {
  to.set(from.length > to.length ? from.subarray(0, to.length) : from);
  return to;
}
