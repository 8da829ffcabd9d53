import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { liveColumn } from '../../domain/live-rows.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { SERIES_KIND } from '../../domain/signal/series.ts';
import type { SeriesIndex } from '../../domain/units.ts';

/** What `Rate.flags` says of a sample; bits. */
export const RATE_FLAG = {
  /** The rate is the mean over a pause of several intervals: right, but blind to what happened within. */
  gap: 1,
  /** The counter started again from zero: the rate is a lower bound. */
  reset: 2,
} as const;

export interface RateCounters {
  /** Counter restarts seen. */
  resets: number;
  /** Counters that stepped back a little (two senders of one series, rounding): sample dropped. */
  backsteps: number;
  /** Samples that only anchored their counter: the first of each. */
  anchors: number;
}

export interface Rate {
  readonly bytesPerSeries: number;
  readonly counters: Readonly<RateCounters>;
  /** `RATE_FLAG` bits of each sample that the last `apply` left in its batch. */
  readonly flags: Uint8Array;
  grow(capacity: number): void;
  /**
   * Turns counters and deltas into rates per second, in place; samples without a rate leave the batch. A series must
   * occur at most once. `kinds` is `SeriesTable.kind`, `interval` the usual step a series in ms (`EventTime.interval`).
   */
  apply(batch: PointBatch, kinds: Uint8Array, interval: Float32Array): void;
  reset(series: SeriesIndex): void;
  /** `live`: leaves rows in place. */
  save(live?: boolean): StateBlob;
  restore(state: StateBlob): void;
}

const VERSION = 1;
/** A step longer than this many usual ones is a pause. */
const GAP_STEPS = 3;
/** A counter that fell to more than this share of its value stepped back; below, it restarted. */
const BACKSTEP_SHARE = 0.5;

export function createRate(): Rate {
  const counters: RateCounters = { resets: 0, backsteps: 0, anchors: 0 };
  /** Row of two: previous value, previous time (0: none). */
  let rows = new Float64Array(0);
  let flags = new Uint8Array(0);

  return {
    bytesPerSeries: 16,
    counters,
    get flags() {
      return flags;
    },

    grow(capacity) {
      if (capacity * 2 <= rows.length) return;
      const larger = new Float64Array(Math.max(capacity * 2, rows.length * 2));
      larger.set(rows);
      rows = larger;
    },

    apply(batch, kinds, interval) {
      const { length, series, time, value } = batch;
      if (flags.length < length) flags = new Uint8Array(length);
      const flag = flags;
      const row = rows;
      let kept = 0;
      for (let i = 0; i < length; i++) {
        const s = series[i] as number;
        const kind = kinds[s] as number;
        const t = time[i] as number;
        let v = value[i] as number;
        let mark = 0;
        if (kind === SERIES_KIND.counter) {
          const at = s * 2;
          const before = row[at] as number;
          const since = row[at + 1] as number;
          row[at] = v;
          row[at + 1] = t;
          const dt = t - since;
          if (since === 0) {
            counters.anchors++;
            continue;
          }
          let rise = v - before;
          if (rise < 0) {
            if (v > before * BACKSTEP_SHARE) {
              counters.backsteps++;
              continue;
            }
            counters.resets++;
            mark = RATE_FLAG.reset;
            rise = v;
          }
          if (dt > (interval[s] as number) * GAP_STEPS) mark |= RATE_FLAG.gap;
          v = (rise * 1000) / dt;
        } else if (kind === SERIES_KIND.delta) {
          const at = s * 2 + 1;
          const since = row[at] as number;
          row[at] = t;
          const usual = interval[s] as number;
          let dt = t - since;
          // A sender that had nothing to say was silent: the delta still covers its own interval, not the pause.
          if (since === 0 || dt > usual * GAP_STEPS) {
            if (usual === 0) {
              counters.anchors++;
              continue;
            }
            if (since !== 0) mark = RATE_FLAG.gap;
            dt = usual;
          }
          v = (v * 1000) / dt;
        }
        series[kept] = s;
        time[kept] = t;
        value[kept] = v;
        flag[kept] = mark;
        kept++;
      }
      batch.length = kept;
    },

    reset(series) {
      rows[series * 2] = 0;
      rows[series * 2 + 1] = 0;
    },

    save: (live = false) =>
      live
        ? { version: VERSION, arrays: {}, meta: { ...counters }, live: { rows: liveColumn(() => rows, 2) } }
        : { version: VERSION, arrays: { rows: rows.slice() }, meta: { ...counters } },

    restore(state) {
      if (state.version !== VERSION) throw new TocsinError('state_version', `rate state ${state.version}`);
      rows = state.arrays['rows'] as Float64Array<ArrayBuffer>;
      Object.assign(counters, state.meta);
    },
  };
}
