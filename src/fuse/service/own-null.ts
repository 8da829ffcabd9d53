import type { DurationMs, EpochMs } from '../../domain/units.ts';
import { SMALLEST_P } from './combine-p.ts';

/**
 * What a service's combined p is worth, learnt from its own history (methods page 1.5). Series of one service move
 * together, so the raw combination is over- or under-confident in a way particular to the service. The tail of
 * s = -log10 p is described by three numbers: share above 1, share above 2.5, mean excess above 2.5. Each is shrunk to
 * the shard's pooled figure and that to the theory (0.1, 10^-2.5, 1 / ln 10), so a young service is judged like its
 * siblings and an hour of history already counts.
 */
export interface OwnNull {
  grow(services: number): void;
  /** Calibrated p of a combined surprise of the service; continuous and decreasing in s, at least 1e-6. */
  p(service: number, surprise: number): number;
  /** Learns one closed tick. Call after `p` with its result. */
  learn(service: number, surprise: number, p: number, at: EpochMs): void;
  readonly columns: Readonly<Record<(typeof COLUMNS)[number], Float64Array>>;
  readonly pooled: Float64Array;
  load(columns: Readonly<Record<string, Float64Array>>, pooled: Float64Array): void;
}

const LOW = 1;
const HIGH = 2.5;
const THEORY_LOW = 10 ** -LOW;
const THEORY_HIGH = 10 ** -HIGH;
const THEORY_EXCESS = 1 / Math.LN10;
/** Ticks (shares) and exceedances (excess) that the prior is worth. */
const PRIOR_TICKS = 1000;
const PRIOR_EXCESSES = 15;
/** Totals are halved beyond this many ticks: exponential forgetting. */
const MEMORY = 12_000;
const EXCESS_CLIP = 1.5;
const LONGEST_EXCESS = 1.2;
/** Strange ticks closer together than this are one event; only the first two of an event are learnt. */
const RUN_GAP: EpochMs = 300_000;
const RUN_LEARNT = 2;
/** A tick this strange is probably an incident: it is learnt once per event and at this weight. */
const FROZEN_P = 1e-4;
const FROZEN_WEIGHT = 0.25;

const COLUMNS = ['ticks', 'low', 'high', 'excess', 'lastStrange', 'run', 'runStart'] as const;

/**
 * @param span How long one event makes a statistic strange by its own memory, ms: so much of a run is no repetition.
 * @param clip Excess that is learnt at most. @param longest Largest mean excess.
 */
