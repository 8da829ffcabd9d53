import { z } from 'zod';
import { formatMatcher, type Matcher, parseMatchers } from '../../domain/alerting/matcher.ts';
import { TocsinError } from '../../domain/error.ts';
import { epochMs, figure, list } from './common.ts';

const matcherObject = z.strictObject({
  name: z.string().min(1).max(200),
  value: z.string().max(1_024),
  isRegex: z.boolean().default(false),
  isEqual: z.boolean().default(true),
});

/** `service="pay", severity=~"critical|warning"`, or Alertmanager's objects. */
export const matchersBody = z
  .union([z.string().max(4_096), z.array(matcherObject).max(50)])
  .transform((given, context): readonly Matcher[] => {
    if (typeof given !== 'string') return given;
    try {
      return parseMatchers(given);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof TocsinError ? error.message : 'cannot be read' });
      return z.NEVER;
    }
  });

/** Epoch ms or RFC 3339. */
export const timeBody = z.union([
  z.number().min(0).max(8.64e15),
  z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
]);

const by = z.string().trim().min(1).max(200);
const comment = z.string().max(2_000).default('');

export const silenceBody = z.strictObject({
  id: z.string().max(128).optional(),
  matchers: matchersBody,
  startsAt: timeBody.optional(),
  endsAt: timeBody,
  createdBy: by.optional(),
  comment,
});

export const matcherView = z.object({
  name: z.string(),
  value: z.string(),
  isRegex: z.boolean(),
  isEqual: z.boolean(),
});
export const silenceView = z
  .object({
    id: z.string(),
    status: z.enum(['pending', 'active', 'expired']),
    matchers: list(matcherView),
    text: z.string().describe('The matchers as one line.'),
    startsAt: epochMs,
    endsAt: epochMs,
    createdBy: z.string(),
    comment: z.string(),
    updatedAt: epochMs,
  })
  .meta({ id: 'Silence' });
export type WireSilence = z.infer<typeof silenceView>;

const recurrence = z.strictObject({
  start: z.string().max(40).describe('First start as local time, 2026-01-31T22:00:00.'),
  durationMs: z.number().int().min(1_000),
  zone: z.string().max(100).default('UTC').describe('IANA time zone.'),
  rrule: z.string().max(1_000).default('').describe('RFC 5545, e.g. FREQ=MONTHLY;BYDAY=2TU; empty: once.'),
  rdates: z.array(z.string().max(40)).max(1_000).default([]),
  exdates: z.array(z.string().max(40)).max(1_000).default([]),
});
const span = z.strictObject({ startsAt: timeBody, endsAt: timeBody });

export const maintenanceBody = z.strictObject({
  id: z.string().max(128).optional(),
  name: z.string().trim().min(1).max(200),
  matchers: matchersBody.default([]),
  spans: z.array(span).max(1_000).default([]),
  recurrences: z.array(recurrence).max(100).default([]),
  createdBy: by.optional(),
  comment,
});

const recurrenceView = z.object({
  start: z.string(),
  durationMs: z.number(),
  zone: z.string(),
  rrule: z.string(),
  rdates: list(z.string()),
  exdates: list(z.string()),
});
const spanView = z.object({ startsAt: epochMs, endsAt: epochMs });
export const maintenanceView = z
  .object({
    id: z.string(),
    name: z.string(),
    active: z.boolean(),
    matchers: list(matcherView),
    text: z.string(),
    spans: list(spanView),
    recurrences: list(recurrenceView),
    next: list(spanView).describe('Occurrences of the next 30 days.'),
    createdBy: z.string(),
    comment: z.string(),
    updatedAt: epochMs,
  })
  .meta({ id: 'MaintenanceWindow' });
export type WireMaintenance = z.infer<typeof maintenanceView>;

export const calendarBody = z.strictObject({
  calendar: z.string().min(1).describe('An iCalendar file (RFC 5545).'),
  matchers: matchersBody.default([]),
  zone: z.string().max(100).default('UTC').describe('Zone of times that name none.'),
  createdBy: by.optional(),
  dryRun: z.boolean().default(false).describe('Only say what would be imported.'),
});

const preview = {
  from: epochMs,
  to: epochMs,
  incidents: z.number(),
  notifications: z.number(),
  truncated: z.boolean(),
  covered: list(
    z.object({
      id: z.string(),
      title: z.string(),
      severity: z.enum(['critical', 'warning', 'info']),
      openedAt: epochMs,
      closedAt: epochMs.nullable(),
      notifications: z.number(),
    }),
  ),
};
export const previewResult = z.object(preview).meta({ id: 'SuppressionPreview' });
export type WirePreview = z.infer<typeof previewResult>;
export const maintenancePreview = z
  .object({ ...preview, next: list(spanView).describe('Occurrences of the next 30 days.') })
  .meta({ id: 'MaintenancePreview' });
export type WireMaintenancePreview = z.infer<typeof maintenancePreview>;

export const textOf = (matchers: readonly Matcher[]): string => matchers.map(formatMatcher).join(', ');

export const budget = z
  .object({
    items: list(
      z.object({
        team: z.string(),
        allowed: z.number(),
        used: z.number(),
        left: z.number(),
        projected: figure.describe('Pages a week at the pace of the last two days.'),
        burn: figure.describe('`projected` over `allowed`: above 1 the budget will not last.'),
        spentAt: epochMs.nullable(),
        days: list(z.number()).describe('Pages of each of the last seven days, oldest first.'),
        held: z.number(),
      }),
    ),
    heldBack: list(
      z.object({
        incident: z.string(),
        title: z.string(),
        team: z.string(),
        severity: z.enum(['critical', 'warning', 'info']),
        at: epochMs,
        reason: z.string(),
      }),
    ),
    digest: z
      .object({
        receiver: z.string(),
        every: z.enum(['daily', 'weekly']),
        time: z.string(),
        weekday: z.string(),
        zone: z.string(),
        nextAt: epochMs,
      })
      .nullable(),
  })
  .meta({ id: 'Budget' });
