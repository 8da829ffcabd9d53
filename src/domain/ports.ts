import type { MaintenanceWindow, Silence } from './alerting/suppression.ts';
import type { DecisionRecord, DecisionStage } from './decision.ts';
import type { StateBlob } from './detector.ts';
import type { Incident } from './incident.ts';
import type { DeployMarker, HistogramBatch, LogBatch, PointBatch, SpanBatch } from './signal/batch.ts';
import type { ExampleSpan, TemplateInfo, WindowRows } from './signal/history.ts';
import type { SeriesInfo } from './signal/series.ts';
import type { EpochMs } from './units.ts';
import type { Verdict } from './verdict.ts';

/** Wall clock, handed in everywhere: tests and replays own time. */
export interface Clock {
  now(): EpochMs;
}

// ---------------------------------------------------------------- ingest → pipeline

/**
 * Where decoders put what they decoded, in the order of the body. Batches are valid only during the call; the callee
 * copies what it keeps. Order within a request: points, histograms, logs, spans as they occur.
 */
export interface SignalSink {
  points(batch: PointBatch): void;
  histograms(batch: HistogramBatch): void;
  logs(batch: LogBatch): void;
  spans(batch: SpanBatch): void;
  /** A service showed a new `service.version`. */
  deploy(marker: DeployMarker): void;
  /** A series said that it ended (Prometheus stale marker, OTLP no-recorded-value flag). */
  stale(series: number, at: EpochMs): void;
}

/** What became of one request. `rejected` items were counted and left out; the rest was taken. */
export interface IntakeResult {
  readonly accepted: number;
  readonly rejected: number;
  /** Empty when nothing was rejected: why the first rejected item was. */
  readonly message: string;
  /** Remote write only: what was taken by kind, for the `X-Prometheus-Remote-Write-*-Written` headers. */
  readonly written?: { readonly samples: number; readonly histograms: number; readonly exemplars: number };
}

export type Signal = 'metrics' | 'logs' | 'traces';
export type PayloadFormat = 'otlp-protobuf' | 'otlp-json' | 'remote-write-1' | 'remote-write-2';

/**
 * What the servers call with an inflated body. Resolves once the data are durable: acknowledge after, never before.
 * The body's memory is the server's again as soon as the result is there: copy what must outlive it.
 */
export interface SignalIntake {
  /** @throws TocsinError `bad_payload`, `overloaded`, `unavailable`. */
  accept(signal: Signal, format: PayloadFormat, body: Uint8Array, tenant: string): Promise<IntakeResult> | IntakeResult;
}

// ---------------------------------------------------------------- stores

export interface Page<T> {
  readonly items: readonly T[];
  /** Opaque; null at the end. */
  readonly next: string | null;
}

export interface IncidentFilter {
  readonly tenant?: string;
  readonly status?: 'open' | 'closed';
  readonly service?: string;
  readonly from?: EpochMs;
  readonly to?: EpochMs;
  readonly limit?: number;
  readonly cursor?: string;
  /** Also those that were merged into another one. */
  readonly merged?: boolean;
}

export interface AuditEntry {
  readonly id: string;
  readonly at: EpochMs;
  readonly by: string;
  readonly from: string;
  readonly action: string;
  readonly subject: string;
  readonly detail: unknown;
}

/** One notification waiting for, or done with, its receiver. `id` is deterministic: same incident version, same id. */
export interface OutboxItem {
  readonly id: string;
  readonly receiver: string;
  readonly dedupKey: string;
  readonly payload: Notification;
  readonly state: 'pending' | 'sent' | 'refused';
  readonly attempts: number;
  readonly nextAttemptAt: EpochMs;
  readonly lastError: string;
  readonly createdAt: EpochMs;
  readonly sentAt: EpochMs | null;
}

/** What became of an attempt to deliver. */
export interface OutboxResult {
  readonly state: 'sent' | 'refused' | 'pending';
  readonly at: EpochMs;
  readonly error: string;
  readonly nextAttemptAt: EpochMs;
}

/** A notification to be delivered; `createdAt` is event time and gives the order. */
export interface OutboxEntry extends Omit<OutboxItem, 'state' | 'attempts' | 'nextAttemptAt' | 'lastError' | 'sentAt'> {
  /** When to deliver first, by the clock of the dispatcher; without it, from `createdAt` on. */
  readonly dueAt?: EpochMs;
}

/**
 * Everything one correlator step changes, applied in one transaction: either all of it survives a crash or none.
 * `applied` is the last tick report sequence per shard that this state includes.
 */
