import type { PointBatch } from '../domain/batch.ts';
import type { StateBlob } from '../domain/detector.ts';
import { TocsinError } from '../domain/error.ts';
import type {
  Labels,
  Modality,
  SeriesEviction,
  SeriesInfo,
  SeriesInheritance,
  SeriesKind,
  SeriesTable,
  ServiceInfo,
} from '../domain/series.ts';
import { MODALITY, SERIES_KIND } from '../domain/series.ts';
import type { EpochMs, SeriesIndex, ServiceIndex } from '../domain/units.ts';
import { HASH_SEED_A, HASH_SEED_B, hashPair, hashText, hex64 } from '../stats/hash.ts';
import { SeriesIdentity } from './series-identity.ts';
import { KeyIndex } from './series-index.ts';
import { type NamesState, SeriesNames } from './series-names.ts';
import { SeriesRows, SeriesWorkloads } from './series-rows.ts';

export interface SeriesTableOptions {
  /** Most live series a tenant may have; new ones beyond it are refused and counted. */
  readonly maxSeriesPerTenant?: number;
  /** A member must be silent at least this long before a new instance takes over its row, in ms. */
  readonly minSilence?: number;
  /** The same for a member of which only one sample was seen, in ms. */
  readonly unknownSilence?: number;
  /** Rows to make room for at once. */
  readonly capacity?: number;
}

const VERSION = 1;
const MODALITIES: readonly Modality[] = ['metric', 'log', 'trace'];
/** Members of a workload looked at when a new instance shows up: bounds the cost of a very wide workload. */
const SEARCH = 32;
/** Raw forms (attribute orders) remembered per series beside the last one. */
const MAX_ALIASES = 16;
/** A member counts as silent after this many of its own intervals. */
const SILENT_INTERVALS = 3;
const REFUSED_SLOTS = 1 << 15;

/**
 * The series of one shard. Hot path: `resolve` turns raw hashes into series (prediction, then batched probes), `touch` notes
 * the time. Slow path, once per new raw form: fill `identity`, call `register`. See README.md for the identity rules.
 */
export class ShardSeriesTable implements SeriesTable {
  readonly names = new SeriesNames();
  /** Scratch for `register`: begin, add labels, then register. */
  readonly identity = new SeriesIdentity();
  /** Times beyond this are taken as this for silence and idleness: a broken sender clock must not outlive everybody. */
  horizon: EpochMs = Number.POSITIVE_INFINITY;
  /** Changes when the table is restored: whoever caches indexes of services or series then starts anew. */
  epoch = 0;
  private readonly rows: SeriesRows;
  private workloads = new SeriesWorkloads(64);
  private readonly raw: KeyIndex;
  private readonly byKey: KeyIndex;
  /** Members of a workload other than the one with ordinal 0, by workload and instance. */
  private readonly members = new KeyIndex();
  private readonly aliases = new Map<SeriesIndex, number[]>();
  private readonly freeOrdinals = new Map<number, number[]>();
  private readonly maxPerTenant: number;
  private readonly minSilence: number;
  private readonly unknownSilence: number;
  private used = 0;
  private free: number[] = [];
  private liveByTenant: number[] = [];
  private refusedByTenant: number[] = [];
  private refused = new Int32Array(0);
  private predicted = 0;
  private latest: EpochMs = 0;
  private inheritance: SeriesInheritance[] = [];
  private takenOver: SeriesIndex[] = [];
  private misses = new Int32Array(2048);
  private readonly pair = new Int32Array(4);
  private readonly decoder = new TextDecoder();

  constructor(options: SeriesTableOptions = {}) {
    this.maxPerTenant = options.maxSeriesPerTenant ?? 1_000_000;
    this.minSilence = options.minSilence ?? 30_000;
    this.unknownSilence = options.unknownSilence ?? 180_000;
    const capacity = Math.max(64, options.capacity ?? 1024);
    this.rows = new SeriesRows(capacity);
    this.raw = new KeyIndex(capacity);
    this.byKey = new KeyIndex(capacity);
  }

  /** Rows in use or freed: every series index is below it. */
  get size(): number {
    return this.used;
  }
  /** Live series of all tenants. */
  get liveCount(): number {
    return this.liveByTenant.reduce((sum, n) => sum + (n ?? 0), 0);
  }
  /** Samples of refused new series, all tenants. */
  get refusedTotal(): number {
    return this.refusedByTenant.reduce((sum, n) => sum + (n ?? 0), 0);
  }
  get service(): Int32Array {
    return this.rows.service;
  }
  get kind(): Uint8Array {
    return this.rows.kind;
  }
  get modality(): Uint8Array {
    return this.rows.modality;
  }
  get live(): Uint8Array {
    return this.rows.live;
  }
  /** Instance of each series, -1 if nothing names one. */
  get instance(): Int32Array {
    return this.rows.instance;
  }
  get lastSeen(): Float64Array {
    return this.rows.lastSeen;
  }

