import type { SeriesIndex } from '../../domain/units.ts';
import { KeyIndex } from './series-index.ts';
import type { SeriesRows } from './series-rows.ts';

/** Raw forms (attribute orders) remembered per series beside the last one. */
const MAX_ALIASES = 16;
const REFUSED_SLOTS = 1 << 15;

/**
 * Raw forms: hashes of the bytes that a series came as, a cache in front of its canonical key. The last form of each series
 * stands in its row, where the next series is predicted; every form is in the index.
 */
export class RawForms {
  private readonly index: KeyIndex;
  private readonly aliases = new Map<SeriesIndex, number[]>();
  private readonly rows: SeriesRows;
  private predicted = 0;
  private misses = new Int32Array(2048);
  private refused = new Int32Array(0);

  constructor(rows: SeriesRows, capacity: number) {
    this.rows = rows;
    this.index = new KeyIndex(capacity);
  }

  get byteLength(): number {
    return this.index.byteLength + this.aliases.size * 200 + this.refused.byteLength;
  }

  find(a: number, b: number): SeriesIndex {
    return this.index.get(a, b);
  }

  /** See `ShardSeriesTable.resolve`; `used` is the number of rows in use. */
  resolve(n: number, keys: Int32Array, out: Int32Array, used: number): number {
    if (this.misses.length < n) this.misses = new Int32Array(n);
    const misses = this.misses;
    const known = this.rows.keys;
    const last = used - 1;
    let next = this.predicted;
    let streak = 0;
    let count = 0;
    for (let i = 0; i < n; i++) {
      const a = keys[2 * i]!;
      const b = keys[2 * i + 1]!;
      if (next > last) next = 0;
      if (known[2 * next] === a && known[2 * next + 1] === b) {
        out[i] = next++;
        streak = 0;
        continue;
      }
      // First miss after a hit, and then now and again: probe at once to find the thread; others wait for the tight loop.
      if ((streak++ & 15) === 0) {
        const found = this.index.get(a, b);
        if (found >= 0) {
          out[i] = found;
          next = found + 1;
          continue;
        }
      }
      misses[count++] = i;
    }
    this.predicted = next;
    return count === 0 ? 0 : this.index.getMany(keys, misses, count, out);
  }

  /** Makes a raw form the one that is predicted; the former one stays known. (0, 0) is no raw form. */
  add(row: SeriesIndex, rawA: number, rawB: number): void {
    if (rawA === 0 && rawB === 0) return;
    const { keys } = this.rows;
    const a = keys[2 * row]!;
    const b = keys[2 * row + 1]!;
    if (a !== 0 || b !== 0) {
      const others = this.aliases.get(row) ?? [];
      if (others.length >= 2 * MAX_ALIASES) return;
      others.push(a, b);
      this.aliases.set(row, others);
    }
    keys[2 * row] = rawA;
    keys[2 * row + 1] = rawB;
    this.index.set(rawA, rawB, row);
  }

  /** Forgets every raw form of a row. */
  forget(row: SeriesIndex): void {
    const { keys } = this.rows;
    this.index.delete(keys[2 * row]!, keys[2 * row + 1]!, row);
    keys[2 * row] = 0;
    keys[2 * row + 1] = 0;
    const others = this.aliases.get(row);
    if (others === undefined) return;
    for (let i = 0; i < others.length; i += 2) this.index.delete(others[i]!, others[i + 1]!, row);
    this.aliases.delete(row);
  }

  isRefused(a: number, b: number): boolean {
    if (this.refused.length === 0) return false;
    const at = 2 * (a & (REFUSED_SLOTS - 1));
    return this.refused[at] === a && this.refused[at + 1] === b;
  }

  /** Remembers a refused raw form, so that the next one costs a look-up and not a registration. */
  refuse(a: number, b: number): void {
    if (this.refused.length === 0) this.refused = new Int32Array(2 * REFUSED_SLOTS);
    const at = 2 * (a & (REFUSED_SLOTS - 1));
    this.refused[at] = a;
    this.refused[at + 1] = b;
  }

  forgetRefused(): void {
    this.refused = new Int32Array(0);
  }

  /** Builds the index anew from the rows; forms other than the last of each series are learnt again. */
  rebuild(used: number): void {
    this.aliases.clear();
    this.forgetRefused();
    this.predicted = 0;
    this.index.clear(used);
    const { keys, live } = this.rows;
    for (let row = 0; row < used; row++) {
      const a = keys[2 * row]!;
      const b = keys[2 * row + 1]!;
      if (live[row] === 1 && (a !== 0 || b !== 0)) this.index.set(a, b, row);
    }
  }
}
