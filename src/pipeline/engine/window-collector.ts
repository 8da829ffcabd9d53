import { createWindowRows, type WindowRows } from '../../domain/signal/history.ts';

const COLUMNS = [
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
] as const;

/** Copies the chunks of finished windows into one batch of columns that can be sent to another thread. */
export class WindowCollector {
  readonly none: WindowRows = createWindowRows(0);
  #rows: WindowRows = createWindowRows(256);

  readonly add = (chunk: WindowRows): void => {
    const have = this.#rows.length;
    const need = have + chunk.length;
    if (need > this.#rows.start.length) {
      const larger = createWindowRows(Math.max(need, have * 2));
      for (const name of COLUMNS) larger[name].set(this.#rows[name].subarray(0, have));
      this.#rows = larger;
    }
    for (const name of COLUMNS) this.#rows[name].set(chunk[name].subarray(0, chunk.length), have);
    this.#rows.length = need;
  };

  /** What was collected, in columns of exactly that length. */
  take(): WindowRows {
    const { length } = this.#rows;
    const out = createWindowRows(length);
    for (const name of COLUMNS) out[name].set(this.#rows[name].subarray(0, length));
    out.length = length;
    this.#rows.length = 0;
    return out;
  }
}
