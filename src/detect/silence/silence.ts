import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import type { SeriesTable } from '../../domain/signal/series.ts';
import { type EpochMs, HOUR, SECOND, type SeriesIndex } from '../../domain/units.ts';
import { takeCensus } from './census.ts';
import { createFindings, type SilenceFinding } from './finding.ts';
import { createHistories, HISTORY_BYTES, type HistoryKind } from './history.ts';
import { judge, type ZeroRun } from './judge.ts';

export type { SilenceFinding } from './finding.ts';

export const SILENCE_OPTIONS = {
  missed_intervals: {
    type: 'number',
    default: 3,
    min: 1.5,
    doc: 'Usual intervals that must pass without a sample before a series is looked at.',
  },
  min_silence: { type: 'duration', default: 30 * SECOND, min: 0, doc: 'Shorter silences are never reported.' },
  min_history: { type: 'integer', default: 20, min: 2, doc: 'Intervals that a series must have lived for.' },
  min_zeros: { type: 'integer', default: 5, min: 2, doc: 'Zeros in a row before a fall to zero is looked at.' },
  report_p: { type: 'number', default: 0.01, min: 0, max: 1, doc: 'Silences likelier than this are not reported.' },
  retire_after: {
    type: 'duration',
    default: HOUR,
    min: 0,
    doc: 'A silence that lasts this long (and 20 intervals) is taken as the end: one note, then no more.',
  },
  pipeline_share: {
    type: 'number',
    default: 0.6,
    min: 0.1,
    max: 1,
    doc: 'Share of the services of a tenant that must fall silent together to blame what carries the data.',
  },
} as const satisfies OptionsSpec;
export type SilenceOptions = Options<typeof SILENCE_OPTIONS>;

/** Pauses that ended, as `features/event-time` gives them: columns of `length`. */
export interface EndedGaps {
  readonly length: number;
  readonly series: Int32Array;
  readonly at: Float64Array;
  readonly gap: Float32Array;
  readonly interval: Float32Array;
}

export interface Silence {
  readonly name: 'silence';
  readonly bytesPerSeries: number;
  grow(capacity: number): void;
  /** Follows runs of zeros; `interval` is the usual step a series in ms. */
  observe(batch: PointBatch, interval: Float32Array): void;
  /** Learns how long a series may pause. */
  observeGaps(gaps: EndedGaps): void;
  /** A new instance goes on with the row of one that left. */
  succeed(series: SeriesIndex, at: EpochMs): void;
  /** A series said that it ended. */
  stale(series: SeriesIndex, at: EpochMs): void;
  /**
   * What is silent at event time `now`: open findings each time, ended and retired ones once. `lastSeen`, `interval` and
   * `lag` are columns a series (ms): newest sample, usual step, how late samples usually arrive.
   */
  scan(
    now: EpochMs,
    lastSeen: Float64Array,
    interval: Float32Array,
    lag: Float32Array,
    table: SeriesTable,
  ): readonly SilenceFinding[];
  reset(series: SeriesIndex): void;
  copy(from: SeriesIndex, to: SeriesIndex): void;
  /** `live`: leaves rows in place. */
  save(live?: boolean): StateBlob;
  restore(state: StateBlob): void;
}

const VERSION = 3;
/** Where a series stands with zeros. */
const ZERO = { unknown: 0, usual: 1, run: 2, born: 3 } as const;
const RETIRE_INTERVALS = 20;
/** A run of zeros this long that is nothing special is not looked at again until it ends. */
const DULL_RUN = 100;

