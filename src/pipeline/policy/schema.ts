import { z } from 'zod';
import { duration } from '../../config/fields.ts';
import type { Direction, Holidays, Policy } from '../../domain/alerting/policy.ts';
import { MINUTE } from '../../domain/units.ts';
import { matcherLines } from '../routing/schema.ts';
import { zoneOffset } from '../routing/zones.ts';
import { COUNTRIES, holidaysOf } from './holidays.ts';

const doc = <T extends z.ZodType>(field: T, description: string): T => field.meta({ ...field.meta(), description });

const DIRECTIONS = ['both', 'above_expected', 'below_expected'] as const satisfies readonly Direction[];
/** Settings that act where a service is decided on, so that only its name is known. */
const OF_SERVICES = ['m_of_n', 'flap_damping', 'deploy_grace'] as const;
const SERVICE_LABELS = new Set(['service', 'tenant']);

/** One number for both sides, or below and above what is expected. */
const pair = z
  .union([z.number().min(0), z.tuple([z.number().min(0), z.number().min(0)])])
  .transform((given): readonly [number, number] => (typeof given === 'number' ? [given, given] : given));

const bound = z.union([z.number(), z.enum(['inf', '-inf', '+inf', '.inf', '-.inf'])]).transform((given) => {
  // JSON knows no infinity, and settings are written down.
  return typeof given === 'number' && Number.isFinite(given) ? given : null;
});

const event = z.strictObject({
  name: doc(z.string().min(1), 'Shown as the reason.'),
  days: doc(
    z
      .array(
        z
          .string()
          .regex(
            /^(\d{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/,
            'write a day as 2026-12-24 or, of every year, 12-24',
          ),
      )
      .min(1),
    '`2026-11-27`, or of every year `12-24`.',
  ),
});

const holidays = z
  .strictObject({
    countries: doc(z.array(z.string()).default([]), 'ISO codes, for the holidays that a whole country has.'),
    special_events: doc(z.array(event).default([]), 'Days of your own.'),
    zone: doc(z.string().default('UTC'), 'Time zone in which a day begins.'),
    detection_direction: doc(z.enum(DIRECTIONS).default('above_expected'), 'Which deviations count on these days.'),
  })
  .transform((given, context): Holidays => {
    const names: Record<string, string> = {};
    given.countries.forEach((country, i) => {
      if (COUNTRIES[country] === undefined)
        context.addIssue({
          code: 'custom',
          path: ['countries', i],
          message: `'${country}' is not known; there are: ${Object.keys(COUNTRIES).join(', ')} (use special_events for others)`,
        });
      for (const [day, name] of holidaysOf(country)) names[day] = name;
    });
    for (const { name, days } of given.special_events) for (const day of days) names[day] = name;
    if (zoneOffset(given.zone, 0) === null)
      context.addIssue({ code: 'custom', path: ['zone'], message: `there is no time zone '${given.zone}'` });
    if (Object.keys(names).length === 0)
      context.addIssue({ code: 'custom', message: 'give countries or special_events' });
    return { days: names, zone: given.zone, direction: given.detection_direction };
  });

const policy = z
  .strictObject({
    name: doc(z.string().min(1), 'Named in the reason of everything that it suppresses.'),
    matchers: doc(
      matcherLines.prefault([]),
      'Series: `service`, `metric`, `instance`, `tenant` and labels of their own; none: all.',
    ),
    detection_direction: doc(
      z.enum(DIRECTIONS).optional(),
      'Which deviations count: `both`, `above_expected`, `below_expected`.',
    ),
    min_dev_from_expected: doc(
      pair.optional(),
      'Smaller deviations are ignored: a number, or `[below, above]` what is expected.',
    ),
    min_rel_dev_from_expected: doc(
      pair.optional(),
      'The same as a share of what is expected: 0.3 is 30 %. Replaces `decide.min_relative_deviation`.',
    ),
    data_range: doc(z.tuple([bound, bound]).optional(), 'Values outside are always strange: `[0, 100]`, `[0, inf]`.'),
    seasonalities: doc(
      z
        .array(z.enum(['daily', 'weekly', 'monthly']))
        .min(1)
        .optional(),
      'Strange at a time at which it was as far off a day, a week or a month before is usual.',
    ),
    holidays: doc(holidays.optional(), 'Days on which only one direction counts.'),
    importance: doc(
      z.enum(['low', 'normal', 'high']).optional(),
      'Incidents with nothing but `low` are `info`; with something `high` they are a step more severe.',
    ),
    m_of_n: doc(
      z
        .strictObject({
          needed: doc(z.int().min(1).max(60).default(2), 'Ticks that must be strange'),
          window: doc(z.int().min(1).max(60).default(3), 'of so many with data, before it opens.'),
          recover_ticks: doc(z.int().min(1).max(360).default(3), 'Quiet ticks with data before it closes.'),
          recover_after: doc(duration({ min: 10_000 }).prefault('4m'), 'Without a strange tick for this long, too.'),
        })
        .refine(({ needed, window }) => needed <= window, { path: ['needed'], message: 'must not exceed window' })
        .optional(),
      'How long a service must be strange, and how long quiet; then no single extreme tick is enough.',
    ),
    flap_damping: doc(
      z
        .strictObject({
          times: doc(z.int().min(2).max(20).default(3), 'From this many openings'),
          within: doc(duration({ min: MINUTE }).prefault('1h'), 'within this time'),
          settle: doc(duration({ min: MINUTE }).prefault('30m'), 'it stays open until it was quiet for this long.'),
        })
        .optional(),
      'A service that comes and goes is one incident.',
    ),
    deploy_grace: doc(duration({ min: 1 }).optional(), 'After a deploy of a service nothing opens for this long.'),
  })
  .superRefine((given, context) => {
    const { data_range: range } = given;
    const [low, high] = range ?? [null, null];
    if (low !== null && high !== null && low >= high)
      context.addIssue({
        code: 'custom',
        path: ['data_range'],
        message: 'the lower bound must be below the upper one',
      });
    const others = given.matchers.filter(({ name }) => !SERVICE_LABELS.has(name)).map(({ name }) => name);
    for (const key of OF_SERVICES)
      if (given[key] !== undefined && others.length > 0)
        context.addIssue({
          code: 'custom',
          path: [key],
          message: `acts on services: its matchers may only name service and tenant, not ${others.join(', ')}`,
        });
    const { name: _n, matchers: _m, ...settings } = given;
    if (Object.values(settings).every((value) => value === undefined))
      context.addIssue({ code: 'custom', message: 'says nothing: give at least one setting' });
  })
  .transform(
    (given) =>
      Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as unknown as Policy,
  );

/** What is said of single series and services. */
export const policiesSchema = doc(
  z
    .array(policy)
    .default([])
    .superRefine((policies, context) => {
      policies.forEach(({ name }, i) => {
        if (policies.findIndex((other) => other.name === name) !== i)
          context.addIssue({ code: 'custom', path: [i, 'name'], message: `the name '${name}' is used twice` });
      });
    }),
  'What counts for some services and metrics; of each setting the first policy that matches says it.',
);
