import type { StateBlob } from '../domain/detector.ts';
import { TocsinError } from '../domain/error.ts';
import type { KernelMemory } from './kernels/load.ts';
import type { Rows } from './rows.ts';

/** Rows of several widths in the memory of a kernel, behind columns of a batch. */
export interface KernelRows {
  /** By width; they grow together. */
  readonly rows: readonly Rows[];
  /** Byte at which the rows of each width begin. */
  readonly at: readonly number[];
  /** Samples that the columns have room for. */
  readonly room: number;
  readonly columnsAt: number;
  makeRoom(samples: number): void;
}

const PAGE = 65_536;

/**
 * @param start First byte of the memory that may be used. @param sampleBytes Bytes of the columns for a sample.
 * @param onMove Called when columns or rows lie elsewhere: views of them are to be taken anew.
 */
export function createKernelRows(
  memory: KernelMemory,
  start: number,
  sampleBytes: number,
  widths: readonly number[],
  onMove: () => void,
): KernelRows {
  const columnsAt = align(start);
  let capacity = 0;
  let room = 0;
  let at = placesOf(0, 0);
  /** End of what was ever in use. */
  let touched = 0;

  function placesOf(samples: number, series: number): number[] {
    let next = align(columnsAt + samples * sampleBytes);
    return [...widths, 0].map((width) => {
      const place = next;
      next = align(next + series * width * 4);
      return place;
    });
  }

  /** Makes memory and moves the rows there are, the last ones first. */
  function arrange(samples: number, series: number): void {
    const before = at;
    const next = placesOf(samples, series);
    const missing = next.at(-1)! - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    const bytes = new Uint8Array(memory.buffer);
    for (let k = widths.length - 1; k >= 0; k--) {
      const size = widths[k]! * 4;
      bytes.copyWithin(next[k]!, before[k]!, before[k]! + capacity * size);
      // Memory that was never in use is zero, and not there until it is touched.
      bytes.fill(0, next[k]! + capacity * size, Math.min(next[k]! + series * size, touched));
    }
    at = next;
    touched = Math.max(touched, next.at(-1)!);
    capacity = series;
    room = samples;
    rows.forEach((one, k) => {
      const { buffer } = memory;
      const words = series * widths[k]!;
      one.capacity = series;
      one.f32 = new Float32Array(buffer, next[k], words);
      one.u16 = new Uint16Array(buffer, next[k], words * 2);
      one.i16 = new Int16Array(buffer, next[k], words * 2);
      one.u8 = new Uint8Array(buffer, next[k], words * 4);
    });
    onMove();
  }

  function createOne(width: number) {
    const own = {
      width,
      bytesPerRow: width * 4,
      capacity: 0,
      f32: new Float32Array(0),
      u16: new Uint16Array(0),
      u8: new Uint8Array(0),
      i16: new Int16Array(0),
      grow(to: number): void {
        if (to > capacity) arrange(room, to);
      },
      reset(row: number): void {
        if (row < capacity) own.u8.fill(0, row * width * 4, (row + 1) * width * 4);
      },
      copy(from: number, to: number): void {
        own.u8.copyWithin(to * width * 4, from * width * 4, (from + 1) * width * 4);
      },
      save(version: number, meta: unknown = null, live = false): StateBlob {
        const kept = { width, extra: meta };
        if (!live) return { version, arrays: { rows: own.u8.slice() }, meta: kept };
        const size = own.u8.length;
        const place = { type: 'Uint8Array', size, width: width * 4, ticks: false, bytes: () => own.u8 } as const;
        return { version, arrays: {}, meta: kept, live: { rows: place } };
      },
      restore(state: StateBlob, version: number): void {
        const bytes = state.arrays['rows'];
        const saved = state.meta as { readonly width?: unknown } | null;
        if (state.version !== version || saved?.width !== width || !(bytes instanceof Uint8Array)) {
          throw new TocsinError('state_version', `state version ${state.version} cannot be read, expected ${version}`);
        }
        own.grow(bytes.length / (width * 4));
        own.u8.fill(0, bytes.length);
        own.u8.set(bytes);
      },
    };
    return own;
  }
  const rows = widths.map(createOne);

  return {
    rows,
    get at() {
      return at;
    },
    get room() {
      return room;
    },
    columnsAt,
    makeRoom(samples) {
      if (samples > room) arrange(samples, capacity);
    },
  };
}

function align(offset: number): number {
  return (offset + 15) & ~15;
}