export function createSilence(options: SilenceOptions = defaultsOf(SILENCE_OPTIONS)): Silence {
  const histories = createHistories();
  const findings = createFindings();
  let zero = new Uint8Array(0);
  /** 1: taken as ended, until it is seen again. */
  let retired = new Uint8Array(0);
  /** When a series said that it ended; cleared once it is seen again. */
  const staleAt = new Map<number, number>();
  /** When rows changed hands, for as long as that excuses an instance that left. */
  const succeededAt = new Map<number, number>();
  /** Series in a run of zeros. */
  let runs: number[] = [];

  /** Records a run that ended; one improbable enough to have been reported counts less. */
  function learn(series: number, kind: HistoryKind, ratio: number, steps: number, at: number): void {
    const reported = histories.tail(series, kind, ratio, steps, options.min_history) <= options.report_p;
    histories.record(series, kind, ratio, reported, at);
  }

  function endRun(series: number, at: number, step: number): void {
    const since = histories.zeroSince(series);
    histories.addZeroTime(series, at);
    if (zero[series] === ZERO.run && step > 0)
      learn(series, 'zero', (at - since) / step, (since - histories.first(series)) / step, at);
    zero[series] = ZERO.usual;
  }

  /** Series whose run of zeros is improbable, with its p. */
  function longRuns(now: EpochMs, lastSeen: Float64Array, interval: Float32Array): readonly ZeroRun[] {
    const found: ZeroRun[] = [];
    const kept: number[] = [];
    for (const s of new Set(runs)) {
      if (zero[s] !== ZERO.run) continue;
      const step = interval[s] as number;
      const since = histories.zeroSince(s);
      const length = ((lastSeen[s] as number) - since) / step + 1;
      if (!(length >= options.min_zeros && step > 0)) {
        kept.push(s);
        continue;
      }
      if (histories.isSparse(s)) continue;
      const steps = (since - histories.first(s)) / step;
      const p = histories.tail(s, 'zero', length, steps, options.min_history);
      const over = now - since > Math.max(options.retire_after, RETIRE_INTERVALS * step);
      if ((length > DULL_RUN && p > options.report_p) || over) continue;
      kept.push(s);
      if (p <= options.report_p) found.push({ series: s, p, since });
    }
    runs = kept;
    return found;
  }

  function retire(list: readonly number[]): void {
    for (const s of list) retired[s] = 1;
  }

  return {
    name: 'silence',
    bytesPerSeries: HISTORY_BYTES + 2,

    grow(capacity) {
      histories.grow(capacity);
      if (capacity <= zero.length) return;
      const next = Math.max(capacity, zero.length * 2);
      const zeros = new Uint8Array(next);
      zeros.set(zero);
      zero = zeros;
      const ended = new Uint8Array(next);
      ended.set(retired);
      retired = ended;
    },

    observe(batch, interval) {
      const { length, series, time, value } = batch;
      const states = zero;
      for (let i = 0; i < length; i++) {
        const s = series[i] as number;
        const state = states[s] as number;
        const v = value[i] as number;
        // Nearly always: a byte a series is all that is touched.
        if (v !== 0 && state === ZERO.usual) continue;
        if (v === 0 && state >= ZERO.run) continue;
        const t = time[i] as number;
        if (state === ZERO.unknown) {
          histories.begin(s, t);
          histories.setZeroSince(s, t);
          states[s] = v === 0 ? ZERO.born : ZERO.usual;
        } else if (v === 0) {
          states[s] = ZERO.run;
          histories.setZeroSince(s, t);
          runs.push(s);
        } else endRun(s, t, interval[s] as number);
      }
    },

    observeGaps(gaps) {
      for (let i = 0; i < gaps.length; i++) {
        const s = gaps.series[i] as number;
        const step = gaps.interval[i] as number;
        const gap = gaps.gap[i] as number;
        const at = gaps.at[i] as number;
        learn(s, 'gap', gap / step, (at - gap - histories.first(s)) / step, at);
      }
    },

    succeed(series, at) {
      succeededAt.set(series, at);
    },

    stale(series, at) {
      staleAt.set(series, at);
    },

    scan(now, lastSeen, interval, lag, table) {
      const seen = takeCensus(now, lastSeen, interval, lag, retired, table, options);
      for (const s of seen.overdue) {
        // Seen again after it said goodbye.
        if ((staleAt.get(s) ?? Number.POSITIVE_INFINITY) < (lastSeen[s] as number)) staleAt.delete(s);
      }
      const chance = (s: number): number => {
        const step = interval[s] as number;
        const last = lastSeen[s] as number;
        const ratio = Math.max(1, (now - last - (lag[s] as number)) / step);
        return histories.tail(s, 'gap', ratio, (last - histories.first(s)) / step, options.min_history);
      };
      const current = judge({
        now,
        census: seen,
        zeros: longRuns(now, lastSeen, interval),
        chance,
        announced: (s) => staleAt.has(s),
        firstSeen: (s) => histories.first(s),
        succeededAt: (s) => succeededAt.get(s),
        lastSeen,
        retired,
        table,
        options,
      });
      for (const finding of current) if (finding.status === 'retired') retire(finding.series);
      for (const s of seen.overdue) {
        const silent = now - (lastSeen[s] as number);
        if (silent > Math.max(options.retire_after, RETIRE_INTERVALS * (interval[s] as number))) retired[s] = 1;
      }
      for (const [s, at] of succeededAt) if (now - at > options.retire_after) succeededAt.delete(s);
      return findings.update(now, current, lastSeen, retired);
    },

    reset(series) {
      histories.reset(series);
      zero[series] = ZERO.unknown;
      retired[series] = 0;
      staleAt.delete(series);
      succeededAt.delete(series);
    },

    /** A newcomer starts its own history: that its sibling paused says little of it. */
    copy(_from, to) {
      this.reset(to);
    },

    save: (live = false) => ({
      version: VERSION,
      ...(live ? { live: histories.live() } : {}),
      arrays: {
        ...(live ? {} : histories.save()),
        zero: zero.slice(),
        retired: retired.slice(),
        runs: Int32Array.from(runs),
      },
      meta: { findings: findings.save(), stale: [...staleAt], succeeded: [...succeededAt] },
    }),

    restore(state) {
      if (state.version !== VERSION) throw new TocsinError('state_version', `silence state ${state.version}`);
      histories.restore(state.arrays);
      zero = state.arrays['zero'] as Uint8Array<ArrayBuffer>;
      retired = state.arrays['retired'] as Uint8Array<ArrayBuffer>;
      runs = [...(state.arrays['runs'] as Int32Array)];
      const meta = state.meta as {
        findings: readonly SilenceFinding[];
        stale: readonly [number, number][];
        succeeded: readonly [number, number][];
      };
      findings.restore(meta.findings);
      staleAt.clear();
      for (const [series, at] of meta.stale) staleAt.set(series, at);
      succeededAt.clear();
      for (const [series, at] of meta.succeeded) succeededAt.set(series, at);
    },
  };
}