  // -------------------------------------------------------------- hot path

  /**
   * Finds the series of raw hashes `keys[2i], keys[2i + 1]`, i < n, into `out[i]`; -1 where the raw form is unknown. Returns
   * the number of unknown ones. Changes nothing but the prediction.
   */
  resolve(n: number, keys: Int32Array, out: Int32Array): number {
    if (this.misses.length < n) this.misses = new Int32Array(n);
    const misses = this.misses;
    const known = this.rows.keys;
    const last = this.used - 1;
    let next = this.predicted;
    let streak = 0;
    let count = 0;
    for (let i = 0; i < n; i++) {
      const a = keys[2 * i]!;
      const b = keys[2 * i + 1]!;
      if (next > last) next = 0;
      if (known[2 * next] === a && known[2 * next + 1] === b) {
        out[i] = next++;
        streak = 0;
        continue;
      }
      // First miss after a hit, and then now and again: probe at once to find the thread; others wait for the tight loop.
      if ((streak++ & 15) === 0) {
        const found = this.raw.get(a, b);
        if (found >= 0) {
          out[i] = found;
          next = found + 1;
          continue;
        }
      }
      misses[count++] = i;
    }
    this.predicted = next;
    return count === 0 ? 0 : this.raw.getMany(keys, misses, count, out);
  }

  /** The series that a raw form leads to, -1 if it is unknown. */
  find(rawA: number, rawB: number): SeriesIndex {
    return this.raw.get(rawA, rawB);
  }

  /** Notes the time of samples; negative series are passed over. Times need not be in order. */
  touch(n: number, series: Int32Array, time: Float64Array): void {
    const { lastSeen, interval } = this.rows;
    const horizon = this.horizon;
    let latest = this.latest;
    for (let i = 0; i < n; i++) {
      const row = series[i]!;
      if (row < 0) continue;
      const at = time[i]! < horizon ? time[i]! : horizon;
      const gap = at - lastSeen[row]!;
      if (gap > 0) interval[row] = gap;
      lastSeen[row] = at;
      if (at > latest) latest = at;
    }
    this.latest = latest;
  }

  touchBatch(batch: PointBatch): void {
    this.touch(batch.length, batch.series, batch.time);
  }

  /** The series said that it ended: the next new instance of its workload may take the row at once. */
  markStale(series: SeriesIndex): void {
    this.rows.interval[series] = -1;
  }

  // -------------------------------------------------------------- registration

  /** Lanes that raw hashes of a tenant start from: the same bytes of two tenants are two series. Written to `out` at `at`. */
  tenantSeed(tenant: string, out: Int32Array, at: number): void {
    hashText(tenant, HASH_SEED_A, HASH_SEED_B, out, at);
  }

  /**
   * Finds or makes the series that `identity` holds (unsealed), and remembers that raw form `(rawA, rawB)` leads to it.
   * Returns -1, and counts, if the tenant is at its limit and the series is new.
   */
  register(rawA: number, rawB: number, at: EpochMs): SeriesIndex {
    if (this.isRefused(rawA, rawB)) {
      this.countRefused(this.names.serviceTenant(this.identity.service));
      return -1;
    }
    this.identity.seal();
    const row = this.enter(rawA, rawB, Math.min(at, this.horizon));
    if (row < 0) this.noteRefused(rawA, rawB);
    return row;
  }

  /** The series that `identity` (unsealed) holds if it is known, else -1; makes nothing. */
  lookUp(): SeriesIndex {
    this.identity.seal();
    this.canonicalKey();
    const workload = this.byKey.get(this.pair[0]!, this.pair[1]!);
    return workload < 0 ? -1 : this.findMember(workload);
  }