export function createOwnNull(span: DurationMs = 0, clip = EXCESS_CLIP, longest = LONGEST_EXCESS): OwnNull {
  /** Mean of the theory's excess as clipped: what the prior contributes. */
  const theoryClipped = THEORY_EXCESS * (1 - Math.exp(-clip / THEORY_EXCESS));
  let capacity = 0;
  let columns = emptyColumns(0);
  let pooled = new Float64Array(4);

  function grow(services: number): void {
    if (services <= capacity) return;
    const next = emptyColumns(Math.max(16, services, capacity * 2));
    for (const name of COLUMNS) next[name].set(columns[name]);
    columns = next;
    capacity = next.ticks.length;
  }

  function shape(service: number): { low: number; high: number; excess: number } {
    const pooledTicks = pooled[0] ?? 0;
    const pooledLow = (PRIOR_TICKS * THEORY_LOW + (pooled[1] ?? 0)) / (PRIOR_TICKS + pooledTicks);
    const pooledHigh = (PRIOR_TICKS * THEORY_HIGH + (pooled[2] ?? 0)) / (PRIOR_TICKS + pooledTicks);
    const pooledExcess = (PRIOR_EXCESSES * theoryClipped + (pooled[3] ?? 0)) / (PRIOR_EXCESSES + (pooled[2] ?? 0));
    const ticks = columns.ticks[service] ?? 0;
    const high = columns.high[service] ?? 0;
    const low = (PRIOR_TICKS * pooledLow + (columns.low[service] ?? 0)) / (PRIOR_TICKS + ticks);
    return {
      low: Math.min(0.5, Math.max(0.02, low)),
      high: Math.min(low * 0.5, Math.max(1e-4, (PRIOR_TICKS * pooledHigh + high) / (PRIOR_TICKS + ticks))),
      excess: unclipped(
        clip,
        longest,
        (PRIOR_EXCESSES * pooledExcess + (columns.excess[service] ?? 0)) / (PRIOR_EXCESSES + high),
      ),
    };
  }

  function halve(array: Float64Array, index: number): void {
    array[index] = (array[index] ?? 0) / 2;
  }

  return {
    grow,
    get columns() {
      return columns;
    },
    get pooled() {
      return pooled;
    },
    p(service, surprise) {
      const s = Math.max(0, surprise);
      const { low, high, excess } = shape(service);
      if (s <= LOW) return low ** (s / LOW);
      if (s <= HIGH) return low * (high / low) ** ((s - LOW) / (HIGH - LOW));
      return Math.max(SMALLEST_P, high * Math.exp(-(s - HIGH) / excess));
    },
    learn(service, surprise, p, at) {
      let weight = 1;
      if (surprise > HIGH) {
        const sameRun = at - (columns.lastStrange[service] ?? -Infinity) <= RUN_GAP;
        const run = sameRun ? (columns.run[service] ?? 0) + 1 : 1;
        columns.run[service] = run;
        if (!sameRun) columns.runStart[service] = at;
        columns.lastStrange[service] = at;
        const echo = span > 0 && at - (columns.runStart[service] ?? at) <= span;
        if (p < FROZEN_P) weight = run > 1 ? 0 : FROZEN_WEIGHT;
        else if (run > RUN_LEARNT && !echo) weight = 0;
      }
      if (weight === 0) return;
      const low = surprise > LOW ? weight : 0;
      const high = surprise > HIGH ? weight : 0;
      const excess = high * Math.min(clip, surprise - HIGH);
      columns.ticks[service] = (columns.ticks[service] ?? 0) + weight;
      columns.low[service] = (columns.low[service] ?? 0) + low;
      columns.high[service] = (columns.high[service] ?? 0) + high;
      columns.excess[service] = (columns.excess[service] ?? 0) + excess;
      if ((columns.ticks[service] ?? 0) > MEMORY) {
        for (const name of ['ticks', 'low', 'high', 'excess'] as const) halve(columns[name], service);
      }
      pooled[0] = (pooled[0] ?? 0) + weight;
      pooled[1] = (pooled[1] ?? 0) + low;
      pooled[2] = (pooled[2] ?? 0) + high;
      pooled[3] = (pooled[3] ?? 0) + excess;
      if ((pooled[0] ?? 0) > MEMORY * 8) for (let i = 0; i < 4; i += 1) halve(pooled, i);
    },
    load(saved, savedPooled) {
      capacity = saved['ticks']?.length ?? 0;
      const next = emptyColumns(capacity);
      for (const name of COLUMNS) next[name].set(saved[name] ?? []);
      columns = next;
      pooled = savedPooled.slice();
    },
  };
}

/** Mean of an exponential from its mean when clipped: a heavy tail must not look lighter for being clipped. */
function unclipped(clip: number, longest: number, clipped: number): number {
  let mean = clipped;
  for (let i = 0; i < 12; i += 1) mean = Math.min(longest, clipped / (1 - Math.exp(-clip / mean)));
  return Math.max(0.35, mean);
}

function emptyColumns(n: number): Record<(typeof COLUMNS)[number], Float64Array> {
  return {
    ticks: new Float64Array(n),
    low: new Float64Array(n),
    high: new Float64Array(n),
    excess: new Float64Array(n),
    lastStrange: new Float64Array(n).fill(-1e15),
    run: new Float64Array(n),
    runStart: new Float64Array(n).fill(-1e15),
  };
}
