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
import { binomialAtLeast, smallestOf } from '../../stats/tails/count-tails.ts';
import { ScoreTails } from '../../stats/tails/score-tails.ts';

export const TRACE_ERRORS_OPTIONS = {
  warmup: {
    type: 'integer',
    default: 12,
    min: 1,
    max: 100_000,
    doc: 'Ticks with spans before an operation is judged.',
  },
  memory: {
    type: 'integer',
    default: 2160,
    min: 10,
    max: 1_000_000,
    doc: 'Ticks that the usual error share remembers.',
  },
  report: { type: 'number', default: 0.05, min: 1e-6, max: 1, doc: 'Findings with a larger p are not reported.' },
} as const satisfies OptionsSpec;
export type TraceErrorsOptions = Options<typeof TRACE_ERRORS_OPTIONS>;

const VERSION = 2;
/** Doubles an operation: spans and errors of the tick, of the past, ticks, example trace, spans and errors of late. */
const WIDTH = 8;
const SPANS = 0;
const ERRORS = 1;
const PAST_SPANS = 2;
const PAST_ERRORS = 3;
const TICKS = 4;
const TRACE = 5;
const RECENT_SPANS = 6;
const RECENT_ERRORS = 7;
/** What a tick of late still counts one tick on: about a minute in all, so that an operation called once a tick is judged too. */
const RECENT_KEEP = 0.8;
/** Prior: one error in 100 spans. A first error of an operation that never failed in 1000 spans has p about 1e-3. */
const PRIOR_ERRORS = 0.5;
const PRIOR_SPANS = 50;
const MAX_FINDINGS = 3;

interface Finding {
  readonly operation: number;
  readonly p: number;
}

/**
 * Operations that fail more than usual: errors of a tick against a binomial at the decayed share of the past, per
 * operation. While p < 1e-4 the past learns no more errors than it expects.
 */
export class TraceErrors {
  readonly name = 'trace-errors';
  readonly #options: TraceErrorsOptions;
  readonly #tails = new ScoreTails();
  #rows: Float64Array = new Float64Array(WIDTH * 256);

  constructor(options: TraceErrorsOptions) {
    this.#options = options;
  }

