import type { DeployMarker } from '../../domain/signal/batch.ts';
import type { ServiceInfo } from '../../domain/signal/series.ts';
import { HASH_SEED_A, HASH_SEED_B, hashText } from '../../stats/hash.ts';

/** How long the current version must have been silent before an older one that is back counts as a roll-back. */
const ROLL_BACK_SILENCE_MS = 300_000;
const MAX_VERSIONS = 16;
/** Names of instances are kept for the life of the process; beyond this many, new ones go unnamed. */
const MAX_INSTANCES = 1 << 20;

interface ServiceEntry {
  readonly tenant: number;
  readonly name: string;
  version: string;
  /** Version -> last event time it was seen at. */
  readonly versions: Map<string, number>;
}

/** Names behind the small integers of a shard: tenants, services, instances, metrics. A few thousand; plain objects. */
export class SeriesNames {
  /** Told of every `noteVersion`; for a log from which a shard is rebuilt without decoding. */
  onVersion: ((service: number, version: string, at: number) => void) | null = null;
  private readonly tenants: string[] = [];
  private readonly tenantIndex = new Map<string, number>();
  private readonly services: ServiceEntry[] = [];
  private readonly serviceIndex = new Map<string, number>();
  private readonly instances: string[] = [];
  private readonly instanceIndex = new Map<string, number>();
  private readonly metrics: { readonly name: string; readonly unit: string }[] = [];
  private readonly metricIndex = new Map<string, number>();
  /** Lanes of tenant + service name per service, and of the metric name per metric: seeds of canonical keys. */
  private serviceKeys = new Int32Array(128);
  private metricKeys = new Int32Array(512);

  tenant(name: string): number {
    const known = this.tenantIndex.get(name);
    if (known !== undefined) return known;
    this.tenantIndex.set(name, this.tenants.length);
    return this.tenants.push(name) - 1;
  }

  tenantName(tenant: number): string {
    return this.tenants[tenant] ?? '';
  }

  tenantCount(): number {
    return this.tenants.length;
  }

  service(tenant: string, name: string): number {
    const key = `${tenant}\u0000${name}`;
    const known = this.serviceIndex.get(key);
    if (known !== undefined) return known;
    const index = this.services.length;
    this.services.push({ tenant: this.tenant(tenant), name, version: '', versions: new Map() });
    this.serviceIndex.set(key, index);
    this.serviceKeys = roomFor(this.serviceKeys, index);
    hashText(key, HASH_SEED_A, HASH_SEED_B, this.serviceKeys, index);
    return index;
  }

  serviceCount(): number {
    return this.services.length;
  }

  serviceTenant(service: number): number {
    return this.services[service]!.tenant;
  }

  describeService(service: number): ServiceInfo {
    const entry = this.services[service];
    if (entry === undefined) throw new RangeError(`no service ${service}`);
    return { tenant: this.tenantName(entry.tenant), service: entry.name, version: entry.version };
  }

  /** The index of an instance's name, -1 for '' and when the table of names is full. */
  instance(name: string): number {
    if (name === '') return -1;
    const known = this.instanceIndex.get(name);
    if (known !== undefined) return known;
    if (this.instances.length >= MAX_INSTANCES) return -1;
    this.instanceIndex.set(name, this.instances.length);
    return this.instances.push(name) - 1;
  }

  instanceName(instance: number): string {
    return this.instances[instance] ?? '';
  }

  metric(name: string, unit: string): number {
    const key = `${name}\u0000${unit}`;
    const known = this.metricIndex.get(key);
    if (known !== undefined) return known;
    const index = this.metrics.length;
    this.metrics.push({ name, unit });
    this.metricIndex.set(key, index);
    this.metricKeys = roomFor(this.metricKeys, index);
    // The unit is not part of the key: it describes, it does not tell apart.
    hashText(name, HASH_SEED_B, HASH_SEED_A, this.metricKeys, index);
    return index;
  }

  metricName(metric: number): string {
    return this.metrics[metric]?.name ?? '';
  }

  metricUnit(metric: number): string {
    return this.metrics[metric]?.unit ?? '';
  }

  /** One lane of the hash of a service (tenant + name); lane 0 or 1. */
  serviceKey(service: number, lane: number): number {
    return this.serviceKeys[2 * service + lane]!;
  }

