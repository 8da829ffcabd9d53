import type { Evidence } from '../anomaly.ts';
import type { DurationMs, EpochMs, ServiceIndex } from '../units.ts';

/**
 * What log features say of one tick. One row per template that occurred, in order of first occurrence, and one per
 * service. Columns are reused by the next tick: copy what is kept.
 */
export interface LogTick {
  /** End of the tick in event time, and its length. */
  at: EpochMs;
  durationMs: DurationMs;
  length: number;
  template: Int32Array;
  count: Int32Array;
  serviceLength: number;
  service: Int32Array;
  lines: Int32Array;
  /** Lines of severity ERROR or worse. */
  errors: Int32Array;
}

/** What a detector may ask about log templates. Indices are dense; an evicted one is reused with the next generation. */
export interface TemplateCatalogue {
  readonly size: number;
  serviceOf(template: number): ServiceIndex;
  severityOf(template: number): number;
  /** Counts up when an index is given to another template: state kept under the old generation is stale. */
  generationOf(template: number): number;
  textOf(template: number): string;
  exampleOf(template: number): string;
}

/** What a detector may ask about operations (service, span name, kind). */
export interface OperationCatalogue {
  readonly size: number;
  serviceOf(operation: number): ServiceIndex;
  nameOf(operation: number): string;
}

/**
 * Spans whose neighbours had time to arrive, as columns; the join with the parent is done. `parentOperation` and
 * `parentService` are -1 where the parent is unknown or absent (`root` tells which). `selfMs` is duration minus the part
 * covered by children; `gapMs` is the parent's duration minus this one's where the parent lives in another service, else
 * NaN. `trace` is a reference for `TraceExamples`, -1 where the trace was not kept.
 */
export interface SettledSpans {
  length: number;
  readonly service: Int32Array;
  readonly operation: Int32Array;
  readonly parentService: Int32Array;
  readonly parentOperation: Int32Array;
  readonly durationMs: Float64Array;
  readonly selfMs: Float64Array;
  readonly gapMs: Float64Array;
  readonly error: Uint8Array;
  readonly root: Uint8Array;
  readonly trace: Float64Array;
}

/** Hex trace id behind a reference of `SettledSpans.trace`; empty when it is no longer kept. */
export interface TraceExamples {
  traceIdOf(reference: number): string;
}

/** Names a service for people; the shard's SeriesTable gives it. */
export type ServiceNames = (service: ServiceIndex) => string;

export function createSettledSpans(capacity: number): SettledSpans {
  return {
    length: 0,
    service: new Int32Array(capacity),
    operation: new Int32Array(capacity),
    parentService: new Int32Array(capacity),
    parentOperation: new Int32Array(capacity),
    durationMs: new Float64Array(capacity),
    selfMs: new Float64Array(capacity),
    gapMs: new Float64Array(capacity),
    error: new Uint8Array(capacity),
    root: new Uint8Array(capacity),
    trace: new Float64Array(capacity),
  };
}

type Given = Pick<Evidence, 'service' | 'modality' | 'metric' | 'kind' | 'at' | 'p' | 'value' | 'text'>;

/** Evidence that has no series of its own (a template, an operation, an edge); p is floored at 1e-6. */
export function createEvidence(given: Given & Partial<Evidence>): Evidence {
  return {
    series: '',
    unit: '',
    labels: {},
    instance: '',
    onset: given.at,
    expected: Number.NaN,
    lower: Number.NaN,
    upper: Number.NaN,
    contributions: [],
    ...given,
    p: Math.min(1, Math.max(1e-6, given.p)),
  };
}
