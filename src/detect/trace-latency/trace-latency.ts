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
import { binomialAtLeast, smallestOf } from '../../stats/tails/count-tails.ts';
import { ScoreTails } from '../../stats/tails/score-tails.ts';

export const TRACE_LATENCY_OPTIONS = {
  maxKeys: {
    type: 'integer',
    default: 8192,
    min: 16,
    max: 1_000_000,
    doc: 'Span keys (operation, calling service) kept a shard, about 0.9 KB each.',
  },
  warmup: { type: 'integer', default: 12, min: 1, max: 100_000, doc: 'Ticks with spans before a key is judged.' },
  warmupSpans: { type: 'integer', default: 100, min: 10, max: 1_000_000, doc: 'Spans before a key is judged.' },
  minSpans: {
    type: 'integer',
    default: 3,
    min: 1,
    max: 100_000,
    doc: 'Spans of a key that are judged at once; fewer wait for those of the next ticks, a minute at most.',
  },
  memory: { type: 'integer', default: 2160, min: 10, max: 1_000_000, doc: 'Ticks that the usual latency remembers.' },
  report: { type: 'number', default: 0.05, min: 1e-6, max: 1, doc: 'Findings with a larger p are not reported.' },
} as const satisfies OptionsSpec;
export type TraceLatencyOptions = Options<typeof TRACE_LATENCY_OPTIONS>;

const VERSION = 2;
/** Eight bins an octave (9 % wide) from 2^-10 ms to 2^16 ms. */
const BINS = 208;
const FIRST_EXPONENT = 127 - 10;
/** Shares of the slowest spans that are watched. */
const LEVELS = [0.1, 0.01] as const;
/** Shares watched beyond what the history has shown, at the times that its tail (Hill) lets expect them. */
const BEYOND = [1e-3, 1e-4] as const;
/** ln of a bin's width, and of the tail's mean excess at least and before anything is known, worth so many spans. */
const LN_BIN = Math.LN2 / 8;
const LEAST_EXCESS = 0.15;
const USUAL_EXCESS = 0.5;
const USUAL_SPANS = 10;
/** Doubles a key: spans and frozen ticks, ticks, total weight, usual tick p99 (ln ms) and its variance, slowest trace and its time, ticks waited. */
const META = 9;
const SPANS = 0;
const FROZEN = 1;
const TICKS = 2;
const TOTAL = 3;
const P99 = 4;
const P99_VAR = 5;
const TRACE = 6;
const SLOWEST = 7;
const WAITED = 8;
/** Ticks that a few spans wait for more before they are learnt unjudged. */
const LONGEST_WAIT = 6;
const MAX_FROZEN = 180;
const MAX_FINDINGS = 3;

const f32 = new Float32Array(1);
const bits = new Int32Array(f32.buffer);

interface Finding {
  readonly key: number;
  readonly p: number;
  readonly p99: number;
}

/**
 * What is timed: a span's own time, or the gap, which is the caller's span minus the callee's where they are two services
 * (network and waiting to be served, charged to the callee).
 */
export type Measured = 'self' | 'gap';

/**
 * Operations that became slow by themselves. Per span key (operation, calling service) a decayed log histogram of SELF
 * time; per tick the share of spans beyond the key's 90 % and 99 % quantiles against a binomial at the share that history
 * has there. Never decides on one span. Learning stops while p < 1e-4, for at most half an hour.
 */
export class TraceLatency {
  readonly name: string;
  readonly #options: TraceLatencyOptions;
  readonly #measured: Measured;
  readonly #keys: PairIndex;
  readonly #tails = new ScoreTails();
  #past: Float32Array = new Float32Array(BINS * 64);
  #now: Uint32Array = new Uint32Array(BINS * 64);
  #places: Int32Array = new Int32Array(2048);
  #meta: Float64Array = new Float64Array(META * 64);

