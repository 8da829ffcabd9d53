import type { StateArray } from '../domain/detector.ts';

const WIDTH = 4;
const MAX_PROBES = 8;

/**
 * Signature -> index: open addressing over rows of four int32 (low, high, index + 1, last epoch used), at most
 * `MAX_PROBES` a look-up. Full neighbourhoods overwrite the entry that was used longest ago, so one-off shapes (user
 * names and the like) age out and the table never grows.
 */
export class SignatureCache {
  readonly #mask: number;
  #rows: Int32Array;
  #epoch = 1;
  #inserted = 0;

  constructor(slots: number) {
    const size = 1 << (32 - Math.clz32(Math.max(16, slots) - 1));
    this.#mask = size - 1;
    this.#rows = new Int32Array(size * WIDTH);
  }

  /** Template of a signature, -1 when unknown. */
  find(lo: number, hi: number): number {
    const rows = this.#rows;
    for (let probe = 0; probe < MAX_PROBES; probe += 1) {
      const at = ((lo + probe) & this.#mask) * WIDTH;
      const template = rows[at + 2] as number;
      if (template === 0) return -1;
      if (rows[at] === lo && rows[at + 1] === hi) {
        rows[at + 3] = this.#epoch;
        return template - 1;
      }
    }
    return -1;
  }

  insert(lo: number, hi: number, template: number): void {
    const rows = this.#rows;
    let victim = -1;
    let oldest = 0x7fffffff;
    for (let probe = 0; probe < MAX_PROBES; probe += 1) {
      const at = ((lo + probe) & this.#mask) * WIDTH;
      if (rows[at + 2] === 0) {
        victim = at;
        break;
      }
      if ((rows[at + 3] as number) < oldest) {
        oldest = rows[at + 3] as number;
        victim = at;
      }
    }
    rows[victim] = lo;
    rows[victim + 1] = hi;
    rows[victim + 2] = template + 1;
    rows[victim + 3] = this.#epoch;
    this.#inserted += 1;
    // An epoch lasts a sixteenth of the table: fine enough to tell the used from the forgotten.
    if (this.#inserted > this.#mask >> 4) {
      this.#inserted = 0;
      this.#epoch += 1;
    }
  }

  /** Rebuilds the table with the entries whose template `keep` accepts. */
  retain(keep: (template: number) => boolean): void {
    const old = this.#rows;
    this.#rows = new Int32Array(old.length);
    for (let at = 0; at < old.length; at += WIDTH) {
      const template = (old[at + 2] as number) - 1;
      if (template < 0 || !keep(template)) continue;
      this.insert(old[at] as number, old[at + 1] as number, template);
    }
  }

  save(): Record<string, StateArray> {
    return { cache: this.#rows.slice(), cacheClock: Int32Array.of(this.#epoch, this.#inserted) };
  }

  restore(arrays: Readonly<Record<string, StateArray>>): void {
    this.#rows = (arrays['cache'] as Int32Array).slice();
    const clock = arrays['cacheClock'] as Int32Array;
    this.#epoch = clock[0] as number;
    this.#inserted = clock[1] as number;
  }
}
