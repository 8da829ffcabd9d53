import type { Evidence } from '../../domain/anomaly.ts';
import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import {
  createEvidence,
  type OperationCatalogue,
  type ServiceNames,
  type SettledSpans,
  type TraceExamples,
} from '../../domain/signal/ticks.ts';
import type { EpochMs } from '../../domain/units.ts';
import { PairIndex } from '../../stats/pair-index.ts';
import {
  negativeBinomialAtLeast,
  negativeBinomialAtMost,
  poissonAtLeast,
  smallestOf,
} from '../../stats/tails/count-tails.ts';
import { ScoreTails } from '../../stats/tails/score-tails.ts';

export const TRACE_STRUCTURE_OPTIONS = {
  maxPairs: {
    type: 'integer',
    default: 16_384,
    min: 16,
    max: 4_000_000,
    doc: 'Pairs (operation, called operation) kept a shard, 64 bytes each.',
  },
  warmup: {
    type: 'integer',
    default: 30,
    min: 1,
    max: 100_000,
    doc: 'Ticks with spans before an operation is judged.',
  },
  memory: { type: 'integer', default: 2160, min: 10, max: 1_000_000, doc: 'Ticks that the usual structure remembers.' },
  minExpected: {
    type: 'number',
    default: 5,
    min: 1,
    max: 10_000,
    doc: 'Calls that must be expected in a tick before missing ones are judged.',
  },
  report: { type: 'number', default: 0.05, min: 1e-6, max: 1, doc: 'Findings with a larger p are not reported.' },
} as const satisfies OptionsSpec;
export type TraceStructureOptions = Options<typeof TRACE_STRUCTURE_OPTIONS>;

const VERSION = 1;
/** Doubles a pair: calls of the tick, past calls, past spans of the caller, excess variance of the ratio, ticks, example. */
const WIDTH = 6;
const CALLS = 0;
const PAST = 1;
const PAST_SPANS = 2;
const SPREAD = 3;
const TICKS = 4;
const TRACE = 5;
/** Doubles an operation: spans of the tick, ticks, decayed ticks, decayed count of new children. */
const OP_WIDTH = 4;
const MAX_FINDINGS = 3;

type Change = 'new' | 'missing' | 'more';
interface Finding {
  readonly pair: number;
  readonly change: Change;
  readonly p: number;
  readonly expected: number;
}

/**
 * Operations that call others than usual: a child never seen (against the decayed rate of new children), a child that is
 * missing, or called more often a call (N+1). Calls of a pair in a tick against a negative binomial at (past calls per
 * span of the caller) x (spans of the caller in the tick), whose spread is learnt. All counters fade.
 */
export class TraceStructure {
  readonly name = 'trace-structure';
  readonly #options: TraceStructureOptions;
  readonly #pairs: PairIndex;
  readonly #tails = new ScoreTails();
  #rows: Float64Array = new Float64Array(WIDTH * 256);
  #operations: Float64Array = new Float64Array(OP_WIDTH * 256);

  constructor(options: TraceStructureOptions) {
    this.#options = options;
    this.#pairs = new PairIndex(options.maxPairs);
  }

  /** Spans not followed because `maxPairs` was reached. */
  get refused(): number {
    return this.#pairs.refused;
  }

