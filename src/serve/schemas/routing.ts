import { z } from 'zod';
import type { RouteView } from '../../domain/alerting/routing.ts';
import { matcherView } from './alerting.ts';
import { epochMs, list } from './common.ts';

const strings = list(z.string());
const labels = z.record(z.string().min(1).max(200), z.string().max(1_024)).readonly();

const route: z.ZodType<RouteView> = z
  .lazy(() =>
    z.object({
      id: z.string(),
      receivers: strings,
      matchers: list(matcherView),
      groupBy: strings,
      groupWait: z.number(),
      groupInterval: z.number(),
      repeatInterval: z.number(),
      minSeverity: z.enum(['critical', 'warning', 'info']),
      minConfidence: z.number(),
      continue: z.boolean(),
      muteTimeIntervals: strings,
      activeTimeIntervals: strings,
      mutedNow: z.string().nullable(),
      routes: list(route),
    }),
  )
  .meta({ id: 'Route' });

const interval = z.object({
  times: list(z.object({ start: z.string(), end: z.string() })),
  weekdays: strings,
  daysOfMonth: strings,
  months: strings,
  years: strings,
  zone: z.string(),
});

export const routingView = z
  .object({
    root: route,
    receivers: list(z.object({ name: z.string(), types: strings })),
    intervals: list(z.object({ name: z.string(), on: z.boolean(), entries: list(interval) })),
    inhibitRules: list(z.object({ source: list(matcherView), target: list(matcherView), equal: strings })),
  })
  .meta({ id: 'Routing' });
export type WireRouting = z.infer<typeof routingView>;

export const policyView = z
  .object({
    name: z.string(),
    matchers: list(matcherView),
    settings: list(z.object({ key: z.string(), value: z.string() })),
  })
  .meta({ id: 'Policy' });
export type WirePolicy = z.infer<typeof policyView>;

export const routingTestBody = z.strictObject({
  labels: labels.refine((given) => Object.keys(given).length <= 50, 'at most 50 labels'),
  confidence: z.number().min(0).max(1).default(1).describe('As an incident would have it.'),
});
export const routingTest = z
  .object({
    at: epochMs,
    matches: list(
      z.object({
        route: z.string(),
        receivers: strings,
        groupLabels: labels,
        heldBy: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'RoutingTest' });
export type WireRoutingTest = z.infer<typeof routingTest>;
