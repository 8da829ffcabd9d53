import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { type KernelMemory, loadKernel } from '../../stats/kernels/load.ts';
import { TAILS_WASM } from '../../stats/kernels/tails-wasm.ts';

/** What goes in and comes out of a batch: columns of `room` samples, in the kernel's memory. Replaced by `grow`, `restore` and `makeRoom`. */
export interface TailColumns {
  readonly series: Int32Array;
  /** As in `SeriesDetector.observe`: a sample is learnt here where it is 1. */
  readonly mode: Uint8Array;
  /** By detector. */
  readonly raw: readonly Float32Array[];
  readonly ready: readonly Uint8Array[];
  /** By detector: -log10 p of each sample, at most 8, 0 where not ready. */
  readonly surprise: readonly Float32Array[];
  /** Weighted sums of -log10 p over ordinary and over rare detectors. */
  readonly sum: Float32Array;
  readonly rare: Float32Array;
  /** 1 where any detector was ready. */
  readonly known: Uint8Array;
}

/**
 * A compact tail for each (series, detector), 9 bytes: the 95 % quantile of past scores and the mean of ln(score /
 * quantile) above it (Hill's estimator), both exponentially forgotten. It turns raw scores of any unit into comparable
 * -log10 p; the fused score is calibrated again by `fused-calibrator.ts`, so this one need not be exact. A SIMD kernel takes
 * four neighbouring series at a time, in 32-bit floats; series in any order give the same. A series at most once a batch.
 */
export interface TailBank {
  readonly bytesPerSeries: number;
  readonly columns: TailColumns;
  grow(capacity: number): void;
  /** Makes the columns hold batches of `samples`; empties them. */
  makeRoom(samples: number): void;
  /** Scores the first `length` samples of the columns, then learns them. */
  observe(length: number): void;
  reset(series: number): void;
  copy(from: number, to: number): void;
  save(live?: boolean): StateBlob;
  restore(state: StateBlob): void;
}

interface Kernel {
  readonly memory: KernelMemory;
  base(): number;
  observe(
    n: number,
    detectors: number,
    blocks: number,
    series: number,
    mode: number,
    raw: number,
    ready: number,
    room: number,
    weights: number,
    surprise: number,
    sum: number,
    rare: number,
    known: number,
  ): void;
}

const VERSION = 2;
/** A row a series: pairs of quantile and excess, then a count byte each. */
const ROW_VERSION = 1;
const PAGE = 65_536;
/** Bytes of a detector in the block of four series. */
const DETECTOR = 36;

