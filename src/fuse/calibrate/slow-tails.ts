import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';

const VERSION = 1;
const BINS = 128;
/** Bins an octave, and the bin of a score of 1: scores of 1/4 to 64 are told apart. */
const FINE = 16;
const MIDDLE = 32;
/** Of a row: total weight, then the bins. */
const WIDTH = BINS + 1;
/** Weight that must lie beyond a score for the histogram alone to be believed. */
const ENOUGH = 8;
const CAP = 8;
/** Bounds of Hill's tail index: heavier or lighter tails than this are an accident of few scores. */
const LIGHTEST = 0.08;
const HEAVIEST = 0.8;

/**
 * Raw scores of one row (a service and detector) to -log10 p, against a history of days: a decayed histogram of log score,
 * and beyond its last well-filled bin Hill's tail, whose index is the mean log excess there. Unlike the tails of series
 * (`tail-bank`) it must not follow an event: incidents of services last hours. Increasing and continuous in the score.
 */
export class SlowTails {
  readonly #keep: number;
  #rows = new Float32Array(0);

  /** @param halfLife Learnt scores after which one counts half. */
  constructor(halfLife: number) {
    this.#keep = 0.5 ** (1 / halfLife);
  }

  get bytesPerRow(): number {
    return WIDTH * 4;
  }

  /** @returns -log10 p, at most 8; 0 for an empty history. */
  surprise(row: number, score: number): number {
    this.#room(row);
    const rows = this.#rows;
    const at = row * WIDTH + 1;
    const total = rows[at - 1]!;
    if (total < 1) return 0;
    const place = placeOf(score);
    let beyond = 0;
    let edge = BINS;
    // The highest edge with enough weight behind it; every weight behind it may be believed.
    while (edge > 0 && beyond < ENOUGH) beyond += rows[at + --edge]!;
    if (place > edge) return Math.min(CAP, surpriseOf(beyond, total) + (place - edge) / this.#slope(at, edge, beyond));
    const bin = Math.floor(place);
    for (let i = edge - 1; i > bin; i--) beyond += rows[at + i]!;
    const here = bin === edge ? 0 : rows[at + bin]!;
    return surpriseOf(beyond + here * (bin + 1 - place), total);
  }

  learn(row: number, score: number): void {
    this.#room(row);
    const rows = this.#rows;
    const at = row * WIDTH;
    for (let i = 0; i < WIDTH; i++) rows[at + i] = rows[at + i]! * this.#keep;
    const bin = at + 1 + Math.floor(placeOf(score));
    rows[bin] = rows[bin]! + 1;
    rows[at] = rows[at]! + 1;
  }

  clear(row: number): void {
    this.#rows.fill(0, Math.min(this.#rows.length, row * WIDTH), Math.min(this.#rows.length, (row + 1) * WIDTH));
  }

  save(): StateBlob {
    return { version: VERSION, arrays: { rows: this.#rows.slice() }, meta: null };
  }

  restore(state: StateBlob): void {
    if (state.version !== VERSION) throw new TocsinError('state_version', `slow tails ${state.version} are unknown`);
    this.#rows = (state.arrays['rows'] as Float32Array).slice();
  }

  /** Bins beyond `edge` that are worth a power of ten. */
  #slope(at: number, edge: number, beyond: number): number {
    let sum = 0;
    for (let i = edge; i < BINS; i++) sum += this.#rows[at + i]! * (i + 0.5 - edge);
    const index = ((sum / Math.max(beyond, 1e-9)) * Math.LN2) / FINE;
    return (Math.max(LIGHTEST, Math.min(HEAVIEST, index)) * Math.LN10 * FINE) / Math.LN2;
  }

  #room(row: number): void {
    if ((row + 1) * WIDTH <= this.#rows.length) return;
    const larger = new Float32Array((row + 1) * WIDTH * 2);
    larger.set(this.#rows);
    this.#rows = larger;
  }
}

function placeOf(score: number): number {
  if (!(score > 0)) return 0;
  return Math.max(0, Math.min(BINS - 1e-3, Math.log2(score) * FINE + MIDDLE));
}

function surpriseOf(beyond: number, total: number): number {
  return Math.max(0, -Math.log10((beyond + 0.5) / (total + 1)));
}
