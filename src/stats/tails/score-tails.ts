import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';

const VERSION = 1;
const BINS = 64;
const WIDTH = BINS + 1;
const STEP = 0.125;
/** Weight of the history that must lie beyond a score for the histogram alone to be believed. */
const ENOUGH = 5;
/** How fast -log10 p may grow beyond the history, per unit of model surprise. */
const TAIL_SLOPE = 0.7;

/**
 * Turns the -log10 p that a model claims into one that the row's own history supports. A row is a decayed histogram of
 * past claims. Inside the history: the share of past claims as large. Beyond it: from the last well-filled bin on, the
 * claim's excess counts at a slope of 0.7, or its rank in the history where that is stranger. Never stranger than the claim. 260 bytes a row.
 */
export class ScoreTails {
  readonly #keep: number;
  #rows: Float32Array;

  /** `halfLife`: observations after which one counts half. */
  constructor(halfLife = 8640) {
    this.#keep = 0.5 ** (1 / halfLife);
    this.#rows = new Float32Array(WIDTH * 16);
  }

  /** Calibrated p of a claim; then learns the claim unless `learn` is false. */
  observe(row: number, claimedP: number, learn = true): number {
    const needed = (row + 1) * WIDTH;
    if (needed > this.#rows.length) {
      const next = new Float32Array(Math.max(needed, this.#rows.length * 2));
      next.set(this.#rows);
      this.#rows = next;
    }
    const surprise = claimedP >= 1 ? 0 : Math.min(12, -Math.log10(Math.max(claimedP, 1e-12)));
    const p = Math.max(claimedP, 10 ** -this.#supported(row * WIDTH, surprise));
    if (learn) this.#learn(row * WIDTH, surprise);
    return Math.min(1, p);
  }

  clear(row: number): void {
    this.#rows.fill(0, row * WIDTH, Math.min(this.#rows.length, (row + 1) * WIDTH));
  }

  save(): StateBlob {
    return { version: VERSION, arrays: { rows: this.#rows.slice() }, meta: null };
  }

  restore(state: StateBlob): void {
    if (state.version !== VERSION) throw new TocsinError('state_version', `score tails ${state.version} are unknown`);
    this.#rows = (state.arrays['rows'] as Float32Array).slice();
  }

  #supported(at: number, surprise: number): number {
    const rows = this.#rows;
    const total = rows[at + BINS] as number;
    const bin = Math.min(BINS - 1, Math.floor(surprise / STEP));
    let beyond = 0;
    for (let i = BINS - 1; i >= bin; i -= 1) beyond += rows[at + i] as number;
    // The rank among past claims is honest at any count (conformal p), only coarse where few lie beyond.
    const rank = -Math.log10((beyond + 1) / (total + 2));
    if (beyond >= ENOUGH) return rank;
    let edge = bin;
    while (edge > 0 && beyond < ENOUGH) {
      edge -= 1;
      beyond += rows[at + edge] as number;
    }
    const known = -Math.log10(Math.min(1, (beyond + 1) / (total + 1)));
    return Math.max(rank, known + TAIL_SLOPE * Math.max(0, surprise - edge * STEP));
  }

  #learn(at: number, surprise: number): void {
    const rows = this.#rows;
    for (let i = 0; i <= BINS; i += 1) rows[at + i] = (rows[at + i] as number) * this.#keep;
    const bin = at + Math.min(BINS - 1, Math.floor(surprise / STEP));
    rows[bin] = (rows[bin] as number) + 1;
    rows[at + BINS] = (rows[at + BINS] as number) + 1;
  }
}
