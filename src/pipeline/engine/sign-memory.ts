import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import type { SeriesScores } from '../../fuse/series-scores.ts';

const VERSION = 1;

/** Remembers which series were ever negative: of the others, nothing below zero is to be expected. */
export class SignMemory {
  readonly bytesPerSeries = 1;
  #negative = new Uint8Array(0);

  grow(capacity: number): void {
    if (capacity <= this.#negative.length) return;
    const larger = new Uint8Array(capacity);
    larger.set(this.#negative);
    this.#negative = larger;
  }

  /** Learns the signs of a batch, and lifts what is expected of never negative series to zero. */
  bound(batch: PointBatch, scores: SeriesScores): void {
    const { series, value, length } = batch;
    const { expected, lower, upper } = scores;
    const negative = this.#negative;
    for (let i = 0; i < length; i++) {
      if (value[i]! < 0) negative[series[i]!] = 1;
      if (!(lower[i]! < 0) || negative[series[i]!] === 1) continue;
      lower[i] = 0;
      if (expected[i]! < 0) expected[i] = 0;
      if (upper[i]! < 0) upper[i] = 0;
    }
  }

  reset(series: number): void {
    this.#negative[series] = 0;
  }

  copy(from: number, to: number): void {
    this.#negative[to] = this.#negative[from]!;
  }

  save(): StateBlob {
    return { version: VERSION, arrays: { negative: this.#negative.slice() }, meta: null };
  }

  /** @throws TocsinError `state_version` for a version it cannot read. */
  restore({ version, arrays }: StateBlob): void {
    if (version !== VERSION) throw new TocsinError('state_version', `sign memory state version ${version}`);
    this.#negative = (arrays['negative'] as Uint8Array).slice();
  }
}
