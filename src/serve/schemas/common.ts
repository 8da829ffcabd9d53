import { z } from 'zod';
import type { ErrorCode } from '../../domain/error.ts';
import { ERRORS } from '../../domain/error.ts';

/** A list in a response. */
export const list = <T extends z.ZodType>(item: T) => z.array(item).readonly();

/** Numbers that the domain holds as NaN or infinity ("no expectation", "unbounded") travel as null. */
export const figure = z.number().nullable();

export const epochMs = z.number().describe('Milliseconds since the Unix epoch, event time.');

/** A point in time in a query: epoch milliseconds or RFC 3339. */
export const timeParam = z
  .string()
  .max(40)
  .transform((text, context) => {
    const ms = /^\d{1,15}(\.\d+)?$/.test(text) ? Number(text) : /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
    if (Number.isNaN(ms)) {
      context.addIssue({ code: 'custom', message: 'expected epoch milliseconds or RFC 3339' });
      return z.NEVER;
    }
    return ms;
  })
  .describe('Epoch milliseconds, or RFC 3339.');

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A step: `30s`, `5m`, or milliseconds. */
export const stepParam = z
  .string()
  .regex(/^\d{1,12}(ms|s|m|h|d)?$/, 'expected a duration such as 30s, 5m or milliseconds')
  .transform((text) => {
    const unit = text.replace(/^\d+/, '');
    return Number.parseInt(text, 10) * (DURATION_UNITS[unit] ?? 1);
  })
  .refine((ms) => ms >= 1, 'a step is at least 1 ms');

export const limitParam = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback);

/** Ids of incidents, anomalies, series: opaque to callers. */
export const idParam = z.string().regex(/^[A-Za-z0-9_.:-]{1,128}$/, 'not an id');
export const nameParam = z.string().min(1).max(200);

const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

/** RFC 9457 problem details; `code` is the closed list of `domain/error.ts`. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.enum(codes),
    errors: list(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problem>;

/** The error responses that each route of the API may give. */
export const problems = { '4xx': problem, '5xx': problem };

/** Query results without the keys that were not given, for ports that tell "absent" from "undefined". */
export function given<T extends object>(query: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
