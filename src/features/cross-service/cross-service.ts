import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';

export const CROSS_SERVICE_OPTIONS = {
  memory_ticks: {
    type: 'integer',
    default: 720,
    min: 20,
    doc: 'Ticks that the usual correlation of an edge remembers.',
  },
  recent_ticks: {
    type: 'integer',
    default: 30,
    min: 8,
    doc: 'Ticks that the present correlation of an edge looks at.',
  },
  established: {
    type: 'number',
    default: 0.5,
    min: 0,
    max: 1,
    doc: 'Usual correlation from which on an edge is watched for a break.',
  },
} as const satisfies OptionsSpec;

export interface ServiceEdge {
  readonly caller: string;
  readonly callee: string;
}

export interface EdgeCorrelation {
  /** Ticks by which the callee leads. */
  readonly lag: number;
  readonly r: number;
  /** Ticks seen. */
  readonly ticks: number;
}

/** An edge whose services used to move together. */
export interface CorrelationBreak extends ServiceEdge {
  readonly lag: number;
  /** Usual and present correlation at that lag. */
  readonly usual: number;
  readonly recent: number;
  /** Unitless, never negative, larger is stranger: fall of Fisher's z in its standard errors. */
  readonly raw: number;
}

export interface CrossService {
  /**
   * One tick: a value a service (its surprise, or a residual; not finite or absent: unknown) and the edges that exist.
   * An edge learns where both services have a value.
   */
  observe(tick: ReadonlyMap<string, number>, edges: readonly ServiceEdge[]): void;
  /** Strongest usual correlation over the lags, null for an edge never seen or too young. */
  correlation(caller: string, callee: string): EdgeCorrelation | null;
  /** Watched edges with a score, in order of first sight; what is calm on both sides scores 0. */
  breaks(): readonly CorrelationBreak[];
  save(): StateBlob;
  restore(state: StateBlob): void;
}

const VERSION = 1;
const LAGS = 4;
/** Values are clipped to this many deviations: one burst must not make a correlation. */
const CLIP = 5;
const FORGET_AFTER = 10;
const WARM_UP = 20;
/** The recent window says nothing unless one side moves at least this share of its usual variance. */
const MOVING = 0.5;

interface ServiceState {
  ticks: number;
  mean: number;
  variance: number;
  /** Standardised values, newest first; NaN where unknown. */
  recent: number[];
}

interface EdgeState {
  readonly caller: string;
  readonly callee: string;
  ticks: number;
  unseen: number;
  /** For each lag, and slow then fast: xy, xx, yy. */
  readonly moments: number[];
}

