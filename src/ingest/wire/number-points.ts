import { type KernelMemory, loadKernel } from '../../stats/kernels/load.ts';
import { NUMBERS_WASM } from '../../stats/kernels/numbers-wasm.ts';

interface Kernel {
  readonly memory: KernelMemory;
  base(): number;
  place(columns: number, samples: number, body: number): void;
  count(): number;
  numbers(from: number, to: number, metric: number, seedA: number, seedB: number, first: number): number;
}

/** What the kernel fills, `room` samples each. */
export interface NumberColumns {
  /** Raw hash, two lanes a sample. */
  readonly keys: Int32Array;
  readonly time: Float64Array;
  readonly value: Float64Array;
  /** Where the data point lies in the body. */
  readonly start: Int32Array;
  readonly end: Int32Array;
  readonly metric: Int32Array;
}

const PAGE = 65_536;
/** Larger bodies are read without the kernel, so that a rare one does not keep its memory for ever. */
const MAX_BODY = 1 << 22;
/** Bytes of a data point with a time and a value: no body holds more points than this allows. */
const SMALLEST_POINT = 20;
/** Eight of them are the kernel's own. */
const SAMPLE_BYTES = 44;
const LEAST_ROOM = 2048;
/** No column of a body that follows another then lies a multiple of 4 KiB behind it. */
const STAGGER = 144;

/** The kernel that reads gauge and sum points, with the body and the columns in its memory. */
export class NumberPoints {
  private readonly kernel = loadKernel<Kernel>(NUMBERS_WASM);
  private readonly start = (this.kernel.base() + 15) & ~15;
  /** Samples that the columns have room for. */
  room = 0;
  /** Replaced by `open`. */
  columns!: NumberColumns;

  constructor() {
    this.arrange(LEAST_ROOM + STAGGER, 0);
  }

  /** A copy of the body where the kernel can read it, valid until the next call; null for one that is too large. */
  open(body: Uint8Array): Uint8Array | null {
    if (body.length > MAX_BODY) return null;
    const most = Math.ceil(body.length / SMALLEST_POINT) + STAGGER;
    const { buffer } = this.kernel.memory;
    if (most > this.room || this.start + this.room * SAMPLE_BYTES + body.length > buffer.byteLength - 64)
      this.arrange(Math.max(this.room, most), body.length);
    const copy = new Uint8Array(this.kernel.memory.buffer, this.start + this.room * SAMPLE_BYTES, body.length);
    copy.set(body);
    return copy;
  }

  /**
   * Reads points (field 1) of a Gauge or Sum from place `from` to `to` of the body as samples `first` and on. Gives the
   * place of the first field that is not a plain point, or `to`; `count` says up to which sample it came.
   */
  read(from: number, to: number, metric: number, seedA: number, seedB: number, first: number): number {
    return this.kernel.numbers(from, to, metric, seedA, seedB, first);
  }

  get count(): number {
    return this.kernel.count();
  }

  private arrange(room: number, bytes: number): void {
    const { kernel, start } = this;
    const missing = start + room * SAMPLE_BYTES + bytes + 64 - kernel.memory.buffer.byteLength;
    if (missing > 0) kernel.memory.grow(Math.ceil(missing / PAGE));
    const { buffer } = kernel.memory;
    let at = start;
    const next = (size: number): number => {
      at += room * size;
      return at - room * size;
    };
    this.room = room;
    this.columns = {
      keys: new Int32Array(buffer, next(8), room * 2),
      time: new Float64Array(buffer, next(8), room),
      value: new Float64Array(buffer, next(8), room),
      start: new Int32Array(buffer, next(4), room),
      end: new Int32Array(buffer, next(4), room),
      metric: new Int32Array(buffer, next(4), room),
    };
    next(8);
    kernel.place(start, room, at);
  }
}
