import { z } from 'zod';
import { RECEIVERS } from '../alert/notify/registry.ts';
import { checkTemplate } from '../alert/notify/texts.ts';
import { address, bytes, duration, sectionOf } from '../config/fields.ts';
import { PROMOTED_DETECTORS, ROW_DETECTORS, SERIES_DETECTORS } from '../detect/registry.ts';
import { SILENCE_OPTIONS } from '../detect/silence/silence.ts';
import type { OptionsSpec } from '../domain/options.ts';
import { DAY, MINUTE } from '../domain/units.ts';
import { EVENT_TIME_OPTIONS } from '../features/event-time/event-time.ts';
import { LOG_TEMPLATE_OPTIONS } from '../features/log-template/log-template.ts';
import { SERVICE_GRAPH_OPTIONS } from '../features/service-graph/service-graph.ts';
import { SPAN_RED_OPTIONS } from '../features/span-red/span-red.ts';
import { LEARN_GATE_OPTIONS } from '../fuse/combine/learn-gate.ts';
import { decideOptions } from '../fuse/decide/decide-options.ts';
import { serviceOptions } from '../fuse/service/service-options.ts';
import { busSchema } from './cluster/settings.ts';
import { PROMOTED_TIER_OPTIONS, ROWS_OPTIONS } from './models/model-path.ts';
import { policiesSchema } from './policy/schema.ts';
import { budgetSchema } from './routing/budget.ts';
import { inhibitSchema, intervalsSchema, namesIn, routeSchema } from './routing/schema.ts';

const doc = <T extends z.ZodType>(field: T, description: string): T => field.meta({ ...field.meta(), description });

/** One list a receiver type, named as in Alertmanager: `webhook_configs`, `slack_configs`, ... */
const receiverShape = Object.fromEntries(
  RECEIVERS.map((receiver) => {
    const section = sectionOf(receiver.options as OptionsSpec) as unknown as z.ZodType<Record<string, unknown>>;
    const checked = section.superRefine((value, context) => {
      for (const key of receiver.required) {
        const given = value[key];
        if (given === '' || (Array.isArray(given) && given.length === 0))
          context.addIssue({
            code: 'custom',
            path: [key],
            message: `must be given${receiver.secrets.includes(key) ? ` (or ${key}_file)` : ''}`,
          });
      }
      for (const key of receiver.templates ?? []) {
        try {
          checkTemplate(String(value[key]));
        } catch (error) {
          context.addIssue({ code: 'custom', path: [key], message: (error as Error).message });
        }
      }
      const fault = context.issues.length > 0 ? null : (receiver.fault?.(value as never) ?? null);
      if (fault !== null) context.addIssue({ code: 'custom', path: [fault.key], message: fault.message });
    });
    return [`${receiver.type}_configs`, z.array(checked).default([])];
  }),
) as Record<string, z.ZodType<Record<string, unknown>[]>>;

const receiver = z.strictObject({ name: z.string().min(1), ...receiverShape });

const detectors = z
  .strictObject(
    Object.fromEntries(
      Object.entries(SERIES_DETECTORS).map(([name, entry]) => [name, sectionOf(entry.options as OptionsSpec)]),
    ),
  )
  .prefault({} as never);

