import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { type EpochMs, HOUR } from '../../domain/units.ts';

/** Rings of the last values of series, as many as memory allows, and who holds them. */
export interface RingPool {
  readonly ringLength: number;
  /** Slots there may be, handed out so far, and held now. */
  readonly capacity: number;
  readonly used: number;
  readonly held: number;
  readonly bytesPerSeries: number;
  grow(series: number): void;
  slotOf(series: number): number;
  /** The slot of a series, one that is free, or for a strange series one taken from a calm holder; else -1. */
  slotFor(series: number, strange: boolean, at: EpochMs, onTake: (slot: number) => void): number;
  push(slot: number, value: number, strange: boolean, at: EpochMs): void;
  /** Values oldest first into `out`; @returns how many. */
  read(slot: number, out: Float64Array): number;
  /** True when values came since the last look. */
  isFresh(slot: number): boolean;
  /** How many came; none are left to be told of. */
  takeFresh(slot: number): number;
  owner(slot: number): number;
  isKnown(series: number): boolean;
  nextOfSweep(): number;
  /** Lends so many rings of calm holders to series without one, in turn; none while every series holds one. */
  rotate(count: number, at: EpochMs, onTake: (slot: number) => void): void;
  release(series: number): void;
  save(): StateBlob;
  restore(state: StateBlob): void;
}

const VERSION = 1;
const RING = 512;
/** Start, filled, fresh; owner; time it was strange, as 32-bit words. */
const BYTES = RING * 4 + 24;
/** A ring of a series that was strange so lately is not taken away. */
const HOT: EpochMs = HOUR;
const SECONDS = 1_000;

