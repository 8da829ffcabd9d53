import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import type {
  Labels,
  Modality,
  SeriesEviction,
  SeriesInfo,
  SeriesInheritance,
  SeriesTable,
  ServiceInfo,
} from '../../domain/signal/series.ts';
import { MODALITY, SERIES_KIND } from '../../domain/signal/series.ts';
import type { EpochMs, SeriesIndex, ServiceIndex } from '../../domain/units.ts';
import { HASH_SEED_A, HASH_SEED_B, hashText } from '../../stats/hash.ts';
import { describeSeries } from './series-describe.ts';
import { SeriesIdentity, workloadKey } from './series-identity.ts';
import { KeyIndex } from './series-index.ts';
import { SeriesMembers, type SeriesTableOptions } from './series-members.ts';
import type { TableMeta } from './series-meta.ts';
import { SeriesNames, TenantLimits } from './series-names.ts';
import { RawForms } from './series-raw.ts';
import { SeriesRows, SeriesWorkloads } from './series-rows.ts';

const VERSION = 2;
/** Instances looked at for one to inherit from. */
const MAX_SIBLINGS = 64;

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
  private registrations = 0;
  private readonly rows: SeriesRows;
  private workloads = new SeriesWorkloads(64);
  private readonly raw: RawForms;
  private readonly byKey: KeyIndex;
  private readonly members: SeriesMembers;
  private readonly limits: TenantLimits;
  private used = 0;
  private free: number[] = [];
  private latest: EpochMs = 0;
  private inheritance: SeriesInheritance[] = [];
  private takenOver: SeriesIndex[] = [];
  private readonly pair = new Int32Array(4);

  constructor(options: SeriesTableOptions = {}) {
    this.limits = new TenantLimits(options.maxSeriesPerTenant ?? 1_000_000);
    const capacity = Math.max(64, options.capacity ?? 1024);
    this.rows = new SeriesRows(capacity);
    this.raw = new RawForms(this.rows, capacity);
    this.members = new SeriesMembers(this.rows, this.workloads, options);
    this.byKey = new KeyIndex(capacity);
  }

  /** Rows in use or freed: every series index is below it. */
  get size(): number {
    return this.used;
  }
  /** Changes whenever decoding has asked for more than known series: a raw form, a name or a refusal that was not there. */
  get revision(): number {
    return this.registrations + this.names.size;
  }
  get liveCount(): number {
    return this.limits.liveTotal;
  }
  get refusedTotal(): number {
    return this.limits.refusedTotal;
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
    return this.raw.resolve(n, keys, out, this.used);
  }

  /** The series that a raw form leads to, -1 if it is unknown. */
  find(rawA: number, rawB: number): SeriesIndex {
    return this.raw.find(rawA, rawB);
  }

  /** Notes the time of samples; negative series are passed over. Times need not be in order. */
  touch(n: number, series: Int32Array, time: Float64Array): void {
    this.latest = Math.max(this.latest, this.rows.touch(n, series, time, this.horizon));
  }

  touchBatch(batch: Pick<PointBatch, 'length' | 'series' | 'time'>): void {
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
    this.registrations++;
    if (this.raw.isRefused(rawA, rawB)) {
      this.limits.refuse(this.names.serviceTenant(this.identity.service));
      return -1;
    }
    this.identity.seal();
    const row = this.enter(rawA, rawB, Math.min(at, this.horizon));
    if (row < 0) this.raw.refuse(rawA, rawB);
    return row;
  }

  /** The series that `identity` (unsealed) holds if it is known, else -1; makes nothing. */
  lookUp(): SeriesIndex {
    this.identity.seal();
    workloadKey(this.identity, this.names, this.pair);
    const workload = this.byKey.get(this.pair[0]!, this.pair[1]!);
    return workload < 0 ? -1 : this.members.find(workload, this.identity.keys[2]!, this.identity.keys[3]!);
  }

  private enter(rawA: number, rawB: number, at: EpochMs): SeriesIndex {
    const id = this.identity;
    const { names, pair } = this;
    workloadKey(this.identity, this.names, this.pair);
    const keyA = pair[0]!;
    const keyB = pair[1]!;
    let workload = this.byKey.get(keyA, keyB);
    let heirOf = -1;
    if (workload >= 0) {
      const member = this.members.find(workload, this.identity.keys[2]!, this.identity.keys[3]!);
      if (member >= 0) {
        this.raw.add(member, rawA, rawB);
        return member;
      }
      const found = this.members.search(workload, at);
      if (found >= 0 && this.members.isSilent(found, at)) {
        this.takeOver(found, rawA, rawB, at);
        return found;
      }
      heirOf = found;
    }
    const tenant = names.serviceTenant(id.service);
    if (this.limits.isFull(tenant)) {
      this.limits.refuse(tenant);
      return -1;
    }
    if (workload < 0) {
      workload = this.workloads.add(keyA, keyB, id.metric, id.bytes, id.length);
      this.byKey.set(keyA, keyB, workload);
    }
    const row = this.addRow(workload, at);
    this.limits.add(tenant, 1);
    this.raw.add(row, rawA, rawB);
    // A sibling seen only once has learnt nothing worth copying (all replicas of a workload showing up together).
    if (heirOf >= 0 && this.rows.interval[heirOf]! !== 0) this.inheritance.push({ series: row, from: heirOf });
    return row;
  }

  private takeOver(row: SeriesIndex, rawA: number, rawB: number, at: EpochMs): void {
    this.raw.forget(row);
    this.members.unname(row);
    this.nameInstance(row);
    this.raw.add(row, rawA, rawB);
    this.seen(row, at);
    this.takenOver.push(row);
  }

  private addRow(workload: number, at: EpochMs): SeriesIndex {
    const row = this.free.pop() ?? this.used++;
    if (row >= this.rows.capacity) this.rows.resize(Math.ceil(this.rows.capacity * 1.25));
    const { service, kind, modality } = this.identity;
    this.rows.open(row, service, kind, modality, at);
    this.members.join(row, workload);
    this.nameInstance(row);
    if (at > this.latest) this.latest = at;
    return row;
  }

  private nameInstance(row: SeriesIndex): void {
    const { rows, identity } = this;
    rows.instance[row] = identity.hasInstance ? this.names.instance(identity.instanceName()) : -1;
    this.members.name(row, identity.keys[2]!, identity.keys[3]!);
  }

  private seen(row: SeriesIndex, at: EpochMs): void {
    this.rows.lastSeen[row] = at;
    if (this.rows.interval[row]! < 0) this.rows.interval[row] = 0;
    if (at > this.latest) this.latest = at;
  }

  /** Samples refused because their series would have been one too many. */
  refusedSamples(tenant: string): number {
    return this.limits.refused(this.names.tenant(tenant));
  }

  /** Live series of a tenant. */
  liveSeries(tenant: string): number {
    return this.limits.live(this.names.tenant(tenant));
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
    this.raw.forgetRefused();
    this.workloads.compact();
    return evicted;
  }

  private evict(row: SeriesIndex): void {
    const { rows, workloads } = this;
    const workload = rows.workload[row]!;
    this.raw.forget(row);
    this.members.unname(row);
    rows.live[row] = 0;
    rows.interval[row] = 0;
    this.free.push(row);
    this.limits.add(this.names.serviceTenant(rows.service[row]!), -1);
    if (!this.members.leave(row)) return;
    this.byKey.delete(workloads.keys[2 * workload]!, workloads.keys[2 * workload + 1]!, workload);
    workloads.remove(workload);
  }

  // -------------------------------------------------------------- words

  describe(series: SeriesIndex): SeriesInfo {
    if (series < 0 || series >= this.used || this.rows.live[series] === 0) throw new RangeError(`no series ${series}`);
    return describeSeries(this.rows, this.workloads, this.names, series);
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

  /**
   * A computed series of one series (a percentile of a histogram): same labels, and its own for each instance. That of a
   * new instance starts from the state of the sibling seen last.
   */
  deriveFrom(parent: SeriesIndex, metric: string, unit: string): SeriesIndex {
    const { rows } = this;
    const known = this.liveCount;
    const ordinal = rows.ordinal[parent]!;
    this.identifyDerived(parent, metric, unit, ordinal);
    const row = this.enterDerived();
    if (row < 0) return row;
    rows.instance[row] = rows.instance[parent]!;
    if (this.liveCount === known) return row;
    let from = -1;
    for (let other = 0; other < Math.min(ordinal + 4, MAX_SIBLINGS); other++) {
      this.identifyDerived(parent, metric, unit, other);
      this.identity.seal(true);
      workloadKey(this.identity, this.names, this.pair);
      const workload = this.byKey.get(this.pair[0]!, this.pair[1]!);
      const sibling = workload < 0 ? -1 : this.workloads.first[workload]!;
      if (sibling < 0 || sibling === row || rows.interval[sibling]! <= 0) continue;
      if (from < 0 || rows.lastSeen[sibling]! > rows.lastSeen[from]!) from = sibling;
    }
    if (from >= 0) this.inheritance.push({ series: row, from });
    return row;
  }

  private identifyDerived(parent: SeriesIndex, metric: string, unit: string, ordinal: number): void {
    const { rows, workloads, identity } = this;
    identity.begin(rows.service[parent]!, this.names.metric(metric, unit), SERIES_KIND.derived, rows.modality[parent]);
    const workload = rows.workload[parent]!;
    const labels = workloads.labels(workload);
    identity.addEncoded(labels, 0, labels.length);
    if (ordinal > 0) identity.addText('replica', String(ordinal));
  }

  private enterDerived(): SeriesIndex {
    this.identity.seal(true);
    // Looking a series up is not seeing it: callers cache rows, and a restart with cold caches must change nothing.
    return this.enter(0, 0, this.latest);
  }

  // -------------------------------------------------------------- state

  /** Bytes held, arrays exactly and names by estimate. */
  bytes(): number {
    const { rows, workloads, raw, byKey, members } = this;
    const tables = rows.byteLength + workloads.byteLength + raw.byteLength + byKey.byteLength + members.byteLength;
    return tables + this.names.bytes();
  }

  /** `live`: what never changes stays in place. */
  save(live = false): StateBlob {
    const { names, limits, members, latest } = this;
    const given = { inheritance: [...this.inheritance], takenOver: [...this.takenOver] };
    const own = { names: names.save(), refused: limits.save(), freeOrdinals: members.save(), latest };
    const arrays = { ...this.rows.save(this.used), ...this.workloads.save(live), free: Int32Array.from(this.free) };
    return { version: VERSION, arrays, meta: { ...own, ...given } satisfies TableMeta };
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
    this.members.workloads = this.workloads;
    this.workloads.restore(state.arrays);
    this.free = Array.from(state.arrays['free']!);
    this.limits.restore(meta.refused);
    this.epoch++;
    this.latest = meta.latest;
    this.inheritance = [...meta.inheritance];
    this.takenOver = [...meta.takenOver];
    this.raw.rebuild(this.used);
    this.members.restore(meta.freeOrdinals, this.used);
    const { size, keys, labelLength } = this.workloads;
    this.byKey.clear(size);
    for (let w = 0; w < size; w++) if (labelLength[w]! >= 0) this.byKey.set(keys[2 * w]!, keys[2 * w + 1]!, w);
    for (let row = 0; row < this.used; row++) {
      if (rows.live[row] === 1) this.limits.add(this.names.serviceTenant(rows.service[row]!), 1);
    }
  }
}
