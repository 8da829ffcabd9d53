import type { StateBlob } from '../domain/detector.ts';
import { TocsinError } from '../domain/error.ts';

/** Bits of a float32 below the top five of its mantissa: 32 bins of equal width an octave. */
const DROPPED_BITS = 18;
/** Largest relative error of a quantile inside the range: (b - a) / (b + a) of the widest bin, [1, 1 + 1/32). */
export const SKETCH_RELATIVE_ERROR = 1 / 65;
const VERSION = 1;
const COUNT = 0;
const SUM = 1;
const MIN = 2;
const MAX = 3;
const STATS = 4;

export interface SketchRange {
  /** Values at or below this share one bin (so do zero and negative values). Positive. */
  readonly minValue: number;
  /** Values above this are counted as this. */
  readonly maxValue: number;
}

/** Durations in milliseconds: 1 us to about 3 hours. 34 octaves, 4.4 KB a row. */
export const DURATION_RANGE: SketchRange = { minValue: 1e-3, maxValue: 1e7 };

/** The filled bins of one row as plain numbers, for sending or storing; `SketchRows.absorb` takes it back. */
export interface SketchBins {
  readonly bin: Int32Array;
  readonly weight: Float64Array;
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

const f32 = new Float32Array(1);
const bits = new Int32Array(f32.buffer);

/**
 * Many mergeable quantile sketches as rows of one typed array. A bin is named by a float32's exponent and top five
 * mantissa bits: no logarithm, and merging is adding. Relative error of `quantile` is at most `SKETCH_RELATIVE_ERROR`
 * (1.54 %) for values within the range; exact min, max, sum and count beside it.
 *
 * Bins are float32: a bin stops counting unit weights at 16.7 M, so clear or merge away rows at ticks.
 * After DDSketch (Masson, Rim, Lee, VLDB 2019), with its "fast mapping".
 */
export class SketchRows {
  readonly range: SketchRange;
  /** Bins a row; bin 0 holds what is at or below `range.minValue`. */
  readonly width: number;
  readonly #base: number;
  #rows: number;
  #bins: Float32Array;
  #stats: Float64Array;
  /** First and last filled bin of a row: bounds every scan. */
  #first: Int32Array;
  #last: Int32Array;
  #places: Int32Array = new Int32Array(0);

  /** @throws TocsinError `invalid_config` unless 1e-37 <= minValue < maxValue <= 1e37. */
  constructor(rows = 1, range: SketchRange = DURATION_RANGE) {
    if (!(range.minValue >= 1e-37 && range.minValue < range.maxValue && range.maxValue <= 1e37)) {
      throw new TocsinError('invalid_config', `sketch range ${range.minValue} .. ${range.maxValue} is impossible`);
    }
    this.range = range;
    // The bin of minValue itself becomes bin 1: everything below it is bin 0.
    this.#base = binOf(range.minValue) - 1;
    this.width = binOf(range.maxValue) - this.#base + 1;
    this.#rows = 0;
    this.#bins = new Float32Array(0);
    this.#stats = new Float64Array(0);
    this.#first = new Int32Array(0);
    this.#last = new Int32Array(0);
    this.grow(rows);
  }

  get rows(): number {
    return this.#rows;
  }

  get bytesPerRow(): number {
    return this.width * 4 + STATS * 8 + 8;
  }

  /** Makes room for rows below `rows`; new rows are empty. Doubles, so that growing row by row stays cheap. */
  grow(rows: number): void {
    const old = this.#first.length;
    if (rows > old) {
      const capacity = Math.max(rows, old * 2);
      this.#bins = enlarged(this.#bins, new Float32Array(capacity * this.width));
      this.#stats = enlarged(this.#stats, new Float64Array(capacity * STATS));
      this.#first = enlarged(this.#first, new Int32Array(capacity));
      this.#last = enlarged(this.#last, new Int32Array(capacity));
      for (let row = old; row < capacity; row++) this.#resetStats(row);
    }
    this.#rows = Math.max(this.#rows, rows);
  }

