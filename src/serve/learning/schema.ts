import { z } from 'zod';
import { DRIFT_KINDS } from '../../domain/learning/drift.ts';
import { VERDICTS } from '../../domain/verdict.ts';
import { epochMs, figure, list } from '../schemas/common.ts';

export const driftReport = z
  .object({
    items: list(
      z.object({
        class: z.string().describe('What the series are: metric/gauge, metric/counter, ..., log, trace.'),
        kind: z.enum(DRIFT_KINDS),
        since: epochMs,
        at: epochMs.describe('When it was seen last.'),
        statistic: z.number(),
        threshold: z.number(),
        text: z.string(),
      }),
    ),
    classes: list(
      z.object({
        class: z.string(),
        values: z.number().describe('p-values of the last day that were looked at.'),
        share: figure.describe('Share of them below 0.01; 0.005 to 0.02 is right.'),
        enough: z.boolean().describe('Whether there were enough to judge.'),
      }),
    ),
  })
  .meta({ id: 'DriftReport' });

const noiseRow = z
  .object({
    name: z.string(),
    incidents: z.number().int(),
    pages: z.number().int(),
    pagesPerWeek: z.number(),
    acknowledged: figure.describe('Share of the incidents that paged which somebody acknowledged.'),
    acknowledgedAfter: figure.describe('Median ms from opening to acknowledgement.'),
    verdicts: z.record(z.enum(VERDICTS), z.number().int()),
    precision: figure.describe('Share of real ones among those with a verdict.'),
    low: figure.describe('Lower end of its 95 % interval.'),
    high: figure,
  })
  .meta({ id: 'NoiseRow' });

export const noiseReport = z
  .object({
    from: epochMs,
    to: epochMs,
    complete: z.boolean().describe('False when there were more incidents than were read.'),
    total: noiseRow,
    service: list(noiseRow),
    team: list(noiseRow),
    detector: list(noiseRow),
  })
  .meta({ id: 'NoiseReport' });
