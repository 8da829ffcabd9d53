import { z } from 'zod';
import { epochMs, figure, limitParam, list, nameParam, stepParam, timeParam } from './common.ts';

export const seriesSummary = z
  .object({
    id: z.string(),
    tenant: z.string(),
    service: z.string(),
    metric: z.string(),
    unit: z.string(),
    kind: z.number().int(),
    modality: z.enum(['metric', 'log', 'trace']),
    labels: z.record(z.string(), z.string()).readonly(),
    instance: z.string(),
    firstSeen: epochMs,
    lastSeen: epochMs,
  })
  .meta({ id: 'Series' });
export type WireSeries = z.infer<typeof seriesSummary>;

export const seriesQuery = z.strictObject({
  text: z.string().trim().max(200).optional().describe('Words that occur in service, metric or a label.'),
  service: nameParam.optional(),
  metric: nameParam.optional(),
  limit: limitParam(50, 500),
});
export const seriesList = z.object({ items: list(seriesSummary) });

/** Most points a range may hold, as in Prometheus. */
export const MAX_RANGE_POINTS = 11_000;

export const rangeQuery = z
  .strictObject({ from: timeParam, to: timeParam, step: stepParam.optional() })
  .refine((query) => query.to > query.from, { path: ['to'], message: 'must lie after from' })
  .refine((query) => query.step === undefined || (query.to - query.from) / query.step <= MAX_RANGE_POINTS, {
    path: ['step'],
    message: `more than ${MAX_RANGE_POINTS} points; take a larger step`,
  });

/** Columns, one element a step; null where nothing was known. */
export const seriesRange = z
  .object({
    series: seriesSummary,
    from: epochMs,
    to: epochMs,
    step: z.number(),
    at: list(z.number()),
    count: list(figure),
    mean: list(figure),
    min: list(figure),
    max: list(figure),
    last: list(figure),
    expected: list(figure),
    lower: list(figure),
    upper: list(figure),
    surprise: list(figure).describe('Largest -log10 p in the step.'),
  })
  .meta({ id: 'SeriesRange' });
export type WireRange = z.infer<typeof seriesRange>;

export const exampleSpan = z
  .object({
    traceId: z.string(),
    spanId: z.string(),
    parentId: z.string(),
    service: z.string(),
    name: z.string(),
    start: epochMs,
    durationMs: z.number(),
    error: z.boolean(),
  })
  .meta({ id: 'Span' });
export type WireSpan = z.infer<typeof exampleSpan>;
export const trace = z.object({ traceId: z.string(), spans: list(exampleSpan) });
export type WireTrace = z.infer<typeof trace>;

export const template = z
  .object({
    id: z.string(),
    service: z.string(),
    template: z.string(),
    firstSeen: epochMs,
    severity: z.number(),
    example: z.string(),
  })
  .meta({ id: 'LogTemplate' });
export type WireTemplate = z.infer<typeof template>;

export const templateQuery = z.strictObject({
  service: nameParam.optional(),
  from: timeParam.optional(),
  to: timeParam.optional(),
  limit: limitParam(100, 500),
});
export const deployQuery = z.strictObject({
  service: nameParam.optional(),
  from: timeParam.optional(),
  to: timeParam.optional(),
});
