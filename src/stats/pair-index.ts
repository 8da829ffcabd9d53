const SLOT = 4;

/**
 * Numbers pairs of integers in order of arrival (open addressing, no strings): the row index of (operation, parent),
 * (parent operation, child operation) and the like. Bounded: -1 once `max` pairs are known.
 */
export class PairIndex {
  /** Look-ups refused because the index was full. */
  refused = 0;
  readonly #max: number;
  readonly #mask: number;
  /** First, second, row + 1 and a spare: a look-up is one cache line. */
  readonly #slots: Int32Array;
  readonly #first: Int32Array;
  readonly #second: Int32Array;
  #size = 0;

  constructor(max: number) {
    this.#max = max;
    const slots = 1 << (33 - Math.clz32(max));
    this.#mask = slots - 1;
    this.#slots = new Int32Array(slots * SLOT);
    this.#first = new Int32Array(max);
    this.#second = new Int32Array(max);
  }

  get size(): number {
    return this.#size;
  }

  firstOf(row: number): number {
    return this.#first[row] as number;
  }

  secondOf(row: number): number {
    return this.#second[row] as number;
  }

  /** Row of a pair, made if new; -1 when full. */
  rowOf(first: number, second: number): number {
    const slots = this.#slots;
    const mixed = Math.imul(first, 0x9e3779b1 | 0) ^ Math.imul(second + 1, 0x85ebca6b | 0);
    let slot = (mixed ^ (mixed >>> 15)) & this.#mask;
    for (;;) {
      const at = slot * SLOT;
      const row = (slots[at + 2] as number) - 1;
      if (row < 0) break;
      if (slots[at] === first && slots[at + 1] === second) return row;
      slot = (slot + 1) & this.#mask;
    }
    if (this.#size === this.#max) {
      this.refused += 1;
      return -1;
    }
    const row = this.#size;
    this.#size += 1;
    slots[slot * SLOT] = first;
    slots[slot * SLOT + 1] = second;
    slots[slot * SLOT + 2] = row + 1;
    this.#first[row] = first;
    this.#second[row] = second;
    return row;
  }

  /** The pairs in order, as `restore` takes them. */
  save(): Int32Array {
    const pairs = new Int32Array(this.#size * 2);
    for (let row = 0; row < this.#size; row += 1) {
      pairs[row * 2] = this.#first[row] as number;
      pairs[row * 2 + 1] = this.#second[row] as number;
    }
    return pairs;
  }

  restore(pairs: Int32Array): void {
    this.#slots.fill(0);
    this.#size = 0;
    for (let i = 0; i < pairs.length; i += 2) this.rowOf(pairs[i] as number, pairs[i + 1] as number);
  }
}
