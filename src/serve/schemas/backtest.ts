import { z } from 'zod';
import { DECISION_STAGES } from '../../domain/decision.ts';
import { VERDICTS } from '../../domain/verdict.ts';
import { maintenanceBody, matchersBody, timeBody } from './alerting.ts';
import { epochMs, figure, list } from './common.ts';
import { evidence } from './incident.ts';
import { decision } from './system.ts';

const mode = z.enum(['ticks', 'input']);
const CONFIG_LIMIT = 512 * 1024;
const configText = z.string().max(CONFIG_LIMIT);

export const backtestBody = z.strictObject({
  from: timeBody,
  to: timeBody,
  config: configText
    .optional()
    .describe('A whole configuration as YAML; absent: nothing is changed, which shows how exact it is.'),
  piece: z.boolean().default(false).describe('The configuration is a piece, laid over the one that runs.'),
  mode: mode
    .or(z.literal('auto'))
    .default('auto')
    .describe(
      'ticks: what services looked like, for alerting; input: raw input through the detectors; auto: as needed.',
    ),
});

const times = { from: timeBody.optional(), to: timeBody.optional() };
const { spans, recurrences } = maintenanceBody.shape;

export const previewBody = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('silence'),
    matchers: matchersBody,
    startsAt: timeBody.optional(),
    endsAt: timeBody.optional(),
    ...times,
  }),
  z.strictObject({ kind: z.literal('maintenance'), matchers: matchersBody.default([]), spans, recurrences, ...times }),
  z.strictObject({
    kind: z.literal('inhibition'),
    source_matchers: matchersBody,
    target_matchers: matchersBody,
    equal: z.array(z.string().max(200)).max(50).default([]),
    ...times,
  }),
  z.strictObject({
    kind: z.enum(['config', 'policy']),
    config: configText.describe('A piece of configuration as YAML, laid over the one that runs; lists replace lists.'),
    mode: mode.optional(),
    ...times,
  }),
]);

const brief = z.object({
  id: z.string(),
  title: z.string(),
  severity: z.enum(['critical', 'warning', 'info']),
  score: z.number(),
  confidence: z.number(),
  services: list(z.string()),
  cause: z.string().nullable(),
  openedAt: epochMs,
  closedAt: epochMs.nullable(),
  heldBy: z.string().nullable(),
  notifications: list(z.object({ at: epochMs, receiver: z.string(), reason: z.string() })),
});
const totals = z.object({
  incidents: z.number(),
  notifications: z.number(),
  critical: z.number(),
  warning: z.number(),
  info: z.number(),
});
const change = z.object({ path: z.string(), before: z.string(), after: z.string() });
const field = z.object({ field: z.string(), before: z.string(), after: z.string() });
const labels = z.partialRecord(z.enum(VERDICTS), z.number());

const comparison = z
  .object({
    from: epochMs,
    to: epochMs,
    mode,
    exact: z.boolean().describe('What happened came out as it is stored, bit by bit.'),
    notes: list(z.string()),
    config: z.object({ before: z.string(), after: z.string(), changed: list(change) }),
    reproduced: z.object({ stored: z.number(), identical: z.number(), different: list(z.string()) }),
    totals: z.object({ before: totals, after: totals }),
    labelled: z.object({ kept: labels, lost: labels }),
    incidents: list(
      z.object({
        outcome: z.enum(['same', 'changed', 'muted', 'lost', 'added']),
        verdict: z.enum(VERDICTS).nullable(),
        before: brief.nullable(),
        after: brief.nullable(),
        differences: list(field),
      }),
    ),
    truncated: z.boolean(),
  })
  .meta({ id: 'Comparison' });
export type WireComparison = z.infer<typeof comparison>;

export const backtestJob = z
  .object({
    id: z.string(),
    kind: z.enum(['backtest', 'preview']),
    state: z.enum(['running', 'done', 'failed', 'cancelled']),
    progress: z.number(),
    createdAt: epochMs,
    by: z.string(),
    title: z.string(),
    from: epochMs,
    to: epochMs,
    error: z.string().nullable(),
    result: comparison.nullable(),
  })
  .meta({ id: 'BacktestJob' });
export type WireBacktestJob = z.infer<typeof backtestJob>;

export const explanation = z
  .object({
    subject: z.string(),
    kind: z.enum(['service', 'series', 'incident']),
    service: z.string(),
    at: epochMs,
    tick: z
      .object({
        at: epochMs,
        p: figure,
        pByModality: z.object({ metric: figure, log: figure, trace: figure }),
        learning: z.boolean(),
        seriesSeen: z.number(),
        seriesStrange: z.number(),
        evidence: list(evidence),
      })
      .nullable(),
    outcome: z.enum(['alerted', 'open', 'suppressed', 'quiet', 'unknown']),
    stages: list(
      z.object({
        stage: z.enum(DECISION_STAGES),
        outcome: z.enum(['passed', 'suppressed', 'not-reached']),
        reason: z.string(),
        value: figure,
        limit: figure,
        at: epochMs,
        decision: z.string().nullable(),
      }),
    ),
    changes: list(
      z.object({
        what: z.string(),
        before: z.string(),
        after: z.string(),
        text: z.string(),
        verified: z.boolean().describe('The stages were run again with it, and it came out the other way.'),
      }),
    ),
    unsearched: list(z.string()).describe('Changes that the budget of the search left untried.'),
    summary: z.string(),
    source: z.enum(['replayed', 'records']),
    incident: z.string().nullable(),
  })
  .meta({ id: 'Explanation' });
export type WireExplanation = z.infer<typeof explanation>;

export const decisionReplay = z
  .object({
    decision,
    levels: list(
      z.object({
        level: mode,
        available: z.boolean(),
        identical: z.boolean().nullable(),
        text: z.string(),
        differences: list(z.object({ field: z.string(), recorded: z.string(), replayed: z.string() })),
      }),
    ),
  })
  .meta({ id: 'DecisionReplay' });
