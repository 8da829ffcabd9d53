import { UNKNOWN_SERVICE, VIRTUAL_SHARDS } from '../domain/units.ts';
import { HASH_SEED_A, HASH_SEED_B, hashBytes, hashText } from '../stats/hash.ts';
import { eachAttribute } from './otlp/attributes.ts';
import { KeyIndex } from './series/series-index.ts';
import { SERVICE_FALLBACKS } from './series/series-labels.ts';
import { Wire } from './wire/proto.ts';

/** Distinct resources remembered; beyond it the memory starts anew (it is only a cache). */
const MAX_KNOWN = 1 << 16;
/** `Resource.attributes`. */
const ATTRIBUTES = 0x0a;

/** The virtual shard of a service: all its series, logs and spans meet there (DESIGN section 8). */
export function virtualShardOf(tenant: string, service: string): number {
  const pair = new Int32Array(2);
  hashText(`${tenant}\u0000${service}`, HASH_SEED_A, HASH_SEED_B, pair, 0);
  return pair[0]! & (VIRTUAL_SHARDS - 1);
}

/** Each shard owns one range of virtual shards, so that more threads or workers only move the borders. */
export function shardOf(virtualShard: number, shards: number): number {
  return Math.floor((virtualShard * shards) / VIRTUAL_SHARDS);
}

/**
 * Cuts OTLP protobuf bodies (metrics, logs and traces alike) by the shard that owns each resource's service, without
 * looking at a single point: a valid body is the concatenation of its top-level fields, so pieces are valid bodies.
 */
export class ShardRouter {
  private readonly shards: number;
  private readonly self: number;
  private readonly wire = new Wire();
  private readonly known = new KeyIndex();
  private readonly seed = new Int32Array(2);
  private readonly pair = new Int32Array(2);
  private owners = new Int32Array(64);
  private starts = new Int32Array(64);
  private ends = new Int32Array(64);

  constructor(shards: number, self: number) {
    this.shards = shards;
    this.self = self;
  }

  /**
   * @returns null when everything is for this shard (the usual case: nothing to do), else one body a shard, empty where
   * there is nothing. A piece is a view into `body` where it lies in one run, else a copy.
   * @throws TocsinError `bad_payload` for a body whose outer structure is broken.
   */
  split(body: Uint8Array, tenant: string): Uint8Array[] | null {
    if (this.shards === 1) return null;
    const { wire } = this;
    wire.open(body);
    try {
      const runs = this.scan(tenant);
      if (runs === 0 || (runs === 1 && this.owners[0] === this.self)) return null;
      return Array.from({ length: this.shards }, (_, shard) => this.gather(body, shard, runs));
    } finally {
      wire.close();
    }
  }

  /** Fills runs of neighbouring resources with one owner; returns how many. */
  private scan(tenant: string): number {
    const { wire } = this;
    const end = wire.buf.length;
    hashText(tenant, HASH_SEED_A, HASH_SEED_B, this.seed, 0);
    let runs = 0;
    while (wire.pos < end) {
      const start = wire.pos;
      const tag = wire.tag(end);
      if (tag !== 0x0a) {
        wire.skip(tag, end);
        continue;
      }
      const stop = wire.span(end);
      const owner = this.ownerOf(stop, tenant);
      wire.pos = stop;
      if (runs > 0 && this.owners[runs - 1] === owner && this.ends[runs - 1] === start) {
        this.ends[runs - 1] = stop;
        continue;
      }
      if (runs === this.owners.length) this.grow();
      this.owners[runs] = owner;
      this.starts[runs] = start;
      this.ends[runs] = stop;
      runs++;
    }
    return runs;
  }

  /** Owner of the ResourceMetrics, ResourceLogs or ResourceSpans `[wire.pos, end)`: field 1 of each is the Resource. */
  private ownerOf(end: number, tenant: string): number {
    const { wire, pair } = this;
    let from = wire.pos;
    let to = wire.pos;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag !== 0x0a) {
        wire.skip(tag, end);
        continue;
      }
      to = wire.span(end);
      from = wire.pos;
      wire.pos = to;
    }
    hashBytes(wire.view, from, to, this.seed[0]!, this.seed[1]!, pair, 0);
    const known = this.known.get(pair[0]!, pair[1]!);
    if (known >= 0) return known;
    const owner = shardOf(virtualShardOf(tenant, this.serviceOf(from, to)), this.shards);
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    this.known.set(pair[0]!, pair[1]!, owner);
    return owner;
  }

  /** The same name that the decoders give (`otlp/resource.ts`); a differential test holds the two together. */
  private serviceOf(from: number, to: number): string {
    const found = new Map<string, string>();
    eachAttribute(this.wire, from, to, ATTRIBUTES, (key, value) => found.set(key, value));
    let name = found.get('service.name') ?? '';
    if (name === '' || name.startsWith(UNKNOWN_SERVICE)) {
      const fallback = SERVICE_FALLBACKS.find((key) => (found.get(key) ?? '') !== '');
      if (fallback !== undefined) name = found.get(fallback)!;
    }
    if (name === '') return UNKNOWN_SERVICE;
    const namespace = found.get('service.namespace') ?? '';
    return namespace === '' ? name : `${namespace}/${name}`;
  }

  private gather(body: Uint8Array, shard: number, runs: number): Uint8Array {
    let first = -1;
    let count = 0;
    let size = 0;
    for (let i = 0; i < runs; i++) {
      if (this.owners[i] !== shard) continue;
      if (first < 0) first = i;
      count++;
      size += this.ends[i]! - this.starts[i]!;
    }
    if (count === 0) return NOTHING;
    if (count === 1) return body.subarray(this.starts[first], this.ends[first]);
    const piece = new Uint8Array(size);
    let at = 0;
    for (let i = first; i < runs; i++) {
      if (this.owners[i] !== shard) continue;
      piece.set(body.subarray(this.starts[i], this.ends[i]), at);
      at += this.ends[i]! - this.starts[i]!;
    }
    return piece;
  }

  private grow(): void {
    const size = this.owners.length * 2;
    const [owners, starts, ends] = [this.owners, this.starts, this.ends];
    this.owners = new Int32Array(size);
    this.starts = new Int32Array(size);
    this.ends = new Int32Array(size);
    this.owners.set(owners);
    this.starts.set(starts);
    this.ends.set(ends);
  }
}

const NOTHING = new Uint8Array(0);
