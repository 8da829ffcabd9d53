/** Milliseconds since the Unix epoch, event time unless a name says `wall`. Fractions carry sub-millisecond precision. */
export type EpochMs = number;
/** A span of time in milliseconds. */
export type DurationMs = number;
/** Position of a series in its shard's tables; assigned in arrival order, dense, reused only through eviction. */
export type SeriesIndex = number;
/** Position of a service (tenant + `service.namespace` + `service.name`) in its shard's tables. */
export type ServiceIndex = number;

export const SECOND: DurationMs = 1_000;
export const MINUTE: DurationMs = 60_000;
export const HOUR: DurationMs = 3_600_000;
export const DAY: DurationMs = 86_400_000;

/** Virtual shards: the fixed key space over which threads, workers and partitions are spread (DESIGN section 8). */
export const VIRTUAL_SHARDS = 4096;

/** The service name given to telemetry that carries none. */
export const UNKNOWN_SERVICE = 'unknown_service';
/** The tenant of a single-tenant installation. */
export const DEFAULT_TENANT = 'default';
