import type { SpanBatch } from '../../domain/batch.ts';
import { SPAN_KIND } from '../../domain/batch.ts';
import type { StateArray } from '../../domain/detector.ts';
import { createSettledSpans, type SettledSpans } from '../../domain/ticks.ts';

/** 64 bytes a row: one cache line. */
const WORDS = 16;
const DOUBLES = 8;
const ID_LO = 0;
const ID_HI = 1;
const PARENT_LO = 2;
const PARENT_HI = 3;
const SERVICE = 4;
const OPERATION = 5;
const FLAGS = 6;
const TRACE = 7;
const DURATION = 4;
const CHILD_SUM = 5;
const CHILD_MIN = 6;
const CHILD_MAX = 7;
const PRESENT = 1;
const SETTLED = 2;
const ERROR = 4;
const BLOCK = 2048;
const PROBES = 6;
/** Row numbers wrap here, at a multiple of every row count; ages are differences under the same mask. */
const NUMBER_MASK = 0x3fffffff;

/**
 * Joins spans with their parents and children in any order of arrival. Rows lie in a ring in order of arrival, so that
 * writing and settling are sequential and related spans are near each other; a small table maps a span id to its row. A
 * child adds its duration to its parent's row, or to a placeholder when it comes first. A span *settles* (its self time and
 * parent are read off) once the event-time watermark is `settleMs` past its arrival, or when three quarters of the ring
 * wait. Settled rows stay for late children until overwritten.
 *
 * Self time is duration minus min(sum of the children's durations, their envelope): exact for children that run one after
 * another and for children that all overlap; for mixtures the covered time is over-estimated, never beyond the envelope.
 * Consumers of messages do not cover their producer. Only durations of different hosts are compared, never their clocks.
 */
export class SpanTable {
  /** Rows that lost their place in the table to newer ones: their relatives could not find them. */
  collisions = 0;
  duplicates = 0;
  watermark = 0;
  readonly #mask: number;
  readonly #rowMask: number;
  readonly #settleMs: number;
  /** Two words a slot: the low word of an id, and the number + 1 of its row; most misses need no look at a row. */
  readonly #slots: Int32Array;
  readonly #ints: Int32Array;
  readonly #doubles: Float64Array;
  readonly #arrived: Float64Array;
  #next = 0;
  #settled = 0;
  readonly #out: SettledSpans = createSettledSpans(BLOCK);
  readonly #onSettled: (spans: SettledSpans) => void;

  /** `slots` is a power of two; half as many rows are kept. */
  constructor(slots: number, settleMs: number, onSettled: (spans: SettledSpans) => void) {
    this.#mask = slots - 1;
    this.#rowMask = (slots >> 1) - 1;
    this.#settleMs = settleMs;
    this.#onSettled = onSettled;
    this.#slots = new Int32Array(slots * 2);
    const buffer = new ArrayBuffer((slots >> 1) * WORDS * 4);
    this.#ints = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    this.#arrived = new Float64Array(slots >> 1);
  }

