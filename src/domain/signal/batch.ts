import type { EpochMs } from '../units.ts';

/**
 * Samples of one shard in arrival order; element i of each column is one sample. Columns may be longer than `length`.
 * `series` indexes the shard's series table, `time` is event time in ms, `value` is as sent (a counter's running total
 * until `features/rate` has turned it into a rate).
 */
export interface PointBatch {
  length: number;
  readonly series: Int32Array;
  readonly time: Float64Array;
  readonly value: Float64Array;
}

/**
 * Histogram samples of every kind (explicit, exponential, native) as non-empty buckets. Sample i owns the pooled buckets
 * `bucketStart[i]` .. `bucketStart[i + 1]`: `upper` is a bucket's inclusive upper bound (may be +Infinity), `lower` its
 * exclusive lower bound (may be -Infinity), `count` its population. Cumulative and delta are told apart by the series.
 */
export interface HistogramBatch {
  length: number;
  readonly series: Int32Array;
  readonly time: Float64Array;
  /** Start of the accumulation in ms, 0 if unknown; a change marks a counter reset. */
  readonly startTime: Float64Array;
  readonly total: Float64Array;
  /** NaN where the sender gave no sum. */
  readonly sum: Float64Array;
  readonly bucketStart: Int32Array;
  lower: Float64Array;
  upper: Float64Array;
  count: Float64Array;
}

/** Severity of a log record, OTLP's SeverityNumber (1 trace .. 24 fatal), 0 when unknown. */
export type SeverityNumber = number;

/**
 * Log records of one request. Bodies stay where they arrived: record i's body is `buffer[bodyStart[i] .. bodyEnd[i])`,
 * UTF-8. Trace ids are 16 bytes at `traceId * 16` of `traceIds` (all zero: none).
 */
export interface LogBatch {
  length: number;
  buffer: Uint8Array;
  readonly service: Int32Array;
  /** Index of the instance (pod, host, process) in the shard's instance table, -1 when the resource names none. */
  readonly instance: Int32Array;
  readonly time: Float64Array;
  readonly severity: Uint8Array;
  readonly bodyStart: Int32Array;
  readonly bodyEnd: Int32Array;
  readonly traceIds: Uint8Array;
}

/** OTLP Span.SpanKind. */
export const SPAN_KIND = { unspecified: 0, internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;

/**
 * Spans of one request. Ids are raw bytes: trace id of span i at `i * 16` of `traceIds`, its own and its parent's id at
 * `i * 8` of `spanIds` and `parentIds` (parent all zero: root). The name is `buffer[nameStart[i] .. nameEnd[i])`, UTF-8.
 */
export interface SpanBatch {
  length: number;
  buffer: Uint8Array;
  readonly service: Int32Array;
  readonly instance: Int32Array;
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly kind: Uint8Array;
  /** 1 where status is ERROR (or an HTTP 5xx / gRPC error attribute says so). */
  readonly error: Uint8Array;
  readonly nameStart: Int32Array;
  readonly nameEnd: Int32Array;
  readonly traceIds: Uint8Array;
  readonly spanIds: Uint8Array;
  readonly parentIds: Uint8Array;
}

/** A deploy seen in the data: `service.version` (or image tag) of a service changed. */
export interface DeployMarker {
  readonly service: string;
  readonly from: string;
  readonly to: string;
  readonly at: EpochMs;
}

export function createPointBatch(capacity: number): PointBatch {
  return {
    length: 0,
    series: new Int32Array(capacity),
    time: new Float64Array(capacity),
    value: new Float64Array(capacity),
  };
}

export function createHistogramBatch(capacity: number, buckets: number): HistogramBatch {
  return {
    length: 0,
    series: new Int32Array(capacity),
    time: new Float64Array(capacity),
    startTime: new Float64Array(capacity),
    total: new Float64Array(capacity),
    sum: new Float64Array(capacity),
    bucketStart: new Int32Array(capacity + 1),
    lower: new Float64Array(buckets),
    upper: new Float64Array(buckets),
    count: new Float64Array(buckets),
  };
}

export function createLogBatch(capacity: number): LogBatch {
  return {
    length: 0,
    buffer: new Uint8Array(0),
    service: new Int32Array(capacity),
    instance: new Int32Array(capacity),
    time: new Float64Array(capacity),
    severity: new Uint8Array(capacity),
    bodyStart: new Int32Array(capacity),
    bodyEnd: new Int32Array(capacity),
    traceIds: new Uint8Array(capacity * 16),
  };
}

export function createSpanBatch(capacity: number): SpanBatch {
  return {
    length: 0,
    buffer: new Uint8Array(0),
    service: new Int32Array(capacity),
    instance: new Int32Array(capacity),
    start: new Float64Array(capacity),
    end: new Float64Array(capacity),
    kind: new Uint8Array(capacity),
    error: new Uint8Array(capacity),
    nameStart: new Int32Array(capacity),
    nameEnd: new Int32Array(capacity),
    traceIds: new Uint8Array(capacity * 16),
    spanIds: new Uint8Array(capacity * 8),
    parentIds: new Uint8Array(capacity * 8),
  };
}
