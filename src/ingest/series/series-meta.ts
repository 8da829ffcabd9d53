import type { SeriesInheritance } from '../../domain/signal/series.ts';
import type { EpochMs, SeriesIndex } from '../../domain/units.ts';
import type { NamesState } from './series-names.ts';

/** What the table saves beside its columns. */
export interface TableMeta {
  readonly names: NamesState;
  readonly refused: readonly number[];
  readonly freeOrdinals: readonly (readonly [number, readonly number[]])[];
  readonly latest: EpochMs;
  readonly inheritance: readonly SeriesInheritance[];
  readonly takenOver: readonly SeriesIndex[];
}
