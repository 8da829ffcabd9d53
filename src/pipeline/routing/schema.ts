import { z } from 'zod';
import type { InhibitRule } from '../../alert/inhibit/inhibit.ts';
import type { Route } from '../../alert/route/route.ts';
import { compileIntervals, type NamedIntervals } from '../../alert/route/time-interval.ts';
import { duration } from '../../config/fields.ts';
import { anchored, compileMatchers, type Matcher, parseMatchers } from '../../domain/alerting/matcher.ts';
import { zoneOffset } from './zones.ts';

const doc = <T extends z.ZodType>(field: T, description: string): T => field.meta({ ...field.meta(), description });

/** `service=~"pay.*"`, one or several a line, or a list of such lines. */
export const matcherLines = z.union([z.string(), z.array(z.string())]).transform((given, context): Matcher[] => {
  const out: Matcher[] = [];
  for (const line of typeof given === 'string' ? [given] : given) {
    try {
      const parsed = parseMatchers(line);
      compileMatchers(parsed);
      out.push(...parsed);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  }
  return out;
});

/** Alertmanager's older form, `match: {severity: critical}`. */
const matchMap = z.record(z.string(), z.coerce.string());

const matchFields = {
  matchers: doc(matcherLines.optional(), 'Labels that must match: `service=~"pay.*"`, a list of such.'),
  match: doc(matchMap.optional(), 'Alertmanager’s older form of `matchers`: exact values.'),
  match_re: doc(matchMap.optional(), 'Alertmanager’s older form of `matchers`: expressions.'),
};

const ownFields = {
  receiver: doc(z.string().optional(), 'Receiver that is told; children without one inherit it.'),
  receivers: doc(z.array(z.string()).default([]), 'Several receivers; at the root, none given: all of them.'),
  group_by: doc(
    z.array(z.string()).optional(),
    'Labels whose values make a group; `...` (the default) is every incident by itself.',
  ),
  group_wait: doc(duration().optional(), 'How long a new group waits for more before it is told; 0 unless given.'),
  group_interval: doc(
    duration({ min: 1 }).optional(),
    'How long a told group waits before it tells what is new; 0 unless given.',
  ),
  repeat_interval: doc(
    duration({ min: 1 }).optional(),
    'An open incident is told again after this long; 4h unless given.',
  ),
  escalate_after: doc(
    duration({ min: 1 }).optional(),
    'An incident that nobody acknowledged is told to `escalate_to` this long after it was first told; never unless given.',
  ),
  escalate_to: doc(z.string().optional(), 'Receiver that is told of what nobody acknowledged.'),
};

const timeFields = {
  mute_time_intervals: doc(z.array(z.string()).default([]), 'Names of `time_intervals` in which nothing is sent.'),
  active_time_intervals: doc(
    z.array(z.string()).default([]),
    'Names of `time_intervals` outside of which nothing is sent.',
  ),
};

const severity = z.enum(['info', 'warning', 'critical']);
const confidence = z.number().min(0).max(1);

const child: z.ZodType<Route> = z.lazy(() =>
  z
    .strictObject({
      ...ownFields,
      ...matchFields,
      ...timeFields,
      continue: z.boolean().default(false),
      min_severity: severity.optional(),
      min_confidence: confidence.optional(),
      routes: z.array(child).default([]),
    })
    .transform((given, context) => routeOf(given, context)),
);

/** The root: as in Alertmanager it matches everything and is never muted. */
export const routeSchema = z
  .strictObject({
    ...ownFields,
    min_severity: doc(severity.default('warning'), 'Less severe incidents are on the page only.'),
    min_confidence: doc(confidence.default(0), 'Less certain incidents are on the page only.'),
    routes: doc(
      z.array(child).default([]),
      'Children, Alertmanager’s rules: the first that matches takes it, unless it says `continue: true`.',
    ),
  })
  .transform((given, context) => routeOf(given, context))
  .prefault({});

interface Given {
  readonly receiver?: string | undefined;
  readonly receivers: readonly string[];
  readonly matchers?: Matcher[] | undefined;
  readonly match?: Record<string, string> | undefined;
  readonly match_re?: Record<string, string> | undefined;
  readonly group_by?: string[] | undefined;
  readonly escalate_after?: number | undefined;
  readonly escalate_to?: string | undefined;
}

function routeOf<T extends Given>(
  { receiver, receivers, matchers, match, match_re, ...rest }: T,
  context: z.RefinementCtx,
): Route {
  const faultAt = (path: PropertyKey[], message: string): void => context.addIssue({ code: 'custom', path, message });
  if (receiver !== undefined && receivers.length > 0) faultAt(['receiver'], 'give either receiver or receivers');
  const groupBy: readonly string[] = rest.group_by ?? [];
  if (new Set(groupBy).size !== groupBy.length) faultAt(['group_by'], 'a label is named twice');
  if (groupBy.includes('...') && groupBy.length > 1) faultAt(['group_by'], "'...' stands alone");
  const older: Matcher[] = [
    ...Object.entries(match ?? {}).map(([name, value]) => ({ name, value, isRegex: false, isEqual: true })),
    ...Object.entries(match_re ?? {}).map(([name, value]) => ({ name, value, isRegex: true, isEqual: true })),
  ];
  for (const { name, value, isRegex } of older) {
    try {
      if (isRegex) anchored(value);
    } catch (error) {
      faultAt(['match_re', name], (error as Error).message);
    }
  }
  if ((rest.escalate_after === undefined) !== (rest.escalate_to === undefined))
    faultAt(
      [rest.escalate_after === undefined ? 'escalate_to' : 'escalate_after'],
      'escalate_after and escalate_to go together',
    );
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    ...(given as Partial<Route>),
    receivers: receiver === undefined ? receivers : [receiver],
    matchers: [...(matchers ?? []), ...older],
  };
}

