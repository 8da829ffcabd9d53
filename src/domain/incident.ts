import type { Anomaly, Contribution, Evidence } from './anomaly.ts';
import type { DeployMarker } from './signal/batch.ts';
import type { EpochMs } from './units.ts';
import type { Verdict } from './verdict.ts';

export type Severity = 'critical' | 'warning' | 'info';
export type IncidentStatus = 'open' | 'closed';

export type ReasonKind =
  | 'metric-change'
  | 'self-time'
  | 'edge-gap'
  | 'errors'
  | 'onset-order'
  | 'deploy'
  | 'log-pattern'
  | 'topology'
  | 'silence';

export interface Reason {
  readonly kind: ReasonKind;
  readonly text: string;
  /** Share of this cause's score; sums to 1 over its reasons. */
  readonly weight: number;
}

/** A suspected cause; `share` sums to 1 over the ranked causes of an incident. */
export interface Cause {
  readonly service: string;
  readonly share: number;
  readonly onset: EpochMs;
  readonly reasons: readonly Reason[];
}

export type TimelineKind =
  | 'onset'
  | 'opened'
  | 'service-joined'
  | 'cause-changed'
  | 'severity-changed'
  | 'deploy'
  | 'notified'
  | 'suppressed'
  | 'acknowledged'
  | 'verdict'
  | 'recovered'
  | 'closed'
  | 'reopened'
  | 'assigned'
  | 'snoozed'
  | 'commented'
  | 'escalated'
  | 'merged'
  | 'split';

export interface TimelineEntry {
  readonly at: EpochMs;
  readonly kind: TimelineKind;
  readonly text: string;
}

/** One story. Updated in place (`version` counts), reopened rather than duplicated, closed after recovery. */
export interface Incident {
  /** Deterministic: hash of tenant and the id of the first anomaly. */
  readonly id: string;
  readonly tenant: string;
  readonly version: number;
  readonly status: IncidentStatus;
  readonly severity: Severity;
  readonly confidence: number;
  readonly score: number;
  readonly title: string;
  readonly summary: string;
  readonly onset: EpochMs;
  readonly openedAt: EpochMs;
  readonly updatedAt: EpochMs;
  readonly closedAt: EpochMs | null;
  readonly reopenedCount: number;
  readonly services: readonly string[];
  readonly anomalies: readonly Anomaly[];
  readonly causes: readonly Cause[];
  /** The strongest first, at most 64. */
  readonly evidence: readonly Evidence[];
  readonly contributions: readonly Contribution[];
  readonly deploys: readonly DeployMarker[];
  /** Hex ids of example traces kept by the store. */
  readonly traceIds: readonly string[];
  readonly timeline: readonly TimelineEntry[];
  readonly acknowledgedBy: string | null;
  readonly acknowledgedAt: EpochMs | null;
  readonly verdict: Verdict | null;
  /** Whom its first service belongs to (`budget.teams`); a label of routes, and whose page budget it costs. */
  readonly team?: string;
  readonly assignedTo?: string | null;
  /** Nothing is told of it until then, but its end; told again if it is still open. */
  readonly snoozedUntil?: EpochMs | null;
  /** When nobody had acknowledged it and the next ones were told. */
  readonly escalatedAt?: EpochMs | null;
  /** The older incident that it became part of; this one is then only another name of that. */
  readonly mergedInto?: string | null;
  /** Opened or closed by a person: it stays so until the trouble itself comes back or a person says otherwise. */
  readonly byHand?: 'open' | 'closed';
}
