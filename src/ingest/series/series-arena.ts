import type { StateArray } from '../../domain/detector.ts';
import { HASH_SEED_A, HASH_SEED_B, hashBytes } from '../../stats/hash.ts';
import { KeyIndex } from './series-index.ts';

/** Keys beyond this many are written out with each label set: somebody makes keys of values. */
const MAX_KEYS = 1 << 14;
const SPELT_OUT = 0;

/**
 * Label sets as bytes, one behind the other. A key is told by its number, since a shard has few keys and millions of label sets:
 * that is two thirds of what the labels of a series take. Per label: key number plus one as varint (0: key length and
 * key follow), value length as varint, value.
 */
export class LabelArena {
  private bytes = new Uint8Array(4096);
  private end = 0;
  private garbage = 0;
  private keys: Uint8Array[] = [];
  private readonly index = new KeyIndex(64);
  private readonly hash = new Int32Array(2);
  private packed = new Uint8Array(1024);
  private spelt = new Uint8Array(4096);

  get byteLength(): number {
    return this.bytes.byteLength;
  }

  get length(): number {
    return this.end;
  }

  /** Packs a label set in the form of a sealed `SeriesIdentity`; gives its length here. It starts at the `length` before. */
  add(labels: Uint8Array, length: number): number {
    const size = this.pack(labels, length);
    if (this.end + size > this.bytes.length) {
      // By a quarter: this is one of the largest arrays of a shard, and room that is not used is paid for as well.
      const larger = new Uint8Array(Math.max(Math.ceil(this.bytes.length * 1.25), this.end + size));
      larger.set(this.bytes.subarray(0, this.end));
      this.bytes = larger;
    }
    this.bytes.set(this.packed.subarray(0, size), this.end);
    this.end += size;
    return size;
  }

  /** The label set as it was given to `add`; valid until the next call. */
  read(start: number, length: number): Uint8Array {
    const from = this.bytes;
    let at = start;
    let to = 0;
    const varint = (): number => {
      const low = from[at++]!;
      return low < 128 ? low : (low & 127) | (from[at++]! << 7);
    };
    while (at < start + length) {
      const number = varint();
      if (number === SPELT_OUT) {
        const size = varint();
        this.roomFor(to + size + 2);
        to = put(this.spelt, to, from, at, at + size);
        at += size;
      } else {
        const key = this.keys[number - 1]!;
        this.roomFor(to + key.length + 2);
        to = put(this.spelt, to, key, 0, key.length);
      }
      const size = varint();
      this.roomFor(to + size + 2);
      to = put(this.spelt, to, from, at, at + size);
      at += size;
    }
    return this.spelt.subarray(0, to);
  }

  /** Notes that a label set of this length is no longer used. */
  free(length: number): void {
    this.garbage += length;
  }

  /** True once half of the arena is unused. */
  get isSparse(): boolean {
    return this.garbage * 2 >= this.end && this.garbage >= 65_536;
  }

  /** Keeps the given sets only, in order; their new starts are written to `start`. */
  compact(start: Int32Array, length: Int32Array, size: number): void {
    const next = new Uint8Array(Math.max(4096, this.end - this.garbage));
    let at = 0;
    for (let i = 0; i < size; i++) {
      if (length[i]! < 0) continue;
      next.set(this.bytes.subarray(start[i]!, start[i]! + length[i]!), at);
      start[i] = at;
      at += length[i]!;
    }
    this.bytes = next;
    this.end = at;
    this.garbage = 0;
  }

  /** `live`: bytes in place. They never change: more are written behind them or, compacted, to other memory. */
  save(live = false): Record<string, StateArray> {
    const keys = new Uint8Array(this.keys.reduce((sum, key) => sum + key.length + 2, 0));
    let at = 0;
    for (const key of this.keys) at = put(keys, at, key, 0, key.length);
    return {
      arena: live ? this.bytes.subarray(0, this.end) : this.bytes.slice(0, this.end),
      arenaKeys: keys.slice(0, at),
      arenaGarbage: Int32Array.of(this.garbage),
    };
  }

  restore(arena: StateArray, keys: StateArray, garbage: number): void {
    this.bytes = new Uint8Array(Math.max(4096, arena.length));
    this.bytes.set(arena);
    this.end = arena.length;
    this.garbage = garbage;
    this.keys = [];
    this.index.clear(64);
    const from = keys as Uint8Array;
    for (let at = 0; at < from.length; ) {
      let size = from[at++]!;
      if (size >= 128) size = (size & 127) | (from[at++]! << 7);
      this.learn(from.slice(at, at + size));
      at += size;
    }
  }

  private pack(labels: Uint8Array, length: number): number {
    if (this.packed.length < 2 * length + 16) this.packed = new Uint8Array(4 * length + 16);
    const out = this.packed;
    const view = new DataView(labels.buffer, labels.byteOffset, labels.byteLength);
    let at = 0;
    let to = 0;
    const varint = (): number => {
      const low = labels[at++]!;
      return low < 128 ? low : (low & 127) | (labels[at++]! << 7);
    };
    while (at < length) {
      const size = varint();
      hashBytes(view, at, at + size, HASH_SEED_A, HASH_SEED_B, this.hash, 0);
      let known = this.index.get(this.hash[0]!, this.hash[1]!);
      if (known < 0 && this.keys.length < MAX_KEYS) known = this.learn(labels.slice(at, at + size));
      to = putVarint(out, to, known + 1);
      if (known < 0) to = put(out, to, labels, at, at + size);
      at += size;
      const valueSize = varint();
      to = put(out, to, labels, at, at + valueSize);
      at += valueSize;
    }
    return to;
  }

  private learn(key: Uint8Array): number {
    hashBytes(new DataView(key.buffer), 0, key.length, HASH_SEED_A, HASH_SEED_B, this.hash, 0);
    this.index.set(this.hash[0]!, this.hash[1]!, this.keys.length);
    return this.keys.push(key) - 1;
  }

  private roomFor(bytes: number): void {
    if (bytes <= this.spelt.length) return;
    const larger = new Uint8Array(bytes * 2);
    larger.set(this.spelt);
    this.spelt = larger;
  }
}

/** Length, then `from[start .. end)`; gives the position behind. Lengths are below 2^14: `SeriesIdentity` cuts longer texts. */
function put(out: Uint8Array, at: number, from: Uint8Array, start: number, end: number): number {
  let to = putVarint(out, at, end - start);
  // Texts are short: a loop is faster than `set` and needs no view.
  for (let i = start; i < end; i++) out[to++] = from[i]!;
  return to;
}

function putVarint(out: Uint8Array, at: number, value: number): number {
  if (value < 128) {
    out[at] = value;
    return at + 1;
  }
  out[at] = (value & 127) | 128;
  out[at + 1] = value >> 7;
  return at + 2;
}
