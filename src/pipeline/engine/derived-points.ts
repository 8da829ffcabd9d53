import { createPointBatch, type PointBatch } from '../../domain/signal/batch.ts';
import type { Labels, Modality, SeriesTable } from '../../domain/signal/series.ts';
import type { EpochMs } from '../../domain/units.ts';
import type { FeatureSpec } from '../../features/spec.ts';

type SeriesFeature = Pick<FeatureSpec, 'unit'> & { readonly metric: string };

/** Collects the computed samples of one tick; the series of each is looked up once and remembered by the caller's key. */
export class DerivedPoints {
  #batch: PointBatch = createPointBatch(256);
  readonly #table: SeriesTable;
  readonly #modality: Modality;
  readonly #known = new Map<string, number>();

  constructor(table: SeriesTable, modality: Modality) {
    this.#table = table;
    this.#modality = modality;
  }

  begin(): void {
    this.#batch.length = 0;
  }

  add(service: number, feature: SeriesFeature, key: string, labels: () => Labels, at: EpochMs, value: number): void {
    if (!Number.isFinite(value)) return;
    const name = `${service}\n${feature.metric}\n${key}`;
    let series = this.#known.get(name);
    // An evicted row may belong to somebody else by now: derive again whenever it is not alive.
    if (series === undefined || this.#table.live[series] !== 1 || this.#table.service[series] !== service) {
      series = this.#table.derive(service, feature.metric, labels(), feature.unit, this.#modality);
      if (series < 0) return;
      this.#known.set(name, series);
    }
    if (this.#batch.length === this.#batch.series.length) this.#grow();
    const i = this.#batch.length++;
    this.#batch.series[i] = series;
    this.#batch.time[i] = at;
    this.#batch.value[i] = value;
  }

  /** SeriesInfo.id of a computed series that was added before under the same key; empty when there is none. */
  idOf(service: number, feature: SeriesFeature, key: string): string {
    const series = this.#known.get(`${service}\n${feature.metric}\n${key}`);
    return series === undefined || this.#table.live[series] !== 1 ? '' : this.#table.describe(series).id;
  }

  /** Valid until the next `begin`. */
  get batch(): PointBatch {
    return this.#batch;
  }

  #grow(): void {
    const larger = createPointBatch(this.#batch.length * 2);
    larger.series.set(this.#batch.series);
    larger.time.set(this.#batch.time);
    larger.value.set(this.#batch.value);
    larger.length = this.#batch.length;
    this.#batch = larger;
  }
}
