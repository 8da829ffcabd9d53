import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { liveColumn } from '../../domain/live-rows.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { createPointBatch } from '../../domain/signal/batch.ts';
import { type DurationMs, type EpochMs, MINUTE, type SeriesIndex } from '../../domain/units.ts';
import { createArrivalMemory } from './arrival-memory.ts';

export const EVENT_TIME_OPTIONS = {
  allowed_lateness: {
    type: 'duration',
    default: 5 * MINUTE,
    min: 0,
    doc: 'How far behind its series a sample may arrive and still count in windows; older ones are only counted.',
  },
  max_future: {
    type: 'duration',
    default: MINUTE,
    min: 0,
    doc: 'How far ahead of the wall clock a timestamp may be; beyond that it is set to the wall clock and counted.',
  },
} as const satisfies OptionsSpec;

export interface EventTimeCounters {
  /** Behind their series, within `allowed_lateness`: they went to windows only. */
  late: number;
  /** Behind by more than `allowed_lateness`: dropped. */
  tooLate: number;
  /** Same series and time as a sample taken before: dropped, the first one stays. */
  duplicates: number;
  /** Ahead of the wall clock by more than `max_future`: moved to the wall clock. */
  future: number;
}

/** Pauses that were unusually long for their series, as columns; valid until the next `admit`. */
export interface GapEvents {
  length: number;
  readonly series: Int32Array;
  /** Time of the sample that ended the pause. */
  readonly at: Float64Array;
  readonly gap: Float32Array;
  /** Usual interval of the series when the pause began. */
  readonly interval: Float32Array;
}

export interface EventTime {
  readonly bytesPerSeries: number;
  readonly counters: Readonly<EventTimeCounters>;
  /** Time of the newest sample a series, ms; -Infinity where none. Replaced by `grow`: do not keep it. */
  readonly lastSeen: Float64Array;
  /** Usual distance between samples in event time, ms; 0 until two were seen. Replaced by `grow`. */
  readonly interval: Float32Array;
  /** How far behind the watermark samples of a series usually arrive, ms (decaying maximum). Replaced by `grow`. */
  readonly lag: Float32Array;
  /** Pauses over 1.5 usual intervals that the last `admit` saw end. */
  readonly gaps: GapEvents;
  grow(capacity: number): void;
  /**
   * Hands on what is new and in order as slices (each series at most once a slice, in arrival order; the k-th sample of
   * a series in the k-th slice) and late samples apart. A batch with nothing wrong is handed on itself, uncopied; slices
   * are valid during the call only. Only a future timestamp changes the batch given: it is clamped in place.
   */
  admit(
    batch: PointBatch,
    wallNow: EpochMs,
    onSlice: (slice: PointBatch) => void,
    onLate: (batch: PointBatch) => void,
  ): void;
  /** Largest admitted event time, ms; -Infinity before the first. */
  watermark(): EpochMs;
  intervalOf(series: SeriesIndex): DurationMs;
  reset(series: SeriesIndex): void;
  copy(from: SeriesIndex, to: SeriesIndex): void;
  /** `live`: leaves rows in place. */
  save(live?: boolean): StateBlob;
  restore(state: StateBlob): void;
}

const VERSION = 1;
/** A pause this many times the usual interval is told to whoever keeps gap histories. */
const GAP_RATIO = 1.5;
/** A sample within this share of the usual interval moves the estimate like a mean, others like a median. */
const NEAR_LOW = 0.75;
const NEAR_HIGH = 4 / 3;
const NEAR_RATE = 1 / 8;
const STEP = 1.06;
const FAR = 4;
const FAR_STEP = 1.25;
/** Per sample; a lag is forgotten by half after 34 samples. */
const LAG_DECAY = 0.98;
/** A late sample this close to the one before the last is a repeat of it; float32 keeps a distance no better. */
const SAME_MS = 0.5;
const FIRST_BASE = 1;
const LAST_BASE = 0xf0000000;