  private enter(rawA: number, rawB: number, at: EpochMs): SeriesIndex {
    const id = this.identity;
    const { names, pair } = this;
    this.canonicalKey();
    const keyA = pair[0]!;
    const keyB = pair[1]!;
    let workload = this.byKey.get(keyA, keyB);
    let heirOf = -1;
    if (workload >= 0) {
      const member = this.findMember(workload);
      if (member >= 0) {
        this.alias(member, rawA, rawB);
        return member;
      }
      const found = this.searchMembers(workload, at);
      if (found >= 0 && this.isSilent(found, at)) {
        this.takeOver(found, rawA, rawB, at);
        return found;
      }
      heirOf = found;
    }
    const tenant = names.serviceTenant(id.service);
    if ((this.liveByTenant[tenant] ?? 0) >= this.maxPerTenant) {
      this.countRefused(tenant);
      return -1;
    }
    if (workload < 0) {
      workload = this.workloads.add(keyA, keyB, id.metric, id.bytes, id.length);
      this.byKey.set(keyA, keyB, workload);
    }
    const row = this.addRow(workload, at);
    this.liveByTenant[tenant] = (this.liveByTenant[tenant] ?? 0) + 1;
    this.alias(row, rawA, rawB);
    // A sibling seen only once has learnt nothing worth copying (all replicas of a workload showing up together).
    if (heirOf >= 0 && this.rows.interval[heirOf]! !== 0) this.inheritance.push({ series: row, from: heirOf });
    return row;
  }

  /** Key of the workload that the sealed `identity` belongs to, to `pair[0]`, `pair[1]`. */
  private canonicalKey(): void {
    const { names, pair, identity: id } = this;
    hashPair(names.serviceKey(id.service, 0), names.metricKey(id.metric, 0), id.kind, id.modality, pair, 0);
    hashPair(
      names.serviceKey(id.service, 1) ^ id.keys[0]!,
      names.metricKey(id.metric, 1) ^ id.keys[1]!,
      pair[0]! ^ id.keys[1]!,
      pair[1]! ^ id.keys[0]!,
      pair,
      0,
    );
  }

  private findMember(workload: number): SeriesIndex {
    const { instanceKeys } = this.rows;
    const [, , a, b] = this.identity.keys as unknown as [number, number, number, number];
    const first = this.workloads.first[workload]!;
    if (first >= 0 && instanceKeys[2 * first] === a && instanceKeys[2 * first + 1] === b) return first;
    this.memberKey(workload, a, b);
    return this.members.get(this.pair[2]!, this.pair[3]!);
  }

  /** The silent member with the lowest ordinal, else the live one, among the next few; moves the start of the search on. */
  private searchMembers(workload: number, at: EpochMs): SeriesIndex {
    const { next, ordinal, interval } = this.rows;
    const { head } = this.workloads;
    const start = head[workload]!;
    let row = start;
    let silent = -1;
    let warm = -1;
    for (let k = 0; k < SEARCH && row >= 0; k++) {
      if (this.isSilent(row, at)) {
        if (silent < 0 || ordinal[row]! < ordinal[silent]!) silent = row;
      } else if (interval[row]! > 0 && (warm < 0 || ordinal[row]! < ordinal[warm]!)) warm = row;
      row = next[row]!;
      if (row === start) break;
    }
    head[workload] = row;
    return silent >= 0 ? silent : warm;
  }

  private isSilent(row: SeriesIndex, at: EpochMs): boolean {
    const interval = this.rows.interval[row]!;
    if (interval < 0) return true;
    const silence = interval === 0 ? this.unknownSilence : Math.max(this.minSilence, interval * SILENT_INTERVALS);
    return at - this.rows.lastSeen[row]! > silence;
  }

  private takeOver(row: SeriesIndex, rawA: number, rawB: number, at: EpochMs): void {
    this.forgetRaw(row);
    this.dropMember(row);
    this.nameInstance(row);
    this.alias(row, rawA, rawB);
    this.seen(row, at);
    this.takenOver.push(row);
  }

  private addRow(workload: number, at: EpochMs): SeriesIndex {
    const row = this.free.pop() ?? this.used++;
    if (row >= this.rows.capacity) this.rows.resize(this.rows.capacity * 2);
    const { rows, workloads } = this;
    rows.service[row] = this.identity.service;
    rows.kind[row] = this.identity.kind;
    rows.modality[row] = this.identity.modality;
    rows.live[row] = 1;
    rows.workload[row] = workload;
    rows.keys[2 * row] = 0;
    rows.keys[2 * row + 1] = 0;
    rows.interval[row] = 0;
    const freed = this.freeOrdinals.get(workload)?.pop();
    rows.ordinal[row] = freed ?? workloads.nextOrdinal[workload]!++;
    if (rows.ordinal[row] === 0) workloads.first[workload] = row;
    const head = workloads.head[workload]!;
    if (head < 0) {
      rows.next[row] = row;
      rows.prev[row] = row;
      workloads.head[workload] = row;
    } else {
      const tail = rows.prev[head]!;
      rows.next[tail] = row;
      rows.prev[row] = tail;
      rows.next[row] = head;
      rows.prev[head] = row;
    }
    this.nameInstance(row);
    rows.lastSeen[row] = at;
    if (at > this.latest) this.latest = at;
    return row;
  }

