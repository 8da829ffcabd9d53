import type { EdgeTick } from '../../domain/anomaly.ts';
import type { StateArray } from '../../domain/detector.ts';
import type { ServiceNames, SettledSpans } from '../../domain/signal/ticks.ts';
import type { EpochMs } from '../../domain/units.ts';
import { binomialAtLeast } from '../../stats/tails/count-tails.ts';
import { ScoreTails } from '../../stats/tails/score-tails.ts';

/** Doubles of one edge: the open tick, then what is remembered; each mean is followed by its variance. */
const WIDTH = 16;
const CALLS = 0;
const ERRORS = 1;
const SERVER = 2;
const GAP = 3;
const SERVER_MEAN = 4;
const GAP_MEAN = 6;
const PAST_CALLS = 8;
const PAST_ERRORS = 9;
const TICKS = 10;
const RATE = 11;
const LAST_SEEN = 12;
/** One over the ticks that an average remembers: about an hour of 10 s ticks. */
const ALPHA = 1 / 360;
const KEEP = 1 - ALPHA;
const WARM_TICKS = 12;
const MIN_CALLS = 5;
/** Smallest standard deviation of a mean log latency: a mean that moves by 5 % is never news. */
const MIN_SD = 0.05;

/** An edge of the service graph as remembered. */
export interface KnownEdge {
  readonly caller: number;
  readonly callee: number;
  readonly callsPerSecond: number;
  readonly errorRatio: number;
  /** Usual means, in ms. */
  readonly serverMs: number;
  readonly gapMs: number;
  readonly lastSeen: EpochMs;
}

/** Calls along edges (service -> service): per tick figures, their strangeness, and a topology that fades. */
export class Edges {
  /** Calls along edges that found no room. */
  overflowed = 0;
  readonly #max: number;
  readonly #slots: Int32Array;
  readonly #mask: number;
  #caller: Int32Array;
  #callee: Int32Array;
  #rows: Float64Array;
  #count = 0;
  readonly #gapTails = new ScoreTails();
  readonly #serverTails = new ScoreTails();
  readonly #errorTails = new ScoreTails();

  constructor(max: number) {
    this.#max = max;
    const slots = 1 << (33 - Math.clz32(max));
    this.#mask = slots - 1;
    this.#slots = new Int32Array(slots);
    this.#caller = new Int32Array(max);
    this.#callee = new Int32Array(max);
    this.#rows = new Float64Array(max * WIDTH);
  }

  add(spans: SettledSpans): void {
    const { length, service, parentService, durationMs, gapMs, error } = spans;
    for (let i = 0; i < length; i += 1) {
      const caller = parentService[i] as number;
      const callee = service[i] as number;
      if (caller < 0 || caller === callee) continue;
      const edge = this.#find(caller, callee);
      if (edge < 0) {
        this.overflowed += 1;
        continue;
      }
      const at = edge * WIDTH;
      const rows = this.#rows;
      rows[at + CALLS] = (rows[at + CALLS] as number) + 1;
      rows[at + ERRORS] = (rows[at + ERRORS] as number) + (error[i] as number);
      rows[at + SERVER] = (rows[at + SERVER] as number) + (durationMs[i] as number);
      rows[at + GAP] = (rows[at + GAP] as number) + (gapMs[i] as number);
    }
  }

