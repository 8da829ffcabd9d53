import type { SignalSink } from '../../domain/ports.ts';
import { UNKNOWN_SERVICE } from '../../domain/units.ts';
import { hashBytes } from '../../stats/hash.ts';
import { KeyIndex } from '../series/series-index.ts';
import { SERVICE_FALLBACKS } from '../series/series-labels.ts';
import type { ShardSeriesTable } from '../series/series-table.ts';
import { malformed, type Wire } from '../wire/proto.ts';
import { eachAttribute, readAttributes } from './attributes.ts';

/** `Resource.attributes`. */
const ATTRIBUTES = 0x0a;
/** Distinct resources remembered; beyond it the memory starts anew (it is only a cache). */
const MAX_KNOWN = 1 << 16;

export interface ResourceEntry {
  readonly service: number;
  /** -1 if nothing names an instance. */
  readonly instance: number;
  readonly version: string;
  /** What the resource hands down to its series, encoded by SeriesIdentity. */
  readonly labels: Uint8Array;
}

/** Resources by the hash of their raw bytes; shared by the decoders of a shard. */
export class ResourceCache {
  private readonly index = new KeyIndex();
  private entries: ResourceEntry[] = [];
  private epoch = 0;
  readonly table: ShardSeriesTable;

  constructor(table: ShardSeriesTable) {
    this.table = table;
  }

  find(a: number, b: number): ResourceEntry | null {
    if (this.epoch !== this.table.epoch) this.forget();
    const at = this.index.get(a, b);
    return at < 0 ? null : this.entries[at]!;
  }

  /** Reads a resource that was checked before; makes its service if need be. */
  open(wire: Wire, start: number, end: number, tenant: string, a: number, b: number): ResourceEntry {
    const known = this.find(a, b);
    if (known !== null) return known;
    if (this.entries.length >= MAX_KNOWN) this.forget();
    const entry = this.read(wire, start, end, tenant);
    this.index.set(a, b, this.entries.push(entry) - 1);
    return entry;
  }

  private forget(): void {
    this.index.clear();
    this.entries = [];
    this.epoch = this.table.epoch;
  }

  private read(wire: Wire, start: number, end: number, tenant: string): ResourceEntry {
    const { identity, names } = this.table;
    const found = new Map<string, string>();
    eachAttribute(wire, start, end, ATTRIBUTES, (key, value) => {
      if (SERVICE_NAMES.has(key)) found.set(key, value);
    });
    identity.begin(0, 0, 0);
    readAttributes(wire, start, end, ATTRIBUTES, identity);
    identity.seal();
    const instance = names.instance(identity.instanceName());
    const labels = identity.encoded();
    const service = names.service(tenant, serviceName(found));
    return { service, instance, version: found.get('service.version') ?? '', labels };
  }
}

const SERVICE_NAMES = new Set<string>(['service.name', 'service.namespace', 'service.version', ...SERVICE_FALLBACKS]);

/** `namespace/name`; SDKs that were not told a name say `unknown_service:<executable>`, which any other name beats. */
function serviceName(attributes: ReadonlyMap<string, string>): string {
  const given = attributes.get('service.name') ?? '';
  let name = given;
  if (given === '' || given.startsWith(UNKNOWN_SERVICE)) {
    for (const key of SERVICE_FALLBACKS) {
      const other = attributes.get(key) ?? '';
      if (other !== '') {
        name = other;
        break;
      }
    }
  }
  if (name === '') return UNKNOWN_SERVICE;
  const namespace = attributes.get('service.namespace') ?? '';
  return namespace === '' ? name : `${namespace}/${name}`;
}

/** The resources of one body in order: found by hash while scanning, made once the whole body has proved well-formed. */
export class BodyResources {
  count = 0;
  readonly entries: ResourceEntry[] = [];
  private readonly cache: ResourceCache;
  private start: number[] = [];
  private end: number[] = [];
  private firstTime: number[] = [];
  private keys = new Int32Array(64);
  private readonly seed = new Int32Array(2);

  constructor(cache: ResourceCache) {
    this.cache = cache;
  }

  begin(tenant: string): void {
    this.count = 0;
    this.entries.length = 0;
    this.cache.table.tenantSeed(tenant, this.seed, 0);
  }

  /**
   * Finds field `tag` (the Resource) of the message `[start, end)`, checks it if it is new and returns its number in this
   * body. Needed before the rest of the message is read, because fields come in any order.
   */
  scan(wire: Wire, start: number, end: number): number {
    let from = start;
    let to = start;
    wire.pos = start;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag !== 0x0a) {
        if (tag === 0x12) wire.pos = wire.span(end);
        else if (tag >>> 3 <= 2) malformed(`field ${tag >>> 3} has wire type ${tag & 7}`, wire.pos);
        else wire.skip(tag, end);
        continue;
      }
      to = wire.span(end);
      from = wire.pos;
      wire.pos = to;
    }
    const at = this.count++;
    if (2 * at + 1 >= this.keys.length) {
      const keys = new Int32Array(this.keys.length * 2);
      keys.set(this.keys);
      this.keys = keys;
    }
    this.start[at] = from;
    this.end[at] = to;
    this.firstTime[at] = 0;
    hashBytes(wire.view, from, to, this.seed[0]!, this.seed[1]!, this.keys, at);
    if (this.cache.find(this.keys[2 * at]!, this.keys[2 * at + 1]!) === null) {
      readAttributes(wire, from, to, ATTRIBUTES, null);
    }
    return at;
  }

  seedA(resource: number): number {
    return this.keys[2 * resource]!;
  }

  seedB(resource: number): number {
    return this.keys[2 * resource + 1]!;
  }

  /** A good item of the resource has this time; the first one dates a new version. */
  sawTime(resource: number, at: number): void {
    if (this.firstTime[resource] === 0) this.firstTime[resource] = at;
  }

  /** Makes entries and tells of new versions. Only resources that brought a good item count. */
  open(wire: Wire, tenant: string, sink: SignalSink): void {
    const { names } = this.cache.table;
    for (let i = 0; i < this.count; i++) {
      const at = this.firstTime[i]!;
      if (at === 0) {
        this.entries.push(NOBODY);
        continue;
      }
      const entry = this.cache.open(wire, this.start[i]!, this.end[i]!, tenant, this.seedA(i), this.seedB(i));
      this.entries.push(entry);
      if (entry.version === '') continue;
      const marker = names.noteVersion(entry.service, entry.version, at);
      if (marker !== null) sink.deploy(marker);
    }
  }
}

const NOBODY: ResourceEntry = { service: -1, instance: -1, version: '', labels: new Uint8Array(0) };