  observe(spans: SettledSpans): void {
    const { length, operation, error, trace } = spans;
    for (let i = 0; i < length; i += 1) {
      const r = (operation[i] as number) * WIDTH;
      if (r + WIDTH > this.#rows.length) this.#grow(r + WIDTH);
      const rows = this.#rows;
      rows[r + SPANS] = (rows[r + SPANS] as number) + 1;
      if ((error[i] as number) === 0) continue;
      rows[r + ERRORS] = (rows[r + ERRORS] as number) + 1;
      if ((trace[i] as number) >= 0) rows[r + TRACE] = (trace[i] as number) + 1;
    }
  }

  /** At most three findings a service, p corrected for the operations compared; then learns the tick. */
  closeTick(at: EpochMs, operations: OperationCatalogue, names: ServiceNames, traces: TraceExamples): Evidence[] {
    const found = new Map<number, Finding[]>();
    const size = Math.min(operations.size, this.#rows.length / WIDTH);
    for (let operation = 0; operation < size; operation += 1) {
      const r = operation * WIDTH;
      const spans = this.#rows[r + SPANS] as number;
      if (spans === 0 || (this.#rows[r + TICKS] as number) < this.#options.warmup) continue;
      const p = this.#judge(r);
      const service = operations.serviceOf(operation);
      const list = found.get(service);
      if (list === undefined) found.set(service, [{ operation, p }]);
      else list.push({ operation, p });
    }
    const evidence: Evidence[] = [];
    for (const [service, list] of found) {
      list.sort((a, b) => a.p - b.p || a.operation - b.operation);
      const p = this.#tails.observe(service, smallestOf((list[0] as Finding).p, list.length));
      if (p > this.#options.report) continue;
      for (const finding of list.slice(0, MAX_FINDINGS)) {
        const own = Math.max(p, smallestOf(finding.p, list.length));
        if (own <= this.#options.report)
          evidence.push(this.#describe(finding.operation, own, at, operations, names(service), traces));
      }
    }
    for (let operation = 0; operation < size; operation += 1) this.#learn(operation * WIDTH);
    return evidence;
  }

  save(): StateBlob {
    return {
      version: VERSION,
      arrays: { rows: this.#rows.slice(), tails: this.#tails.save().arrays['rows'] as Float32Array },
      meta: null,
    };
  }

  restore(state: StateBlob): void {
    if (state.version !== VERSION)
      throw new TocsinError('state_version', `trace-errors state ${state.version} is unknown`);
    this.#rows = (state.arrays['rows'] as Float64Array).slice();
    this.#tails.restore({ version: 1, arrays: { rows: state.arrays['tails'] as Float32Array }, meta: null });
  }

  #usual(r: number): number {
    return (
      ((this.#rows[r + PAST_ERRORS] as number) + PRIOR_ERRORS) / ((this.#rows[r + PAST_SPANS] as number) + PRIOR_SPANS)
    );
  }

  /** The tick alone, or with what came before it in the last minute, whichever is stranger. */
  #judge(r: number): number {
    const rows = this.#rows;
    const spans = rows[r + SPANS] as number;
    const errors = rows[r + ERRORS] as number;
    const usual = this.#usual(r);
    if (errors === 0) return 1;
    const recentSpans = (rows[r + RECENT_SPANS] as number) * RECENT_KEEP + spans;
    const recentErrors = (rows[r + RECENT_ERRORS] as number) * RECENT_KEEP + errors;
    const now = binomialAtLeast(errors, spans, usual);
    return smallestOf(Math.min(now, binomialAtLeast(recentErrors, recentSpans, usual)), 2);
  }

  #learn(r: number): void {
    const rows = this.#rows;
    const spans = rows[r + SPANS] as number;
    if (spans === 0) return;
    const keep = 1 - 1 / this.#options.memory;
    const errors = rows[r + ERRORS] as number;
    const usual = this.#usual(r);
    const isStrange = (rows[r + TICKS] as number) >= this.#options.warmup && this.#judge(r) < 1e-4;
    rows[r + RECENT_SPANS] = (rows[r + RECENT_SPANS] as number) * RECENT_KEEP + spans;
    rows[r + RECENT_ERRORS] = (rows[r + RECENT_ERRORS] as number) * RECENT_KEEP + errors;
    rows[r + PAST_SPANS] = (rows[r + PAST_SPANS] as number) * keep + spans;
    rows[r + PAST_ERRORS] =
      (rows[r + PAST_ERRORS] as number) * keep + (isStrange ? Math.min(errors, 2 * usual * spans) : errors);
    rows[r + TICKS] = (rows[r + TICKS] as number) + 1;
    rows[r + SPANS] = 0;
    rows[r + ERRORS] = 0;
    rows[r + TRACE] = 0;
  }

  #describe(
    operation: number,
    p: number,
    at: EpochMs,
    operations: OperationCatalogue,
    service: string,
    traces: TraceExamples,
  ): Evidence {
    const r = operation * WIDTH;
    const spans = this.#rows[r + SPANS] as number;
    const errors = this.#rows[r + ERRORS] as number;
    const past = this.#rows[r + PAST_SPANS] as number;
    const usual = past > 0 ? (this.#rows[r + PAST_ERRORS] as number) / past : 0;
    const name = operations.nameOf(operation);
    const traceId = traces.traceIdOf((this.#rows[r + TRACE] as number) - 1);
    return createEvidence({
      service,
      modality: 'trace',
      metric: 'span.error_ratio',
      unit: '1',
      labels: { operation: name },
      kind: 'errors',
      at,
      p,
      value: errors / spans,
      expected: usual,
      text: `${errors} of ${spans} calls of ${name} failed (${percent(errors / spans)}), usually ${percent(usual)}`,
      subject: name,
      ...(traceId === '' ? {} : { traceId }),
    });
  }

  #grow(needed: number): void {
    const next = new Float64Array(Math.max(needed, this.#rows.length * 2));
    next.set(this.#rows);
    this.#rows = next;
  }
}

export function createTraceErrors(options: Partial<TraceErrorsOptions> = {}): TraceErrors {
  return new TraceErrors({ ...defaultsOf(TRACE_ERRORS_OPTIONS), ...options });
}

function percent(share: number): string {
  return share === 0 ? '0 %' : `${Number((share * 100).toPrecision(2))} %`;
}
