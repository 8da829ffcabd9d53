import { z } from 'zod';
import { parseDuration } from '../../config/duration.ts';
import { duration } from '../../config/fields.ts';
import { type AnomalyClass, type AnomalyKind, CLASS_OF } from '../../domain/anomaly.ts';
import { type DurationMs, SECOND } from '../../domain/units.ts';
import { settingsSchema } from '../settings.ts';
import { parseValues, type Values } from './values.ts';

/** The format of a scenario file; `docs/testing-detectors.md` tells it to people. Times are offsets from `start`, in ms. */

/** Both ends included. */
export interface Span {
  readonly from: DurationMs;
  readonly to: DurationMs;
}

/** `2h..2h10m`, `..10m` (from the start), `2h..` (to the end). */
const range = z.string().transform((text, context): Span => {
  const [from = '', to = '', ...rest] = text.split('..').map((part) => part.trim());
  const a = from === '' ? 0 : parseDuration(from);
  const b = to === '' ? Number.POSITIVE_INFINITY : parseDuration(to);
  if (!text.includes('..') || rest.length > 0 || a === null || b === null || a > b) {
    context.addIssue({
      code: 'custom',
      message: `'${text}' is not a range of time; write it as 2h..2h10m, ..10m or 2h..`,
    });
    return { from: 0, to: 0 };
  }
  return { from: a, to: b };
});

const values = z.union([z.string(), z.number()]).transform((text, context): Values => {
  try {
    return parseValues(String(text));
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return { expand: () => [] };
  }
});

const instant = z.union([z.string(), z.date()]).transform((text, context) => {
  const at = text instanceof Date ? text.getTime() : Date.parse(text);
  if (!Number.isFinite(at))
    context.addIssue({ code: 'custom', message: `'${String(text)}' is not a time; write it as 2026-01-05T00:00:00Z` });
  return at;
});

const offset = (): z.ZodType<number> => duration({ min: 0 });
const name = z.string().min(1);
const during = { during: range.prefault('0..') };
const labels = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).default({});
const instances = z.array(z.string()).min(1).default(['']);
const share = z.number().min(0).max(1);

const series = z.strictObject({
  service: name,
  metric: name,
  kind: z.enum(['gauge', 'counter', 'delta', 'updown']).default('gauge'),
  unit: z.string().default(''),
  labels,
  instances,
  from: offset().prefault('0'),
  every: duration({ min: SECOND }).optional(),
  values,
  delivery: z
    .array(
      z.strictObject({
        ...during,
        delay: offset().prefault('0'),
        twice: z.boolean().default(false),
        ahead: offset().prefault('0'),
      }),
    )
    .default([]),
});

const SEVERITIES = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 } as const;

const logs = z.strictObject({
  service: name,
  instances,
  severity: z
    .enum(Object.keys(SEVERITIES) as [keyof typeof SEVERITIES])
    .default('info')
    .transform((severity) => SEVERITIES[severity]),
  body: name,
  per_minute: z.number().min(0),
  ...during,
  changes: z.array(z.strictObject({ during: range, per_minute: z.number().min(0) })).default([]),
});

export interface Call {
  readonly service: string;
  readonly operation: string;
  readonly self: DurationMs;
  readonly spread: number;
  readonly errors: number;
  readonly share: number;
  readonly instances: readonly string[];
  readonly calls: readonly Call[];
}

const call: z.ZodType<Call> = z.lazy(() =>
  z.strictObject({
    service: name,
    operation: name,
    self: duration({ min: 0 }).prefault('10ms'),
    spread: z.number().min(0).max(2).default(0.25),
    errors: share.default(0),
    share: share.default(1),
    instances,
    calls: z.array(call).default([]),
  }),
) as never;