  /** `operations` and `traces` (references, -1 none) belong to the spans of `batch`. */
  add(batch: SpanBatch, operations: Int32Array, traces: Int32Array): void {
    const ids = words(batch.spanIds, batch.length * 2);
    const parents = words(batch.parentIds, batch.length * 2);
    const ints = this.#ints;
    const doubles = this.#doubles;
    const { length, service, start, end, kind, error } = batch;
    let watermark = this.watermark;
    for (let i = 0; i < length; i += 1) {
      const startAt = start[i] as number;
      const endAt = end[i] as number;
      if (endAt > watermark) watermark = endAt;
      const lo = ids[i * 2] as number;
      const hi = ids[i * 2 + 1] as number;
      const before = this.#find(lo, hi);
      if (before >= 0 && ((ints[before * WORDS + FLAGS] as number) & PRESENT) !== 0) {
        this.duplicates += 1;
        continue;
      }
      const duration = endAt > startAt ? endAt - startAt : 0;
      const row = this.#make(lo, hi, watermark);
      const at = row * WORDS;
      const d = row * DOUBLES;
      if (before >= 0) {
        doubles[d + CHILD_SUM] = doubles[before * DOUBLES + CHILD_SUM] as number;
        doubles[d + CHILD_MIN] = doubles[before * DOUBLES + CHILD_MIN] as number;
        doubles[d + CHILD_MAX] = doubles[before * DOUBLES + CHILD_MAX] as number;
      }
      const parentLo = parents[i * 2] as number;
      const parentHi = parents[i * 2 + 1] as number;
      ints[at + PARENT_LO] = parentLo;
      ints[at + PARENT_HI] = parentHi;
      ints[at + SERVICE] = service[i] as number;
      ints[at + OPERATION] = operations[i] as number;
      ints[at + FLAGS] = (error[i] as number) === 0 ? PRESENT : PRESENT | ERROR;
      ints[at + TRACE] = traces[i] as number;
      doubles[d + DURATION] = duration;
      if ((parentLo | parentHi) === 0 || kind[i] === SPAN_KIND.consumer) continue;
      let parent = this.#find(parentLo, parentHi);
      if (parent < 0) parent = this.#make(parentLo, parentHi, watermark);
      const p = parent * DOUBLES;
      doubles[p + CHILD_SUM] = (doubles[p + CHILD_SUM] as number) + duration;
      if (startAt < (doubles[p + CHILD_MIN] as number)) doubles[p + CHILD_MIN] = startAt;
      if (endAt > (doubles[p + CHILD_MAX] as number)) doubles[p + CHILD_MAX] = endAt;
    }
    this.watermark = watermark;
  }