export function createCrossService(
  options: Options<typeof CROSS_SERVICE_OPTIONS> = defaultsOf(CROSS_SERVICE_OPTIONS),
): CrossService {
  let services = new Map<string, ServiceState>();
  let edges = new Map<string, EdgeState>();
  const slow = 1 / options.memory_ticks;
  const fast = 1 / options.recent_ticks;

  function standardise(name: string, value: number): void {
    let state = services.get(name);
    if (state === undefined) {
      state = { ticks: 0, mean: 0, variance: 0, recent: new Array<number>(LAGS).fill(Number.NaN) };
      services.set(name, state);
    }
    let z = Number.NaN;
    if (Number.isFinite(value)) {
      // Scored by what was known before, then learnt; the first ticks count as in a plain mean.
      const rate = Math.max(slow, 1 / (state.ticks + 1));
      const off = value - state.mean;
      const scale = Math.sqrt(state.variance);
      z =
        state.ticks < 2 || scale === 0
          ? Math.sign(off) * Number(state.ticks > 0)
          : Math.max(-CLIP, Math.min(CLIP, off / scale));
      const step = state.ticks > WARM_UP ? Math.max(-CLIP * scale, Math.min(CLIP * scale, off)) : off;
      state.mean += rate * step;
      state.variance = (1 - rate) * (state.variance + rate * step * step);
      state.ticks++;
    }
    state.recent.unshift(z);
    state.recent.length = LAGS;
  }

  function learn(edge: EdgeState): void {
    const x = services.get(edge.caller)?.recent[0] ?? Number.NaN;
    const callee = services.get(edge.callee)?.recent;
    if (Number.isNaN(x) || callee === undefined || Number.isNaN(callee[0])) return;
    edge.ticks++;
    for (let lag = 0; lag < LAGS; lag++) {
      const y = callee[lag] as number;
      if (Number.isNaN(y)) continue;
      for (let speed = 0; speed < 2; speed++) {
        const rate = Math.max(speed === 0 ? slow : fast, 1 / edge.ticks);
        const at = (lag * 2 + speed) * 3;
        edge.moments[at] = (edge.moments[at] as number) * (1 - rate) + rate * x * y;
        edge.moments[at + 1] = (edge.moments[at + 1] as number) * (1 - rate) + rate * x * x;
        edge.moments[at + 2] = (edge.moments[at + 2] as number) * (1 - rate) + rate * y * y;
      }
    }
  }

  function correlationAt(edge: EdgeState, lag: number, speed: 0 | 1): number {
    const at = (lag * 2 + speed) * 3;
    const scale = Math.sqrt((edge.moments[at + 1] as number) * (edge.moments[at + 2] as number));
    return scale > 0 ? Math.max(-1, Math.min(1, (edge.moments[at] as number) / scale)) : 0;
  }

  function strongest(edge: EdgeState): number {
    let best = 0;
    for (let lag = 1; lag < LAGS; lag++) {
      if (Math.abs(correlationAt(edge, lag, 0)) > Math.abs(correlationAt(edge, best, 0))) best = lag;
    }
    return best;
  }

  function moves(edge: EdgeState, lag: number): boolean {
    const s = lag * 6;
    const m = edge.moments;
    return (m[s + 4] as number) > MOVING * (m[s + 1] as number) || (m[s + 5] as number) > MOVING * (m[s + 2] as number);
  }

  return {
    observe(tick, current) {
      for (const [name, value] of tick) standardise(name, value);
      for (const [name, state] of services) {
        if (tick.has(name)) continue;
        state.recent.unshift(Number.NaN);
        state.recent.length = LAGS;
      }
      for (const edge of edges.values()) edge.unseen++;
      for (const { caller, callee } of current) {
        const key = JSON.stringify([caller, callee]);
        let edge = edges.get(key);
        if (edge === undefined) {
          edge = { caller, callee, ticks: 0, unseen: 0, moments: new Array<number>(LAGS * 6).fill(0) };
          edges.set(key, edge);
        }
        edge.unseen = 0;
        learn(edge);
      }
      for (const [key, edge] of edges) if (edge.unseen > FORGET_AFTER * options.memory_ticks) edges.delete(key);
    },

    correlation(caller, callee) {
      const edge = edges.get(JSON.stringify([caller, callee]));
      if (edge === undefined || edge.ticks < WARM_UP) return null;
      const lag = strongest(edge);
      return { lag, r: correlationAt(edge, lag, 0), ticks: edge.ticks };
    },

    breaks() {
      const out: CorrelationBreak[] = [];
      for (const edge of edges.values()) {
        if (edge.ticks < WARM_UP + 2 * options.recent_ticks || edge.unseen > 0) continue;
        const lag = strongest(edge);
        const usual = correlationAt(edge, lag, 0);
        if (Math.abs(usual) < options.established) continue;
        const recent = correlationAt(edge, lag, 1);
        // Effective sample size of an exponential window of n ticks is about 2n.
        const errors = Math.sqrt(2 * options.recent_ticks - 3);
        const fall = Math.sign(usual) * (fisher(usual) - fisher(recent)) * errors;
        const raw = moves(edge, lag) ? Math.max(0, fall) : 0;
        out.push({ caller: edge.caller, callee: edge.callee, lag, usual, recent, raw });
      }
      return out;
    },

    save: () => ({
      version: VERSION,
      arrays: {},
      meta: structuredCopy({ services: [...services], edges: [...edges] }),
    }),

    restore(state) {
      if (state.version !== VERSION) throw new TocsinError('state_version', `cross-service state ${state.version}`);
      const meta = structuredCopy(state.meta) as { services: [string, ServiceState][]; edges: [string, EdgeState][] };
      // JSON has no NaN: unknown values come back as null.
      for (const [, service] of meta.services)
        service.recent = service.recent.map((z: number | null) => z ?? Number.NaN);
      services = new Map(meta.services);
      edges = new Map(meta.edges);
    },
  };
}

function fisher(r: number): number {
  const bounded = Math.max(-0.999, Math.min(0.999, r));
  return 0.5 * Math.log((1 + bounded) / (1 - bounded));
}

function structuredCopy(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}
