import type { LiveRows } from './live-rows.ts';
import type { PointBatch } from './signal/batch.ts';
import type { SeriesIndex } from './units.ts';

/**
 * What a detector says about each sample of a batch, before calibration. `raw` is unitless and means nothing outside the
 * detector: larger is stranger, never negative. `ready` 0 means still warming up: such a score must not be used.
 * A detector without an expectation leaves NaN in `expected`, `lower` and `upper`.
 */
export interface ScoreColumns {
  readonly raw: Float32Array;
  readonly expected: Float32Array;
  readonly lower: Float32Array;
  readonly upper: Float32Array;
  readonly ready: Uint8Array;
}

export function createScoreColumns(capacity: number): ScoreColumns {
  return {
    raw: new Float32Array(capacity),
    expected: new Float32Array(capacity),
    lower: new Float32Array(capacity),
    upper: new Float32Array(capacity),
    ready: new Uint8Array(capacity),
  };
}

/** State as plain data with a version; `arrays` are copied on save and taken over on restore. */
export interface StateBlob {
  readonly version: number;
  readonly arrays: Readonly<Record<string, StateArray>>;
  /** JSON-able. */
  readonly meta: unknown;
  /** In `save(true)` only: arrays in place, which whoever keeps the blob must copy before they change. */
  readonly live?: Readonly<Record<string, LiveRows>>;
}
export type StateArray =
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Uint16Array
  | Int16Array
  | Uint8Array
  | Int8Array;

/**
 * A detector of the always-on tier keeps the state of every series of a shard in one typed array, a row per series.
 *
 * Contract (`detect/contract.ts` runs it on every registered detector): a series appears at most once in a batch; scoring
 * of sample i uses only what was learnt before it; where `learn[i]` is 0 the state that forms expectations does not
 * change; same input, same scores, bit by bit; restored state scores the same; no clock, no randomness, no input mutated.
 */
export interface SeriesDetector {
  readonly name: string;
  readonly bytesPerSeries: number;
  /** Makes room for series below `capacity`; new rows are cold. */
  grow(capacity: number): void;
  /** Scores each sample, then learns it: `learn[i]` 0 not at all, 1 as usual, 2 fast and unclipped (after a lasting change). */
  observe(batch: PointBatch, learn: Uint8Array, out: ScoreColumns): void;
  /** Makes a row cold again (eviction). */
  reset(series: SeriesIndex): void;
  /** Starts row `to` from row `from` (a new pod of a known workload). */
  copy(from: SeriesIndex, to: SeriesIndex): void;
  /** `live`: may leave rows in place instead of copying them. */
  save(live?: boolean): StateBlob;
  /** @throws TocsinError `state_version` for a version it cannot read. */
  restore(state: StateBlob): void;
}

/**
 * What all detectors of a tier say about a batch: `raw[d][i]` and `ready[d][i]` as in `ScoreColumns`. The band is that of
 * the best expectation that is ready, in the sample's unit, NaN without one.
 */
export interface TierScores {
  readonly raw: readonly Float32Array[];
  readonly ready: readonly Uint8Array[];
  readonly expected: Float32Array;
  readonly lower: Float32Array;
  readonly upper: Float32Array;
}

/** All detectors of the always-on tier as one: the contract of `SeriesDetector`, several scores a sample. */
export interface DetectorTier {
  /** Detector d of the scores. */
  readonly names: readonly string[];
  readonly bytesPerSeries: number;
  grow(capacity: number): void;
  /** As `SeriesDetector.observe`. */
  observe(batch: PointBatch, learn: Uint8Array, out: TierScores): void;
  reset(series: SeriesIndex): void;
  copy(from: SeriesIndex, to: SeriesIndex): void;
  /** One part a detector or group of detectors; `live`: rows in place where there are many. */
  save(live?: boolean): Record<string, StateBlob>;
  /** @throws TocsinError `state_version` where a part is missing or of another version. */
  restore(parts: Readonly<Record<string, StateBlob>>): void;
}

/** Signals a service row has room for. */
export const ROW_SLOTS = 64;

/**
 * A detector of service rows: one fixed-length vector a service and window, `ROW_SLOTS` standardised residuals, 0 where a
 * signal is as expected or absent. A thousand times fewer than samples, so plain numbers in and out.
 *
 * Contract (`detect/row-contract.ts`): `score` changes nothing that forms expectations; same rows, same scores, bit by
 * bit; restored state goes on alike; services do not influence each other; no clock, no chance but its own seed.
 */
export interface RowDetector {
  readonly name: string;
  /** Of a service that has been learnt fully. */
  readonly bytesPerService: number;
  /** Unitless, larger is stranger, never negative; NaN while warming up. Uses only what was learnt before. */
  score(service: number, row: Float64Array): number;
  /** How much each signal added to the strangeness of the row, never negative, any scale. */
  blame(service: number, row: Float64Array, out: Float64Array): void;
  learn(service: number, row: Float64Array): void;
  reset(service: number): void;
  save(): StateBlob;
  /** @throws TocsinError `state_version` for a version it cannot read. */
  restore(state: StateBlob): void;
}

/**
 * A detector of the promoted tier: looks at the last values of one of the few series that hold a slot. Values are
 * standardised (robust centre and scale of the ring), oldest first, the newest is `values[length - 1]`.
 *
 * Contract (`detect/promoted-contract.ts`): same calls, same scores; slots do not influence each other; restored state
 * goes on alike.
 */
export interface PromotedDetector {
  readonly name: string;
  /** State beside the ring. */
  readonly bytesPerSlot: number;
  grow(slots: number): void;
  /**
   * Scores the newest value: unitless, larger is stranger, never negative; NaN where the ring is too short.
   *
   * @param fresh Values that came since the slot was scored last, at least 1 (all of them the first time).
   */
  score(slot: number, values: Float64Array, length: number, fresh: number): number;
  reset(slot: number): void;
  save(): StateBlob;
  /** @throws TocsinError `state_version` for a version it cannot read. */
  restore(state: StateBlob): void;
}
