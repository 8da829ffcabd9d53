import type { StateArray, StateBlob } from '../domain/detector.ts';
import { TocsinError } from '../domain/error.ts';

/**
 * State of many series as one row of 32-bit words each, in one buffer with overlapping views. A row in one piece is
 * 1.5 times faster than an array per field, and stays so when series come in no order (reference: own measurements,
 * `bench/detect.ts`). Views are replaced by `grow` and `restore`: take them anew in every call.
 */
export interface Rows {
  readonly width: number;
  readonly bytesPerRow: number;
  /** Rows there is room for. */
  readonly capacity: number;
  f32: Float32Array;
  u16: Uint16Array;
  u8: Uint8Array;
  i16: Int16Array;
  /** Makes room for `capacity` rows; new ones are all zero. Never shrinks. */
  readonly grow: (capacity: number) => void;
  readonly reset: (row: number) => void;
  readonly copy: (from: number, to: number) => void;
  /** With `live` the rows as they lie in memory in place of a copy. */
  save(version: number, meta?: unknown, live?: boolean): StateBlob;
  /** @throws TocsinError `state_version` for another version or width. */
  restore(state: StateBlob, version: number): void;
}

/** @param width Words of 32 bits in a row; an even number keeps 64-bit fields of a row aligned. */
export function createRows(width: number): Rows {
  let words = new Float32Array(0);
  const rows = {
    width,
    bytesPerRow: width * 4,
    capacity: 0,
    f32: words,
    u16: new Uint16Array(0),
    u8: new Uint8Array(0),
    i16: new Int16Array(0),
    grow(capacity: number): void {
      if (capacity <= rows.capacity) return;
      const wider = new Float32Array(capacity * width);
      // Bytes, not floats: integer fields of a row may be signalling NaNs when read as floats.
      new Uint8Array(wider.buffer).set(rows.u8);
      take(wider, capacity);
    },
    reset(row: number): void {
      if (row < rows.capacity) rows.u8.fill(0, row * width * 4, (row + 1) * width * 4);
    },
    copy(from: number, to: number): void {
      rows.u8.copyWithin(to * width * 4, from * width * 4, (from + 1) * width * 4);
    },
    save(version: number, meta: unknown = null, live = false): StateBlob {
      const place = {
        type: 'Uint8Array',
        size: rows.u8.length,
        width: width * 4,
        ticks: false,
        bytes: () => rows.u8,
      } as const;
      if (live && width > 0) return { version, arrays: {}, meta: { width, extra: meta }, live: { rows: place } };
      return { version, arrays: { rows: rows.u8.slice() }, meta: { width, extra: meta } };
    },
    restore(state: StateBlob, version: number): void {
      const bytes: StateArray | undefined = state.arrays['rows'];
      const saved = state.meta as { readonly width?: unknown } | null;
      if (state.version !== version || saved?.width !== width || !(bytes instanceof Uint8Array)) {
        throw new TocsinError('state_version', `state version ${state.version} cannot be read, expected ${version}`);
      }
      const aligned = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
      take(new Float32Array(aligned.buffer as ArrayBuffer), aligned.byteLength / (width * 4));
    },
  };
  function take(next: Float32Array<ArrayBuffer>, capacity: number): void {
    words = next;
    rows.capacity = capacity;
    rows.f32 = words;
    rows.u16 = new Uint16Array(words.buffer);
    rows.u8 = new Uint8Array(words.buffer);
    rows.i16 = new Int16Array(words.buffer);
  }
  return rows;
}

/** Several rows a series (a hot one, a cold one) handled as one state; array names are the keys. */
export function joinRows<const T extends Readonly<Record<string, Rows>>>(
  parts: T,
): Pick<Rows, 'bytesPerRow' | 'grow' | 'reset' | 'copy' | 'restore'> & {
  save(version: number, live?: boolean): StateBlob;
} {
  const all = Object.entries(parts);
  return {
    bytesPerRow: all.reduce((sum, [, rows]) => sum + rows.bytesPerRow, 0),
    grow(capacity) {
      for (const [, rows] of all) rows.grow(capacity);
    },
    reset(row) {
      for (const [, rows] of all) rows.reset(row);
    },
    copy(from, to) {
      for (const [, rows] of all) rows.copy(from, to);
    },
    save(version, live = false) {
      const saved = all.map(([name, rows]) => [name, rows.save(version, null, live)] as const);
      return {
        version,
        arrays: live ? {} : Object.fromEntries(saved.map(([name, part]) => [name, part.arrays['rows']!])),
        ...(live ? { live: Object.fromEntries(saved.map(([name, part]) => [name, part.live!['rows']!])) } : {}),
        meta: { widths: Object.fromEntries(saved.map(([name, part]) => [name, part.meta])) },
      };
    },
    restore(state, version) {
      const widths = (state.meta as { readonly widths?: Record<string, unknown> } | null)?.widths ?? {};
      for (const [name, rows] of all) {
        const array = state.arrays[name];
        const arrays: Record<string, StateArray> = array ? { rows: array } : {};
        rows.restore({ version: state.version, arrays, meta: widths[name] ?? null }, version);
      }
    },
  };
}
