import type { StateArray } from '../../domain/detector.ts';
import type { SpanBatch } from '../../domain/signal/batch.ts';
import { SPAN_KIND } from '../../domain/signal/batch.ts';
import { createSettledSpans, type SettledSpans } from '../../domain/signal/ticks.ts';
import {
  CHILD_MAX,
  CHILD_MIN,
  CHILD_SUM,
  CHUNK,
  CONSUMER,
  DOUBLES,
  DURATION,
  ERROR,
  FLAGS,
  handRow,
  hashOf,
  ID_HI,
  ID_LO,
  JOINED,
  MAX_STEPS,
  NUMBER_MASK,
  OPERATION,
  PARENT_HI,
  PARENT_LO,
  ROOT,
  SERVICE,
  TRACE,
  WORDS,
} from './span-row.ts';
import { wordsOf } from './words.ts';

const BLOCK = 512;

/**
 * Joins spans with their parents and children in any order of arrival. Rows lie in a ring in order of arrival, so that
 * writing and settling are sequential. Rows whose ids share a place of the hash table form a chain, newest first, which
 * ends where rows are overwritten: nothing is ever deleted. An entry is a row's number and, in the bits above, a tag of its
 * id, so that unknown ids are told without a look at a row.
 *
 * A span adds its duration to its parent's row when it arrives, or, if the parent is not there yet, when it settles; by
 * then a parent that came later is there and has not settled. It *settles* (its self time and parent are handed on) once
 * the event-time watermark is `settleMs` past its arrival, or when three quarters of the ring wait. Settled rows stay for
 * late children until overwritten. Look-ups run in loops of their own so that their cache misses overlap.
 */
export class SpanTable {
  /** Look-ups given up in a chain that was too long: those relatives may have been missed. */
  collisions = 0;
  duplicates = 0;
  watermark = 0;
  readonly #mask: number;
  readonly #rowMask: number;
  /** Bits of a chain entry that number a row, four laps of the ring; the others are the tag. */
  readonly #entryMask: number;
  readonly #chunk: number;
  readonly #settleMs: number;
  /** Newest row of each place. */
  readonly #heads: Int32Array;
  /** The row before it in the chain, per row. */
  readonly #before: Int32Array;
  readonly #ints: Int32Array;
  readonly #doubles: Float64Array;
  readonly #arrived: Float64Array;
  /** When a span started; once joined, its parent's duration minus its own, NaN where that is of the same service. */
  readonly #gap: Float64Array;
  #next = 0;
  #settled = 0;
  /** Per span of a chunk: hash of the id looked for, the entry reached in its chain, and what was found. */
  readonly #hashes: Int32Array;
  readonly #reached: Int32Array;
  readonly #found: Int32Array;
  /** Spans of a chunk whose chains go on; those whose tags were met. */
  readonly #open: Int32Array;
  readonly #met: Int32Array;
  readonly #out: SettledSpans = createSettledSpans(BLOCK);
  readonly #onSettled: (spans: SettledSpans) => void;

  /** `slots` is a power of two; half as many rows are kept. */
  constructor(slots: number, settleMs: number, onSettled: (spans: SettledSpans) => void) {
    const rows = slots >> 1;
    this.#mask = slots - 1;
    this.#rowMask = rows - 1;
    this.#entryMask = rows * 4 - 1;
    this.#chunk = Math.min(CHUNK, rows >> 3);
    this.#settleMs = settleMs;
    this.#onSettled = onSettled;
    this.#heads = new Int32Array(slots);
    this.#before = new Int32Array(rows);
    const buffer = new ArrayBuffer(rows * WORDS * 4);
    this.#ints = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    this.#arrived = new Float64Array(rows);
    this.#gap = new Float64Array(rows);
    this.#hashes = new Int32Array(this.#chunk);
    this.#reached = new Int32Array(this.#chunk);
    this.#found = new Int32Array(this.#chunk);
    this.#open = new Int32Array(this.#chunk);
    this.#met = new Int32Array(this.#chunk);
  }