  private nameInstance(row: SeriesIndex): void {
    const { rows, identity } = this;
    rows.instance[row] = identity.hasInstance ? this.names.instance(identity.instanceName()) : -1;
    rows.instanceKeys[2 * row] = identity.keys[2]!;
    rows.instanceKeys[2 * row + 1] = identity.keys[3]!;
    if (rows.ordinal[row] === 0) return;
    this.memberKey(rows.workload[row]!, identity.keys[2]!, identity.keys[3]!);
    this.members.set(this.pair[2]!, this.pair[3]!, row);
  }

  private dropMember(row: SeriesIndex): void {
    const { rows } = this;
    if (rows.ordinal[row] === 0) return;
    this.memberKey(rows.workload[row]!, rows.instanceKeys[2 * row]!, rows.instanceKeys[2 * row + 1]!);
    this.members.delete(this.pair[2]!, this.pair[3]!, row);
  }

  private memberKey(workload: number, a: number, b: number): void {
    hashPair(a, b, workload, HASH_SEED_B, this.pair, 1);
  }

  private seen(row: SeriesIndex, at: EpochMs): void {
    this.rows.lastSeen[row] = at;
    if (this.rows.interval[row]! < 0) this.rows.interval[row] = 0;
    if (at > this.latest) this.latest = at;
  }

  /** Makes a raw form the one that is predicted; the former one stays known. (0, 0) is no raw form. */
  private alias(row: SeriesIndex, rawA: number, rawB: number): void {
    if (rawA === 0 && rawB === 0) return;
    const { keys } = this.rows;
    const a = keys[2 * row]!;
    const b = keys[2 * row + 1]!;
    if (a !== 0 || b !== 0) {
      const others = this.aliases.get(row) ?? [];
      if (others.length >= 2 * MAX_ALIASES) return;
      others.push(a, b);
      this.aliases.set(row, others);
    }
    keys[2 * row] = rawA;
    keys[2 * row + 1] = rawB;
    this.raw.set(rawA, rawB, row);
  }

  private forgetRaw(row: SeriesIndex): void {
    const { keys } = this.rows;
    this.raw.delete(keys[2 * row]!, keys[2 * row + 1]!, row);
    keys[2 * row] = 0;
    keys[2 * row + 1] = 0;
    const others = this.aliases.get(row);
    if (others === undefined) return;
    for (let i = 0; i < others.length; i += 2) this.raw.delete(others[i]!, others[i + 1]!, row);
    this.aliases.delete(row);
  }

  private isRefused(a: number, b: number): boolean {
    if (this.refused.length === 0) return false;
    const at = 2 * (a & (REFUSED_SLOTS - 1));
    return this.refused[at] === a && this.refused[at + 1] === b;
  }

  /** Remembers a refused raw form, so that the next one costs a look-up and not a registration. */
  private noteRefused(a: number, b: number): void {
    if (this.refused.length === 0) this.refused = new Int32Array(2 * REFUSED_SLOTS);
    const at = 2 * (a & (REFUSED_SLOTS - 1));
    this.refused[at] = a;
    this.refused[at + 1] = b;
  }

  private countRefused(tenant: number): void {
    this.refusedByTenant[tenant] = (this.refusedByTenant[tenant] ?? 0) + 1;
  }

  /** Samples refused because their series would have been one too many. */
  refusedSamples(tenant: string): number {
    return this.refusedByTenant[this.names.tenant(tenant)] ?? 0;
  }

  /** Live series of a tenant. */
  liveSeries(tenant: string): number {
    return this.liveByTenant[this.names.tenant(tenant)] ?? 0;
  }

  // -------------------------------------------------------------- churn

  /** New series that should start from a sibling's state, since the last call, in order of registration. */
  drainInheritance(): SeriesInheritance[] {
    const drained = this.inheritance;
    this.inheritance = [];
    return drained;
  }

  /** Rows that a new instance took over since the last call: what they learnt holds, a counter's last total does not. */
  drainTakeovers(): SeriesIndex[] {
    const drained = this.takenOver;
    this.takenOver = [];
    return drained;
  }

