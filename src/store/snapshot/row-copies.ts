import type { LiveRows, RowKeeper } from '../../domain/live-rows.ts';

/** Rows copied together: small enough that samples of scattered series do not copy everything at once. */
export const BLOCK_ROWS = 64;
/** Blocks whose copies lie in one piece of memory. */
const SLAB_BLOCKS = 16;

/**
 * Rows of several arrays as they were at one instant, while the arrays go on changing: a block of rows is copied before its
 * first change, unless it has been read by then. Arrays are read one after another, each from its first row.
 */
export class RowCopies implements RowKeeper {
  readonly #arrays: readonly LiveRows[];
  /** Where an array's rows begin in the copy of a block. */
  readonly #starts: readonly number[];
  readonly #blockBytes: number;
  /** Number of a block's copy plus one. */
  readonly #copies: Int32Array;
  #slabs: Uint8Array[] = [];
  #used = 0;
  /** Array being read, and its rows that have been. */
  #reading = 0;
  #done = 0;

  constructor(arrays: readonly LiveRows[]) {
    this.#arrays = arrays;
    let bytes = 0;
    this.#starts = arrays.map(({ width }) => {
      const start = bytes;
      bytes += width * BLOCK_ROWS;
      return start;
    });
    this.#blockBytes = bytes;
    this.#copies = new Int32Array(Math.ceil(Math.max(0, ...arrays.map(rowsOf)) / BLOCK_ROWS));
  }

  /** Bytes held in copies. */
  get bytes(): number {
    return this.#slabs.length * SLAB_BLOCKS * this.#blockBytes;
  }

  keep(series: Int32Array, length: number): void {
    const copies = this.#copies;
    let last = -1;
    for (let i = 0; i < length; i += 1) {
      const block = (series[i] as number) >>> 6;
      if (block === last || copies[block] !== 0) continue;
      last = block;
      this.#copy(block);
    }
  }

  keepRow(row: number): void {
    if (this.#copies[row >>> 6] === 0) this.#copy(row >>> 6);
  }

  keepAll(): void {
    for (let block = 0; block < this.#copies.length; block += 1) if (this.#copies[block] === 0) this.#copy(block);
  }

  /**
   * Rows `from` to `to` of array `k` as they were, `from` a multiple of `BLOCK_ROWS` and following what was read before: in
   * `scratch` or in the array's own memory.
   */
  read(k: number, from: number, to: number, scratch: Uint8Array): Uint8Array {
    const { width, bytes } = this.#arrays[k]!;
    const live = bytes().subarray(from * width, to * width);
    let out = live;
    for (let row = from; row < to; row += BLOCK_ROWS) {
      const copy = this.#copies[row / BLOCK_ROWS]! - 1;
      if (copy < 0) continue;
      if (out === live) {
        out = scratch.subarray(0, live.length);
        out.set(live);
      }
      const start = (copy % SLAB_BLOCKS) * this.#blockBytes + this.#starts[k]!;
      const length = Math.min(BLOCK_ROWS, to - row) * width;
      out.set(this.#slabs[Math.floor(copy / SLAB_BLOCKS)]!.subarray(start, start + length), (row - from) * width);
    }
    this.#reading = k;
    this.#done = to;
    return out;
  }

  /** Nothing more is read. */
  close(): void {
    this.#reading = this.#arrays.length;
    this.#slabs = [];
    this.#copies.fill(1);
  }

  #copy(block: number): void {
    const first = block * BLOCK_ROWS;
    // Beyond the rows there were, all are new.
    if (block >= this.#copies.length) return;
    if (this.#used === this.#slabs.length * SLAB_BLOCKS)
      this.#slabs.push(new Uint8Array(SLAB_BLOCKS * this.#blockBytes));
    const slab = this.#slabs[this.#slabs.length - 1]!;
    const at = (this.#used % SLAB_BLOCKS) * this.#blockBytes;
    for (let k = this.#reading; k < this.#arrays.length; k += 1) {
      if (k === this.#reading && first < this.#done) continue;
      const array = this.#arrays[k]!;
      const to = Math.min(first + BLOCK_ROWS, rowsOf(array));
      if (to > first) slab.set(array.bytes().subarray(first * array.width, to * array.width), at + this.#starts[k]!);
    }
    this.#used += 1;
    this.#copies[block] = this.#used;
  }
}

export function rowsOf({ width, size }: LiveRows): number {
  return size / width;
}
