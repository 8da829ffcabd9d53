import type { PointBatch } from '../../domain/signal/batch.ts';
import type { WindowRows } from '../../domain/signal/history.ts';
import { type KernelMemory, loadKernel } from '../../stats/kernels/load.ts';
import { WINDOWS_WASM } from '../../stats/kernels/windows-wasm.ts';
import { COLD, HOT, type WindowState } from './levels.ts';

interface Kernel {
  readonly memory: KernelMemory;
  base(): number;
  countsAt(): number;
  place(
    series: number,
    time: number,
    value: number,
    scores: number,
    rows: number,
    room: number,
    open: number,
    hot: number,
    cold: number,
  ): void;
  observe(n: number): void;
  close(first: number, from: number): number;
}

export type RowColumn = Exclude<keyof WindowRows, 'length'>;

const PAGE = 65_536;
/** Places in the kernel's counts. */
const OPEN = 0;
const WRITTEN = 1;
const DROPPED = 2;
const KEPT = 3;
const OLDEST = 4;
/** Columns of 8 bytes lead a row, columns of 4 bytes follow. */
const WIDE = 7;
const ROW_BYTES = 76;
const LONG_AGO = -0x80000000;

/** The kernel of windows with the memory that it works on: columns of a batch, rows that ended, list of open windows, state. */
export function createWindowMemory() {
  const kernel = loadKernel<Kernel>(WINDOWS_WASM);
  const start = align(kernel.base());
  let capacity = 0;
  let room = 0;
  /** Places in the list of series with a base window under way. */
  let listed = 0;
  let at = placesOf(0, 0, 0);
  /** End of what was ever in use. */
  let touched = 0;
  let counts = new Int32Array(kernel.memory.buffer, kernel.countsAt(), 8);
  counts[OLDEST] = LONG_AGO;
  let state = stateOf();
  let columns = columnsOf();

  function placesOf(samples: number, list: number, series: number) {
    const time = start;
    const value = time + samples * 8;
    const rows = value + samples * 8;
    const scores = rows + samples * ROW_BYTES;
    const ids = scores + samples * 16;
    const open = align(ids + samples * 4);
    const cold = align(open + list * 4);
    const hot = align(cold + series * COLD * 4);
    return { time, value, rows, scores, series: ids, open, cold, hot, end: hot + series * HOT * 4 };
  }

  function stateOf(): WindowState {
    const { buffer } = kernel.memory;
    return {
      hot: new Float32Array(buffer, at.hot, capacity * HOT),
      words: new Int32Array(buffer, at.hot, capacity * HOT),
      bases: new Float64Array(buffer, at.hot, (capacity * HOT) / 2),
      cold: new Float32Array(buffer, at.cold, capacity * COLD),
    };
  }

  function columnsOf() {
    const { buffer } = kernel.memory;
    return {
      series: new Int32Array(buffer, at.series, room),
      time: new Float64Array(buffer, at.time, room),
      value: new Float64Array(buffer, at.value, room),
      scores: [0, 1, 2, 3].map((k) => new Float32Array(buffer, at.scores + k * room * 4, room)),
    };
  }

  /** Makes memory and moves the state there is, the last area first. */
  function arrange(samples: number, list: number, series: number): void {
    const before = at;
    const next = placesOf(samples, list, series);
    const missing = next.end - kernel.memory.buffer.byteLength;
    if (missing > 0) kernel.memory.grow(Math.ceil(missing / PAGE));
    const bytes = new Uint8Array(kernel.memory.buffer);
    counts = new Int32Array(kernel.memory.buffer, kernel.countsAt(), 8);
    for (const [area, width, to] of [
      ['hot', HOT * 4, next.hot],
      ['cold', COLD * 4, next.cold],
    ] as const) {
      bytes.copyWithin(to, before[area], before[area] + capacity * width);
      // Memory that was never in use is zero, and not there until it is touched.
      bytes.fill(0, to + capacity * width, Math.min(to + series * width, touched));
    }
    bytes.copyWithin(next.open, before.open, before.open + counts[OPEN]! * 4);
    at = next;
    touched = Math.max(touched, next.end);
    capacity = series;
    room = samples;
    listed = list;
    state = stateOf();
    columns = columnsOf();
    kernel.place(at.series, at.time, at.value, at.scores, at.rows, room, at.open, at.hot, at.cold);
  }

  return {
    /** Replaced by `grow`, `observe` and `restore`. */
    get state(): WindowState {
      return state;
    },
    dropped: (): number => counts[DROPPED]!,
    drop(): void {
      counts[DROPPED]!++;
    },
    /** Rows that the last call has written. */
    written: (): number => counts[WRITTEN]!,
    /** Series listed as having a base window under way. */
    open: (): Int32Array => new Int32Array(kernel.memory.buffer, at.open, counts[OPEN]!).slice(),

    grow(to: number): void {
      if (to > capacity) arrange(room, Math.max(listed, to + 1024), Math.max(to, capacity * 2));
    },

    observe(
      { series, time, value, length }: PointBatch,
      surprise: Float32Array,
      expected: Float32Array,
      lower: Float32Array,
      upper: Float32Array,
    ): void {
      // Columns a multiple of 4 KiB apart would share the few cache lines of one set.
      const samples = length > room ? Math.ceil(length / 1024) * 1024 + 144 : room;
      // A row that changed hands may be listed twice until both are closed.
      const list = counts[OPEN]! + length > listed ? 2 * (counts[OPEN]! + length) : listed;
      if (samples !== room || list !== listed) arrange(samples, list, capacity);
      copyColumn(series, columns.series, length);
      copyColumn(time, columns.time, length);
      copyColumn(value, columns.value, length);
      copyColumn(surprise, columns.scores[0]!, length);
      copyColumn(expected, columns.scores[1]!, length);
      copyColumn(lower, columns.scores[2]!, length);
      copyColumn(upper, columns.scores[3]!, length);
      kernel.observe(length);
    },

    /** Ends base windows before number `first`, as many at a time as there is room for rows; `onWritten` takes those. */
    close(first: number, onWritten: () => void): void {
      if (room === 0) arrange(1024 + 144, listed, capacity);
      // Windows are numbered in 32 bits; a watermark beyond them ends everything.
      const before = Math.min(first, 0x7ffffffe);
      let from = 0;
      do {
        from = kernel.close(before, from);
        onWritten();
      } while (from < counts[OPEN]!);
      counts[OPEN] = counts[KEPT]!;
    },

    /** Copies the first `length` written rows to place `to` of columns, in the kernel's order of columns. */
    copyRows(length: number, names: readonly RowColumn[], rows: WindowRows, to: number): void {
      const { buffer } = kernel.memory;
      let from = at.rows;
      names.forEach((name, k) => {
        const column = rows[name];
        if (k < WIDE) (column as Float64Array).set(new Float64Array(buffer, from, length), to);
        else if (name === 'series') (column as Int32Array).set(new Int32Array(buffer, from, length), to);
        else (column as Float32Array).set(new Float32Array(buffer, from, length), to);
        from += room * (k < WIDE ? 8 : 4);
      });
    },

    restore(hot: Float32Array, cold: Float32Array, open: Int32Array, dropped: number): void {
      const series = hot.length / HOT;
      capacity = 0;
      counts[OPEN] = 0;
      arrange(room, Math.max(listed, open.length, series + 1024), series);
      state.hot.set(hot);
      state.cold.set(cold);
      new Int32Array(kernel.memory.buffer, at.open, open.length).set(open);
      counts[OPEN] = open.length;
      counts[DROPPED] = dropped;
      counts[OLDEST] = LONG_AGO;
    },
  };
}

/** Below so many samples a loop copies faster than the engine's own copying is called. */
const SHORT = 64;

function copyColumn<T extends Int32Array | Float32Array | Float64Array>(from: T, to: T, length: number): void {
  if (length < SHORT) for (let i = 0; i < length; i++) to[i] = from[i]!;
  else to.set(from.length === length ? from : from.subarray(0, length));
}

function align(offset: number): number {
  return (offset + 15) & ~15;
}