  /** Adds `weight` times `value`. NaN and weights that are not positive are left out. */
  add(row: number, value: number, weight = 1): void {
    if (!(weight > 0) || Number.isNaN(value)) return;
    const known = value > this.range.maxValue ? this.range.maxValue : value;
    f32[0] = known;
    let bin = ((bits[0] as number) >> DROPPED_BITS) - this.#base;
    if (bin < 0) bin = 0;
    const at = row * this.width + bin;
    this.#bins[at] = (this.#bins[at] as number) + weight;
    const s = row * STATS;
    const stats = this.#stats;
    stats[s + COUNT] = (stats[s + COUNT] as number) + weight;
    stats[s + SUM] = (stats[s + SUM] as number) + known * weight;
    if (known < (stats[s + MIN] as number)) stats[s + MIN] = known;
    if (known > (stats[s + MAX] as number)) stats[s + MAX] = known;
    if (bin < (this.#first[row] as number)) this.#first[row] = bin;
    if (bin > (this.#last[row] as number)) this.#last[row] = bin;
  }

  /** Adds `values[i]` to row `rows[i]` for i below `length`: one value at a time in two loops, so that misses overlap. */
  addEach(rows: Int32Array, values: Float64Array, length: number): void {
    if (this.#places.length < length) this.#places = new Int32Array(length);
    const places = this.#places;
    const bins = this.#bins;
    const stats = this.#stats;
    const firsts = this.#first;
    const lasts = this.#last;
    const { maxValue } = this.range;
    const base = this.#base;
    const { width } = this;
    for (let i = 0; i < length; i += 1) {
      const value = values[i] as number;
      places[i] = -1;
      if (Number.isNaN(value)) continue;
      const row = rows[i] as number;
      const known = value > maxValue ? maxValue : value;
      f32[0] = known;
      let bin = ((bits[0] as number) >> DROPPED_BITS) - base;
      if (bin < 0) bin = 0;
      places[i] = row * width + bin;
      const s = row * STATS;
      stats[s + COUNT] = (stats[s + COUNT] as number) + 1;
      stats[s + SUM] = (stats[s + SUM] as number) + known;
      if (known < (stats[s + MIN] as number)) stats[s + MIN] = known;
      if (known > (stats[s + MAX] as number)) stats[s + MAX] = known;
      if (bin < (firsts[row] as number)) firsts[row] = bin;
      if (bin > (lasts[row] as number)) lasts[row] = bin;
    }
    for (let i = 0; i < length; i += 1) {
      const place = places[i] as number;
      if (place >= 0) bins[place] = (bins[place] as number) + 1;
    }
  }

  /** Total weight. */
  count(row: number): number {
    return this.#stats[row * STATS + COUNT] as number;
  }

  sum(row: number): number {
    return this.#stats[row * STATS + SUM] as number;
  }

  /** NaN when empty. */
  mean(row: number): number {
    return this.sum(row) / this.count(row);
  }

  /** +Infinity when empty. */
  min(row: number): number {
    return this.#stats[row * STATS + MIN] as number;
  }

  /** -Infinity when empty. */
  max(row: number): number {
    return this.#stats[row * STATS + MAX] as number;
  }

  /** The value at rank q * (count - 1), q in 0..1; NaN when empty. */
  quantile(row: number, q: number): number {
    const first = this.#first[row] as number;
    const last = this.#last[row] as number;
    if (last < first) return Number.NaN;
    const rank = q * Math.max(0, this.count(row) - 1);
    const at = row * this.width;
    let seen = 0;
    let bin = first;
    for (; bin < last; bin++) {
      seen += this.#bins[at + bin] as number;
      if (seen > rank) break;
    }
    const min = this.min(row);
    if (bin === 0) return min;
    return Math.min(this.max(row), Math.max(min, this.#middle(bin)));
  }

  /** Adds row `from` to row `to`. */
  merge(from: number, to: number): void {
    this.mergeFrom(this, from, to);
  }

  /** @throws TocsinError `invalid_request` if the other's range differs. */
  mergeFrom(other: SketchRows, from: number, to: number): void {
    if (other.width !== this.width || other.#base !== this.#base) {
      throw new TocsinError('invalid_request', 'sketches of different ranges cannot be merged');
    }
    const first = other.#first[from] as number;
    const last = other.#last[from] as number;
    if (last < first) return;
    const source = from * this.width;
    const target = to * this.width;
    for (let bin = first; bin <= last; bin++) {
      this.#bins[target + bin] = (this.#bins[target + bin] as number) + (other.#bins[source + bin] as number);
    }
    this.#addStats(to, other.count(from), other.sum(from), other.min(from), other.max(from), first, last);
  }

  clear(row: number): void {
    const first = this.#first[row] as number;
    const last = this.#last[row] as number;
    if (last >= first) this.#bins.fill(0, row * this.width + first, row * this.width + last + 1);
    this.#resetStats(row);
  }

  /** The filled bins of a row, copied. */
  bins(row: number): SketchBins {
    const filled: number[] = [];
    for (let bin = this.#first[row] as number; bin <= (this.#last[row] as number); bin++) {
      if ((this.#bins[row * this.width + bin] as number) > 0) filled.push(bin);
    }
    return {
      bin: Int32Array.from(filled),
      weight: Float64Array.from(filled, (bin) => this.#bins[row * this.width + bin] as number),
      count: this.count(row),
      sum: this.sum(row),
      min: this.min(row),
      max: this.max(row),
    };
  }

  /** Adds what `bins` gave of a sketch of the same range. @throws TocsinError `invalid_request` for foreign bins. */
  absorb(row: number, bins: SketchBins): void {
    if (bins.bin.length === 0) return;
    for (const bin of bins.bin) {
      if (bin < 0 || bin >= this.width) throw new TocsinError('invalid_request', `no such sketch bin: ${bin}`);
    }
    let first = this.width;
    let last = -1;
    bins.bin.forEach((bin, i) => {
      const at = row * this.width + bin;
      this.#bins[at] = (this.#bins[at] as number) + (bins.weight[i] as number);
      first = Math.min(first, bin);
      last = Math.max(last, bin);
    });
    this.#addStats(row, bins.count, bins.sum, bins.min, bins.max, first, last);
  }

  save(): StateBlob {
    return {
      version: VERSION,
      arrays: {
        bins: this.#bins.slice(0, this.#rows * this.width),
        stats: this.#stats.slice(0, this.#rows * STATS),
        first: this.#first.slice(0, this.#rows),
        last: this.#last.slice(0, this.#rows),
      },
      meta: { width: this.width, base: this.#base },
    };
  }

  /** @throws TocsinError `state_version` for another version or range. */
  restore(state: StateBlob): void {
    const meta = state.meta as { width: number; base: number };
    if (state.version !== VERSION || meta.width !== this.width || meta.base !== this.#base) {
      throw new TocsinError('state_version', 'sketch rows of another version or range');
    }
    this.#bins = state.arrays['bins'] as Float32Array;
    this.#stats = state.arrays['stats'] as Float64Array;
    this.#first = state.arrays['first'] as Int32Array;
    this.#last = state.arrays['last'] as Int32Array;
    this.#rows = this.#first.length;
  }

  /** Harmonic middle of a bin: the relative error is the same at both ends. */
  #middle(bin: number): number {
    const low = edgeOf(bin + this.#base);
    const high = edgeOf(bin + this.#base + 1);
    return (2 * low * high) / (low + high);
  }

  #addStats(row: number, count: number, sum: number, min: number, max: number, first: number, last: number): void {
    const s = row * STATS;
    const stats = this.#stats;
    stats[s + COUNT] = (stats[s + COUNT] as number) + count;
    stats[s + SUM] = (stats[s + SUM] as number) + sum;
    stats[s + MIN] = Math.min(stats[s + MIN] as number, min);
    stats[s + MAX] = Math.max(stats[s + MAX] as number, max);
    this.#first[row] = Math.min(this.#first[row] as number, first);
    this.#last[row] = Math.max(this.#last[row] as number, last);
  }

  #resetStats(row: number): void {
    const s = row * STATS;
    this.#stats[s + COUNT] = 0;
    this.#stats[s + SUM] = 0;
    this.#stats[s + MIN] = Number.POSITIVE_INFINITY;
    this.#stats[s + MAX] = Number.NEGATIVE_INFINITY;
    this.#first[row] = this.width;
    this.#last[row] = -1;
  }
}

function binOf(value: number): number {
  f32[0] = value;
  return (bits[0] as number) >> DROPPED_BITS;
}

/** Lower edge of a bin of the whole float32 line. */
function edgeOf(bin: number): number {
  bits[0] = bin << DROPPED_BITS;
  return f32[0] as number;
}

function enlarged<T extends Float32Array | Float64Array | Int32Array>(old: T, next: T): T {
  next.set(old);
  return next;
}
