import { z } from 'zod';
import { DECISION_STAGES } from '../../domain/decision.ts';
import { epochMs, figure, idParam, limitParam, list, nameParam, timeParam } from './common.ts';
import { deploy, incidentSummary } from './incident.ts';
import { seriesSummary } from './series.ts';

export const serviceHealth = z
  .object({
    tenant: z.string(),
    service: z.string(),
    version: z.string(),
    state: z.enum(['healthy', 'suspicious', 'anomalous', 'silent', 'learning']),
    p: figure,
    pByModality: z.object({ metric: figure, log: figure, trace: figure }),
    lastSeen: epochMs,
    series: z.number().int(),
    incident: z.string().nullable(),
  })
  .meta({ id: 'ServiceHealth' });
export type WireHealth = z.infer<typeof serviceHealth>;

export const graphEdge = z
  .object({
    caller: z.string(),
    callee: z.string(),
    callsPerSecond: figure,
    errorRatio: figure,
    serverMs: figure,
    surprise: figure,
    correlation: z.number().nullable(),
    lagTicks: z.number().nullable(),
  })
  .meta({ id: 'GraphEdge' });
export type WireEdge = z.infer<typeof graphEdge>;

export const serviceList = z.object({ watermark: epochMs, items: list(serviceHealth) });
export type WireServices = z.infer<typeof serviceList>;
export const graph = z.object({ watermark: epochMs, services: list(serviceHealth), edges: list(graphEdge) });
export type WireGraph = z.infer<typeof graph>;

export const serviceDetail = z
  .object({
    health: serviceHealth,
    series: list(seriesSummary),
    callers: list(graphEdge),
    callees: list(graphEdge),
    incidents: list(incidentSummary),
    deploys: list(deploy),
  })
  .meta({ id: 'ServiceDetail' });
export type WireService = z.infer<typeof serviceDetail>;

export const pipelineStats = z
  .object({
    startedAt: epochMs,
    catchingUpFrom: epochMs.nullish(),
    series: z.number(),
    services: z.number(),
    pointsPerSecond: figure,
    logsPerSecond: figure,
    spansPerSecond: figure,
    refusedSeries: z.number(),
    latePoints: z.number(),
    futurePoints: z.number(),
    duplicatePoints: z.number(),
    stateBytes: z.number(),
    promoted: z.object({ held: z.number(), slots: z.number(), missed: z.number(), dayShare: z.number() }).optional(),
  })
  .meta({ id: 'PipelineStats' });
export type WireStats = z.infer<typeof pipelineStats>;

export const receiverStatus = z.object({
  receiver: z.string(),
  pending: z.number().int(),
  sent: z.number().int(),
  refused: z.number().int(),
  lastSentAt: epochMs.nullable(),
  lastError: z.string(),
});

export const status = z
  .object({
    version: z.string(),
    node: z.string(),
    ready: z.boolean(),
    now: epochMs,
    watermark: epochMs,
    configHash: z.string(),
    configPath: z.string(),
    endpoints: z.object({
      otlpGrpcPort: z.number().int(),
      otlpHttpPort: z.number().int(),
      remoteWritePort: z.number().int(),
    }),
    historyBytes: z.number(),
    stats: pipelineStats,
    receivers: list(receiverStatus).describe('From the newest 500 notifications.'),
  })
  .meta({ id: 'Status' });
export type WireStatus = z.infer<typeof status>;

export const decision = z
  .object({
    id: z.string(),
    at: epochMs,
    tenant: z.string(),
    service: z.string(),
    subject: z.string(),
    stage: z.enum(DECISION_STAGES),
    outcome: z.enum(['passed', 'suppressed']),
    reason: z.string(),
    value: figure,
    limit: figure,
    modelVersion: z.string(),
    configHash: z.string(),
  })
  .meta({ id: 'Decision' });
export type WireDecision = z.infer<typeof decision>;

export const decisionQuery = z.strictObject({
  service: nameParam.optional(),
  subject: idParam.optional(),
  stage: z.enum(DECISION_STAGES).optional(),
  from: timeParam.optional(),
  to: timeParam.optional(),
  limit: limitParam(100, 1_000),
});

export const auditEntry = z
  .object({
    id: z.string(),
    at: epochMs,
    by: z.string(),
    from: z.string(),
    action: z.string(),
    subject: z.string(),
    detail: z.unknown(),
  })
  .meta({ id: 'AuditEntry' });
export type WireAudit = z.infer<typeof auditEntry>;

export const auditQuery = z.strictObject({
  subject: z.string().min(1).max(200).optional(),
  from: timeParam.optional(),
  to: timeParam.optional(),
  limit: limitParam(100, 1_000),
});

/** An outbox item without its payload, which may be large. */
export const outboxItem = z
  .object({
    id: z.string(),
    receiver: z.string(),
    dedupKey: z.string(),
    reason: z.string(),
    incident: z.string().describe('Of a message about several, an id of its own.'),
    incidents: list(z.string()),
    title: z.string(),
    state: z.enum(['pending', 'sent', 'refused']),
    attempts: z.number().int(),
    nextAttemptAt: epochMs,
    lastError: z.string(),
    createdAt: epochMs,
    sentAt: epochMs.nullable(),
  })
  .meta({ id: 'OutboxItem' });
export type WireOutboxItem = z.infer<typeof outboxItem>;

export const outboxQuery = z.strictObject({ incident: idParam.optional(), limit: limitParam(100, 1_000) });

export const reloadResult = z.object({ ok: z.boolean(), errors: list(z.string()) });

/** The `data` of the events of `/api/v1/events`, by event name. */
export const liveEvents = {
  incident: incidentSummary,
  health: z.object({ watermark: epochMs, items: list(serviceHealth) }),
  tick: z.object({ at: epochMs, now: epochMs, stats: pipelineStats }),
};