  /** Frees the rows of series not seen since `before`; they are handed out again, lowest first. */
  evictIdle(before: EpochMs): SeriesEviction[] {
    const { live, lastSeen } = this.rows;
    const evicted: SeriesEviction[] = [];
    for (let row = 0; row < this.used; row++) {
      if (live[row] === 0 || lastSeen[row]! >= before) continue;
      evicted.push({ series: row, lastSeen: lastSeen[row]! });
      this.evict(row);
    }
    if (evicted.length === 0) return evicted;
    this.free.sort((left, right) => right - left);
    this.refused = new Int32Array(0);
    this.workloads.compact();
    return evicted;
  }

  private evict(row: SeriesIndex): void {
    const { rows, workloads } = this;
    const workload = rows.workload[row]!;
    this.forgetRaw(row);
    this.dropMember(row);
    rows.live[row] = 0;
    rows.interval[row] = 0;
    this.free.push(row);
    this.liveByTenant[this.names.serviceTenant(rows.service[row]!)]!--;
    if (rows.next[row] === row) {
      this.byKey.delete(workloads.keys[2 * workload]!, workloads.keys[2 * workload + 1]!, workload);
      this.freeOrdinals.delete(workload);
      workloads.remove(workload);
      return;
    }
    const next = rows.next[row]!;
    const prev = rows.prev[row]!;
    rows.next[prev] = next;
    rows.prev[next] = prev;
    if (workloads.head[workload] === row) workloads.head[workload] = next;
    if (rows.ordinal[row] === 0) workloads.first[workload] = -1;
    const ordinals = this.freeOrdinals.get(workload) ?? [];
    ordinals.push(rows.ordinal[row]!);
    ordinals.sort((left, right) => right - left);
    this.freeOrdinals.set(workload, ordinals);
  }

  // -------------------------------------------------------------- words

  describe(series: SeriesIndex): SeriesInfo {
    const { rows, names, workloads } = this;
    if (series < 0 || series >= this.used || rows.live[series] === 0) throw new RangeError(`no series ${series}`);
    const workload = rows.workload[series]!;
    const ordinal = rows.ordinal[series]!;
    const { tenant, service } = names.describeService(rows.service[series]!);
    const metric = workloads.metric[workload]!;
    let a = workloads.keys[2 * workload]!;
    let b = workloads.keys[2 * workload + 1]!;
    if (ordinal > 0) {
      hashPair(ordinal, 0, a, b, this.pair, 1);
      a = this.pair[2]!;
      b = this.pair[3]!;
    }
    return {
      id: hex64(a, b),
      tenant,
      service,
      metric: names.metricName(metric),
      unit: names.metricUnit(metric),
      kind: rows.kind[series]! as SeriesKind,
      modality: MODALITIES[rows.modality[series]!] ?? 'metric',
      labels: this.labelsOf(workload),
      instance: names.instanceName(rows.instance[series]!),
    };
  }

  private labelsOf(workload: number): Labels {
    const { arena, labelStart, labelLength } = this.workloads;
    const entries: [string, string][] = [];
    let at = labelStart[workload]!;
    const end = at + labelLength[workload]!;
    while (at < end) {
      const texts: string[] = [];
      for (let k = 0; k < 2; k++) {
        let size = arena[at++]!;
        if (size >= 128) size = (size & 127) | (arena[at++]! << 7);
        texts.push(this.decoder.decode(arena.subarray(at, at + size)));
        at += size;
      }
      entries.push([texts[0]!, texts[1]!]);
    }
    return Object.fromEntries(entries);
  }

  serviceCount(): number {
    return this.names.serviceCount();
  }
  describeService(service: ServiceIndex): ServiceInfo {
    return this.names.describeService(service);
  }
  instanceName(instance: number): string {
    return this.names.instanceName(instance);
  }
  ensureService(tenant: string, service: string): ServiceIndex {
    return this.names.service(tenant, service);
  }

  /** Finds or makes a computed series; counts as seen now. -1 if the tenant is at its limit. */
  derive(service: ServiceIndex, metric: string, labels: Labels, unit: string, modality: Modality): SeriesIndex {
    this.identity.begin(service, this.names.metric(metric, unit), SERIES_KIND.derived, MODALITY[modality]);
    for (const [key, value] of Object.entries(labels)) this.identity.addText(key, value);
    return this.enterDerived();
  }