/** Large parts of the correlator's state that are kept by themselves, so that a commit carries only those that are new. */
export interface StatePieces {
  /** Key and text; the text may name other parts. */
  readonly fresh: readonly (readonly [key: string, text: string])[];
  readonly gone: readonly string[];
  /** Whatever the store holds of before is gone as well. */
  readonly all: boolean;
}

export interface CorrelatorCommit {
  readonly incidents: readonly Incident[];
  readonly decisions: readonly DecisionRecord[];
  readonly outbox: readonly OutboxEntry[];
  readonly templates: readonly TemplateInfo[];
  readonly deploys: readonly DeployMarker[];
  readonly traces: readonly ExampleSpan[];
  readonly state: string;
  /** Absent: the state names no parts. */
  readonly pieces?: StatePieces;
  readonly applied: Readonly<Record<string, number>>;
}

/** Control data: SQLite embedded, PostgreSQL scaled out; `store/contract.ts` runs on both. */
export interface ControlStore {
  migrate(): Promise<void>;
  commit(commit: CorrelatorCommit): Promise<void>;
  /** The newest state, whole. */
  correlatorState(): Promise<{ readonly state: string; readonly applied: Readonly<Record<string, number>> } | null>;
  incident(id: string): Promise<Incident | null>;
  incidents(filter: IncidentFilter): Promise<Page<Incident>>;
  /** Replaces user-owned fields (verdict, acknowledgement, assignment, snooze, comments) of an incident and bumps its version. */
  saveIncident(incident: Incident): Promise<void>;
  addVerdict(verdict: Verdict): Promise<void>;
  verdicts(filter: {
    readonly subjectId?: string;
    readonly from?: EpochMs;
    readonly to?: EpochMs;
  }): Promise<readonly Verdict[]>;
  decisions(filter: {
    readonly id?: string;
    readonly service?: string;
    readonly subject?: string;
    readonly stage?: DecisionStage;
    readonly from?: EpochMs;
    readonly to?: EpochMs;
    readonly limit?: number;
  }): Promise<readonly DecisionRecord[]>;
  deploys(filter: {
    readonly service?: string;
    readonly from?: EpochMs;
    readonly to?: EpochMs;
  }): Promise<readonly DeployMarker[]>;
  templates(filter: {
    readonly service?: string;
    readonly from?: EpochMs;
    readonly to?: EpochMs;
    readonly limit?: number;
  }): Promise<readonly TemplateInfo[]>;
  trace(traceId: string): Promise<readonly ExampleSpan[]>;
  /**
   * What may be sent now, in the order in which it was decided; nothing whose older sibling (same receiver and incident)
   * still waits. @param except receivers to leave out.
   */
  dueOutbox(now: EpochMs, limit: number, except?: readonly string[]): Promise<readonly OutboxItem[]>;
  settleOutbox(id: string, result: OutboxResult): Promise<void>;
  /** Several at once, durable together. */
  settleAll(results: readonly { readonly id: string; readonly result: OutboxResult }[]): Promise<void>;
  outbox(filter: { readonly incident?: string; readonly limit?: number }): Promise<readonly OutboxItem[]>;
  /** Notifications that no correlator step made: an acknowledgement. An id that is there already is left as it is. */
  enqueue(items: CorrelatorCommit['outbox']): Promise<void>;
  /** All of them, those that ended too until pruned. */
  silences(): Promise<readonly Silence[]>;
  saveSilence(silence: Silence): Promise<void>;
  maintenance(): Promise<readonly MaintenanceWindow[]>;
  /** `endsAt`: when the last occurrence ends, null if there is none, so that it can be pruned. */
  saveMaintenance(window: MaintenanceWindow, endsAt: EpochMs | null): Promise<void>;
  /** False when there was none. */
  deleteMaintenance(id: string): Promise<boolean>;
  /** What a receiver remembers of an incident (message id, issue key); null when it is not known. */
  recall(receiver: string, key: string): Promise<string | null>;
  /** `null` forgets. */
  remember(receiver: string, key: string, value: string | null, at: EpochMs): Promise<void>;
  audit(entry: AuditEntry): Promise<void>;
  auditLog(filter: {
    readonly subject?: string;
    readonly from?: EpochMs;
    readonly to?: EpochMs;
    readonly limit?: number;
  }): Promise<readonly AuditEntry[]>;
  /** Deletes closed incidents, decisions, ended silences and maintenance, and audit entries older than the given time; returns rows removed. */
  prune(before: EpochMs): Promise<number>;
  close(): Promise<void>;
}

