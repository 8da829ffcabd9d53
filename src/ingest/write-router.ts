import { HASH_SEED_A, HASH_SEED_B, hashBytes, hashPair, hashText } from '../stats/hash.ts';
import { SeriesLabels } from './remote-write/series-labels.ts';
import { Symbols } from './remote-write/symbols.ts';
import { SeriesIdentity } from './series/series-identity.ts';
import { KeyIndex } from './series/series-index.ts';
import { SeriesNames } from './series/series-names.ts';
import { shardOf, virtualShardOf } from './shard-router.ts';
import { Wire } from './wire/proto.ts';

/** Distinct combinations remembered; beyond it the memory starts anew (it is only a cache). */
const MAX_KNOWN = 1 << 16;
/** First letters of the labels that may name a service: service_name, job, k8s_..., container_name. */
const FIRST = new Set(['s', 'j', 'k', 'c'].map((letter) => letter.charCodeAt(0)));
/** Owner of what every shard needs: the symbols. */
const ALL = -1;

/**
 * Cuts remote write bodies by the shard that owns each series' service, without looking at a sample. A 2.0 piece repeats
 * the whole symbols table: references keep their meaning.
 */
export class WriteRouter {
  private readonly shards: number;
  private readonly self: number;
  private readonly wire = new Wire();
  private readonly symbols = new Symbols();
  private readonly labels: SeriesLabels;
  private readonly known = new KeyIndex();
  private readonly pair = new Int32Array(2);
  private readonly seed = new Int32Array(2);
  private owners: number[] = [];
  private starts: number[] = [];
  private ends: number[] = [];

  constructor(shards: number, self: number) {
    this.shards = shards;
    this.self = self;
    this.labels = new SeriesLabels(this.wire, this.symbols, {
      identity: new SeriesIdentity(),
      names: new SeriesNames(),
    });
  }

  /**
   * @returns null when everything is for this shard, else one body a shard, empty where there is nothing.
   * @throws TocsinError `bad_payload` for a body whose outer structure is broken.
   */
  split(version: 1 | 2, body: Uint8Array, tenant: string): Uint8Array[] | null {
    if (this.shards === 1) return null;
    const { wire } = this;
    wire.open(body);
    try {
      this.scan(version, tenant);
      if (this.owners.every((owner) => owner === this.self || owner === ALL)) return null;
      return Array.from({ length: this.shards }, (_, shard) => this.gather(body, shard));
    } finally {
      wire.close();
    }
  }

  private scan(version: 1 | 2, tenant: string): void {
    const { wire, owners, starts, ends } = this;
    const end = wire.buf.length;
    const timeseries = version === 1 ? 0x0a : 0x2a;
    owners.length = starts.length = ends.length = 0;
    hashText(tenant, HASH_SEED_A, HASH_SEED_B, this.seed, 0);
    if (version === 2) this.symbols.read(wire, end);
    wire.pos = 0;
    while (wire.pos < end) {
      const start = wire.pos;
      const tag = wire.tag(end);
      let owner = ALL;
      if (tag === timeseries) {
        const stop = wire.span(end);
        owner = this.ownerOf(version, stop, tenant);
        wire.pos = stop;
      } else {
        wire.skip(tag, end);
        if (version !== 2 || tag !== 0x22) continue;
      }
      const last = owners.length - 1;
      if (last >= 0 && owners[last] === owner && ends[last] === start) ends[last] = wire.pos;
      else {
        owners.push(owner);
        starts.push(start);
        ends.push(wire.pos);
      }
    }
  }

  /** Hashes only labels that may name the service: there are few combinations, so the cache stays small. */
  private ownerOf(version: 1 | 2, end: number, tenant: string): number {
    const { wire, pair, symbols } = this;
    const start = wire.pos;
    pair[0] = this.seed[0]!;
    pair[1] = this.seed[1]!;
    if (version === 2) {
      symbols.eachLabel(wire, start, end, (key, value) => {
        if (!FIRST.has(wire.buf[symbols.start[key]!]!)) return;
        hashPair(symbols.key(key, 0), symbols.key(key, 1), pair[0]!, pair[1]!, pair, 0);
        hashPair(symbols.key(value, 0), symbols.key(value, 1), pair[0]!, pair[1]!, pair, 0);
      });
    } else {
      while (wire.pos < end) {
        const tag = wire.tag(end);
        if (tag !== 0x0a) {
          wire.skip(tag, end);
          continue;
        }
        const stop = wire.span(end);
        // Name first (0x0a, length, text) as everybody writes it; anything else is hashed too.
        const usual = wire.buf[wire.pos] === 0x0a;
        if (!usual || FIRST.has(wire.buf[wire.pos + 2]!))
          hashBytes(wire.view, wire.pos, stop, pair[0]!, pair[1]!, pair, 0);
        wire.pos = stop;
      }
    }
    const a = pair[0]!;
    const b = pair[1]!;
    const known = this.known.get(a, b);
    if (known >= 0) return known;
    const owner = shardOf(virtualShardOf(tenant, this.labels.serviceOf(version, start, end)), this.shards);
    if (this.known.size >= MAX_KNOWN) this.known.clear();
    this.known.set(a, b, owner);
    return owner;
  }

  private gather(body: Uint8Array, shard: number): Uint8Array {
    const { owners, starts, ends } = this;
    if (!owners.includes(shard)) return new Uint8Array(0);
    let size = 0;
    owners.forEach((owner, i) => {
      if (owner === shard || owner === ALL) size += ends[i]! - starts[i]!;
    });
    const piece = new Uint8Array(size);
    let at = 0;
    owners.forEach((owner, i) => {
      if (owner !== shard && owner !== ALL) return;
      piece.set(body.subarray(starts[i], ends[i]), at);
      at += ends[i]! - starts[i]!;
    });
    return piece;
  }
}