/** @param perSlot Bytes that the detectors keep of a slot. */
export function createRingPool(memory: number, perSlot: number): RingPool {
  const capacity = Math.max(8, Math.floor(memory / (BYTES + perSlot)));
  let rings = new Float32Array(0);
  let start = new Int32Array(0);
  let filled = new Int32Array(0);
  let fresh = new Int32Array(0);
  let owners = new Int32Array(0);
  let strangeAt = new Float64Array(0);
  /** Slot + 1 of each series; 0 for none, -1 for a series seen without one. */
  let slots = new Int32Array(0);
  let used = 0;
  let held = 0;
  let sweepAt = 0;
  let takeAt = 0;
  let lendAt = 0;
  const free: number[] = [];

  function room(): void {
    if (used < owners.length) return;
    const n = Math.min(capacity, Math.max(64, owners.length * 2));
    rings = widen(rings, new Float32Array(n * RING));
    start = widen(start, new Int32Array(n));
    filled = widen(filled, new Int32Array(n));
    fresh = widen(fresh, new Int32Array(n));
    owners = widen(owners, new Int32Array(n).fill(-1));
    strangeAt = widen(strangeAt, new Float64Array(n));
  }

  function give(slot: number, series: number, onTake: (slot: number) => void): number {
    const before = owners[slot]!;
    if (before >= 0) slots[before] = -1;
    else held++;
    owners[slot] = series;
    slots[series] = slot + 1;
    start[slot] = filled[slot] = fresh[slot] = 0;
    strangeAt[slot] = 0;
    onTake(slot);
    return slot;
  }

  /** A slot whose holder was calm for an hour, in turn; -1 when a turn through some of them finds none. */
  function calm(at: EpochMs): number {
    for (let tries = 0; tries < Math.min(used, 256); tries++) {
      takeAt = takeAt + 1 >= used ? 0 : takeAt + 1;
      if (at - strangeAt[takeAt]! * SECONDS > HOT) return takeAt;
    }
    return -1;
  }

  return {
    ringLength: RING,
    capacity,
    get used() {
      return used;
    },
    get held() {
      return held;
    },
    bytesPerSeries: 4,
    grow(series) {
      if (series > slots.length) slots = widen(slots, new Int32Array(series));
    },
    slotOf: (series) => Math.max(0, slots[series]!) - 1,
    slotFor(series, strange, at, onTake) {
      const known = slots[series]!;
      if (known > 0) return known - 1;
      const spare = free.pop();
      if (spare !== undefined) return give(spare, series, onTake);
      if (used < capacity) {
        room();
        return give(used++, series, onTake);
      }
      slots[series] = -1;
      if (!strange) return -1;
      const slot = calm(at);
      return slot < 0 ? -1 : give(slot, series, onTake);
    },
    push(slot, value, strange, at) {
      const end = (start[slot]! + filled[slot]!) % RING;
      rings[slot * RING + end] = value;
      if (filled[slot]! < RING) filled[slot] = filled[slot]! + 1;
      else start[slot] = (start[slot]! + 1) % RING;
      fresh[slot] = fresh[slot]! + 1;
      if (strange) strangeAt[slot] = at / SECONDS;
    },
    read(slot, out) {
      const n = filled[slot]!;
      const first = Math.min(n, RING - start[slot]!);
      const base = slot * RING;
      out.set(rings.subarray(base + start[slot]!, base + start[slot]! + first));
      out.set(rings.subarray(base, base + n - first), first);
      return n;
    },
    isFresh: (slot) => fresh[slot]! > 0,
    takeFresh(slot) {
      const n = fresh[slot]!;
      fresh[slot] = 0;
      return n;
    },
    owner: (slot) => owners[slot]!,
    isKnown: (series) => slots[series] !== 0,
    nextOfSweep() {
      sweepAt = sweepAt + 1 >= used ? 0 : sweepAt + 1;
      return sweepAt;
    },
    rotate(count, at, onTake) {
      if (used < capacity) return;
      let left = count;
      for (let tries = 0; left > 0 && tries < 16 * count && tries < slots.length; tries++) {
        lendAt = lendAt + 1 >= slots.length ? 0 : lendAt + 1;
        if (slots[lendAt] !== -1) continue;
        const slot = calm(at);
        if (slot < 0) return;
        give(slot, lendAt, onTake);
        left--;
      }
    },
    release(series) {
      const slot = (slots[series] ?? 0) - 1;
      if (series < slots.length) slots[series] = 0;
      if (slot < 0) return;
      owners[slot] = -1;
      filled[slot] = fresh[slot] = 0;
      held--;
      free.push(slot);
    },
    save: () => ({
      version: VERSION,
      arrays: {
        rings: rings.slice(0, used * RING),
        start: start.slice(0, used),
        filled: filled.slice(0, used),
        fresh: fresh.slice(0, used),
        owners: owners.slice(0, used),
        strangeAt: strangeAt.slice(0, used),
        slots: slots.slice(),
        free: Int32Array.from(free),
      },
      meta: { used, held, sweepAt, takeAt, lendAt, ring: RING },
    }),
    restore({ version, arrays, meta }) {
      const saved = meta as {
        used: number;
        held: number;
        sweepAt: number;
        takeAt: number;
        lendAt: number;
        ring: number;
      };
      if (version !== VERSION || saved.ring !== RING)
        throw new TocsinError('state_version', `ring pool state version ${version}`);
      // Less memory is allowed than was: start anew rather than choose who loses.
      if (saved.used > capacity) return;
      rings = (arrays['rings'] as Float32Array).slice();
      start = (arrays['start'] as Int32Array).slice();
      filled = (arrays['filled'] as Int32Array).slice();
      fresh = (arrays['fresh'] as Int32Array).slice();
      owners = (arrays['owners'] as Int32Array).slice();
      strangeAt = (arrays['strangeAt'] as Float64Array).slice();
      slots = (arrays['slots'] as Int32Array).slice();
      free.length = 0;
      free.push(...(arrays['free'] as Int32Array));
      ({ used, held, sweepAt, takeAt, lendAt } = saved);
    },
  };
}

function widen<T extends Float64Array | Float32Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