  observe(spans: SettledSpans): void {
    const { length, operation, parentOperation, trace } = spans;
    for (let i = 0; i < length; i += 1) {
      const own = operation[i] as number;
      if ((own + 1) * OP_WIDTH > this.#operations.length)
        this.#operations = grown(this.#operations, (own + 1) * OP_WIDTH);
      this.#operations[own * OP_WIDTH] = (this.#operations[own * OP_WIDTH] as number) + 1;
      const parent = parentOperation[i] as number;
      if (parent < 0) continue;
      const pair = this.#pairs.rowOf(parent, own);
      if (pair < 0) continue;
      const r = pair * WIDTH;
      if (r + WIDTH > this.#rows.length) this.#rows = grown(this.#rows, r + WIDTH);
      this.#rows[r + CALLS] = (this.#rows[r + CALLS] as number) + 1;
      if ((trace[i] as number) >= 0) this.#rows[r + TRACE] = (trace[i] as number) + 1;
    }
  }

  /** At most three findings a service (the caller's), p corrected for the pairs compared; then learns the tick. */
  closeTick(at: EpochMs, operations: OperationCatalogue, names: ServiceNames, traces: TraceExamples): Evidence[] {
    const found = new Map<number, Finding[]>();
    for (let pair = 0; pair < this.#pairs.size; pair += 1) {
      const parent = this.#pairs.firstOf(pair);
      const finding = this.#judge(pair, parent);
      if (finding === null) continue;
      const service = operations.serviceOf(parent);
      const list = found.get(service);
      if (list === undefined) found.set(service, [finding]);
      else list.push(finding);
    }
    const evidence: Evidence[] = [];
    for (const [service, list] of found) {
      list.sort((a, b) => a.p - b.p || a.pair - b.pair);
      const p = this.#tails.observe(service, smallestOf((list[0] as Finding).p, list.length));
      if (p > this.#options.report) continue;
      for (const finding of list.slice(0, MAX_FINDINGS)) {
        const own = Math.max(p, smallestOf(finding.p, list.length));
        if (own <= this.#options.report)
          evidence.push(this.#describe(finding, own, at, operations, names, service, traces));
      }
    }
    this.#learn();
    return evidence;
  }

  save(): StateBlob {
    return {
      version: VERSION,
      arrays: {
        pairs: this.#pairs.save(),
        rows: this.#rows.slice(),
        operations: this.#operations.slice(),
        tails: this.#tails.save().arrays['rows'] as Float32Array,
      },
      meta: { refused: this.#pairs.refused },
    };
  }

  restore(state: StateBlob): void {
    if (state.version !== VERSION)
      throw new TocsinError('state_version', `trace-structure state ${state.version} is unknown`);
    this.#pairs.restore(state.arrays['pairs'] as Int32Array);
    this.#pairs.refused = (state.meta as { refused: number }).refused;
    this.#rows = (state.arrays['rows'] as Float64Array).slice();
    this.#operations = (state.arrays['operations'] as Float64Array).slice();
    this.#tails.restore({ version: 1, arrays: { rows: state.arrays['tails'] as Float32Array }, meta: null });
  }

  #judge(pair: number, parent: number): Finding | null {
    const o = parent * OP_WIDTH;
    if (o >= this.#operations.length) return null;
    const spans = this.#operations[o] as number;
    if (spans === 0 || (this.#operations[o + 1] as number) < this.#options.warmup) return null;
    const r = pair * WIDTH;
    const calls = this.#rows[r + CALLS] as number;
    const past = this.#rows[r + PAST] as number;
    if ((this.#rows[r + TICKS] as number) === 0) {
      const perTick = ((this.#operations[o + 3] as number) + 1) / ((this.#operations[o + 2] as number) + 1);
      return { pair, change: 'new', p: poissonAtLeast(1, perTick), expected: 0 };
    }
    if ((this.#rows[r + TICKS] as number) < this.#options.warmup) return null;
    const expected = (past / Math.max(1e-9, this.#rows[r + PAST_SPANS] as number)) * spans;
    const size = 1 / Math.max(0.01, this.#rows[r + SPREAD] as number);
    if (calls > expected)
      return { pair, change: 'more', p: negativeBinomialAtLeast(calls, Math.max(0.5, expected), size), expected };
    if (expected < this.#options.minExpected) return null;
    return { pair, change: 'missing', p: negativeBinomialAtMost(calls, expected, size), expected };
  }

  #learn(): void {
    const keep = 1 - 1 / this.#options.memory;
    const rows = this.#rows;
    const operations = this.#operations;
    for (let pair = 0; pair < this.#pairs.size; pair += 1) {
      const r = pair * WIDTH;
      const o = this.#pairs.firstOf(pair) * OP_WIDTH;
      const spans = o < operations.length ? (operations[o] as number) : 0;
      const calls = rows[r + CALLS] as number;
      if (calls > 0 && rows[r + TICKS] === 0 && (operations[o + 1] ?? 0) >= this.#options.warmup)
        operations[o + 3] = (operations[o + 3] as number) + 1;
      if (spans > 0 || calls > 0) {
        const ratio = (rows[r + PAST] as number) / Math.max(1e-9, rows[r + PAST_SPANS] as number);
        const expected = ratio * spans;
        const ticks = rows[r + TICKS] as number;
        // Spread of the count beyond Poisson, relative to the mean squared; clipped so that one fault does not blind.
        if (expected >= 1 && ticks > 0) {
          const excess = Math.min(1, Math.max(0, ((calls - expected) ** 2 - expected) / (expected * expected)));
          rows[r + SPREAD] =
            (rows[r + SPREAD] as number) + Math.max(1 / 360, 1 / (ticks + 1)) * (excess - (rows[r + SPREAD] as number));
        }
        rows[r + PAST] =
          (rows[r + PAST] as number) * keep +
          (ticks >= this.#options.warmup ? Math.min(calls, 3 * expected + 3) : calls);
        rows[r + PAST_SPANS] = (rows[r + PAST_SPANS] as number) * keep + spans;
        rows[r + TICKS] = ticks + 1;
      }
      rows[r + CALLS] = 0;
      rows[r + TRACE] = 0;
    }
    for (let o = 0; o < operations.length; o += OP_WIDTH) {
      if (operations[o] === 0) continue;
      operations[o] = 0;
      operations[o + 1] = (operations[o + 1] as number) + 1;
      if ((operations[o + 1] as number) <= this.#options.warmup) continue;
      operations[o + 2] = (operations[o + 2] as number) * keep + 1;
      operations[o + 3] = (operations[o + 3] as number) * keep;
    }
  }

  #describe(
    finding: Finding,
    p: number,
    at: EpochMs,
    operations: OperationCatalogue,
    names: ServiceNames,
    service: number,
    traces: TraceExamples,
  ): Evidence {
    const { pair, change, expected } = finding;
    const parent = operations.nameOf(this.#pairs.firstOf(pair));
    const child = this.#pairs.secondOf(pair);
    const childService = operations.serviceOf(child);
    const childName =
      childService === service ? operations.nameOf(child) : `${names(childService)} ${operations.nameOf(child)}`;
    const calls = this.#rows[pair * WIDTH + CALLS] as number;
    const spans = this.#operations[this.#pairs.firstOf(pair) * OP_WIDTH] as number;
    const text =
      change === 'new'
        ? `${parent} called ${childName}, never seen before`
        : `${parent} called ${childName} ${calls} times in ${spans} calls, usually ${Number(expected.toPrecision(2))}`;
    const traceId = traces.traceIdOf((this.#rows[pair * WIDTH + TRACE] as number) - 1);
    return createEvidence({
      service: names(service),
      modality: 'trace',
      metric: 'span.structure',
      labels: { operation: parent },
      kind: 'structure',
      at,
      p,
      value: calls,
      expected,
      text,
      subject: `${parent} -> ${childName}`,
      ...(traceId === '' ? {} : { traceId }),
    });
  }
}

export function createTraceStructure(options: Partial<TraceStructureOptions> = {}): TraceStructure {
  return new TraceStructure({ ...defaultsOf(TRACE_STRUCTURE_OPTIONS), ...options });
}

function grown(old: Float64Array, needed: number): Float64Array {
  const next = new Float64Array(Math.max(needed, old.length * 2));
  next.set(old);
  return next;
}
