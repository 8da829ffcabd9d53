import type { StateArray, StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { createWindowRows, type WindowRows } from '../../domain/signal/history.ts';
import type { EpochMs, SeriesIndex } from '../../domain/units.ts';
import type { WindowName } from '../spec.ts';
import {
  BASE_WINDOW_MS,
  COLD,
  EXPECTED,
  foldLate,
  gather,
  HOT,
  LAST,
  LOWER,
  MINUTE_SPAN,
  PANE,
  STAT0,
  STAT1,
  SURPRISE,
  turn,
  UPPER,
  WINDOW_MS,
  WINDOWS,
} from './levels.ts';
import { addValue, mergeTo, type Stat } from './stat.ts';

/** What `read` fills in; where count is 0 there was nothing and the rest is meaningless. */
export interface WindowStats {
  count: number;
  mean: number;
  /** Population variance. */
  variance: number;
  min: number;
  max: number;
  /** Newest value of the series, whatever the window. */
  last: number;
}

export interface Windows {
  readonly bytesPerSeries: number;
  /** Samples too old for any window still held, or not finite: left out. */
  readonly dropped: number;
  grow(capacity: number): void;
  /** Adds a slice (each series at most once, after its last) with what the detectors said, aligned with it. */
  observe(
    slice: PointBatch,
    surprise: Float32Array,
    expected: Float32Array,
    lower: Float32Array,
    upper: Float32Array,
  ): void;
  /** Folds late samples into every window still held that covers them. Base windows given out already do not change. */
  observeLate(batch: PointBatch): void;
  /**
   * Gives out the base windows that ended at or before `watermark`, in chunks valid during the call. A series that goes
   * on in a base window already given out has another row of it: rows of one series and start add up.
   */
  close(watermark: EpochMs, onRows: (rows: WindowRows) => void): void;
  /**
   * `finished`: the last window that ended at or before `now`, exactly. `rolling`: the last window length up to `now`,
   * from the window under way and the share of the one before that still counts (its samples taken as evenly spread,
   * so count, mean and variance are estimates; min and max may be up to one window older).
   */
  read(series: SeriesIndex, window: WindowName, now: EpochMs, mode: 'rolling' | 'finished', out: WindowStats): void;
  reset(series: SeriesIndex): void;
  save(): StateBlob;
  restore(state: StateBlob): void;
}

const VERSION = 1;
const CHUNK = 16_384;
/** Chunks kept between calls of `close`; 76 bytes a row. */
const SPARE_CHUNKS = 8;
const ROW_COLUMNS = [
  'start',
  'series',
  'count',
  'mean',
  'variance',
  'min',
  'max',
  'last',
  'expected',
  'lower',
  'upper',
  'surprise',
] as const satisfies readonly (keyof WindowRows)[];

export function createWindows(): Windows {
  let capacity = 0;
  let hot = new Float32Array(0);
  let words = new Int32Array(0);
  let bases = new Float64Array(0);
  let cold = new Float32Array(0);
  /** Series with a base window under way, in order of its first sample. */
  let open = new Int32Array(1024);
  let openLength = 0;
  /** No base window under way is older: `close` need not look before. */
  let oldest = Number.POSITIVE_INFINITY;
  /** Series whose base window is to be given out, of the batch at hand. */
  let due = new Int32Array(1024);
  /** Rows of windows that ended because the series went on, waiting for `close`; full chunks, then the last one. */
  let chunks: WindowRows[] = [createWindowRows(CHUNK)];
  /** The one being filled; those before it are full, those after it are spare. */
  let filling = 0;
  let dropped = 0;
  const stat: Stat = { count: 0, mean: 0, m2: 0, min: 0, max: 0 };

  function setHot(buffer: ArrayBuffer): void {
    hot = new Float32Array(buffer);
    words = new Int32Array(buffer);
    bases = new Float64Array(buffer);
    capacity = hot.length / HOT;
  }

  /** Gives out the base windows of the first `count` of `due`, whose series stay listed in `open`. */
  function finish(count: number): void {
    let done = 0;
    while (done < count) {
      if ((chunks[filling] as WindowRows).length === CHUNK && ++filling === chunks.length) {
        chunks.push(createWindowRows(CHUNK));
      }
      const rows = chunks[filling] as WindowRows;
      const end = Math.min(count, done + CHUNK - rows.length);
      finishInto(rows, done, end, 0);
      done = end;
    }
  }

  /** Gives out the base windows of `due[from..to)` and folds them into their minutes; leaves `sign` times the count. */
  function finishInto(rows: WindowRows, from: number, to: number, sign: 0 | -1): void {
    const { start, series, count, mean, variance, min, max, last, expected, lower, upper, surprise } = rows;
    const h = hot;
    let i = rows.length;
    for (let k = from; k < to; k++, i++) {
      const s = due[k] as number;
      const row = s * HOT;
      const base = bases[row >> 1] as number;
      const n = Math.abs(h[row + STAT0] as number);
      h[row + STAT0] = n;
      start[i] = (words[row + PANE] as number) * BASE_WINDOW_MS;
      series[i] = s;
      count[i] = n;
      mean[i] = base + (h[row + STAT0 + 1] as number);
      variance[i] = (h[row + STAT0 + 2] as number) / n;
      min[i] = base + (h[row + STAT0 + 3] as number);
      max[i] = base + (h[row + STAT0 + 4] as number);
      last[i] = base + (h[row + LAST] as number);
      expected[i] = h[row + EXPECTED] as number;
      lower[i] = h[row + LOWER] as number;
      upper[i] = h[row + UPPER] as number;
      surprise[i] = h[row + SURPRISE] as number;
      mergeTo(h, row + STAT1, h, row + STAT0);
      h[row + STAT0] = n * sign;
    }
    rows.length = i;
  }

  function list(s: number): void {
    if (openLength === open.length) {
      const larger = new Int32Array(openLength * 2);
      larger.set(open);
      open = larger;
    }
    open[openLength++] = s;
  }

  return {
    bytesPerSeries: (HOT + COLD) * 4,
    get dropped() {
      return dropped;
    },

    grow(to) {
      if (to <= capacity) return;
      const next = Math.max(to, capacity * 2);
      const larger = new Float32Array(next * COLD);
      larger.set(cold);
      cold = larger;
      const buffer = new ArrayBuffer(next * HOT * 4);
      new Float32Array(buffer).set(hot);
      setHot(buffer);
    },

    observe(slice, surprise, expected, lower, upper) {
      const { length, series, time, value } = slice;
      const h = hot;
      const w = words;
      const b = bases;
      const state = { hot, words, bases, cold };
      if (due.length < length) due = new Int32Array(length);
      let ending = 0;
      for (let i = 0; i < length; i++) {
        const row = (series[i] as number) * HOT;
        if ((h[row + STAT0] as number) <= 0 || !Number.isFinite(value[i] as number)) continue;
        if ((((time[i] as number) / BASE_WINDOW_MS) | 0) !== w[row + PANE]) due[ending++] = series[i] as number;
      }
      if (ending > 0) finish(ending);
      for (let i = 0; i < length; i++) {
        const s = series[i] as number;
        const v = value[i] as number;
        if (!Number.isFinite(v)) {
          dropped++;
          continue;
        }
        const row = s * HOT;
        const pane = ((time[i] as number) / BASE_WINDOW_MS) | 0;
        const before = w[row + PANE] as number;
        const count = h[row + STAT0] as number;
        const strange = surprise[i] as number;
        if (count <= 0) {
          if (before === 0) b[row >> 1] = v;
          else if (((pane / MINUTE_SPAN) | 0) !== ((before / MINUTE_SPAN) | 0)) turn(state, s, before, pane);
          w[row + PANE] = pane;
          h[row + STAT0] = 0;
          h[row + SURPRISE] = strange;
          // Not listed yet, or taken off the list by `close`: `finish` leaves 0 instead.
          if (before === 0 || count < 0) list(s);
          if (pane < oldest) oldest = pane;
        } else if (strange > (h[row + SURPRISE] as number)) h[row + SURPRISE] = strange;
        const x = v - (b[row >> 1] as number);
        h[row + LAST] = x;
        h[row + EXPECTED] = expected[i] as number;
        h[row + LOWER] = lower[i] as number;
        h[row + UPPER] = upper[i] as number;
        addValue(h, row + STAT0, x);
      }
    },

    observeLate(batch) {
      const state = { hot, words, bases, cold };
      for (let i = 0; i < batch.length; i++) {
        const s = batch.series[i] as number;
        const v = batch.value[i] as number;
        const pane = Math.floor((batch.time[i] as number) / BASE_WINDOW_MS);
        const now = words[s * HOT + PANE] as number;
        const held = Number.isFinite(v) && now !== 0 && pane <= now;
        if (!held || !foldLate(state, s, pane, v - (bases[(s * HOT) >> 1] as number))) dropped++;
      }
    },

    close(watermark, onRows) {
      const first = Math.floor(watermark / BASE_WINDOW_MS);
      if (due.length < openLength) due = new Int32Array(open.length);
      let kept = 0;
      let ending = 0;
      if (first <= oldest) kept = openLength;
      else {
        oldest = Number.POSITIVE_INFINITY;
        for (let i = 0; i < openLength; i++) {
          const s = open[i] as number;
          const row = s * HOT;
          const pane = words[row + PANE] as number;
          // Listed, but given out since (and perhaps listed again).
          if ((hot[row + STAT0] as number) <= 0) continue;
          if (pane >= first) {
            open[kept++] = s;
            if (pane < oldest) oldest = pane;
          } else {
            due[ending++] = s;
            hot[row + STAT0] = -(hot[row + STAT0] as number);
          }
        }
      }
      openLength = kept;
      for (let i = 0; i <= filling; i++) {
        const rows = chunks[i] as WindowRows;
        if (rows.length > 0) onRows(rows);
        rows.length = 0;
      }
      filling = 0;
      chunks.length = Math.min(chunks.length, SPARE_CHUNKS);
      const rest = chunks[0] as WindowRows;
      for (let i = 0; i < ending; i += CHUNK) {
        finishInto(rest, i, Math.min(ending, i + CHUNK), -1);
        onRows(rest);
        rest.length = 0;
      }
    },

    read(series, window, now, mode, out) {
      const state = { hot, words, bases, cold };
      const row = series * HOT;
      const level = WINDOWS.indexOf(window);
      const base = bases[row >> 1] as number;
      const position = now / (WINDOW_MS[level] as number);
      const id = Math.floor(position);
      stat.count = 0;
      stat.mean = 0;
      stat.m2 = 0;
      stat.min = Number.POSITIVE_INFINITY;
      stat.max = Number.NEGATIVE_INFINITY;
      if (mode === 'rolling') gather(state, stat, series, level, id, 1);
      gather(state, stat, series, level, id - 1, mode === 'rolling' ? 1 - (position - id) : 1);
      out.count = stat.count;
      out.mean = base + stat.mean;
      out.variance = stat.count > 0 ? stat.m2 / stat.count : 0;
      out.min = base + stat.min;
      out.max = base + stat.max;
      out.last = base + (hot[row + LAST] as number);
    },

    reset(series) {
      hot.fill(0, series * HOT, (series + 1) * HOT);
      cold.fill(0, series * COLD, (series + 1) * COLD);
    },

    save() {
      const arrays: Record<string, StateArray> = {
        hot: hot.slice(),
        cold: cold.slice(),
        open: open.slice(0, openLength),
      };
      chunks.slice(0, filling + 1).forEach((rows, i) => {
        for (const column of ROW_COLUMNS) arrays[`rows${i}.${column}`] = rows[column].slice(0, rows.length);
      });
      return { version: VERSION, arrays, meta: { dropped, chunks: filling + 1 } };
    },

    restore(state) {
      if (state.version !== VERSION) throw new TocsinError('state_version', `window state ${state.version}`);
      const meta = state.meta as { dropped: number; chunks: number };
      // A copy: what is restored may be a view of one large buffer, a whole snapshot.
      setHot((state.arrays['hot'] as Float32Array<ArrayBuffer>).slice().buffer);
      cold = state.arrays['cold'] as Float32Array<ArrayBuffer>;
      openLength = (state.arrays['open'] as Int32Array).length;
      open = new Int32Array(Math.max(1024, openLength));
      open.set(state.arrays['open'] as Int32Array);
      oldest = Number.NEGATIVE_INFINITY;
      chunks = [];
      for (let i = 0; i < meta.chunks; i++) {
        const rows = createWindowRows(CHUNK);
        rows.length = (state.arrays[`rows${i}.start`] as Float64Array).length;
        for (const column of ROW_COLUMNS) rows[column].set(state.arrays[`rows${i}.${column}`] as StateArray);
        chunks.push(rows);
      }
      filling = meta.chunks - 1;
      dropped = meta.dropped;
    },
  };
}