/** @param weights By detector. @param isRare Detectors that are summed apart. */
export function createTailBank(weights: readonly number[], isRare: readonly boolean[]): TailBank {
  const kernel = loadKernel<Kernel>(TAILS_WASM);
  const detectors = weights.length;
  const stride = Math.ceil(detectors / 4) * 4;
  const blockBytes = detectors * DETECTOR;
  const rowBytes = blockBytes / 4;
  const start = align(kernel.base());
  let capacity = 0;
  let room = 0;
  let bytes = new Uint8Array(kernel.memory.buffer);
  let at = placesOf(0);
  let columns = columnsOf();

  /** Where the columns of a batch lie; rows come behind them. */
  function placesOf(samples: number) {
    const weightsAt = start;
    const series = weightsAt + stride * 8;
    const mode = series + samples * 4;
    const raw = align(mode + samples);
    const ready = raw + detectors * samples * 4;
    const surprise = align(ready + detectors * samples);
    const sum = surprise + detectors * samples * 4;
    const rare = sum + samples * 4;
    const known = rare + samples * 4;
    return { weights: weightsAt, series, mode, raw, ready, surprise, sum, rare, known, rows: align(known + samples) };
  }

  function columnsOf(): TailColumns {
    const { buffer } = kernel.memory;
    const floats = (from: number, length: number): Float32Array => new Float32Array(buffer, from, length);
    return {
      series: new Int32Array(buffer, at.series, room),
      mode: new Uint8Array(buffer, at.mode, room),
      raw: weights.map((_, d) => floats(at.raw + d * room * 4, room)),
      ready: weights.map((_, d) => new Uint8Array(buffer, at.ready + d * room, room)),
      surprise: weights.map((_, d) => floats(at.surprise + d * room * 4, room)),
      sum: floats(at.sum, room),
      rare: floats(at.rare, room),
      known: new Uint8Array(buffer, at.known, room),
    };
  }

  /** Makes memory for `rows` series, a multiple of four, behind columns of `samples` samples; moves the rows there are. */
  function arrange(rows: number, samples: number): void {
    const before = at;
    const next = placesOf(samples);
    const missing = next.rows + rows * rowBytes - kernel.memory.buffer.byteLength;
    if (missing > 0) kernel.memory.grow(Math.ceil(missing / PAGE));
    bytes = new Uint8Array(kernel.memory.buffer);
    if (next.rows !== before.rows) {
      bytes.copyWithin(next.rows, before.rows, before.rows + capacity * rowBytes);
      bytes.fill(0, start, next.rows);
      bytes.fill(0, next.rows + capacity * rowBytes);
    }
    at = next;
    capacity = rows;
    room = samples;
    new Float32Array(kernel.memory.buffer, at.weights, stride * 2).set([
      ...Array.from({ length: stride }, (_, d) => (d < detectors && !isRare[d] ? weights[d]! : 0)),
      ...Array.from({ length: stride }, (_, d) => (d < detectors && isRare[d] ? weights[d]! : 0)),
    ]);
    columns = columnsOf();
  }

  const end = (): number => at.rows + capacity * rowBytes;

  /** Calls `move` for every piece of a series' state: its lane of each vector, its byte of the counts. */
  function eachPiece(series: number, move: (offset: number, length: number) => void): void {
    const block = at.rows + (series >> 2) * blockBytes;
    const lane = series & 3;
    for (let d = 0; d < detectors; d++) {
      const tail = block + d * DETECTOR;
      move(tail + lane * 4, 4);
      move(tail + 16 + lane * 4, 4);
      move(tail + 32 + lane, 1);
    }
  }

  /** Puts rows of version 1 in their places. */
  function fromRows(saved: Uint8Array, bytesOfRow: number): void {
    for (let series = 0; series * bytesOfRow < saved.length; series++) {
      const row = series * bytesOfRow;
      let piece = 0;
      eachPiece(series, (offset, length) => {
        const d = Math.floor(piece / 3);
        const from = row + (length === 1 ? detectors * 8 + d : d * 8 + (piece % 3) * 4);
        bytes.set(saved.subarray(from, from + length), offset);
        piece++;
      });
    }
  }

  return {
    bytesPerSeries: rowBytes,
    get columns() {
      return columns;
    },
    grow(to) {
      if (to > capacity) arrange((to + 3) & ~3, room);
    },
    makeRoom(samples) {
      // Columns a multiple of 4 KiB apart would share the few cache lines of one set.
      if (samples > room) arrange(capacity, Math.ceil(samples / 1024) * 1024 + 144);
    },
    observe(length) {
      const { rows, series, mode, raw, ready, weights: from, surprise, sum, rare, known } = at;
      kernel.observe(length, detectors, rows, series, mode, raw, ready, room, from, surprise, sum, rare, known);
    },
    reset(series) {
      if (series < capacity) eachPiece(series, (offset, length) => bytes.fill(0, offset, offset + length));
    },
    copy(from, to) {
      const sources: number[] = [];
      eachPiece(from, (offset) => sources.push(offset));
      let piece = 0;
      eachPiece(to, (offset, length) => {
        const source = sources[piece++]!;
        bytes.copyWithin(offset, source, source + length);
      });
    },
    save: (live = false) => {
      const meta = { width: rowBytes / 4, extra: null };
      if (!live) return { version: VERSION, arrays: { rows: bytes.slice(at.rows, end()) }, meta };
      const all = () => bytes.subarray(at.rows, end());
      const rows = {
        type: 'Uint8Array',
        size: capacity * rowBytes,
        width: rowBytes,
        ticks: false,
        bytes: all,
      } as const;
      return { version: VERSION, arrays: {}, meta, live: { rows } };
    },
    restore(state) {
      const saved = state.arrays['rows'];
      const width = (state.meta as { readonly width?: unknown } | null)?.width;
      const wide = detectors * 8 + stride;
      const isRows = state.version === ROW_VERSION && width === wide / 4;
      if (!(saved instanceof Uint8Array) || !(isRows || (state.version === VERSION && width === rowBytes / 4))) {
        throw new TocsinError('state_version', `tails of version ${state.version} cannot be read, expected ${VERSION}`);
      }
      const series = (saved.length / (isRows ? wide : rowBytes) + 3) & ~3;
      capacity = 0;
      arrange(series, room);
      bytes.fill(0, at.rows);
      if (isRows) fromRows(saved, wide);
      else bytes.set(saved, at.rows);
    },
  };
}

function align(offset: number): number {
  return (offset + 15) & ~15;
}
