import type { EdgeTick, ServiceTick } from '../anomaly.ts';
import type { DecisionRecord } from '../decision.ts';
import type { EpochMs } from '../units.ts';
import type { DeployMarker } from './batch.ts';
import type { SeriesInfo } from './series.ts';

/**
 * Finished windows, one row per series and window, as columns. `series` is the shard's index; the store keeps the
 * catalogue from index to identity. `surprise` is the largest -log10 p in the window.
 */
export interface WindowRows {
  length: number;
  /** Start of each row's window. */
  readonly start: Float64Array;
  readonly series: Int32Array;
  readonly count: Float64Array;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly last: Float64Array;
  readonly expected: Float32Array;
  readonly lower: Float32Array;
  readonly upper: Float32Array;
  readonly surprise: Float32Array;
}

export function createWindowRows(capacity: number): WindowRows {
  return {
    length: 0,
    start: new Float64Array(capacity),
    series: new Int32Array(capacity),
    count: new Float64Array(capacity),
    mean: new Float64Array(capacity),
    variance: new Float64Array(capacity),
    min: new Float64Array(capacity),
    max: new Float64Array(capacity),
    last: new Float64Array(capacity),
    expected: new Float32Array(capacity),
    lower: new Float32Array(capacity),
    upper: new Float32Array(capacity),
    surprise: new Float32Array(capacity),
  };
}

/** One span of an example trace kept for people. */
export interface ExampleSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly service: string;
  readonly name: string;
  readonly start: EpochMs;
  readonly durationMs: number;
  readonly error: boolean;
}

/** A log template as learnt. */
export interface TemplateInfo {
  readonly id: string;
  readonly service: string;
  /** With `<*>` for the variable parts. */
  readonly template: string;
  readonly firstSeen: EpochMs;
  readonly severity: number;
  readonly example: string;
}

/** Everything a shard tells the correlator about one tick (final) or about services that cannot wait (provisional). */
export interface TickReport {
  readonly shard: number;
  /** Counts up by one per shard without gaps; makes re-delivery after a crash harmless. */
  readonly sequence: number;
  readonly at: EpochMs;
  readonly provisional: boolean;
  readonly services: readonly ServiceTick[];
  readonly edges: readonly EdgeTick[];
  readonly deploys: readonly DeployMarker[];
  readonly templates: readonly TemplateInfo[];
  readonly traces: readonly ExampleSpan[];
  readonly decisions: readonly DecisionRecord[];
  /** Series first seen since the last final report, so that the store can keep the catalogue. */
  readonly newSeries: readonly { readonly index: number; readonly info: SeriesInfo }[];
  readonly windows: WindowRows;
}
