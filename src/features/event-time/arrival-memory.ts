import type { PointBatch } from '../../domain/signal/batch.ts';
import { ARRIVAL_WASM } from '../../stats/kernels/arrival-wasm.ts';
import { type KernelMemory, loadKernel } from '../../stats/kernels/load.ts';

interface Kernel {
  readonly memory: KernelMemory;
  base(): number;
  place(series: number, time: number, seen: number, steps: number, interval: number, lag: number): void;
  newest(): number;
  admit(from: number, n: number, mark: number, limit: number, newest: number): number;
}

/** State by series, in the kernel's memory. */
export interface ArrivalState {
  readonly lastSeen: Float64Array;
  readonly interval: Float32Array;
  readonly lag: Float32Array;
  /** Row of two: [0] as uint32 which slice of which batch saw the series last, [1] as float32 the step before. */
  readonly steps: Float32Array;
  readonly marks: Uint32Array;
}

const PAGE = 65_536;

/** The kernel of samples that arrive as they should, with the columns of a batch and the state of all series in its memory. */
export function createArrivalMemory() {
  const kernel = loadKernel<Kernel>(ARRIVAL_WASM);
  const start = (kernel.base() + 15) & ~15;
  // A kernel without tables begins without memory.
  if (kernel.memory.buffer.byteLength === 0) kernel.memory.grow(1);
  let capacity = 0;
  let room = 0;
  let at = placesOf(0, 0);
  /** End of what was ever in use. */
  let touched = 0;
  let state = stateOf();
  let columns = columnsOf();

  function placesOf(samples: number, series: number) {
    const ids = start + samples * 8;
    const seen = (ids + samples * 4 + 15) & ~15;
    const steps = seen + series * 8;
    const interval = steps + series * 8;
    const lag = interval + series * 4;
    return { time: start, series: ids, seen, steps, interval, lag, end: lag + series * 4 };
  }

  function stateOf(): ArrivalState {
    const { buffer } = kernel.memory;
    return {
      lastSeen: new Float64Array(buffer, at.seen, capacity),
      interval: new Float32Array(buffer, at.interval, capacity),
      lag: new Float32Array(buffer, at.lag, capacity),
      steps: new Float32Array(buffer, at.steps, capacity * 2),
      marks: new Uint32Array(buffer, at.steps, capacity * 2),
    };
  }

  function columnsOf() {
    const { buffer } = kernel.memory;
    return { series: new Int32Array(buffer, at.series, room), time: new Float64Array(buffer, at.time, room) };
  }

  /** Makes memory and moves the state there is, the last area first. */
  function arrange(samples: number, series: number): void {
    const before = at;
    const next = placesOf(samples, series);
    const missing = next.end - kernel.memory.buffer.byteLength;
    if (missing > 0) kernel.memory.grow(Math.ceil(missing / PAGE));
    const bytes = new Uint8Array(kernel.memory.buffer);
    for (const [area, width] of [
      ['lag', 4],
      ['interval', 4],
      ['steps', 8],
      ['seen', 8],
    ] as const) {
      bytes.copyWithin(next[area], before[area], before[area] + capacity * width);
      // Memory that was never in use is zero, and not there until it is touched.
      bytes.fill(0, next[area] + capacity * width, Math.min(next[area] + series * width, touched));
    }
    const old = capacity;
    at = next;
    touched = Math.max(touched, next.end);
    capacity = series;
    room = samples;
    state = stateOf();
    columns = columnsOf();
    state.lastSeen.fill(Number.NEGATIVE_INFINITY, old);
    kernel.place(at.series, at.time, at.seen, at.steps, at.interval, at.lag);
  }

  return {
    /** Replaced by `grow`, `take` and `restore`. */
    get state(): ArrivalState {
      return state;
    },
    get capacity(): number {
      return capacity;
    },
    grow(to: number): void {
      if (to > capacity) arrange(room, Math.max(to, capacity * 2));
    },
    /** Takes the batch's columns from sample `from` on. */
    take({ series, time, length }: PointBatch, from: number): void {
      if (length > room) arrange(Math.ceil(length / 1024) * 1024 + 144, capacity);
      columns.series.set(series.subarray(from, length), from);
      columns.time.set(time.subarray(from, length), from);
    },
    admit: kernel.admit,
    newest: kernel.newest,
    restore(saved: Omit<ArrivalState, 'steps' | 'marks'>, steps: ArrayLike<number>): void {
      capacity = 0;
      arrange(room, saved.lastSeen.length);
      state.lastSeen.set(saved.lastSeen);
      state.interval.set(saved.interval);
      state.lag.set(saved.lag);
      for (let i = 0; i < capacity; i++) state.steps[i * 2 + 1] = steps[i] as number;
    },
  };
}
