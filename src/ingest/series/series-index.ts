/** Open addressing from 64-bit keys (two lanes) to small non-negative integers: one table, no objects, 12 bytes a slot. */

const EMPTY = 0;
const TOMB = -1;
const MIN_SLOTS = 64;
/** Share of slots that may be taken (tombstones included) before the table is rebuilt. */
const MAX_LOAD = 0.6;

export class KeyIndex {
  /** Per slot: lane a, lane b, value + 1 (0 empty, -1 deleted). */
  private slots: Int32Array;
  private mask: number;
  private used = 0;
  private live = 0;

  constructor(expected = 0) {
    const slots = slotsFor(expected);
    this.slots = new Int32Array(slots * 3);
    this.mask = slots - 1;
  }

  get size(): number {
    return this.live;
  }

  get byteLength(): number {
    return this.slots.byteLength;
  }

  /** The value of a key, -1 if there is none. */
  get(a: number, b: number): number {
    const slots = this.slots;
    const mask = this.mask;
    let slot = a & mask;
    for (;;) {
      const at = slot * 3;
      const value = slots[at + 2]!;
      if (value === EMPTY) return -1;
      if (slots[at] === a && slots[at + 1] === b && value !== TOMB) return value - 1;
      slot = (slot + 1) & mask;
    }
  }

  /**
   * Looks up the keys `which[0 .. count)` (positions in `keys` and `out`) in one tight loop, so that cache misses of
   * independent probes overlap. Returns how many were not found; those keep -1 in `out` and are compacted to the front of
   * `which`, in order.
   */
  getMany(keys: Int32Array, which: Int32Array, count: number, out: Int32Array): number {
    const slots = this.slots;
    const mask = this.mask;
    let missing = 0;
    for (let k = 0; k < count; k++) {
      const i = which[k]!;
      const a = keys[2 * i]!;
      const b = keys[2 * i + 1]!;
      let slot = a & mask;
      let found = -1;
      for (;;) {
        const at = slot * 3;
        const value = slots[at + 2]!;
        if (value === EMPTY) break;
        if (slots[at] === a && slots[at + 1] === b && value !== TOMB) {
          found = value - 1;
          break;
        }
        slot = (slot + 1) & mask;
      }
      out[i] = found;
      if (found < 0) which[missing++] = i;
    }
    return missing;
  }

  set(a: number, b: number, value: number): void {
    if (this.used >= (this.mask + 1) * MAX_LOAD) this.rebuild(slotsFor(this.live * 1.9));
    const slots = this.slots;
    let slot = a & this.mask;
    let grave = -1;
    for (;;) {
      const at = slot * 3;
      const held = slots[at + 2]!;
      if (held === EMPTY) {
        const into = grave >= 0 ? grave : at;
        if (grave < 0) this.used++;
        slots[into] = a;
        slots[into + 1] = b;
        slots[into + 2] = value + 1;
        this.live++;
        return;
      }
      if (held === TOMB) {
        if (grave < 0) grave = at;
      } else if (slots[at] === a && slots[at + 1] === b) {
        slots[at + 2] = value + 1;
        return;
      }
      slot = (slot + 1) & this.mask;
    }
  }

  /** Deletes a key if it maps to `value`: a key that was handed to another owner meanwhile stays. */
  delete(a: number, b: number, value: number): void {
    const slots = this.slots;
    let slot = a & this.mask;
    for (;;) {
      const at = slot * 3;
      const held = slots[at + 2]!;
      if (held === EMPTY) return;
      if (held !== TOMB && slots[at] === a && slots[at + 1] === b) {
        if (held !== value + 1) return;
        slots[at + 2] = TOMB;
        this.live--;
        return;
      }
      slot = (slot + 1) & this.mask;
    }
  }

  clear(expected = 0): void {
    const slots = slotsFor(expected);
    this.slots = new Int32Array(slots * 3);
    this.mask = slots - 1;
    this.used = 0;
    this.live = 0;
  }

  private rebuild(count: number): void {
    const old = this.slots;
    const slots = new Int32Array(count * 3);
    const mask = count - 1;
    for (let at = 0; at < old.length; at += 3) {
      const value = old[at + 2]!;
      if (value === EMPTY || value === TOMB) continue;
      let slot = old[at]! & mask;
      while (slots[slot * 3 + 2] !== EMPTY) slot = (slot + 1) & mask;
      slots[slot * 3] = old[at]!;
      slots[slot * 3 + 1] = old[at + 1]!;
      slots[slot * 3 + 2] = value;
    }
    this.slots = slots;
    this.mask = mask;
    this.used = this.live;
  }
}

function slotsFor(expected: number): number {
  let slots = MIN_SLOTS;
  while (slots * MAX_LOAD <= expected) slots *= 2;
  return slots;
}