  metricKey(metric: number, lane: number): number {
    return this.metricKeys[2 * metric + lane]!;
  }

  /**
   * Notes that a service showed a version. A version never seen before is a deploy; one seen before is a roll-back once the
   * current one has been silent for five minutes: while a rollout runs, both are seen by turns. Null: nothing new.
   */
  noteVersion(service: number, version: string, at: number): DeployMarker | null {
    this.onVersion?.(service, version, at);
    const entry = this.services[service]!;
    const seen = entry.versions.get(version);
    if (seen === undefined || at > seen) {
      entry.versions.delete(version);
      entry.versions.set(version, at);
    }
    if (entry.version === version) return null;
    const from = entry.version;
    if (from !== '' && seen !== undefined && at - (entry.versions.get(from) ?? 0) < ROLL_BACK_SILENCE_MS) return null;
    entry.version = version;
    if (entry.versions.size > MAX_VERSIONS) entry.versions.delete(entry.versions.keys().next().value!);
    return from === '' ? null : { service: entry.name, from, to: version, at };
  }

  /** Names known so far. */
  get size(): number {
    return this.tenants.length + this.services.length + this.instances.length + this.metrics.length;
  }

  bytes(): number {
    return (
      this.serviceKeys.byteLength +
      this.metricKeys.byteLength +
      (this.services.length + this.metrics.length) * 200 +
      this.instances.length * 120
    );
  }

  /** JSON-able. */
  save(): NamesState {
    return {
      tenants: [...this.tenants],
      services: this.services.map((entry) => [entry.tenant, entry.name, entry.version, [...entry.versions]]),
      instances: [...this.instances],
      metrics: this.metrics.map((metric) => [metric.name, metric.unit]),
    };
  }

  restore(state: NamesState): void {
    for (const map of [this.tenantIndex, this.serviceIndex, this.instanceIndex, this.metricIndex]) map.clear();
    for (const list of [this.tenants, this.services, this.instances, this.metrics]) list.length = 0;
    for (const tenant of state.tenants) this.tenant(tenant);
    for (const [tenant, name, version, versions] of state.services) {
      const entry = this.services[this.service(this.tenantName(tenant), name)]!;
      entry.version = version;
      entry.versions.clear();
      for (const [key, at] of versions) entry.versions.set(key, at);
    }
    for (const instance of state.instances) this.instance(instance);
    for (const [name, unit] of state.metrics) this.metric(name, unit);
  }
}

/** How many live series each tenant has, against its limit, and how many samples of further ones were refused. */
export class TenantLimits {
  private readonly max: number;
  private counts: number[] = [];
  private refusals: number[] = [];

  constructor(max: number) {
    this.max = max;
  }

  live(tenant: number): number {
    return this.counts[tenant] ?? 0;
  }

  refused(tenant: number): number {
    return this.refusals[tenant] ?? 0;
  }

  get liveTotal(): number {
    return this.counts.reduce((sum, n) => sum + (n ?? 0), 0);
  }

  get refusedTotal(): number {
    return this.refusals.reduce((sum, n) => sum + (n ?? 0), 0);
  }

  isFull(tenant: number): boolean {
    return this.live(tenant) >= this.max;
  }

  add(tenant: number, series: number): void {
    this.counts[tenant] = this.live(tenant) + series;
  }

  refuse(tenant: number): void {
    this.refusals[tenant] = this.refused(tenant) + 1;
  }

  save(): number[] {
    return Array.from(this.refusals, (count) => count ?? 0);
  }

  /** Takes over the refusals; live series are counted again by whoever restores them. */
  restore(refusals: readonly number[]): void {
    this.refusals = [...refusals];
    this.counts = [];
  }
}

export interface NamesState {
  readonly tenants: readonly string[];
  readonly services: readonly (readonly [number, string, string, readonly (readonly [string, number])[]])[];
  readonly instances: readonly string[];
  readonly metrics: readonly (readonly [string, string])[];
}

function roomFor(keys: Int32Array<ArrayBuffer>, index: number): Int32Array<ArrayBuffer> {
  if (2 * index + 1 < keys.length) return keys;
  const next = new Int32Array(keys.length * 2);
  next.set(keys);
  return next;
}
