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

/**
 * Joins spans with their parents and children in any order of arrival. A direct-mapped table on the span id holds one
 * row a span; a child adds its duration to its parent's row, or to a placeholder when it comes first. A span *settles*
 * (its self time and parent are read off) once the event-time watermark is `settleMs` past its arrival, when the ring of
 * waiting spans is full, or when its slot is needed. Rows of settled spans stay for late children until overwritten.
 *
 * Self time is duration minus min(sum of the children's durations, their envelope): exact for children that run one after
 * another and for children that all overlap, an under-estimate of the covered time never more than that. Consumers of
 * messages do not cover their producer. Only durations of different hosts are compared, never their clocks.
 */
export class SpanTable {
  /** Children whose parent's slot was taken: their time is missing from a self time. */
  collisions = 0;
  duplicates = 0;
  watermark = 0;
  readonly #mask: number;
  readonly #settleMs: number;
  readonly #ints: Int32Array;
  readonly #doubles: Float64Array;
  readonly #waiting: Int32Array;
  readonly #arrived: Float64Array;
  #head = 0;
  #length = 0;
  readonly #out: SettledSpans = createSettledSpans(BLOCK);
  readonly #onSettled: (spans: SettledSpans) => void;

  /** `slots` is a power of two; half as many spans may wait. */
  constructor(slots: number, settleMs: number, onSettled: (spans: SettledSpans) => void) {
    this.#mask = slots - 1;
    this.#settleMs = settleMs;
    this.#onSettled = onSettled;
    const buffer = new ArrayBuffer(slots * WORDS * 4);
    this.#ints = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    this.#waiting = new Int32Array(slots >> 1);
    this.#arrived = new Float64Array(slots >> 1);
  }

  /** `operations` and `traces` (references, -1 none) belong to the spans of `batch`. */
  add(batch: SpanBatch, operations: Int32Array, traces: Int32Array): void {
    const ids = words(batch.spanIds, batch.length * 2);
    const parents = words(batch.parentIds, batch.length * 2);
    const { length, service, start, end, kind, error } = batch;
    for (let i = 0; i < length; i += 1) {
      const endAt = end[i] as number;
      if (endAt > this.watermark) this.watermark = endAt;
      const lo = ids[i * 2] as number;
      const hi = ids[i * 2 + 1] as number;
      const parentLo = parents[i * 2] as number;
      const parentHi = parents[i * 2 + 1] as number;
      const startAt = start[i] as number;
      const duration = endAt > startAt ? endAt - startAt : 0;
      const flags = PRESENT | ((error[i] as number) !== 0 ? ERROR : 0);
      if (!this.#place(lo, hi, flags)) continue;
      const slot = this.#slot(lo, hi);
      const at = slot * WORDS;
      const ints = this.#ints;
      ints[at + PARENT_LO] = parentLo;
      ints[at + PARENT_HI] = parentHi;
      ints[at + SERVICE] = service[i] as number;
      ints[at + OPERATION] = operations[i] as number;
      ints[at + TRACE] = traces[i] as number;
      this.#doubles[slot * DOUBLES + DURATION] = duration;
      this.#wait(slot);
      if ((parentLo | parentHi) !== 0 && kind[i] !== SPAN_KIND.consumer) this.#cover(parentLo, parentHi, duration, startAt, endAt);
    }
  }

  /** Settles what has waited long enough and hands everything settled on. */
  settle(): void {
    const limit = this.watermark - this.#settleMs;
    const size = this.#waiting.length;
    while (this.#length > 0 && (this.#arrived[this.#head] as number) <= limit) {
      this.#settle(this.#waiting[this.#head] as number);
      this.#head = (this.#head + 1) % size;
      this.#length -= 1;
    }
    this.#flush();
  }

  save(): Record<string, StateArray> {
    return {
      spans: this.#ints.slice(),
      waiting: this.#waiting.slice(),
      arrived: this.#arrived.slice(),
      spanClock: Float64Array.of(this.#head, this.#length, this.watermark, this.collisions, this.duplicates),
    };
  }

  restore(arrays: Readonly<Record<string, StateArray>>): void {
    this.#ints.set(arrays['spans'] as Int32Array);
    this.#waiting.set(arrays['waiting'] as Int32Array);
    this.#arrived.set(arrays['arrived'] as Float64Array);
    const clock = arrays['spanClock'] as Float64Array;
    this.#head = clock[0] as number;
    this.#length = clock[1] as number;
    this.watermark = clock[2] as number;
    this.collisions = clock[3] as number;
    this.duplicates = clock[4] as number;
  }

  #slot(lo: number, hi: number): number {
    const mixed = Math.imul(lo ^ Math.imul(hi, 0x85ebca6b | 0), 0x9e3779b1 | 0);
    return (mixed ^ (mixed >>> 15)) & this.#mask;
  }

  /** Makes the row of this span, keeping what its children left; false for a span that is there already. */
  #place(lo: number, hi: number, flags: number): boolean {
    const slot = this.#slot(lo, hi);
    const at = slot * WORDS;
    const ints = this.#ints;
    const old = ints[at + FLAGS] as number;
    if (ints[at + ID_LO] === lo && ints[at + ID_HI] === hi) {
      if ((old & PRESENT) !== 0) {
        this.duplicates += 1;
        return false;
      }
    } else {
      if ((old & (PRESENT | SETTLED)) === PRESENT) this.#settle(slot);
      this.#clear(slot, lo, hi);
    }
    ints[at + FLAGS] = flags;
    return true;
  }