const calls = z.strictObject({
  per_second: z.number().min(0),
  ...during,
  root: call,
  changes: z
    .array(
      z.strictObject({
        during: range,
        service: name,
        operation: z.string().optional(),
        slower: z.number().min(0).default(1),
        errors: share.default(0),
        log: z.string().optional(),
      }),
    )
    .default([]),
  rates: z.array(z.strictObject({ during: range, per_second: z.number().min(0) })).default([]),
});

const csv = z.strictObject({
  file: name,
  service: name,
  time: name,
  metrics: z.record(z.string(), z.string()),
  labels,
  instances: z.array(z.string()).length(1).default(['']),
});

const kinds = Object.keys(CLASS_OF) as [AnomalyKind, ...AnomalyKind[]];
const classes = ['point', 'contextual', 'collective'] as const satisfies readonly AnomalyClass[];
const count = {
  exactly: z.int().min(0).optional(),
  at_least: z.int().min(0).optional(),
  at_most: z.int().min(0).optional(),
  none: z.array(range).default([]),
};
const evidence = z.strictObject({
  service: z.string().optional(),
  metric: z.string().optional(),
  kind: z.enum(kinds).optional(),
  instance: z.string().optional(),
  text: z.string().optional(),
});
const opened = { opened: range.optional(), closed: range.optional(), still_open: z.boolean().optional() };

const incident = z.strictObject({
  service: z.string().optional(),
  services: z.array(z.string()).optional(),
  kind: z.enum(kinds).optional(),
  class: z.enum(classes).optional(),
  ...opened,
  cause: z.string().optional(),
  cause_in_top: z.int().min(1).default(1),
  severity: z.enum(['info', 'warning', 'critical']).optional(),
  deploy: z.string().optional(),
  evidence: z.array(evidence).default([]),
});

const anomaly = z.strictObject({
  service: z.string().optional(),
  kind: z.enum(kinds).optional(),
  class: z.enum(classes).optional(),
  ...opened,
  evidence: z.array(evidence).default([]),
});

const notification = z.strictObject({
  receiver: z.string().optional(),
  reason: z
    .enum(['opened', 'updated', 'escalated', 'unacknowledged', 'resolved', 'reopened', 'reminder', 'digest'])
    .optional(),
  between: range.optional(),
  service: z.string().optional(),
  severity: z.enum(['info', 'warning', 'critical']).optional(),
});

export const scenarioSchema = z
  .strictObject({
    title: z.string().default(''),
    config: settingsSchema.prefault({} as never),
    start: instant.optional(),
    interval: duration({ min: SECOND }).prefault('10s'),
    until: offset().optional(),
    seed: z.int().default(1),
    series: z.array(series).default([]),
    logs: z.array(logs).default([]),
    calls: z.array(calls).default([]),
    deploys: z.array(z.strictObject({ at: offset(), service: name, version: name })).default([]),
    outages: z
      .array(z.strictObject({ service: z.string().default(''), instance: z.string().default(''), during: range }))
      .default([]),
    replay: z.array(name).default([]),
    csv: z.array(csv).default([]),
    expect: z.strictObject({
      incidents: z.strictObject({ ...count, include: z.array(incident).default([]) }).optional(),
      anomalies: z.strictObject({ ...count, include: z.array(anomaly).default([]) }).optional(),
      notifications: z.strictObject({ ...count, include: z.array(notification).default([]) }).optional(),
    }),
  })
  .superRefine((scenario, context) => {
    const signals = [scenario.series, scenario.logs, scenario.calls, scenario.replay, scenario.csv];
    if (signals.every((list) => list.length === 0))
      context.addIssue({ code: 'custom', path: [], message: 'no signals; give series, logs, calls, replay or csv' });
    if (Object.values(scenario.expect).every((section) => section === undefined))
      context.addIssue({
        code: 'custom',
        path: ['expect'],
        message: 'nothing is expected; give incidents, anomalies or notifications',
      });
  });

export type Scenario = z.output<typeof scenarioSchema>;
export type Expectations = Scenario['expect'];
