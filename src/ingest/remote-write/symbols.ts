import { HASH_SEED_A, HASH_SEED_B, hashBytes, hashPair } from '../../stats/hash.ts';
import { WIRE_BYTES, type Wire } from '../wire/proto.ts';

/** The symbols table of a 2.0 request: where each string is, and its hash. References mean nothing outside the request. */
export class Symbols {
  length = 0;
  start = new Int32Array(1024);
  end = new Int32Array(1024);
  private keys = new Int32Array(2048);

  /** Collects field 4 of the request. @throws TocsinError `bad_payload`. */
  read(wire: Wire, end: number): void {
    this.length = 0;
    wire.pos = 0;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag >>> 3 !== 4) {
        wire.skip(tag, end);
        continue;
      }
      const stop = wire.message(tag, end);
      if (this.length === this.start.length) this.grow();
      const at = this.length++;
      this.start[at] = wire.pos;
      this.end[at] = stop;
      hashBytes(wire.view, wire.pos, stop, HASH_SEED_A, HASH_SEED_B, this.keys, at);
      wire.pos = stop;
    }
  }

  /**
   * Chains the hashes of the strings that field `tag` (labels_refs, packed or not) refers to onto `pair[0], pair[1]`.
   * @returns what is wrong with the references, or ''. @throws TocsinError `bad_payload`.
   */
  hashRefs(wire: Wire, tag: number, end: number, pair: Int32Array): string {
    const { keys, length } = this;
    const packed = (tag & 7) === WIRE_BYTES;
    const stop = packed ? wire.span(end) : end;
    let count = 0;
    let fault = '';
    while (wire.pos < stop) {
      const ref = wire.varint(stop);
      if (ref >= length) fault = 'a label that refers to no symbol';
      else hashPair(keys[2 * ref]!, keys[2 * ref + 1]!, pair[0]!, pair[1]!, pair, 0);
      count++;
      if (!packed) return fault;
    }
    return fault === '' && count % 2 === 1 ? 'a label name without a value' : fault;
  }

  /** One lane of the hash of a symbol; lane 0 or 1. */
  key(symbol: number, lane: number): number {
    return this.keys[2 * symbol + lane]!;
  }

  /** Calls back with key and value symbol of each label; passes over references to no symbol (see `hashRefs`). */
  eachLabel(wire: Wire, start: number, end: number, visit: (key: number, value: number) => void): void {
    let key = -1;
    wire.pos = start;
    while (wire.pos < end) {
      const tag = wire.tag(end);
      if (tag !== 0x0a && tag !== 0x08) {
        wire.skip(tag, end);
        continue;
      }
      const stop = tag === 0x0a ? wire.span(end) : end;
      while (wire.pos < stop) {
        const ref = wire.varint(stop);
        if (key < 0) key = ref;
        else {
          if (key < this.length && ref < this.length) visit(key, ref);
          key = -1;
        }
        if (tag === 0x08) break;
      }
    }
  }

  private grow(): void {
    const size = this.start.length * 2;
    const start = new Int32Array(size);
    start.set(this.start);
    const end = new Int32Array(size);
    end.set(this.end);
    const keys = new Int32Array(size * 2);
    keys.set(this.keys);
    this.start = start;
    this.end = end;
    this.keys = keys;
  }
}