export function createEventTime(
  options: Options<typeof EVENT_TIME_OPTIONS> = defaultsOf(EVENT_TIME_OPTIONS),
): EventTime {
  const lateness = options.allowed_lateness;
  const maxFuture = options.max_future;
  const counters: EventTimeCounters = { late: 0, tooLate: 0, duplicates: 0, future: 0 };
  const memory = createArrivalMemory();
  let { lastSeen, interval, lag, steps, marks } = memory.state;
  let newest = Number.NEGATIVE_INFINITY;
  /** Marks below this are of earlier batches. */
  let base = FIRST_BASE;

  let taken = createPointBatch(0);
  let ordered = createPointBatch(0);
  let late = createPointBatch(0);
  let round = new Int32Array(0);
  let gaps = createGaps(0);

  /** State lies elsewhere once there is more of it. */
  function bind(): void {
    ({ lastSeen, interval, lag, steps, marks } = memory.state);
  }

  function note(series: number, at: number, gap: number, usual: number): void {
    if (gaps.length === gaps.series.length) {
      const larger = createGaps(Math.max(64, gaps.length * 2));
      larger.series.set(gaps.series);
      larger.at.set(gaps.at);
      larger.gap.set(gaps.gap);
      larger.interval.set(gaps.interval);
      larger.length = gaps.length;
      gaps = larger;
    }
    const i = gaps.length++;
    gaps.series[i] = series;
    gaps.at[i] = at;
    gaps.gap[i] = gap;
    gaps.interval[i] = usual;
  }

  /** Learns the step of `dt` ms that ended at `at`. */
  function learn(series: number, at: number, dt: number): void {
    const usual = interval[series] as number;
    if (dt < usual * NEAR_HIGH && dt > usual * NEAR_LOW) {
      interval[series] = usual + (dt - usual) * NEAR_RATE;
      return;
    }
    // -Infinity before the first sample makes dt infinite: there is no step yet.
    if (dt === Number.POSITIVE_INFINITY) return;
    if (usual === 0) {
      interval[series] = dt;
      return;
    }
    if (dt > usual) {
      if (dt > usual * GAP_RATIO) note(series, at, dt, usual);
      interval[series] = usual * (dt > usual * FAR ? FAR_STEP : STEP);
    } else interval[series] = usual / (dt * FAR < usual ? FAR_STEP : STEP);
  }

  /** Sorts out a sample that is not after its series' last: repeat, too late, or late. */
  function refuse(series: number, time: number, last: number, value: number): void {
    if (time === last || Math.abs(last - time - (steps[series * 2 + 1] as number)) < SAME_MS) counters.duplicates++;
    else if (!(last - time <= lateness)) counters.tooLate++;
    else {
      counters.late++;
      push(late, series, time, value);
    }
  }

  /** Sets timestamps beyond the wall clock to it. */
  function clamp(batch: PointBatch, limit: number, wallNow: number): void {
    for (let i = 0; i < batch.length; i++) {
      if ((batch.time[i] as number) > limit) {
        batch.time[i] = wallNow;
        counters.future++;
      }
    }
  }

  /** From the first irregular sample on: copies what is taken and sorts it by how often its series came before. */
  function admitRest(
    batch: PointBatch,
    from: number,
    onSlice: (slice: PointBatch) => void,
    onLate: (batch: PointBatch) => void,
  ): void {
    if (taken.series.length < batch.length) {
      taken = createPointBatch(batch.length);
      ordered = createPointBatch(batch.length);
      late = createPointBatch(batch.length);
      round = new Int32Array(batch.length);
    }
    taken.length = 0;
    late.length = 0;
    for (let i = 0; i < from; i++) {
      round[taken.length] = 0;
      push(taken, batch.series[i] as number, batch.time[i] as number, batch.value[i] as number);
    }
    let rounds = from > 0 ? 1 : 0;
    for (let i = from; i < batch.length; i++) {
      const s = batch.series[i] as number;
      const t = batch.time[i] as number;
      const last = lastSeen[s] as number;
      if (!(t > last)) {
        refuse(s, t, last, batch.value[i] as number);
        continue;
      }
      const mark = marks[s * 2] as number;
      const own = mark >= base ? mark - base + 1 : 0;
      marks[s * 2] = base + own;
      if (own >= rounds) rounds = own + 1;
      round[taken.length] = own;
      step(s, t, last);
      push(taken, s, t, batch.value[i] as number);
    }
    base += rounds;
    if (rounds <= 1) {
      if (taken.length > 0) onSlice(taken);
    } else emitRounds(rounds, onSlice);
    if (late.length > 0) onLate(late);
  }

  function step(s: number, t: number, last: number): void {
    const dt = t - last;
    lastSeen[s] = t;
    steps[s * 2 + 1] = dt;
    learn(s, t, dt);
    if (t > newest) newest = t;
    const behind = newest - t;
    const known = (lag[s] as number) * LAG_DECAY;
    lag[s] = behind > known ? behind : known;
  }

  /** Counting sort of `taken` by round, then one slice a round. */
  function emitRounds(rounds: number, onSlice: (slice: PointBatch) => void): void {
    const start = new Int32Array(rounds + 1);
    for (let i = 0; i < taken.length; i++) {
      const r = (round[i] as number) + 1;
      start[r] = (start[r] as number) + 1;
    }
    for (let r = 0; r < rounds; r++) start[r + 1] = (start[r + 1] as number) + (start[r] as number);
    const next = start.slice();
    for (let i = 0; i < taken.length; i++) {
      const r = round[i] as number;
      const to = next[r] as number;
      next[r] = to + 1;
      ordered.series[to] = taken.series[i] as number;
      ordered.time[to] = taken.time[i] as number;
      ordered.value[to] = taken.value[i] as number;
    }
    for (let r = 0; r < rounds; r++) {
      const a = start[r] as number;
      const b = start[r + 1] as number;
      onSlice({
        length: b - a,
        series: ordered.series.subarray(a, b),
        time: ordered.time.subarray(a, b),
        value: ordered.value.subarray(a, b),
      });
    }
  }

  return {
    bytesPerSeries: 24,
    counters,
    get lastSeen() {
      return lastSeen;
    },
    get interval() {
      return interval;
    },
    get lag() {
      return lag;
    },
    get gaps() {
      return gaps;
    },

    grow(to) {
      memory.grow(to);
      bind();
    },

    admit(batch, wallNow, onSlice, onLate) {
      gaps.length = 0;
      if (base >= LAST_BASE) {
        for (let i = 0; i < marks.length; i += 2) marks[i] = 0;
        base = FIRST_BASE;
      }
      const limit = wallNow + maxFuture;
      const { length, series, time } = batch;
      memory.take(batch, 0);
      bind();
      for (let i = 0; ; i++) {
        i = memory.admit(i, length, base, limit, newest);
        newest = memory.newest();
        if (i >= length) break;
        if ((time[i] as number) > limit) {
          clamp(batch, limit, wallNow);
          memory.take(batch, i);
        }
        const s = series[i] as number;
        const t = time[i] as number;
        const last = lastSeen[s] as number;
        // Not later than the series' last, NaN, or the series' second sample in this batch.
        if (!(t > last) || (marks[s * 2] as number) >= base) {
          clamp(batch, limit, wallNow);
          admitRest(batch, i, onSlice, onLate);
          return;
        }
        marks[s * 2] = base;
        step(s, t, last);
      }
      base++;
      if (length > 0) onSlice(batch);
    },

    watermark: () => newest,
    intervalOf: (series) => interval[series] as number,

    reset(series) {
      lastSeen[series] = Number.NEGATIVE_INFINITY;
      interval[series] = 0;
      lag[series] = 0;
      marks[series * 2] = 0;
      steps[series * 2 + 1] = 0;
    },

    /** Cadence and lag only: the newcomer's own samples start afresh. */
    copy(from, to) {
      interval[to] = interval[from] as number;
      lag[to] = lag[from] as number;
    },

    save(live = false) {
      const kept = new Float32Array(memory.capacity);
      for (let i = 0; i < kept.length; i++) kept[i] = steps[i * 2 + 1] as number;
      return {
        version: VERSION,
        arrays: {
          ...(live ? {} : { lastSeen: lastSeen.slice(), interval: interval.slice(), lag: lag.slice() }),
          // Without the marks: they belong to batches of this process.
          steps: kept,
        },
        meta: { newest: Number.isFinite(newest) ? newest : null, counters: { ...counters } },
        ...(live
          ? {
              live: {
                lastSeen: liveColumn(() => lastSeen),
                interval: liveColumn(() => interval),
                lag: liveColumn(() => lag),
              },
            }
          : {}),
      };
    },

    restore(state) {
      if (state.version !== VERSION) throw new TocsinError('state_version', `event-time state ${state.version}`);
      const meta = state.meta as { newest: number | null; counters: EventTimeCounters };
      memory.restore(
        {
          lastSeen: state.arrays['lastSeen'] as Float64Array,
          interval: state.arrays['interval'] as Float32Array,
          lag: state.arrays['lag'] as Float32Array,
        },
        state.arrays['steps'] as Float32Array,
      );
      bind();
      base = FIRST_BASE;
      newest = meta.newest ?? Number.NEGATIVE_INFINITY;
      Object.assign(counters, meta.counters);
    },
  };
}

function push(batch: PointBatch, series: number, time: number, value: number): void {
  const i = batch.length++;
  batch.series[i] = series;
  batch.time[i] = time;
  batch.value[i] = value;
}

function createGaps(capacity: number): GapEvents {
  return {
    length: 0,
    series: new Int32Array(capacity),
    at: new Float64Array(capacity),
    gap: new Float32Array(capacity),
    interval: new Float32Array(capacity),
  };
}