/** The whole configuration. Every key has a default; unknown keys are refused. `docs/configuration.md` is made from it. */
export const settingsSchema = z
  .strictObject({
    data_dir: doc(z.string().default('./data'), 'Where everything that must survive a restart is kept.'),
    log_level: doc(
      z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
      'Verbosity of our own log, JSON lines on standard error.',
    ),
    ingest: z
      .strictObject({
        grpc: doc(address().prefault('127.0.0.1:4317'), 'OTLP/gRPC listener; `off` for none.'),
        http: doc(
          address().prefault('127.0.0.1:4318'),
          'OTLP/HTTP and Prometheus remote write listener; `off` for none.',
        ),
        shards: doc(
          z.int().min(0).max(64).default(0),
          'Threads that take in and score; 0: one a core, less one for everything else.',
        ),
        max_body: doc(bytes().prefault('16MiB'), 'Largest request body as it arrives.'),
        max_inflated: doc(bytes().prefault('64MiB'), 'Largest request body after inflation.'),
        tenant_header: doc(
          z.string().default(''),
          'Header that names the tenant, e.g. X-Scope-OrgID; empty: one tenant.',
        ),
        bearer_token: doc(
          z.string().default(''),
          'Senders must present it; also bearer_token_file; empty: nobody must.',
        ),
        max_series_per_tenant: doc(z.int().min(1).default(1_000_000), 'New series beyond it are refused and counted.'),
        series_idle_after: doc(
          duration({ min: MINUTE }).prefault('1d'),
          'A series silent this long is forgotten and its memory reused.',
        ),
        event_time: sectionOf(EVENT_TIME_OPTIONS),
      })
      .prefault({} as never),
    api: z
      .strictObject({
        listen: doc(address().prefault('127.0.0.1:4400'), 'Page, REST API, metrics and health checks.'),
        external_url: doc(z.string().default(''), 'Address under which people reach the page; used in notifications.'),
        bearer_token: doc(
          z.string().default(''),
          'Needed for every call but the health checks; also bearer_token_file; empty: open.',
        ),
        slack_signing_secret: doc(
          z.string().default(''),
          'Signing secret of the Slack app whose buttons call /api/v1/slack/interactions; also slack_signing_secret_file; empty: buttons are not answered.',
        ),
      })
      .prefault({} as never),
    features: z
      .strictObject({
        log_templates: sectionOf(LOG_TEMPLATE_OPTIONS),
        span_red: sectionOf(SPAN_RED_OPTIONS),
        service_graph: sectionOf(SERVICE_GRAPH_OPTIONS),
      })
      .prefault({} as never),
    detect: z
      .strictObject({
        off: doc(
          z.array(z.enum(Object.keys(SERIES_DETECTORS) as [string, ...string[]])).default([]),
          'Detectors of the always-on tier to leave out.',
        ),
        series: detectors,
        rows: sectionOf(ROWS_OPTIONS).superRefine(({ on }, context) => {
          for (const name of on.filter((one) => !(one in ROW_DETECTORS)))
            context.addIssue({ code: 'custom', path: ['on'], message: `no detector of rows is named '${name}'` });
        }),
        promoted: sectionOf(PROMOTED_TIER_OPTIONS).superRefine(({ on }, context) => {
          for (const name of on.filter((one) => !(one in PROMOTED_DETECTORS)))
            context.addIssue({ code: 'custom', path: ['on'], message: `no promoted detector is named '${name}'` });
        }),
        learning: sectionOf(LEARN_GATE_OPTIONS),
        service: sectionOf(serviceOptions),
        silence: sectionOf(SILENCE_OPTIONS),
      })
      .prefault({} as never),
    decide: sectionOf(decideOptions),
    policies: policiesSchema,
    receivers: doc(z.array(receiver).default([]), 'Who can be told, each with lists of `<type>_configs`.'),
    route: routeSchema,
    budget: budgetSchema,
    time_intervals: intervalsSchema,
    mute_time_intervals: intervalsSchema.describe('Alertmanager’s older name of `time_intervals`.'),
    inhibit_rules: inhibitSchema,
    history: z
      .strictObject({
        retention: doc(
          duration({ min: DAY }).prefault('30d'),
          'Windows, decisions and closed incidents older than this are deleted.',
        ),
        memory: doc(z.string().default('512MB'), 'Memory that DuckDB may use.'),
      })
      .prefault({} as never),
    retention: z
      .strictObject({
        input: doc(
          bytes().prefault('2GiB'),
          'Raw input and state kept beyond what a restart needs, all shards together: what backtests of detection and exact replays read. 0: none.',
        ),
        ticks: doc(
          bytes().prefault('1GiB'),
          'What services looked like tick by tick, kept for backtests of alerting, previews and explanations, at most as long as history.retention. 0: none.',
        ),
        snapshot_spacing: doc(
          duration({ min: MINUTE }).prefault('1h'),
          'One kept state this often: an exact replay starts at one and repeats at most this much.',
        ),
      })
      .prefault({} as never),
    store: z
      .strictObject({
        postgres: doc(
          z.string().default(''),
          'URL of the PostgreSQL database that holds incidents, verdicts and other control data; also postgres_file; empty: SQLite in data_dir.',
        ),
      })
      .prefault({} as never),
    bus: busSchema,
    durability: z
      .strictObject({
        snapshot_every: doc(
          duration({ min: 1_000 }).prefault('5m'),
          'How often state is saved; what came since is replayed from the input log after a crash.',
        ),
        snapshot_log_size: doc(
          bytes().prefault('2GiB'),
          'State is also saved when the input log has grown by this much.',
        ),
        fsync: doc(
          z.boolean().default(false),
          'Survive a power cut, not only a kill: sync the input log before every acknowledgement.',
        ),
      })
      .prefault({} as never),
  })
  .superRefine((value, context) => {
    const names = value.receivers.map((entry) => entry.name);
    names.forEach((name, i) => {
      if (names.indexOf(name) !== i)
        context.addIssue({
          code: 'custom',
          path: ['receivers', i, 'name'],
          message: `the name '${name}' is used twice`,
        });
    });
    const digestTo = value.budget.digest.receiver;
    if (digestTo !== '' && !names.includes(digestTo))
      context.addIssue({
        code: 'custom',
        path: ['budget', 'digest', 'receiver'],
        message: `no receiver is named '${digestTo}'; there are: ${names.join(', ') || 'none'}`,
      });
    const intervals = [...value.time_intervals, ...value.mute_time_intervals].map((entry) => entry.name);
    intervals.forEach((name, i) => {
      if (intervals.indexOf(name) !== i)
        context.addIssue({ code: 'custom', path: ['time_intervals'], message: `the name '${name}' is used twice` });
    });
    for (const { kind, name, path } of namesIn(value.route)) {
      const known = kind === 'receiver' ? names : intervals;
      if (!known.includes(name))
        context.addIssue({
          code: 'custom',
          path: ['route', ...path],
          message: `no ${kind === 'receiver' ? 'receiver' : 'time interval'} is named '${name}'; there are: ${known.join(', ') || 'none'}`,
        });
    }
  })
  .transform(({ mute_time_intervals, ...value }) => ({
    ...value,
    time_intervals: [...value.time_intervals, ...mute_time_intervals],
    route: {
      ...value.route,
      receivers: value.route.receivers.length > 0 ? value.route.receivers : value.receivers.map((entry) => entry.name),
    },
  }))
  .meta({ description: 'Tocsin configuration' });

export type Settings = z.output<typeof settingsSchema>;