  /** A computed series of one series (a percentile of a histogram): same labels, and its own for each instance. */
  deriveFrom(parent: SeriesIndex, metric: string, unit: string): SeriesIndex {
    const { rows, workloads } = this;
    const workload = rows.workload[parent]!;
    this.identity.begin(
      rows.service[parent]!,
      this.names.metric(metric, unit),
      SERIES_KIND.derived,
      rows.modality[parent],
    );
    const start = workloads.labelStart[workload]!;
    this.identity.addEncoded(workloads.arena, start, start + workloads.labelLength[workload]!);
    const ordinal = rows.ordinal[parent]!;
    if (ordinal > 0) this.identity.addText('replica', String(ordinal));
    const row = this.enterDerived();
    if (row >= 0) this.rows.instance[row] = this.rows.instance[parent]!;
    return row;
  }

  private enterDerived(): SeriesIndex {
    this.identity.seal(true);
    const row = this.enter(0, 0, this.latest);
    if (row >= 0) this.seen(row, this.latest);
    return row;
  }

  // -------------------------------------------------------------- state

  /** Bytes held, arrays exactly and names by estimate. */
  bytes(): number {
    return (
      this.rows.byteLength +
      this.workloads.byteLength +
      this.raw.byteLength +
      this.byKey.byteLength +
      this.members.byteLength +
      this.names.bytes() +
      this.aliases.size * 200 +
      this.refused.byteLength
    );
  }

  save(): StateBlob {
    const meta: TableMeta = {
      names: this.names.save(),
      refused: [...this.refusedByTenant],
      freeOrdinals: [...this.freeOrdinals],
      garbage: this.workloads.garbage,
      latest: this.latest,
      inheritance: [...this.inheritance],
      takenOver: [...this.takenOver],
    };
    return {
      version: VERSION,
      arrays: { ...this.rows.save(this.used), ...this.workloads.save(), free: Int32Array.from(this.free) },
      meta,
    };
  }

  /** @throws TocsinError `state_version` for a version it cannot read. */
  restore(state: StateBlob): void {
    if (state.version !== VERSION)
      throw new TocsinError('state_version', `series table state version ${state.version}`);
    const meta = state.meta as TableMeta;
    const { rows } = this;
    this.names.restore(meta.names);
    this.used = state.arrays['service']!.length;
    rows.resize(Math.max(64, this.used));
    rows.restore(state.arrays);
    this.workloads = new SeriesWorkloads(64);
    this.workloads.restore(state.arrays, meta.garbage);
    this.free = Array.from(state.arrays['free']!);
    this.refusedByTenant = Array.from(meta.refused, (count) => count ?? 0);
    this.liveByTenant = [];
    this.aliases.clear();
    this.freeOrdinals.clear();
    for (const [workload, ordinals] of meta.freeOrdinals) this.freeOrdinals.set(workload, [...ordinals]);
    this.refused = new Int32Array(0);
    this.epoch++;
    this.predicted = 0;
    this.latest = meta.latest;
    this.inheritance = [...meta.inheritance];
    this.takenOver = [...meta.takenOver];
    this.reindex();
  }

  private reindex(): void {
    const { rows, workloads } = this;
    this.raw.clear(this.used);
    this.byKey.clear(workloads.size);
    this.members.clear();
    for (let w = 0; w < workloads.size; w++) {
      if (workloads.labelLength[w]! >= 0) this.byKey.set(workloads.keys[2 * w]!, workloads.keys[2 * w + 1]!, w);
    }
    for (let row = 0; row < this.used; row++) {
      if (rows.live[row] === 0) continue;
      const tenant = this.names.serviceTenant(rows.service[row]!);
      this.liveByTenant[tenant] = (this.liveByTenant[tenant] ?? 0) + 1;
      const a = rows.keys[2 * row]!;
      const b = rows.keys[2 * row + 1]!;
      if (a !== 0 || b !== 0) this.raw.set(a, b, row);
      if (rows.ordinal[row] === 0) continue;
      this.memberKey(rows.workload[row]!, rows.instanceKeys[2 * row]!, rows.instanceKeys[2 * row + 1]!);
      this.members.set(this.pair[2]!, this.pair[3]!, row);
    }
  }
}

interface TableMeta {
  readonly names: NamesState;
  readonly refused: readonly (number | null)[];
  readonly freeOrdinals: readonly (readonly [number, readonly number[]])[];
  readonly garbage: number;
  readonly latest: EpochMs;
  readonly inheritance: readonly SeriesInheritance[];
  readonly takenOver: readonly SeriesIndex[];
}