  /** Rows of edges that had calls; then learns them. */
  closeTick(at: EpochMs, durationMs: number, names: ServiceNames): EdgeTick[] {
    const ticks: EdgeTick[] = [];
    const rows = this.#rows;
    for (let edge = 0; edge < this.#count; edge += 1) {
      const r = edge * WIDTH;
      const calls = rows[r + CALLS] as number;
      rows[r + RATE] = (rows[r + RATE] as number) * KEEP + (ALPHA * calls * 1000) / durationMs;
      if (calls === 0) continue;
      const errors = rows[r + ERRORS] as number;
      const serverMs = (rows[r + SERVER] as number) / calls;
      const gapMs = (rows[r + GAP] as number) / calls;
      ticks.push({
        caller: names(this.#caller[edge] as number),
        callee: names(this.#callee[edge] as number),
        calls,
        errors,
        serverMs,
        gapMs,
        gapSurprise: this.#latency(edge, r + GAP_MEAN, gapMs, calls, this.#gapTails),
        serverSurprise: this.#latency(edge, r + SERVER_MEAN, serverMs, calls, this.#serverTails),
        errorSurprise: this.#errorSurprise(edge, calls, errors),
      });
      rows[r + TICKS] = (rows[r + TICKS] as number) + 1;
      rows[r + LAST_SEEN] = at;
      rows.fill(0, r, r + SERVER_MEAN);
    }
    return ticks;
  }

  /** Edges seen since `since`. */
  known(since: EpochMs): KnownEdge[] {
    const edges: KnownEdge[] = [];
    for (let edge = 0; edge < this.#count; edge += 1) {
      const r = edge * WIDTH;
      const lastSeen = this.#rows[r + LAST_SEEN] as number;
      if (lastSeen < since || lastSeen === 0) continue;
      const calls = this.#rows[r + PAST_CALLS] as number;
      // An average that is still filling stands for the ticks it has seen.
      const filled = 1 - KEEP ** (this.#rows[r + TICKS] as number);
      edges.push({
        caller: this.#caller[edge] as number,
        callee: this.#callee[edge] as number,
        callsPerSecond: (this.#rows[r + RATE] as number) / Math.max(filled, ALPHA),
        errorRatio: calls > 0 ? (this.#rows[r + PAST_ERRORS] as number) / calls : 0,
        serverMs: Math.expm1(this.#rows[r + SERVER_MEAN] as number),
        gapMs: Math.expm1(this.#rows[r + GAP_MEAN] as number),
        lastSeen,
      });
    }
    return edges;
  }

  save(): Record<string, StateArray> {
    return {
      edgeCaller: this.#caller.slice(0, this.#count),
      edgeCallee: this.#callee.slice(0, this.#count),
      edgeRows: this.#rows.slice(0, this.#count * WIDTH),
      edgeGapTails: this.#gapTails.save().arrays['rows'] as Float32Array,
      edgeServerTails: this.#serverTails.save().arrays['rows'] as Float32Array,
      edgeErrorTails: this.#errorTails.save().arrays['rows'] as Float32Array,
      edgeClock: Float64Array.of(this.overflowed),
    };
  }

  restore(arrays: Readonly<Record<string, StateArray>>): void {
    const callers = arrays['edgeCaller'] as Int32Array;
    const callees = arrays['edgeCallee'] as Int32Array;
    this.#slots.fill(0);
    this.#count = 0;
    this.#rows.fill(0);
    for (let i = 0; i < callers.length; i += 1) this.#find(callers[i] as number, callees[i] as number);
    this.#rows.set(arrays['edgeRows'] as Float64Array);
    this.#gapTails.restore({ version: 1, arrays: { rows: arrays['edgeGapTails'] as Float32Array }, meta: null });
    this.#serverTails.restore({ version: 1, arrays: { rows: arrays['edgeServerTails'] as Float32Array }, meta: null });
    this.#errorTails.restore({ version: 1, arrays: { rows: arrays['edgeErrorTails'] as Float32Array }, meta: null });
    this.overflowed = (arrays['edgeClock'] as Float64Array)[0] as number;
  }

  #find(caller: number, callee: number): number {
    let slot = (Math.imul(caller, 0x9e3779b1 | 0) ^ Math.imul(callee, 0x85ebca6b | 0)) & this.#mask;
    for (;;) {
      const edge = (this.#slots[slot] as number) - 1;
      if (edge < 0) break;
      if (this.#caller[edge] === caller && this.#callee[edge] === callee) return edge;
      slot = (slot + 1) & this.#mask;
    }
    if (this.#count === this.#max) return -1;
    const edge = this.#count;
    this.#count += 1;
    this.#slots[slot] = edge + 1;
    this.#caller[edge] = caller;
    this.#callee[edge] = callee;
    return edge;
  }

  /** Upward surprise of a tick's mean latency against the edge's past, on a log scale; learns a clipped value. */
  #latency(edge: number, m: number, value: number, calls: number, tails: ScoreTails): number {
    const rows = this.#rows;
    const x = Math.log1p(value);
    const ticks = rows[edge * WIDTH + TICKS] as number;
    if (calls < MIN_CALLS && ticks >= 1) return 0;
    const mean = rows[m] as number;
    const sd = Math.max(MIN_SD, Math.sqrt(rows[m + 1] as number));
    const z = (x - mean) / sd;
    let surprise = 0;
    if (ticks >= WARM_TICKS) surprise = -Math.log10(tails.observe(edge, upperTail(z)));
    const alpha = Math.max(ALPHA, 1 / (ticks + 1));
    const step = ticks < WARM_TICKS ? x - mean : Math.max(-3, Math.min(3, z)) * sd;
    rows[m] = mean + alpha * step;
    rows[m + 1] = (1 - alpha) * ((rows[m + 1] as number) + alpha * step * step);
    return surprise > 0 ? surprise : 0;
  }

  #errorSurprise(edge: number, calls: number, errors: number): number {
    const rows = this.#rows;
    const r = edge * WIDTH;
    const pastCalls = rows[r + PAST_CALLS] as number;
    const pastErrors = rows[r + PAST_ERRORS] as number;
    let surprise = 0;
    if ((rows[r + TICKS] as number) >= WARM_TICKS) {
      const usual = (pastErrors + 1) / (pastCalls + 20);
      surprise = -Math.log10(this.#errorTails.observe(edge, binomialAtLeast(errors, calls, usual)));
    }
    // A burst of errors must not become the norm at once: at most twice the usual share is learnt.
    const cap = Math.max(1, (2 * calls * (pastErrors + 1)) / (pastCalls + 20));
    rows[r + PAST_CALLS] = pastCalls * KEEP + calls;
    rows[r + PAST_ERRORS] = pastErrors * KEEP + (surprise > 4 ? Math.min(errors, cap) : errors);
    return surprise > 0 ? surprise : 0;
  }
}

/** P(Z >= z) for a logistic of unit variance: heavier than normal, as means of latencies are. */
function upperTail(z: number): number {
  return z <= 0 ? 1 : Math.max(1e-12, 1 / (1 + Math.exp(1.8138 * z)));
}
