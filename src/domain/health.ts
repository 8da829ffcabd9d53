import type { EpochMs } from './units.ts';

/** Health of one service as the overview shows it. */
export interface ServiceHealth {
  readonly tenant: string;
  readonly service: string;
  readonly version: string;
  readonly state: 'healthy' | 'suspicious' | 'anomalous' | 'silent' | 'learning';
  /** Latest service p, by modality too; 1 when nothing is known. */
  readonly p: number;
  readonly pByModality: { readonly metric: number; readonly log: number; readonly trace: number };
  readonly lastSeen: EpochMs;
  readonly series: number;
  readonly incident: string | null;
}

export interface GraphEdge {
  readonly caller: string;
  readonly callee: string;
  readonly callsPerSecond: number;
  readonly errorRatio: number;
  readonly serverMs: number;
  readonly surprise: number;
  /** Usual correlation of the two services' strangeness, and by how many ticks the callee leads; null while too young. */
  readonly correlation: number | null;
  readonly lagTicks: number | null;
}

/** Live state of the pipeline, read by the API from memory. */
export interface LiveView {
  now(): EpochMs;
  /** Event time of the newest closed tick. */
  watermark(): EpochMs;
  health(): readonly ServiceHealth[];
  graph(): readonly GraphEdge[];
  stats(): PipelineStats;
}

export interface PipelineStats {
  readonly startedAt: EpochMs;
  /** While old data are read in faster than time passes: the event time it began at. Null when up to date, or just late. */
  readonly catchingUpFrom?: EpochMs | null;
  readonly series: number;
  readonly services: number;
  readonly pointsPerSecond: number;
  readonly logsPerSecond: number;
  readonly spansPerSecond: number;
  readonly refusedSeries: number;
  readonly latePoints: number;
  readonly futurePoints: number;
  readonly duplicatePoints: number;
  readonly stateBytes: number;
  /** How much of what it should see the promoted tier sees; absent while it is off. */
  readonly promoted?: PromotedStats;
}

export interface PromotedStats {
  /** Series that hold a ring, of so many that may. */
  readonly held: number;
  readonly slots: number;
  /** Looks that the budget did not allow, since the start. */
  readonly missed: number;
  /** Share of the series looked at within a day. */
  readonly dayShare: number;
}