  /** Settles what has waited long enough and hands everything settled on. */
  settle(): void {
    const limit = this.watermark - this.#settleMs;
    while (this.#settled !== this.#next && (this.#arrived[this.#settled & this.#rowMask] as number) <= limit)
      this.#settleNext();
    this.#flush();
  }

  save(): Record<string, StateArray> {
    return {
      slots: this.#slots.slice(),
      spans: this.#ints.slice(),
      arrived: this.#arrived.slice(),
      spanClock: Float64Array.of(this.#next, this.#settled, this.watermark, this.collisions, this.duplicates),
    };
  }

  restore(arrays: Readonly<Record<string, StateArray>>): void {
    this.#slots.set(arrays['slots'] as Int32Array);
    this.#ints.set(arrays['spans'] as Int32Array);
    this.#arrived.set(arrays['arrived'] as Float64Array);
    const clock = arrays['spanClock'] as Float64Array;
    this.#next = clock[0] as number;
    this.#settled = clock[1] as number;
    this.watermark = clock[2] as number;
    this.collisions = clock[3] as number;
    this.duplicates = clock[4] as number;
  }

  #home(lo: number, hi: number): number {
    // Ids of some senders count in their last bytes, the high bits here: fold them down before the last multiplication.
    const folded = lo ^ Math.imul(hi, 0x85ebca6b | 0);
    const mixed = Math.imul(folded ^ (folded >>> 16), 0x9e3779b1 | 0);
    return mixed ^ (mixed >>> 15);
  }

  /** Position of the row of a span or placeholder, -1 when unknown. */
  #find(lo: number, hi: number): number {
    const home = this.#home(lo, hi);
    const ints = this.#ints;
    const slots = this.#slots;
    for (let probe = 0; probe < PROBES; probe += 1) {
      const slot = ((home + probe) & this.#mask) * 2;
      const number = (slots[slot + 1] as number) - 1;
      if (number < 0) return -1;
      if (slots[slot] !== lo) continue;
      const row = number & this.#rowMask;
      if (ints[row * WORDS + ID_LO] === lo && ints[row * WORDS + ID_HI] === hi) return row;
    }
    return -1;
  }

  /** A cleared row at the head of the ring, findable by its id. */
  #make(lo: number, hi: number, watermark: number): number {
    const waiting = (this.#next - this.#settled) & NUMBER_MASK;
    if (waiting > this.#rowMask - (this.#rowMask >> 2)) this.#settleNext();
    const number = this.#next;
    this.#next = (number + 1) & NUMBER_MASK;
    const row = number & this.#rowMask;
    const ints = this.#ints;
    const doubles = this.#doubles;
    ints[row * WORDS + ID_LO] = lo;
    ints[row * WORDS + ID_HI] = hi;
    ints[row * WORDS + FLAGS] = 0;
    doubles[row * DOUBLES + CHILD_SUM] = 0;
    doubles[row * DOUBLES + CHILD_MIN] = Number.POSITIVE_INFINITY;
    doubles[row * DOUBLES + CHILD_MAX] = Number.NEGATIVE_INFINITY;
    this.#arrived[row] = watermark;
    this.#publish(lo, hi, number);
    return row;
  }

  /** Enters a row into the table: over its own placeholder, a free slot, a slot of an overwritten row, or the oldest. */
  #publish(lo: number, hi: number, number: number): void {
    const home = this.#home(lo, hi);
    const slots = this.#slots;
    let victim = 0;
    let oldest = -1;
    for (let probe = 0; probe < PROBES; probe += 1) {
      const slot = ((home + probe) & this.#mask) * 2;
      const other = (slots[slot + 1] as number) - 1;
      const age = other < 0 ? NUMBER_MASK : (number - other) & NUMBER_MASK;
      if (age > this.#rowMask || (slots[slot] === lo && this.#ints[(other & this.#rowMask) * WORDS + ID_HI] === hi)) {
        slots[slot] = lo;
        slots[slot + 1] = number + 1;
        return;
      }
      if (age > oldest) {
        oldest = age;
        victim = slot;
      }
    }
    this.collisions += 1;
    slots[victim] = lo;
    slots[victim + 1] = number + 1;
  }

  #settleNext(): void {
    const row = this.#settled & this.#rowMask;
    this.#settled = (this.#settled + 1) & NUMBER_MASK;
    const ints = this.#ints;
    const at = row * WORDS;
    const flags = ints[at + FLAGS] as number;
    // A placeholder whose span never came has nothing to say.
    if ((flags & PRESENT) === 0) return;
    ints[at + FLAGS] = flags | SETTLED;
    const doubles = this.#doubles;
    const d = row * DOUBLES;
    const duration = doubles[d + DURATION] as number;
    const sum = doubles[d + CHILD_SUM] as number;
    const envelope = (doubles[d + CHILD_MAX] as number) - (doubles[d + CHILD_MIN] as number);
    // Without children the envelope is -Infinity.
    const covered = envelope >= 0 && sum > envelope ? envelope : sum;
    const out = this.#out;
    const i = out.length;
    const service = ints[at + SERVICE] as number;
    let parentService = -1;
    let parentOperation = -1;
    let gap = Number.NaN;
    const parentLo = ints[at + PARENT_LO] as number;
    const parentHi = ints[at + PARENT_HI] as number;
    const isRoot = (parentLo | parentHi) === 0;
    const parent = isRoot ? -1 : this.#find(parentLo, parentHi);
    if (parent >= 0 && ((ints[parent * WORDS + FLAGS] as number) & PRESENT) !== 0) {
      parentService = ints[parent * WORDS + SERVICE] as number;
      parentOperation = ints[parent * WORDS + OPERATION] as number;
      if (parentService !== service) {
        const rest = (doubles[parent * DOUBLES + DURATION] as number) - duration;
        gap = rest > 0 ? rest : 0;
      }
    }
    out.service[i] = service;
    out.operation[i] = ints[at + OPERATION] as number;
    out.parentService[i] = parentService;
    out.parentOperation[i] = parentOperation;
    out.durationMs[i] = duration;
    out.selfMs[i] = covered >= duration ? 0 : duration - covered;
    out.gapMs[i] = gap;
    out.error[i] = (flags & ERROR) === 0 ? 0 : 1;
    out.root[i] = isRoot ? 1 : 0;
    out.trace[i] = ints[at + TRACE] as number;
    out.length = i + 1;
    if (out.length === BLOCK) this.#flush();
  }

  #flush(): void {
    if (this.#out.length === 0) return;
    this.#onSettled(this.#out);
    this.#out.length = 0;
  }
}

/** The first `count` little-endian words of a byte column, without a copy where alignment allows. */
function words(bytes: Uint8Array, count: number): Int32Array {
  if (bytes.byteOffset % 4 === 0) return new Int32Array(bytes.buffer, bytes.byteOffset, count);
  return new Int32Array(bytes.slice(0, count * 4).buffer);
}