  /** `operations` and `traces` (references, -1 none) belong to the spans of `batch`. */
  add(batch: SpanBatch, operations: Int32Array, traces: Int32Array): void {
    const ids = wordsOf(batch.spanIds, batch.length * 2);
    const parents = wordsOf(batch.parentIds, batch.length * 2);
    for (let from = 0; from < batch.length; from += this.#chunk) {
      const to = Math.min(batch.length, from + this.#chunk);
      const spare = this.#rowMask + 1 - (this.#rowMask >> 2) - (to - from);
      const waiting = (this.#next - this.#settled) & NUMBER_MASK;
      if (waiting > spare) this.#settleRows(waiting - spare);
      const first = this.#next;
      this.#write(batch, from, to, ids, parents, operations, traces);
      this.#join(first, (this.#next - first) & NUMBER_MASK);
    }
  }

  /** Settles what has waited long enough and hands everything settled on. */
  settle(): void {
    const limit = this.watermark - this.#settleMs;
    const waiting = (this.#next - this.#settled) & NUMBER_MASK;
    let ready = 0;
    while (ready < waiting && (this.#arrived[(this.#settled + ready) & this.#rowMask] as number) <= limit) ready += 1;
    this.#settleRows(ready);
    this.#flush();
  }

  save(): Record<string, StateArray> {
    return {
      slots: this.#heads.slice(),
      before: this.#before.slice(),
      spans: this.#ints.slice(),
      arrived: this.#arrived.slice(),
      gaps: this.#gap.slice(),
      spanClock: Float64Array.of(this.#next, this.#settled, this.watermark, this.collisions, this.duplicates),
    };
  }

  restore(arrays: Readonly<Record<string, StateArray>>): void {
    this.#heads.set(arrays['slots'] as Int32Array);
    this.#before.set(arrays['before'] as Int32Array);
    this.#ints.set(arrays['spans'] as Int32Array);
    this.#arrived.set(arrays['arrived'] as Float64Array);
    this.#gap.set(arrays['gaps'] as Float64Array);
    const clock = arrays['spanClock'] as Float64Array;
    this.#next = clock[0] as number;
    this.#settled = clock[1] as number;
    this.watermark = clock[2] as number;
    this.collisions = clock[3] as number;
    this.duplicates = clock[4] as number;
  }

  /** Writes spans `from` to `to` of a batch that were not sent before into rows at the head of the ring. */
  #write(
    batch: SpanBatch,
    from: number,
    to: number,
    ids: Int32Array,
    parents: Int32Array,
    operations: Int32Array,
    traces: Int32Array,
  ): void {
    const { service, start, end, kind, error } = batch;
    const ints = this.#ints;
    const doubles = this.#doubles;
    const heads = this.#heads;
    const before = this.#before;
    const hashes = this.#hashes;
    const arrived = this.#arrived;
    const gap = this.#gap;
    const mask = this.#mask;
    const rowMask = this.#rowMask;
    const entryMask = this.#entryMask;
    const found = this.#found;
    const reached = this.#reached;
    const open = this.#open;
    const first = this.#next;
    let chains = 0;
    for (let i = from; i < to; i += 1) {
      const k = i - from;
      const hash = hashOf(ids[i * 2] as number, ids[i * 2 + 1] as number);
      const head = heads[hash & mask] as number;
      const age = (first - head) & entryMask;
      hashes[k] = hash;
      reached[k] = head;
      found[k] = 0;
      // An empty or overwritten chain is the common case: nobody to compare with.
      if (age !== 0 && age <= rowMask) {
        open[chains] = k;
        chains += 1;
      }
    }
    const met = this.#follow(chains);
    for (let j = 0; j < met; j += 1) found[this.#met[j] as number] = 1;
    let { watermark } = this;
    let next = first;
    for (let i = from; i < to; i += 1) {
      const startAt = start[i] as number;
      const endAt = end[i] as number;
      if (endAt > watermark) watermark = endAt;
      const lo = ids[i * 2] as number;
      const hi = ids[i * 2 + 1] as number;
      const hash = hashes[i - from] as number;
      const head = heads[hash & mask] as number;
      // Looked at for good only if its tag was met, or if the place changed within this chunk.
      if (found[i - from] !== 0 || (head !== reached[i - from] && ((next - head) & entryMask) <= CHUNK)) {
        this.#next = next;
        if (this.#find(lo, hi, hash) >= 0) {
          this.duplicates += 1;
          continue;
        }
      }
      const row = next & rowMask;
      const at = row * WORDS;
      const d = row * DOUBLES;
      const parentLo = parents[i * 2] as number;
      const parentHi = parents[i * 2 + 1] as number;
      ints[at + ID_LO] = lo;
      ints[at + ID_HI] = hi;
      ints[at + SERVICE] = service[i] as number;
      ints[at + OPERATION] = operations[i] as number;
      doubles[d + DURATION] = endAt > startAt ? endAt - startAt : 0;
      doubles[d + CHILD_SUM] = 0;
      doubles[d + CHILD_MIN] = Number.POSITIVE_INFINITY;
      doubles[d + CHILD_MAX] = Number.NEGATIVE_INFINITY;
      ints[at + PARENT_LO] = parentLo;
      ints[at + PARENT_HI] = parentHi;
      ints[at + FLAGS] =
        ((error[i] as number) === 0 ? 0 : ERROR) |
        ((parentLo | parentHi) === 0 ? ROOT : 0) |
        (kind[i] === SPAN_KIND.consumer ? CONSUMER : 0);
      ints[at + TRACE] = traces[i] as number;
      arrived[row] = watermark;
      gap[row] = startAt;
      before[row] = head;
      heads[hash & mask] = (hash & ~entryMask) | (next & entryMask);
      next = (next + 1) & NUMBER_MASK;
    }
    this.#next = next;
    this.watermark = watermark;
  }

  /**
   * Goes along the chains of the `count` spans in `#open`, all a step at a time so that their misses overlap, until a tag is
   * that of the hash looked for. Those spans are left in `#met`; returns how many. Their entry is in `#reached`.
   */
  #follow(count: number): number {
    const hashes = this.#hashes;
    const reached = this.#reached;
    const open = this.#open;
    const met = this.#met;
    const before = this.#before;
    const entryMask = this.#entryMask;
    const rowMask = this.#rowMask;
    const next = this.#next;
    let found = 0;
    let left = count;
    for (let step = 0; left > 0 && step < MAX_STEPS; step += 1) {
      let kept = 0;
      for (let j = 0; j < left; j += 1) {
        const k = open[j] as number;
        const entry = reached[k] as number;
        if (((entry ^ (hashes[k] as number)) & ~entryMask) === 0) {
          met[found] = k;
          found += 1;
          continue;
        }
        const older = before[entry & rowMask] as number;
        const age = (next - older) & entryMask;
        // Ages grow along a chain; what lies beyond the ring was overwritten, and so was all before it.
        if (age <= ((next - entry) & entryMask) || age > rowMask) continue;
        reached[k] = older;
        open[kept] = k;
        kept += 1;
      }
      left = kept;
    }
    this.collisions += left;
    return found;
  }

  /** Joins `count` rows from number `first` on with those of their parents that are in the ring. At most a chunk. */
  #join(first: number, count: number): void {
    const ints = this.#ints;
    const heads = this.#heads;
    const hashes = this.#hashes;
    const reached = this.#reached;
    const found = this.#found;
    const open = this.#open;
    const met = this.#met;
    const mask = this.#mask;
    const rowMask = this.#rowMask;
    const entryMask = this.#entryMask;
    const next = this.#next;
    let chains = 0;
    for (let k = 0; k < count; k += 1) {
      const at = ((first + k) & rowMask) * WORDS;
      found[k] = -1;
      if (((ints[at + FLAGS] as number) & (JOINED | ROOT)) !== 0) continue;
      const hash = hashOf(ints[at + PARENT_LO] as number, ints[at + PARENT_HI] as number);
      const head = heads[hash & mask] as number;
      const age = (next - head) & entryMask;
      hashes[k] = hash;
      reached[k] = head;
      if (age !== 0 && age <= rowMask) {
        open[chains] = k;
        chains += 1;
      }
    }
    const matches = this.#follow(chains);
    for (let j = 0; j < matches; j += 1) {
      const k = met[j] as number;
      const at = ((first + k) & rowMask) * WORDS;
      const lo = ints[at + PARENT_LO] as number;
      const hi = ints[at + PARENT_HI] as number;
      const parent = (reached[k] as number) & rowMask;
      const isParent = ints[parent * WORDS + ID_LO] === lo && ints[parent * WORDS + ID_HI] === hi;
      found[k] = isParent ? parent : this.#find(lo, hi, hashes[k] as number);
    }
    // In order of arrival: sums of durations depend on it in their last bit.
    for (let k = 0; k < count; k += 1) {
      if ((found[k] as number) >= 0) this.#adopt((first + k) & rowMask, found[k] as number);
    }
  }

  #adopt(row: number, parent: number): void {
    const ints = this.#ints;
    const doubles = this.#doubles;
    const at = row * WORDS;
    const p = parent * DOUBLES;
    const flags = ints[at + FLAGS] as number;
    const duration = doubles[row * DOUBLES + DURATION] as number;
    if ((flags & CONSUMER) === 0) {
      const start = this.#gap[row] as number;
      const end = start + duration;
      doubles[p + CHILD_SUM] = (doubles[p + CHILD_SUM] as number) + duration;
      if (start < (doubles[p + CHILD_MIN] as number)) doubles[p + CHILD_MIN] = start;
      if (end > (doubles[p + CHILD_MAX] as number)) doubles[p + CHILD_MAX] = end;
    }
    const service = ints[parent * WORDS + SERVICE] as number;
    ints[at + PARENT_LO] = service;
    ints[at + PARENT_HI] = ints[parent * WORDS + OPERATION] as number;
    ints[at + FLAGS] = flags | JOINED;
    const rest = (doubles[p + DURATION] as number) - duration;
    this.#gap[row] = service === ints[at + SERVICE] ? Number.NaN : rest > 0 ? rest : 0;
  }

  /** Row of a span, -1 when unknown. */
  #find(lo: number, hi: number, hash: number): number {
    const ints = this.#ints;
    const entryMask = this.#entryMask;
    const rowMask = this.#rowMask;
    const next = this.#next;
    let entry = this.#heads[hash & this.#mask] as number;
    let last = 0;
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const age = (next - entry) & entryMask;
      // Ages grow along a chain; what lies beyond the ring was overwritten, and so was all before it.
      if (age <= last || age > rowMask) return -1;
      const row = entry & rowMask;
      if (((entry ^ hash) & ~entryMask) === 0 && ints[row * WORDS + ID_LO] === lo && ints[row * WORDS + ID_HI] === hi)
        return row;
      last = age;
      entry = this.#before[row] as number;
    }
    this.collisions += 1;
    return -1;
  }

  /** Settles the `count` rows that wait longest. */
  #settleRows(count: number): void {
    for (let done = 0; done < count; ) {
      const part = Math.min(this.#chunk, count - done, BLOCK - this.#out.length);
      // Parents that came after their children: none of them has settled yet.
      this.#join(this.#settled, part);
      this.#hand(part);
      if (this.#out.length === BLOCK) this.#flush();
      done += part;
    }
  }

  /** Hands the `count` rows that wait longest on. */
  #hand(count: number): void {
    const ints = this.#ints;
    const doubles = this.#doubles;
    const gap = this.#gap;
    const rowMask = this.#rowMask;
    const first = this.#settled;
    const { length } = this.#out;
    for (let k = 0; k < count; k += 1) {
      handRow(ints, doubles, gap, (first + k) & rowMask, this.#out, length + k);
    }
    this.#out.length = length + count;
    this.#settled = (first + count) & NUMBER_MASK;
  }

  #flush(): void {
    if (this.#out.length === 0) return;
    this.#onSettled(this.#out);
    this.#out.length = 0;
  }
}
