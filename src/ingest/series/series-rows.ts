import type { StateArray } from '../../domain/detector.ts';
import type { EpochMs } from '../../domain/units.ts';
import { LabelArena } from './series-arena.ts';

/** Columns of the live series (rows) of a shard, all of one capacity; `keys` holds two lanes a row. */
export class SeriesRows {
  capacity = 0;
  service = new Int32Array(0);
  kind = new Uint8Array(0);
  modality = new Uint8Array(0);
  live = new Uint8Array(0);
  workload = new Int32Array(0);
  instance = new Int32Array(0);
  /** Place among the instances of the workload: 0 for the first. */
  ordinal = new Int32Array(0);
  /** Circular list of the rows of one workload. */
  next = new Int32Array(0);
  prev = new Int32Array(0);
  /** Hash of the raw bytes that the series last came as. */
  keys = new Int32Array(0);
  /** Hash of the labels that name the instance, (0, 0) if none does. */
  instanceKeys = new Int32Array(0);
  lastSeen = new Float64Array(0);
  /** Time between the last two samples in ms; 0: only one seen; -1: the series said that it ended. */
  interval = new Float32Array(0);

  constructor(capacity: number) {
    this.resize(capacity);
  }

  get byteLength(): number {
    return this.capacity * (4 * 6 + 3 + 16 + 8 + 4);
  }

  resize(capacity: number): void {
    this.service = grow(this.service, new Int32Array(capacity));
    this.kind = grow(this.kind, new Uint8Array(capacity));
    this.modality = grow(this.modality, new Uint8Array(capacity));
    this.live = grow(this.live, new Uint8Array(capacity));
    this.workload = grow(this.workload, new Int32Array(capacity));
    this.instance = grow(this.instance, new Int32Array(capacity));
    this.ordinal = grow(this.ordinal, new Int32Array(capacity));
    this.next = grow(this.next, new Int32Array(capacity));
    this.prev = grow(this.prev, new Int32Array(capacity));
    this.keys = grow(this.keys, new Int32Array(capacity * 2));
    this.instanceKeys = grow(this.instanceKeys, new Int32Array(capacity * 2));
    this.lastSeen = grow(this.lastSeen, new Float64Array(capacity));
    this.interval = grow(this.interval, new Float32Array(capacity));
    this.capacity = capacity;
  }

  /** Fills a row that was free; its workload and instance are named by whoever joins it. */
  open(row: number, service: number, kind: number, modality: number, at: EpochMs): void {
    this.service[row] = service;
    this.kind[row] = kind;
    this.modality[row] = modality;
    this.live[row] = 1;
    this.keys[2 * row] = 0;
    this.keys[2 * row + 1] = 0;
    this.interval[row] = 0;
    this.lastSeen[row] = at;
  }

  /** See `ShardSeriesTable.touch`; returns the latest time. */
  touch(n: number, series: Int32Array, time: Float64Array, horizon: EpochMs): EpochMs {
    const { lastSeen, interval } = this;
    let latest = 0;
    for (let i = 0; i < n; i++) {
      const row = series[i]!;
      if (row < 0) continue;
      const at = time[i]! < horizon ? time[i]! : horizon;
      const gap = at - lastSeen[row]!;
      if (gap > 0) interval[row] = gap;
      lastSeen[row] = at;
      if (at > latest) latest = at;
    }
    return latest;
  }

  save(size: number): Record<string, StateArray> {
    return {
      service: this.service.slice(0, size),
      kind: this.kind.slice(0, size),
      modality: this.modality.slice(0, size),
      live: this.live.slice(0, size),
      workload: this.workload.slice(0, size),
      instance: this.instance.slice(0, size),
      ordinal: this.ordinal.slice(0, size),
      next: this.next.slice(0, size),
      prev: this.prev.slice(0, size),
      keys: this.keys.slice(0, size * 2),
      instanceKeys: this.instanceKeys.slice(0, size * 2),
      lastSeen: this.lastSeen.slice(0, size),
      interval: this.interval.slice(0, size),
    };
  }

  restore(arrays: Readonly<Record<string, StateArray>>): void {
    this.service.set(column(arrays, 'service'));
    this.kind.set(column(arrays, 'kind'));
    this.modality.set(column(arrays, 'modality'));
    this.live.set(column(arrays, 'live'));
    this.workload.set(column(arrays, 'workload'));
    this.instance.set(column(arrays, 'instance'));
    this.ordinal.set(column(arrays, 'ordinal'));
    this.next.set(column(arrays, 'next'));
    this.prev.set(column(arrays, 'prev'));
    this.keys.set(column(arrays, 'keys'));
    this.instanceKeys.set(column(arrays, 'instanceKeys'));
    this.lastSeen.set(column(arrays, 'lastSeen'));
    this.interval.set(column(arrays, 'interval'));
  }
}

