import { z } from 'zod';
import type { AnomalyKind } from '../../domain/anomaly.ts';
import { CLASS_OF } from '../../domain/anomaly.ts';
import { VERDICTS } from '../../domain/verdict.ts';
import { timeBody } from './alerting.ts';
import { epochMs, figure, idParam, limitParam, list, nameParam, timeParam } from './common.ts';

const kinds = Object.keys(CLASS_OF) as [AnomalyKind, ...AnomalyKind[]];
const modality = z.enum(['metric', 'log', 'trace']);
const labels = z.record(z.string(), z.string()).readonly();

export const contribution = z.object({ name: z.string(), share: figure });

export const evidence = z
  .object({
    series: z.string(),
    service: z.string(),
    modality,
    metric: z.string(),
    unit: z.string(),
    labels,
    instance: z.string(),
    kind: z.enum(kinds),
    at: epochMs,
    onset: epochMs,
    p: figure,
    value: figure,
    expected: figure,
    lower: figure,
    upper: figure,
    contributions: list(contribution),
    text: z.string(),
    name: z.string().optional(),
    subject: z.string().optional(),
    example: z.string().optional(),
    traceId: z.string().optional(),
  })
  .meta({ id: 'Evidence' });
export type WireEvidence = z.infer<typeof evidence>;

const anomaly = z
  .object({
    id: z.string(),
    tenant: z.string(),
    service: z.string(),
    class: z.enum(['point', 'contextual', 'collective']),
    kind: z.enum(kinds),
    openedAt: epochMs,
    onset: epochMs,
    updatedAt: epochMs,
    closedAt: epochMs.nullable(),
    p: figure,
    score: figure,
    confidence: figure,
    evidence: list(evidence),
    contributions: list(contribution),
    text: z.string(),
  })
  .meta({ id: 'Anomaly' });
export type WireAnomaly = z.infer<typeof anomaly>;

export const cause = z
  .object({
    service: z.string(),
    share: figure,
    onset: epochMs,
    reasons: list(
      z.object({
        kind: z.enum([
          'metric-change',
          'self-time',
          'edge-gap',
          'errors',
          'onset-order',
          'deploy',
          'log-pattern',
          'topology',
          'silence',
        ]),
        text: z.string(),
        weight: figure,
      }),
    ),
  })
  .meta({ id: 'Cause' });
export type WireCause = z.infer<typeof cause>;

export const deploy = z
  .object({ service: z.string(), from: z.string(), to: z.string(), at: epochMs })
  .meta({ id: 'Deploy' });
export type WireDeploy = z.infer<typeof deploy>;

export const verdict = z
  .object({
    id: z.string(),
    subject: z.enum(['incident', 'anomaly', 'series', 'range']),
    subjectId: z.string(),
    kind: z.enum(VERDICTS),
    comment: z.string(),
    by: z.string(),
    at: epochMs,
  })
  .meta({ id: 'Verdict' });
export type WireVerdict = z.infer<typeof verdict>;

const timelineEntry = z.object({
  at: epochMs,
  kind: z.enum([
    'onset',
    'opened',
    'service-joined',
    'cause-changed',
    'severity-changed',
    'deploy',
    'notified',
    'suppressed',
    'acknowledged',
    'verdict',
    'recovered',
    'closed',
    'reopened',
    'assigned',
    'snoozed',
    'commented',
    'escalated',
    'merged',
    'split',
  ]),
  text: z.string(),
});
export type WireTimelineEntry = z.infer<typeof timelineEntry>;

const head = {
  id: z.string(),
  tenant: z.string(),
  version: z.number().int(),
  status: z.enum(['open', 'closed']),
  severity: z.enum(['critical', 'warning', 'info']),
  confidence: figure,
  score: figure,
  title: z.string(),
  summary: z.string(),
  onset: epochMs,
  openedAt: epochMs,
  updatedAt: epochMs,
  closedAt: epochMs.nullable(),
  reopenedCount: z.number().int(),
  services: list(z.string()),
  acknowledgedBy: z.string().nullable(),
  acknowledgedAt: epochMs.nullable(),
  verdict: verdict.nullable(),
  team: z.string().optional().describe('Whom its first service belongs to (`budget.teams`).'),
  assignedTo: z.string().nullish(),
  snoozedUntil: epochMs.nullish(),
  escalatedAt: epochMs.nullish().describe('When nobody had acknowledged it and the next ones were told.'),
  mergedInto: z.string().nullish().describe('The incident that it became part of.'),
  byHand: z.enum(['open', 'closed']).optional().describe('Opened or closed by a person.'),
};

export const incident = z
  .object({
    ...head,
    anomalies: list(anomaly),
    causes: list(cause),
    evidence: list(evidence),
    contributions: list(contribution),
    deploys: list(deploy),
    traceIds: list(z.string()),
    timeline: list(timelineEntry),
  })
  .meta({ id: 'Incident' });
export type WireIncident = z.infer<typeof incident>;

/** What a list shows: no anomalies, no evidence. */
export const incidentSummary = z
  .object({
    ...head,
    evidenceCount: z.number().int(),
    cause: z.object({ service: z.string(), share: figure, text: z.string() }).nullable(),
  })
  .meta({ id: 'IncidentSummary' });
export type WireIncidentSummary = z.infer<typeof incidentSummary>;

export const incidentPage = z.object({ items: list(incidentSummary), next: z.string().nullable() });
export type WireIncidentPage = z.infer<typeof incidentPage>;

export const incidentQuery = z.strictObject({
  status: z.enum(['open', 'closed']).optional(),
  service: nameParam.optional(),
  tenant: nameParam.optional(),
  from: timeParam.optional(),
  to: timeParam.optional(),
  limit: limitParam(50, 200),
  cursor: z.string().max(500).optional(),
  merged: z.stringbool().optional().describe('Also those that were merged into another one.'),
});

const by = z.string().trim().min(1).max(100).optional().describe('Who; a token has its own name, which wins.');

const comment = z.string().trim().max(2_000).default('');
const ids = z.array(idParam).min(1).max(50);
const name = z.string().trim().min(1).max(200);

export const acknowledgeBody = z.strictObject({ by }).nullish();
export const assignBody = z.strictObject({ to: name.nullable().describe('Null: nobody any more.'), by });
export const snoozeBody = z.strictObject({ until: timeBody.nullable().describe('Null: the snooze ends now.'), by });
export const commentBody = z.strictObject({ text: z.string().trim().min(1).max(2_000), by });
export const closeBody = z.strictObject({ comment, by }).nullish();
export const mergeBody = z.strictObject({ with: ids, by });
export const splitBody = z
  .strictObject({
    services: z.array(name).max(200).default([]),
    series: z.array(idParam).max(500).default([]),
    by,
  })
  .refine(({ services, series }) => services.length + series.length > 0, 'give services or series');
export const splitResult = z.object({ kept: incident, split: incident });
export const verdictBody = z.strictObject({ kind: z.enum(VERDICTS), comment: z.string().max(2_000).default(''), by });

export const verdictQuery = z.strictObject({
  subject: idParam.optional(),
  from: timeParam.optional(),
  to: timeParam.optional(),
});