/** A window row as read back for a chart. */
export interface HistoryPoint {
  readonly at: EpochMs;
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  readonly last: number;
  readonly expected: number | null;
  readonly lower: number | null;
  readonly upper: number | null;
  /** Largest -log10 p in the step. */
  readonly surprise: number;
}

export interface SeriesSummary extends SeriesInfo {
  readonly firstSeen: EpochMs;
  readonly lastSeen: EpochMs;
}

/** Windows as Parquet files through DuckDB. */
export interface HistoryStore {
  registerSeries(
    shard: number,
    series: readonly { readonly index: number; readonly info: SeriesInfo }[],
    at: EpochMs,
  ): Promise<void>;
  /** Takes the rows over; they may wait in memory until `flush`. */
  append(shard: number, rows: WindowRows): Promise<void>;
  /** Everything appended so far survives a crash once this resolves. */
  flush(): Promise<void>;
  /** Points of one series, merged into steps of at least `step` ms. */
  range(seriesId: string, from: EpochMs, to: EpochMs, step: number): Promise<readonly HistoryPoint[]>;
  searchSeries(query: {
    readonly text?: string;
    readonly service?: string;
    readonly metric?: string;
    readonly limit?: number;
  }): Promise<readonly SeriesSummary[]>;
  series(id: string): Promise<SeriesSummary | null>;
  services(): Promise<readonly { readonly service: string; readonly series: number; readonly lastSeen: EpochMs }[]>;
  prune(before: EpochMs): Promise<number>;
  bytes(): Promise<number>;
  close(): Promise<void>;
}

/** A consistent picture of a shard: named blobs plus the input-log position they include. */
export interface Snapshot {
  readonly at: EpochMs;
  /** First input-log frame not yet included. */
  readonly position: number;
  readonly parts: Readonly<Record<string, StateBlob>>;
}

export interface SnapshotStore {
  /** Atomic: a crash leaves the previous snapshot. */
  write(shard: number, snapshot: Snapshot): Promise<void>;
  /** @throws TocsinError `corrupt` if no intact snapshot is left; null if there never was one. */
  read(shard: number): Promise<Snapshot | null>;
}

/** Append-only log of what a shard took in since its last snapshot. */
export interface InputLog {
  /** Position of the next frame. */
  readonly position: number;
  /** Buffers a frame of the two parts joined; it survives a crash of the process once `sync` returned. */
  append(kind: number, payload: Uint8Array, rest?: Uint8Array): number;
  sync(): void;
  /** Frames from `position` on, in order; a torn last frame is dropped, corruption elsewhere throws `corrupt`. */
  read(position: number): Iterable<{ readonly position: number; readonly kind: number; readonly payload: Uint8Array }>;
  /** Forgets frames before `position`. */
  truncate(position: number): void;
  close(): void;
}

// ---------------------------------------------------------------- notifiers

/** `escalated`: it became worse; `unacknowledged`: nobody took it up in time; `digest`: what was held back. */
export type NotificationReason =
  | 'opened'
  | 'updated'
  | 'acknowledged'
  | 'escalated'
  | 'unacknowledged'
  | 'resolved'
  | 'reopened'
  | 'reminder'
  | 'digest';

/** One of several incidents in a message. */
export interface NotificationMember {
  readonly incident: Incident;
  readonly url: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What a receiver is told: the story as it stands, and why now. */
export interface Notification {
  readonly reason: NotificationReason;
  /** The incident; of a group or digest a summary of its members that reads like one, under an id of its own. */
  readonly incident: Incident;
  /** Set for a group (`group_by`) and a digest: the incidents that the message is about. */
  readonly members?: readonly NotificationMember[];
  /** Of a group: the labels that make it. */
  readonly groupLabels?: Readonly<Record<string, string>>;
  /** Link to the incident's page. */
  readonly url: string;
  /** Alertmanager-style labels used for routing and grouping. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly groupKey: string;
  readonly receiver: string;
}

/**
 * Delivers to one receiver. Throws TocsinError `delivery_failed` (retry, honouring `retryAfterMs`) or `delivery_refused`
 * (give up and say so). Must be idempotent for the same `dedupKey`. Never logs or throws a secret.
 */
export interface Notifier {
  readonly name: string;
  send(notification: Notification, dedupKey: string, signal: { readonly aborted: boolean }): Promise<void>;
}
