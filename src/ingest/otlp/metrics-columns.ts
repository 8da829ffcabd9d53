import type { NumberColumns } from '../wire/number-points.ts';

/** What a scan of one metrics body leaves behind, before anything is registered: columns for the whole body, reused. */

/** What a sample is beside an ordinary one: which of the series of a summary, or the end of a series. */
export const ROLE = { sample: 0, quantile: 1, count: 2, sum: 3, stale: 4 } as const;

/** Bodies larger than this do not leave their columns behind. */
const KEEP = 1 << 16;

/** Numbers; sample i came from the data point `[start[i], end[i])` of the body and belongs to metric `metric[i]`. */
export class SampleColumns {
  length = 0;
  capacity = 0;
  /** Samples that are not to be handed on as they are: ends of series. */
  special = 0;
  /** Raw hash, two lanes a sample. */
  keys = new Int32Array(0);
  time = new Float64Array(0);
  value = new Float64Array(0);
  start = new Int32Array(0);
  end = new Int32Array(0);
  metric = new Int32Array(0);
  role = new Uint8Array(0);
  /** Role of the series that a stale sample ends; only where `role` is stale. */
  ends = new Uint8Array(0);
  /** Filled by the caller of `ShardSeriesTable.resolve`. */
  series = new Int32Array(0);
  /** Quantile of a summary's sample; only where `role` says so. */
  quantile = new Float64Array(0);

  constructor() {
    this.resize(2048);
  }

  begin(): void {
    this.length = 0;
    this.special = 0;
    if (this.capacity > KEEP) this.resize(2048);
  }

  /** Works in columns of somebody else, with room for `capacity` samples; more than that are moved to columns of its own. */
  use(columns: NumberColumns, capacity: number): void {
    this.length = 0;
    this.special = 0;
    Object.assign(this, columns);
    if (capacity === this.capacity) return;
    this.role = new Uint8Array(capacity);
    this.ends = new Uint8Array(capacity);
    this.series = new Int32Array(capacity);
    this.quantile = new Float64Array(capacity);
    this.capacity = capacity;
  }

  /** Makes room for one more. */
  grow(): void {
    if (this.length === this.capacity) this.resize(this.capacity * 2);
  }

  private resize(capacity: number): void {
    const used = Math.min(this.length, capacity);
    this.keys = ints(this.keys, used * 2, capacity * 2);
    this.time = floats(this.time, used, capacity);
    this.value = floats(this.value, used, capacity);
    this.start = ints(this.start, used, capacity);
    this.end = ints(this.end, used, capacity);
    this.metric = ints(this.metric, used, capacity);
    const role = new Uint8Array(capacity);
    role.set(this.role.subarray(0, used));
    this.role = role;
    const ends = new Uint8Array(capacity);
    ends.set(this.ends.subarray(0, used));
    this.ends = ends;
    this.series = new Int32Array(capacity);
    this.quantile = floats(this.quantile, used, capacity);
    this.capacity = capacity;
  }
}

/** Histograms of every kind; sample i owns the pooled buckets `bucketStart[i] .. bucketStart[i + 1]`. */
export class HistogramColumns {
  length = 0;
  capacity = 0;
  keys = new Int32Array(0);
  time = new Float64Array(0);
  startTime = new Float64Array(0);
  total = new Float64Array(0);
  sum = new Float64Array(0);
  start = new Int32Array(0);
  end = new Int32Array(0);
  metric = new Int32Array(0);
  series = new Int32Array(0);
  bucketStart = new Int32Array(0);
  buckets = 0;
  lower = new Float64Array(4096);
  upper = new Float64Array(4096);
  count = new Float64Array(4096);

  constructor() {
    this.resize(256);
  }

  begin(): void {
    this.length = 0;
    this.buckets = 0;
    if (this.capacity > KEEP) this.resize(256);
    if (this.lower.length > KEEP * 16) {
      this.lower = new Float64Array(4096);
      this.upper = new Float64Array(4096);
      this.count = new Float64Array(4096);
    }
  }

  grow(): void {
    if (this.length === this.capacity) this.resize(this.capacity * 2);
  }

  /** Makes room for so many buckets more. */
  makeRoom(more: number): void {
    const used = this.buckets;
    if (used + more <= this.lower.length) return;
    const room = Math.max(used + more, this.lower.length * 2);
    this.lower = floats(this.lower, used, room);
    this.upper = floats(this.upper, used, room);
    this.count = floats(this.count, used, room);
  }

  bucket(lower: number, upper: number, count: number): void {
    this.makeRoom(1);
    const at = this.buckets++;
    this.lower[at] = lower;
    this.upper[at] = upper;
    this.count[at] = count;
  }

  private resize(capacity: number): void {
    const used = Math.min(this.length, capacity);
    this.keys = ints(this.keys, used * 2, capacity * 2);
    this.time = floats(this.time, used, capacity);
    this.startTime = floats(this.startTime, used, capacity);
    this.total = floats(this.total, used, capacity);
    this.sum = floats(this.sum, used, capacity);
    this.start = ints(this.start, used, capacity);
    this.end = ints(this.end, used, capacity);
    this.metric = ints(this.metric, used, capacity);
    this.series = new Int32Array(capacity);
    this.bucketStart = ints(this.bucketStart, used + 1, capacity + 1);
    this.capacity = capacity;
  }
}

/** The metrics of one body: name, unit and attribute field of each. */
export class MetricColumns {
  length = 0;
  nameStart: number[] = [];
  nameEnd: number[] = [];
  unitStart: number[] = [];
  unitEnd: number[] = [];
  kind: number[] = [];
  resource: number[] = [];
  /** Tag of the attributes in its data points. */
  attributes: number[] = [];
  /** Index in the table of names, -1 until it is needed. */
  index: number[] = [];

  add(nameStart: number, nameEnd: number, unitStart: number, unitEnd: number, resource: number): number {
    const at = this.length++;
    this.nameStart[at] = nameStart;
    this.nameEnd[at] = nameEnd;
    this.unitStart[at] = unitStart;
    this.unitEnd[at] = unitEnd;
    this.resource[at] = resource;
    this.kind[at] = 0;
    this.attributes[at] = 0;
    this.index[at] = -1;
    return at;
  }

  begin(): void {
    if (this.nameStart.length > KEEP) {
      for (const column of [this.nameStart, this.nameEnd, this.unitStart, this.unitEnd]) column.length = 0;
      for (const column of [this.kind, this.resource, this.attributes, this.index]) column.length = 0;
    }
    this.length = 0;
  }
}

function ints(from: Int32Array, used: number, capacity: number): Int32Array<ArrayBuffer> {
  const next = new Int32Array(capacity);
  next.set(from.subarray(0, used));
  return next;
}

function floats(from: Float64Array, used: number, capacity: number): Float64Array<ArrayBuffer> {
  const next = new Float64Array(capacity);
  next.set(from.subarray(0, used));
  return next;
}