/** Columns of workloads: what all instances of one series have in common, labels as bytes in one arena. */
export class SeriesWorkloads {
  size = 0;
  capacity = 0;
  keys = new Int32Array(0);
  metric = new Int32Array(0);
  labelStart = new Int32Array(0);
  /** Length of the packed labels; -1 for a free row. */
  labelLength = new Int32Array(0);
  /** Where the next search for a silent member starts. */
  head = new Int32Array(0);
  /** Row of the member with ordinal 0, -1 if there is none. */
  first = new Int32Array(0);
  nextOrdinal = new Int32Array(0);
  private readonly arena = new LabelArena();
  private readonly free: number[] = [];

  constructor(capacity: number) {
    this.resize(capacity);
  }

  get byteLength(): number {
    return this.capacity * 32 + this.arena.byteLength;
  }

  add(keyA: number, keyB: number, metric: number, labels: Uint8Array, length: number): number {
    const index = this.free.pop() ?? this.size++;
    if (index >= this.capacity) this.resize(Math.ceil(this.capacity * 1.25));
    this.keys[2 * index] = keyA;
    this.keys[2 * index + 1] = keyB;
    this.metric[index] = metric;
    this.labelStart[index] = this.arena.length;
    this.labelLength[index] = this.arena.add(labels, length);
    this.head[index] = -1;
    this.first[index] = -1;
    this.nextOrdinal[index] = 0;
    return index;
  }

  remove(index: number): void {
    this.arena.free(this.labelLength[index]!);
    this.labelLength[index] = -1;
    this.free.push(index);
  }

  /** Closes the gaps that removed workloads left, once they are half of the arena. */
  compact(): void {
    if (this.arena.isSparse) this.arena.compact(this.labelStart, this.labelLength, this.size);
  }

  /** Labels of a workload as a sealed `SeriesIdentity` holds them; valid until the next call. */
  labels(index: number): Uint8Array {
    return this.arena.read(this.labelStart[index]!, this.labelLength[index]!);
  }

  save(live = false): Record<string, StateArray> {
    const size = this.size;
    return {
      workloadKeys: this.keys.slice(0, size * 2),
      workloadMetric: this.metric.slice(0, size),
      workloadLabelStart: this.labelStart.slice(0, size),
      workloadLabelLength: this.labelLength.slice(0, size),
      workloadHead: this.head.slice(0, size),
      workloadFirst: this.first.slice(0, size),
      workloadNextOrdinal: this.nextOrdinal.slice(0, size),
      workloadFree: Int32Array.from(this.free),
      ...this.arena.save(live),
    };
  }

  restore(arrays: Readonly<Record<string, StateArray>>): void {
    this.size = column(arrays, 'workloadMetric').length;
    this.resize(Math.max(64, this.size));
    this.keys.set(column(arrays, 'workloadKeys'));
    this.metric.set(column(arrays, 'workloadMetric'));
    this.labelStart.set(column(arrays, 'workloadLabelStart'));
    this.labelLength.set(column(arrays, 'workloadLabelLength'));
    this.head.set(column(arrays, 'workloadHead'));
    this.first.set(column(arrays, 'workloadFirst'));
    this.nextOrdinal.set(column(arrays, 'workloadNextOrdinal'));
    this.free.length = 0;
    for (const index of column(arrays, 'workloadFree')) this.free.push(index);
    this.arena.restore(column(arrays, 'arena'), column(arrays, 'arenaKeys'), column(arrays, 'arenaGarbage')[0]!);
  }

  private resize(capacity: number): void {
    this.keys = grow(this.keys, new Int32Array(capacity * 2));
    this.metric = grow(this.metric, new Int32Array(capacity));
    this.labelStart = grow(this.labelStart, new Int32Array(capacity));
    this.labelLength = grow(this.labelLength, new Int32Array(capacity));
    this.head = grow(this.head, new Int32Array(capacity));
    this.first = grow(this.first, new Int32Array(capacity));
    this.nextOrdinal = grow(this.nextOrdinal, new Int32Array(capacity));
    this.capacity = capacity;
  }
}

function grow<T extends { set(from: T): void; readonly length: number; subarray(from: number, to: number): T }>(
  from: T,
  to: T,
): T {
  to.set(from.length > to.length ? from.subarray(0, to.length) : from);
  return to;
}

function column(arrays: Readonly<Record<string, StateArray>>, name: string): StateArray {
  const found = arrays[name];
  if (found === undefined) throw new RangeError(`series table state lacks column ${name}`);
  return found;
}
