import type { StateArray, StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import type { LiveRows } from '../../domain/live-rows.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { createWindowRows, type WindowRows } from '../../domain/signal/history.ts';
import type { EpochMs, SeriesIndex } from '../../domain/units.ts';
import type { WindowName } from '../spec.ts';
import { BASE_WINDOW_MS, COLD, foldLate, gather, HOT, LAST, WINDOW_MS, WINDOWS } from './levels.ts';
import type { Stat } from './stat.ts';
import { createWindowMemory } from './window-memory.ts';

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
   * Gives out the base windows that ended at or before `watermark`; the rows are the caller's. A series that goes on in
   * a base window already given out has another row of it: rows of one series and start add up.
   */
  close(watermark: EpochMs): WindowRows;
  /**
   * `finished`: the last window that ended at or before `now`, exactly. `rolling`: the last window length up to `now`,
   * from the window under way and the share of the one before that still counts (its samples taken as evenly spread,
   * so count, mean and variance are estimates; min and max may be up to one window older).
   */
  read(series: SeriesIndex, window: WindowName, now: EpochMs, mode: 'rolling' | 'finished', out: WindowStats): void;
  reset(series: SeriesIndex): void;
  /** `live`: leaves state in place instead of copying it. */
  save(live?: boolean): StateBlob;
  restore(state: StateBlob): void;
}

const VERSION = 1;
const LEAST_ROWS = 256;
/** Room for rows beyond what the last `close` gave out, so that a little more is not copied to a larger place. */
const SPARE = 1.06;
const ROW_COLUMNS = [
  'start',
  'count',
  'mean',
  'variance',
  'min',
  'max',
  'last',
  'series',
  'expected',
  'lower',
  'upper',
  'surprise',
] as const satisfies readonly (keyof WindowRows)[];

export function createWindows(): Windows {
  const memory = createWindowMemory();
  /** Rows of windows that ended because the series went on, waiting for `close`; written where they will be given out. */
  let rows = createWindowRows(LEAST_ROWS);
  let expectedRows = LEAST_ROWS;
  const stat: Stat = { count: 0, mean: 0, m2: 0, min: 0, max: 0 };

  /** Moves the rows that the kernel has just written to where they will be given out. */
  function takeWritten(): void {
    const written = memory.written();
    if (written === 0) return;
    const at = rows.length;
    if (at + written > rows.start.length) {
      const larger = createWindowRows(Math.max(at + written, rows.start.length * 2, expectedRows));
      for (const name of ROW_COLUMNS) larger[name].set(rows[name].subarray(0, at));
      rows = larger;
    }
    memory.copyRows(written, ROW_COLUMNS, rows, at);
    rows.length = at + written;
  }

  return {
    bytesPerSeries: (HOT + COLD + 1) * 4,
    get dropped() {
      return memory.dropped();
    },

    grow: memory.grow,

    observe(slice, surprise, expected, lower, upper) {
      memory.observe(slice, surprise, expected, lower, upper);
      takeWritten();
    },

    observeLate(batch) {
      const { state } = memory;
      for (let i = 0; i < batch.length; i++) {
        const s = batch.series[i] as number;
        const v = batch.value[i] as number;
        const pane = Math.floor((batch.time[i] as number) / BASE_WINDOW_MS);
        if (!Number.isFinite(v) || !foldLate(state, s, pane, v - (state.bases[(s * HOT) >> 1] as number)))
          memory.drop();
      }
    },

    close(watermark) {
      memory.close(Math.floor(watermark / BASE_WINDOW_MS), takeWritten);
      const { length } = rows;
      const out = { length } as Record<string, unknown>;
      for (const name of ROW_COLUMNS) out[name] = rows[name].subarray(0, length);
      expectedRows = Math.max(LEAST_ROWS, Math.ceil(length * SPARE));
      rows = createWindowRows(LEAST_ROWS);
      return out as unknown as WindowRows;
    },

    read(series, window, now, mode, out) {
      const { state } = memory;
      const row = series * HOT;
      const level = WINDOWS.indexOf(window);
      const base = state.bases[row >> 1] as number;
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
      out.last = base + (state.hot[row + LAST] as number);
    },

    reset(series) {
      const { hot, cold } = memory.state;
      hot.fill(0, series * HOT, (series + 1) * HOT);
      cold.fill(0, series * COLD, (series + 1) * COLD);
    },

    save(live = false) {
      const { hot, cold } = memory.state;
      const arrays: Record<string, StateArray> = { open: memory.open() };
      if (!live) Object.assign(arrays, { hot: hot.slice(), cold: cold.slice() });
      const place = (name: 'hot' | 'cold', width: number): LiveRows => ({
        type: 'Float32Array',
        size: memory.state[name].byteLength,
        width,
        ticks: true,
        bytes: () => bytesOf(memory.state[name]),
      });
      for (const name of ROW_COLUMNS) arrays[`rows0.${name}`] = rows[name].slice(0, rows.length);
      return {
        version: VERSION,
        arrays,
        meta: { dropped: memory.dropped(), chunks: 1 },
        ...(live ? { live: { hot: place('hot', HOT * 4), cold: place('cold', COLD * 4) } } : {}),
      };
    },

    restore(state) {
      if (state.version !== VERSION) throw new TocsinError('state_version', `window state ${state.version}`);
      const meta = state.meta as { dropped: number; chunks: number };
      const { hot, cold, open } = state.arrays as Record<string, StateArray>;
      memory.restore(hot as Float32Array, cold as Float32Array, open as Int32Array, meta.dropped);
      const starts = Array.from({ length: meta.chunks }, (_, i) => state.arrays[`rows${i}.start`] as Float64Array);
      rows = createWindowRows(
        Math.max(
          LEAST_ROWS,
          starts.reduce((sum, chunk) => sum + chunk.length, 0),
        ),
      );
      starts.forEach((chunk, i) => {
        for (const name of ROW_COLUMNS) rows[name].set(state.arrays[`rows${i}.${name}`] as StateArray, rows.length);
        rows.length += chunk.length;
      });
    },
  };
}

function bytesOf(array: Float32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
