import type { Insertable, Selectable } from 'kysely';
import type { DecisionRecord, DecisionStage } from '../../domain/decision.ts';
import type { Incident, TimelineEntry } from '../../domain/incident.ts';
import type { AuditEntry, Notification, OutboxItem } from '../../domain/ports.ts';
import type { Verdict, VerdictKind } from '../../domain/verdict.ts';
import type { Tables } from './tables.ts';

/** Timeline kinds that people write; everything else belongs to the correlator. */
export const USER_TIMELINE = new Set<TimelineEntry['kind']>([
  'acknowledged',
  'verdict',
  'assigned',
  'snoozed',
  'commented',
]);

export function incidentOf(row: Selectable<Tables['incidents']>): Incident {
  // What people say is in its own columns: the correlator's copy of it may be behind.
  const { assignedTo: _a, snoozedUntil: _s, ...document } = JSON.parse(row.document) as Incident;
  const own = JSON.parse(row.user_timeline) as TimelineEntry[];
  return {
    ...document,
    version: document.version + row.user_version,
    verdict: row.verdict === null ? null : (JSON.parse(row.verdict) as Verdict),
    acknowledgedBy: row.acknowledged_by,
    acknowledgedAt: row.acknowledged_at,
    ...(row.assigned_to === null ? {} : { assignedTo: row.assigned_to }),
    ...(row.snoozed_until === null ? {} : { snoozedUntil: row.snoozed_until }),
    // The correlator's own copy hears of what people do too: theirs is the wording that counts.
    timeline:
      own.length === 0
        ? document.timeline
        : [...document.timeline.filter(({ kind }) => !USER_TIMELINE.has(kind)), ...own].sort((a, b) => a.at - b.at),
  };
}

export const decisionRow = (d: DecisionRecord): Insertable<Tables['decisions']> => ({
  id: d.id,
  at: d.at,
  tenant: d.tenant,
  service: d.service,
  subject: d.subject,
  stage: d.stage,
  outcome: d.outcome,
  reason: d.reason,
  value: finite(d.value),
  limit_value: finite(d.limit),
  model_version: d.modelVersion,
  config_hash: d.configHash,
});

export const decisionOf = (row: Selectable<Tables['decisions']>): DecisionRecord => ({
  id: row.id,
  at: row.at,
  tenant: row.tenant,
  service: row.service,
  subject: row.subject,
  stage: row.stage as DecisionStage,
  outcome: row.outcome as DecisionRecord['outcome'],
  reason: row.reason,
  value: row.value,
  limit: row.limit_value,
  modelVersion: row.model_version,
  configHash: row.config_hash,
});

export const outboxOf = (row: Selectable<Tables['outbox']>): OutboxItem => ({
  id: row.id,
  receiver: row.receiver,
  dedupKey: row.dedup_key,
  payload: JSON.parse(row.payload) as Notification,
  state: row.state as OutboxItem['state'],
  attempts: row.attempts,
  nextAttemptAt: row.next_attempt_at,
  lastError: row.last_error,
  createdAt: row.created_at,
  sentAt: row.sent_at,
});

export const verdictOf = (row: Selectable<Tables['verdicts']>): Verdict => ({
  id: row.id,
  subject: row.subject as Verdict['subject'],
  subjectId: row.subject_id,
  kind: row.kind as VerdictKind,
  comment: row.comment,
  by: row.by,
  at: row.at,
});

export const auditOf = (row: Selectable<Tables['audit']>): AuditEntry => ({
  id: row.id,
  at: row.at,
  by: row.by,
  from: row.from_address,
  action: row.action,
  subject: row.subject,
  detail: JSON.parse(row.detail) as unknown,
});

const finite = (value: number | null): number | null => (value === null || !Number.isFinite(value) ? null : value);