  #clear(slot: number, lo: number, hi: number): void {
    const at = slot * WORDS;
    const ints = this.#ints;
    ints[at + ID_LO] = lo;
    ints[at + ID_HI] = hi;
    ints[at + FLAGS] = 0;
    const d = slot * DOUBLES;
    this.#doubles[d + CHILD_SUM] = 0;
    this.#doubles[d + CHILD_MIN] = Number.POSITIVE_INFINITY;
    this.#doubles[d + CHILD_MAX] = Number.NEGATIVE_INFINITY;
  }

  /** Tells the parent's row how long a child took. */
  #cover(lo: number, hi: number, duration: number, start: number, end: number): void {
    const slot = this.#slot(lo, hi);
    const at = slot * WORDS;
    const ints = this.#ints;
    if (ints[at + ID_LO] !== lo || ints[at + ID_HI] !== hi) {
      if (((ints[at + FLAGS] as number) & (PRESENT | SETTLED)) === PRESENT) {
        this.collisions += 1;
        return;
      }
      this.#clear(slot, lo, hi);
    }
    const doubles = this.#doubles;
    const d = slot * DOUBLES;
    doubles[d + CHILD_SUM] = (doubles[d + CHILD_SUM] as number) + duration;
    if (start < (doubles[d + CHILD_MIN] as number)) doubles[d + CHILD_MIN] = start;
    if (end > (doubles[d + CHILD_MAX] as number)) doubles[d + CHILD_MAX] = end;
  }

  #wait(slot: number): void {
    const size = this.#waiting.length;
    if (this.#length === size) {
      this.#settle(this.#waiting[this.#head] as number);
      this.#head = (this.#head + 1) % size;
      this.#length -= 1;
    }
    const tail = (this.#head + this.#length) % size;
    this.#waiting[tail] = slot;
    this.#arrived[tail] = this.watermark;
    this.#length += 1;
  }

  #settle(slot: number): void {
    const ints = this.#ints;
    const doubles = this.#doubles;
    const at = slot * WORDS;
    const flags = ints[at + FLAGS] as number;
    if ((flags & (PRESENT | SETTLED)) !== PRESENT) return;
    ints[at + FLAGS] = flags | SETTLED;
    const d = slot * DOUBLES;
    const duration = doubles[d + DURATION] as number;
    const sum = doubles[d + CHILD_SUM] as number;
    const envelope = (doubles[d + CHILD_MAX] as number) - (doubles[d + CHILD_MIN] as number);
    const covered = sum > envelope ? envelope : sum;
    const out = this.#out;
    const i = out.length;
    const service = ints[at + SERVICE] as number;
    let parentService = -1;
    let parentOperation = -1;
    let gap = Number.NaN;
    const parentLo = ints[at + PARENT_LO] as number;
    const parentHi = ints[at + PARENT_HI] as number;
    const isRoot = (parentLo | parentHi) === 0;
    if (!isRoot) {
      const parent = this.#slot(parentLo, parentHi);
      const p = parent * WORDS;
      if (ints[p + ID_LO] === parentLo && ints[p + ID_HI] === parentHi && ((ints[p + FLAGS] as number) & PRESENT) !== 0) {
        parentService = ints[p + SERVICE] as number;
        parentOperation = ints[p + OPERATION] as number;
        if (parentService !== service) {
          const rest = (doubles[parent * DOUBLES + DURATION] as number) - duration;
          gap = rest > 0 ? rest : 0;
        }
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
