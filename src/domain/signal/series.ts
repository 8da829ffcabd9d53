import type { EpochMs, SeriesIndex, ServiceIndex } from '../units.ts';

export type Labels = Readonly<Record<string, string>>;

/** What the numbers of a series are, as stored in `SeriesTable.kind`. Order is part of the snapshot format: append only. */
export const SERIES_KIND = {
  gauge: 0,
  /** Monotonic sum, running total: becomes a rate per second. */
  counter: 1,
  /** Monotonic sum, increments: becomes a rate per second. */
  delta: 2,
  /** Non-monotonic sum (up-down counter), running total: scored as a gauge. */
  upDown: 3,
  histogram: 4,
  deltaHistogram: 5,
  /** Computed by us (a percentile of a histogram, a RED figure of an operation, a log rate): scored as it is. */
  derived: 6,
} as const;
export type SeriesKind = (typeof SERIES_KIND)[keyof typeof SERIES_KIND];

/** Where a series comes from; decides which modality's p-value it feeds. */
export const MODALITY = { metric: 0, log: 1, trace: 2 } as const;
export type Modality = keyof typeof MODALITY;

/** The identity of a series in words; made lazily, once, never on the hot path. */
export interface SeriesInfo {
  /** Stable id: 16 hex digits of the hash of tenant, service, metric and sorted labels. Survives restarts and pod churn. */
  readonly id: string;
  readonly tenant: string;
  readonly service: string;
  readonly metric: string;
  readonly unit: string;
  readonly kind: SeriesKind;
  readonly modality: Modality;
  /** Labels without service and without what names an instance. */
  readonly labels: Labels;
  /** Pod, host or process now behind the series; empty if the resource names none. */
  readonly instance: string;
}

export interface ServiceInfo {
  readonly tenant: string;
  readonly service: string;
  readonly version: string;
}

/**
 * The series of one shard. Decoders and features number series through it; everybody else reads its columns.
 * Columns grow: take them from the table again after any call that may register.
 */
export interface SeriesTable {
  readonly size: number;
  /** Service of each series. */
  readonly service: Int32Array;
  readonly kind: Uint8Array;
  readonly modality: Uint8Array;
  /** 0 for a free (evicted) row. */
  readonly live: Uint8Array;
  /** Of which instance each series is, for `instanceName`; -1 for none. */
  readonly instance: Int32Array;
  describe(series: SeriesIndex): SeriesInfo;
  serviceCount(): number;
  describeService(service: ServiceIndex): ServiceInfo;
  instanceName(instance: number): string;
  /** Finds or makes a computed series of a service; same arguments, same index. */
  derive(service: ServiceIndex, metric: string, labels: Labels, unit: string, modality: Modality): SeriesIndex;
  /** Finds or makes a computed series of one series: same labels and modality, and its own for each instance. */
  deriveFrom(parent: SeriesIndex, metric: string, unit: string): SeriesIndex;
  /** Finds or makes a service by name (tenant-qualified). */
  ensureService(tenant: string, service: string): ServiceIndex;
}

/** A new series that should start from a sibling's state instead of cold (pod churn, new replica). */
export interface SeriesInheritance {
  readonly series: SeriesIndex;
  readonly from: SeriesIndex;
}

export interface SeriesEviction {
  readonly series: SeriesIndex;
  readonly lastSeen: EpochMs;
}
