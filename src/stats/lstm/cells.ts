import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { type KernelMemory, loadKernel } from '../kernels/load.ts';
import { LSTM_WASM } from '../kernels/lstm-wasm.ts';
import { checksumOf, HIDDEN, type LstmNetwork } from './network.ts';

interface Kernel {
  readonly memory: KernelMemory;
  base(): number;
  weights(): number;
  step(n: number, series: number, inputs: number, rows: number, bytes: number): void;
}

/** Words of a row that the kernel writes: h, c, then the forecast of the next normalised value and the log of its scale. */
export const CELL = { h: 0, c: HIDDEN, mean: 2 * HIDDEN, logScale: 2 * HIDDEN + 1, own: 2 * HIDDEN + 2 } as const;

const PAGE = 65_536;
/** Rows start at multiples of it, so that vectors are aligned. */
const ROW_WORDS = 4;

/**
 * Cells of many series in the kernel's memory, a row each: the state of the network, its forecast, and `extra` words of the
 * caller's own. Views are replaced by `grow`, `reserve` and `restore`: take them anew in every call.
 */
export interface LstmCells {
  /** Words of a row; word `CELL.own` is the first of the caller's. */
  readonly width: number;
  readonly bytesPerRow: number;
  readonly f32: Float32Array;
  /** Columns of the next step: rows and their inputs. */
  readonly series: Int32Array;
  readonly inputs: Float32Array;
  /** Makes room for steps of `samples` series. */
  reserve(samples: number): void;
  grow(capacity: number): void;
  /** Takes a step of the first `n` of `series`, none of them twice. */
  step(n: number): void;
  reset(row: number): void;
  copy(from: number, to: number): void;
  save(version: number): StateBlob;
  /** Whether a state is of this network. */
  fits(state: StateBlob): boolean;
  /** @throws TocsinError `state_version` for another version, width or network: another network's state means nothing. */
  restore(state: StateBlob, version: number): void;
}

export function createLstmCells(network: LstmNetwork, extra: number): LstmCells {
  const kernel = loadKernel<Kernel>(LSTM_WASM);
  const width = Math.ceil((CELL.own + extra) / ROW_WORDS) * ROW_WORDS;
  const bytesPerRow = width * 4;
  const checksum = checksumOf(network.weights);
  const start = (kernel.base() + 15) & ~15;
  let capacity = 0;
  let room = 0;
  let rowsAt = start;
  let bytes = new Uint8Array(kernel.memory.buffer);
  new Float32Array(kernel.memory.buffer, kernel.weights(), network.weights.length).set(network.weights);

  const cells = {
    width,
    bytesPerRow,
    f32: new Float32Array(0),
    series: new Int32Array(0),
    inputs: new Float32Array(0),
    reserve(samples: number): void {
      if (samples > room) arrange(capacity, (Math.max(256, samples, 2 * room) + 3) & ~3);
    },
    grow(to: number): void {
      if (to > capacity) arrange(to, room);
    },
    step(n: number): void {
      kernel.step(n, start, start + room * 4, rowsAt, bytesPerRow);
    },
    reset(row: number): void {
      if (row < capacity) cells.f32.fill(0, row * width, (row + 1) * width);
    },
    copy(from: number, to: number): void {
      cells.f32.copyWithin(to * width, from * width, (from + 1) * width);
    },
    save(version: number): StateBlob {
      return { version, arrays: { rows: cells.f32.slice() }, meta: { width, network: checksum } };
    },
    fits(state: StateBlob): boolean {
      return (state.meta as { readonly network?: unknown } | null)?.network === checksum;
    },
    restore(state: StateBlob, version: number): void {
      const rows = state.arrays['rows'];
      const meta = state.meta as { readonly width?: unknown; readonly network?: unknown } | null;
      if (state.version !== version || meta?.width !== width || !(rows instanceof Float32Array))
        throw new TocsinError('state_version', `LSTM state of version ${state.version} cannot be read`);
      if (!cells.fits(state))
        throw new TocsinError('state_version', `LSTM state is of network ${String(meta.network)}, not ${checksum}`);
      capacity = 0;
      arrange(rows.length / width, room);
      cells.f32.set(rows);
    },
  };

  /** Room for `rows` rows behind the columns of `samples` samples; moves the rows there are. */
  function arrange(rows: number, samples: number): void {
    const at = start + samples * 8;
    const missing = at + rows * bytesPerRow - kernel.memory.buffer.byteLength;
    if (missing > 0) kernel.memory.grow(Math.ceil(missing / PAGE));
    bytes = new Uint8Array(kernel.memory.buffer);
    bytes.copyWithin(at, rowsAt, rowsAt + capacity * bytesPerRow);
    bytes.fill(0, at + capacity * bytesPerRow, at + rows * bytesPerRow);
    rowsAt = at;
    capacity = rows;
    room = samples;
    cells.f32 = new Float32Array(kernel.memory.buffer, rowsAt, rows * width);
    cells.series = new Int32Array(kernel.memory.buffer, start, samples);
    cells.inputs = new Float32Array(kernel.memory.buffer, start + samples * 4, samples);
  }

  return cells;
}