  constructor(options: TraceLatencyOptions, measured: Measured = 'self') {
    this.name = measured === 'self' ? 'trace-latency' : 'trace-gap';
    this.#options = options;
    this.#measured = measured;
    this.#keys = new PairIndex(options.maxKeys);
  }

  /** Spans not followed because `maxKeys` was reached. */
  get refused(): number {
    return this.#keys.refused;
  }

  observe(spans: SettledSpans): void {
    const { length, operation, parentService, trace } = spans;
    const times = this.#measured === 'self' ? spans.selfMs : spans.gapMs;
    if (this.#places.length < length) this.#places = new Int32Array(length);
    const places = this.#places;
    for (let i = 0; i < length; i += 1) {
      places[i] = -1;
      const time = times[i] as number;
      // A gap exists between services only; it is NaN elsewhere.
      if (Number.isNaN(time)) continue;
      const key = this.#keys.rowOf(operation[i] as number, parentService[i] as number);
      if (key < 0) continue;
      if ((key + 1) * BINS > this.#now.length) this.#grow(key + 1);
      places[i] = key * BINS + binOf(time > 0 ? time : 0);
      const meta = this.#meta;
      const m = key * META;
      meta[m + SPANS] = (meta[m + SPANS] as number) + 1;
      if (time >= (meta[m + SLOWEST] as number) && (trace[i] as number) >= 0) {
        meta[m + SLOWEST] = time;
        meta[m + TRACE] = (trace[i] as number) + 1;
      }
    }
    // Nearly every span touches another line of the table: apart, so that the misses overlap.
    const now = this.#now;
    for (let i = 0; i < length; i += 1) {
      const place = places[i] as number;
      if (place >= 0) now[place] = (now[place] as number) + 1;
    }
  }

  /** At most three findings a service, p corrected for the keys compared; then learns the tick. */
  closeTick(at: EpochMs, operations: OperationCatalogue, names: ServiceNames, traces: TraceExamples): Evidence[] {
    const found = new Map<number, Finding[]>();
    const tested = new Map<number, number>();
    const claimed = new Map<number, number>();
    for (let key = 0; key < this.#keys.size; key += 1) {
      const m = key * META;
      const spans = this.#meta[m + SPANS] as number;
      if (spans === 0) continue;
      const waited = this.#meta[m + WAITED] as number;
      if (spans < this.#options.minSpans && waited < LONGEST_WAIT) {
        this.#meta[m + WAITED] = waited + 1;
        continue;
      }
      this.#meta[m + WAITED] = 0;
      const isReady =
        (this.#meta[m + TICKS] as number) >= this.#options.warmup &&
        (this.#meta[m + TOTAL] as number) >= this.#options.warmupSpans;
      const p99 = this.#quantile(key, 0.99, spans);
      let p = 1;
      if (isReady && spans >= this.#options.minSpans) {
        p = this.#judge(key, spans);
        const service = operations.serviceOf(this.#keys.firstOf(key));
        tested.set(service, (tested.get(service) ?? 0) + 1);
        const list = found.get(service);
        if (list === undefined) found.set(service, [{ key, p, p99 }]);
        else list.push({ key, p, p99 });
      }
      claimed.set(key, p);
    }
    const evidence: Evidence[] = [];
    for (const [service, tests] of tested) {
      const list = (found.get(service) as Finding[]).sort((a, b) => a.p - b.p || a.key - b.key);
      const p = this.#tails.observe(service, smallestOf((list[0] as Finding).p, tests));
      if (p > this.#options.report) continue;
      for (const finding of list.slice(0, MAX_FINDINGS)) {
        const own = Math.max(p, smallestOf(finding.p, tests));
        if (own <= this.#options.report)
          evidence.push(this.#describe(finding, own, at, operations, names, service, traces));
      }
    }
    for (const [key, p] of claimed) this.#learn(key, p);
    return evidence;
  }

  save(): StateBlob {
    const size = this.#keys.size;
    return {
      version: VERSION,
      arrays: {
        keys: this.#keys.save(),
        past: this.#past.slice(0, size * BINS),
        now: this.#now.slice(0, size * BINS),
        meta: this.#meta.slice(0, size * META),
        tails: this.#tails.save().arrays['rows'] as Float32Array,
      },
      meta: { refused: this.#keys.refused },
    };
  }

  restore(state: StateBlob): void {
    if (state.version !== VERSION)
      throw new TocsinError('state_version', `trace-latency state ${state.version} is unknown`);
    this.#keys.restore(state.arrays['keys'] as Int32Array);
    this.#keys.refused = (state.meta as { refused: number }).refused;
    this.#grow(Math.max(64, this.#keys.size));
    this.#past.fill(0).set(state.arrays['past'] as Float32Array);
    this.#now.fill(0).set(state.arrays['now'] as Uint32Array);
    this.#meta.fill(0).set(state.arrays['meta'] as Float64Array);
    this.#tails.restore({ version: 1, arrays: { rows: state.arrays['tails'] as Float32Array }, meta: null });
  }

  /** Smallest p over the watched shares, corrected for their number. */
  #judge(key: number, spans: number): number {
    const from = key * BINS;
    const total = this.#meta[key * META + TOTAL] as number;
    let best = 1;
    let beyond = 0;
    let now = 0;
    let level = LEVELS.length - 1;
    let tail = BINS;
    // From the slow end down: as soon as the next bin would exceed a level, judge at the edge reached.
    for (let bin = BINS - 1; bin >= 0 && level >= 0; bin -= 1) {
      const past = this.#past[from + bin] as number;
      while (level >= 0 && beyond + past > (LEVELS[level] as number) * total) {
        if (now > 0) best = Math.min(best, binomialAtLeast(now, spans, (beyond + 1) / (total + 2)));
        tail = bin;
        level -= 1;
      }
      beyond += past;
      now += this.#now[from + bin] as number;
    }
    return smallestOf(Math.min(best, this.#judgeBeyond(from, tail, spans)), LEVELS.length + BEYOND.length);
  }

  /** A time two hundred times the usual says more than one just beyond the slowest hundredth. @param tail Bin of the 90 % quantile. */
  #judgeBeyond(from: number, tail: number, spans: number): number {
    let weight = USUAL_SPANS;
    let excess = USUAL_SPANS * USUAL_EXCESS;
    for (let bin = tail + 1; bin < BINS; bin += 1) {
      const past = this.#past[from + bin] as number;
      weight += past;
      excess += past * (bin - tail - 0.5) * LN_BIN;
    }
    const mean = Math.max(LEAST_EXCESS, excess / weight);
    let best = 1;
    for (const share of BEYOND) {
      const edge = tail + 1 + Math.ceil((mean * Math.log(LEVELS[0] / share)) / LN_BIN);
      let now = 0;
      for (let bin = edge; bin < BINS; bin += 1) now += this.#now[from + bin] as number;
      // One span never decides, however slow.
      if (now > 1) best = Math.min(best, binomialAtLeast(now, spans, share));
    }
    return best;
  }

  #quantile(key: number, q: number, spans: number): number {
    let left = Math.floor((1 - q) * spans);
    for (let bin = BINS - 1; bin >= 0; bin -= 1) {
      left -= this.#now[key * BINS + bin] as number;
      if (left < 0) return middleOf(bin);
    }
    return 0;
  }

  #learn(key: number, p: number): void {
    const m = key * META;
    const meta = this.#meta;
    const spans = meta[m + SPANS] as number;
    const isFrozen = p < 1e-4 && (meta[m + FROZEN] as number) < MAX_FROZEN;
    meta[m + FROZEN] = isFrozen ? (meta[m + FROZEN] as number) + 1 : p < 1e-4 ? MAX_FROZEN : 0;
    const from = key * BINS;
    if (!isFrozen) {
      const keep = 1 - 1 / this.#options.memory;
      const ln = Math.log(Math.max(1e-3, this.#quantile(key, 0.99, spans)));
      const ticks = meta[m + TICKS] as number;
      const alpha = Math.max(1 / 360, 1 / (ticks + 1));
      const delta = ln - (meta[m + P99] as number);
      meta[m + P99] = (meta[m + P99] as number) + alpha * delta;
      meta[m + P99_VAR] = (1 - alpha) * ((meta[m + P99_VAR] as number) + (ticks === 0 ? 0 : alpha * delta * delta));
      meta[m + TICKS] = ticks + 1;
      meta[m + TOTAL] = (meta[m + TOTAL] as number) * keep + spans;
      for (let bin = from; bin < from + BINS; bin += 1)
        this.#past[bin] = (this.#past[bin] as number) * keep + (this.#now[bin] as number);
    }
    this.#now.fill(0, from, from + BINS);
    meta[m + SPANS] = 0;
    meta[m + TRACE] = 0;
    meta[m + SLOWEST] = 0;
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
    const { key, p99 } = finding;
    const m = key * META;
    const operation = operations.nameOf(this.#keys.firstOf(key));
    const parent = this.#keys.secondOf(key);
    const sd = Math.max(0.05, Math.sqrt(this.#meta[m + P99_VAR] as number));
    const usual = this.#meta[m + P99] as number;
    const lower = Math.exp(usual - 2 * sd);
    const upper = Math.exp(usual + 2 * sd);
    const usually = `${inWords(p99)}, usually ${inWords(lower)} to ${inWords(upper)}`;
    const caller = parent >= 0 && parent !== service ? names(parent) : '';
    const isGap = this.#measured === 'gap';
    const text = isGap
      ? `calls of ${operation} from ${caller} wait outside it: p99 ${usually}`
      : `own time p99 of ${operation}${caller === '' ? '' : ` (called by ${caller})`} ${usually}`;
    const traceId = traces.traceIdOf((this.#meta[m + TRACE] as number) - 1);
    return createEvidence({
      service: names(service),
      modality: 'trace',
      metric: isGap ? 'edge.gap' : 'span.self_time',
      unit: 'ms',
      labels: isGap ? { operation, caller } : { operation },
      kind: 'latency',
      at,
      p,
      value: p99,
      expected: Math.exp(usual),
      lower,
      upper,
      text,
      subject: operation,
      ...(traceId === '' ? {} : { traceId }),
    });
  }

  #grow(keys: number): void {
    const capacity = Math.max(keys, (this.#now.length / BINS) * 2);
    const past = new Float32Array(capacity * BINS);
    past.set(this.#past);
    this.#past = past;
    const now = new Uint32Array(capacity * BINS);
    now.set(this.#now);
    this.#now = now;
    const meta = new Float64Array(capacity * META);
    meta.set(this.#meta);
    this.#meta = meta;
  }
}

export function createTraceLatency(
  options: Partial<TraceLatencyOptions> = {},
  measured: Measured = 'self',
): TraceLatency {
  return new TraceLatency({ ...defaultsOf(TRACE_LATENCY_OPTIONS), ...options }, measured);
}

/** Exponent and top three mantissa bits of a float32: a bin without a logarithm. */
function binOf(ms: number): number {
  f32[0] = ms;
  const bin = ((bits[0] as number) >> 20) - FIRST_EXPONENT * 8;
  return bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin;
}

function middleOf(bin: number): number {
  bits[0] = ((bin + FIRST_EXPONENT * 8) << 20) | (1 << 19);
  return f32[0] as number;
}

function inWords(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toPrecision(2)} s`;
  return ms >= 1 ? `${Number(ms.toPrecision(2))} ms` : `${Number((ms * 1000).toPrecision(2))} us`;
}
