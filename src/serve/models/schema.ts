import { z } from 'zod';
import { MODEL_FORMATS } from '../../domain/learning/model.ts';
import { epochMs, list } from '../schemas/common.ts';

const settings = z.record(z.string(), z.unknown());

export const modelRecord = z
  .object({
    name: z.string(),
    version: z.number().int(),
    format: z.enum(MODEL_FORMATS),
    state: z.enum(['candidate', 'champion', 'retired']),
    pinned: z.boolean(),
    createdAt: epochMs,
    createdBy: z.string(),
    promotions: list(epochMs),
    data: z
      .object({
        from: epochMs,
        to: epochMs,
        items: z.number().int(),
        samples: z.number().int(),
        validatedFrom: epochMs.nullable(),
        fingerprint: z.string(),
      })
      .nullable(),
    config: settings,
    code: z.string(),
    metrics: z.record(z.string(), z.number()),
    bytes: z.number().int(),
    checksum: z.string(),
    parents: list(z.string()),
    note: z.string(),
  })
  .meta({ id: 'Model' });

export const trainingJob = z
  .object({
    id: z.string(),
    model: z.string(),
    state: z.enum(['queued', 'running', 'done', 'failed', 'cancelled']),
    at: epochMs,
    by: z.string(),
    options: settings,
    progress: z.number().min(0).max(1),
    starts: z.number().int(),
    error: z.string(),
    result: z.number().int().nullable(),
    endedAt: epochMs.nullable(),
  })
  .meta({ id: 'TrainingJob' });

export const modelChange = z.object({ items: list(modelRecord).describe('What changed; empty when nothing had to.') });

export const trainBody = z.strictObject({
  options: z
    .record(z.string().max(40), z.union([z.number(), z.string().max(100)]))
    .default({})
    .describe('Options of the training, e.g. steps and seed.'),
});
