import type { SeriesInfo, SeriesTable } from '../../domain/signal/series.ts';

const MOST_AT_ONCE = 20_000;

/** Which series the store was told of, so that each is told once, and again when its row is reused. */
export class NewSeries {
  #described = new Uint8Array(1_024);

  /** Series first seen since the last call, a bounded number at a time. */
  take(table: SeriesTable): { index: number; info: SeriesInfo }[] {
    const { size, live } = table;
    if (this.#described.length < size) {
      const larger = new Uint8Array(Math.max(size, this.#described.length * 2));
      larger.set(this.#described);
      this.#described = larger;
    }
    const fresh: { index: number; info: SeriesInfo }[] = [];
    for (let i = 0; i < size && fresh.length < MOST_AT_ONCE; i++) {
      if (this.#described[i] === live[i]) continue;
      this.#described[i] = live[i]!;
      if (live[i] === 1) fresh.push({ index: i, info: table.describe(i) });
    }
    return fresh;
  }

  forget(series: number): void {
    this.#described[series] = 0;
  }

  save(): Uint8Array {
    return this.#described.slice();
  }

  restore(described: Uint8Array): void {
    this.#described = described.slice();
  }
}
