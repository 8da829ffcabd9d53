import type { EpochMs } from '../units.ts';

/** One metric of one service in one tick, over all its series: combined already, so that little crosses the bus. */
export interface Rollup {
  readonly metric: string;
  readonly count: number;
  readonly mean: number;
  /** Sum of squared distances from the mean. */
  readonly m2: number;
  readonly min: number;
  readonly max: number;
  /** Weight by bin, see `features/service-window`. */
  readonly sketch: ReadonlyMap<number, number>;
}

export interface RollupBatch {
  readonly tenant: string;
  readonly service: string;
  /** Start of the tick. */
  readonly tick: EpochMs;
  readonly rows: readonly Rollup[];
}