const word = z.union([z.string(), z.number()]);
const interval = z.strictObject({
  times: doc(
    z.array(z.strictObject({ start_time: z.string(), end_time: z.string() })).optional(),
    'Times of day, `HH:MM`; the end is not in it.',
  ),
  weekdays: doc(z.array(z.string()).optional(), '`monday:friday`, `saturday`.'),
  days_of_month: doc(z.array(word).optional(), '`1:5`, `-3:-1` from the end.'),
  months: doc(z.array(word).optional(), '`may:august`, `12`.'),
  years: doc(z.array(word).optional(), '`2026:2028`.'),
  location: doc(z.string().optional(), 'Time zone, e.g. Europe/Berlin; UTC unless given.'),
});

export const intervalsSchema = doc(
  z
    .array(z.strictObject({ name: z.string().min(1), time_intervals: z.array(interval).default([]) }))
    .default([])
    .superRefine((value, context) => {
      value.forEach((named, i) => {
        try {
          compileIntervals([named as NamedIntervals], zoneOffset);
        } catch (error) {
          context.addIssue({ code: 'custom', path: [i, 'time_intervals'], message: (error as Error).message });
        }
      });
    }),
  'Named times for `mute_time_intervals` and `active_time_intervals`, as in Alertmanager.',
) as unknown as z.ZodType<readonly NamedIntervals[]>;

export const inhibitSchema = doc(
  z
    .array(
      z
        .strictObject({
          source_matchers: matcherLines.optional(),
          source_match: matchMap.optional(),
          source_match_re: matchMap.optional(),
          target_matchers: matcherLines.optional(),
          target_match: matchMap.optional(),
          target_match_re: matchMap.optional(),
          equal: z.array(z.string()).default([]),
        })
        .transform((given): InhibitRule => {
          const all = (
            matchers: Matcher[] | undefined,
            exact: Record<string, string> | undefined,
            pattern: Record<string, string> | undefined,
          ): Matcher[] => [
            ...(matchers ?? []),
            ...Object.entries(exact ?? {}).map(([name, value]) => ({ name, value, isRegex: false, isEqual: true })),
            ...Object.entries(pattern ?? {}).map(([name, value]) => ({ name, value, isRegex: true, isEqual: true })),
          ];
          return {
            source_matchers: all(given.source_matchers, given.source_match, given.source_match_re),
            target_matchers: all(given.target_matchers, given.target_match, given.target_match_re),
            equal: given.equal,
          };
        }),
    )
    .default([]),
  'While an incident that matches the source is open, those that match the target, with equal values of `equal`, are muted; as in Alertmanager.',
);

/** Every receiver and interval that the tree names, with where it does. */
export function* namesIn(
  route: Route,
  path: readonly PropertyKey[] = [],
): Generator<{ readonly kind: 'receiver' | 'interval'; readonly name: string; readonly path: readonly PropertyKey[] }> {
  for (const name of route.receivers)
    yield { kind: 'receiver', name, path: [...path, route.receivers.length === 1 ? 'receiver' : 'receivers'] };
  if (route.escalate_to !== undefined)
    yield { kind: 'receiver', name: route.escalate_to, path: [...path, 'escalate_to'] };
  for (const key of ['mute_time_intervals', 'active_time_intervals'] as const)
    for (const name of route[key] ?? []) yield { kind: 'interval', name, path: [...path, key] };
  for (const [i, inner] of (route.routes ?? []).entries()) yield* namesIn(inner, [...path, 'routes', i]);
}
