/** State in memory that goes on changing, one row a series, for a snapshot that is written while it does. */
export interface LiveRows {
  /** The array it is saved as. */
  readonly type: 'Float64Array' | 'Float32Array' | 'Int32Array' | 'Uint8Array';
  /** Bytes of the rows there are now; rows that come later are new series. */
  readonly size: number;
  /** Bytes of a row. Rows may be interleaved within blocks of a power of two up to 64. */
  readonly width: number;
  /** The end of a tick may change rows without a sample. */
  readonly ticks: boolean;
  /** All rows as they are. Asked for anew every time, since growing moves them. */
  readonly bytes: () => Uint8Array;
}

/** Is told of every row of series before it changes, while a snapshot is being written. */
export interface RowKeeper {
  keep(series: Int32Array, length: number): void;
  keepRow(row: number): void;
  keepAll(): void;
}

/** A column, or rows of `width` elements, that lies in memory of its own, which `now` gives. */
export function liveColumn(now: () => Float64Array | Float32Array | Uint8Array, width = 1): LiveRows {
  const column = now();
  return {
    type:
      column instanceof Float64Array ? 'Float64Array' : column instanceof Float32Array ? 'Float32Array' : 'Uint8Array',
    size: column.byteLength,
    width: width * column.BYTES_PER_ELEMENT,
    ticks: false,
    bytes: () => {
      const { buffer, byteOffset, byteLength } = now();
      return new Uint8Array(buffer, byteOffset, byteLength);
    },
  };
}
