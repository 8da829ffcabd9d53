import { randomUUID } from 'node:crypto';
import { stringify } from 'yaml';
import { parseIcs } from '../../alert/maintenance/ics.ts';
import { scheduleOf } from '../../alert/maintenance/recurrence.ts';
import { compileRoutes, incidentLabels, matchRoutes, type Route } from '../../alert/route/route.ts';
import { compileIntervals } from '../../alert/route/time-interval.ts';
import { createSilences } from '../../alert/silence/silence.ts';
import { formatDuration } from '../../config/duration.ts';
import type { Alerting, AlertView, MaintenanceInput } from '../../domain/alerting/alerting.ts';
import { compileMatchers, coversStory, formatMatcher, type Matcher } from '../../domain/alerting/matcher.ts';
import type { MaintenanceWindow, Silence, TimeSpan, ZoneOffset } from '../../domain/alerting/suppression.ts';
import { TocsinError } from '../../domain/error.ts';
import type { Clock, ControlStore } from '../../domain/ports.ts';
import { DAY, MINUTE, SECOND } from '../../domain/units.ts';
import type { Correlator } from '../correlator/correlator.ts';
import { notificationOf } from '../correlator/messages.ts';
import { policyViews } from '../policy/view.ts';
import { routingTest, routingView } from '../routing/view.ts';
import type { Settings } from '../settings.ts';

/** Ended silences are kept this long for the page. */
const KEEP_ENDED = 5 * DAY;
/** How far event time may run behind the clock. */
const BEHIND = 5 * MINUTE;
const MAX_PREVIEWED = 5_000;
const MAX_HELD = 20_000;

export interface AlertingOptions {
  readonly control: ControlStore;
  readonly correlator: Pick<Correlator, 'setSilences' | 'setMaintenance' | 'heldBy' | 'incidents' | 'receiversOf'>;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly zone: ZoneOffset;
  readonly externalUrl: string;
}

export type RunningAlerting = Alerting;

/** Silences and maintenance as people keep them: checked, stored, and from then on in force in the correlator. */
export async function createAlerting(options: AlertingOptions): Promise<RunningAlerting> {
  const { control, correlator, clock, settings, zone, externalUrl } = options;
  const startedAt = clock.now();
  const silences = createSilences();
  silences.restore(await control.silences());
  let windows = new Map((await control.maintenance()).map((window) => [window.id, window]));
  correlator.setSilences(inForce(silences.list()));
  correlator.setMaintenance([...windows.values()]);
  const names = settings.receivers.map((receiver) => receiver.name);
  const tree = compileRoutes(settings.route as Route, names, compileIntervals(settings.time_intervals, zone));

  async function keep(silence: Silence): Promise<Silence> {
    await control.saveSilence(silence);
    silences.prune(clock.now() - KEEP_ENDED);
    correlator.setSilences(inForce(silences.list()));
    return silence;
  }

  /** Checked as a whole first: a faulty window changes nothing. */
  async function replace(changed: readonly MaintenanceWindow[]): Promise<void> {
    const next = new Map(windows);
    for (const window of changed) next.set(window.id, window);
    if (next.size > MAX_HELD) throw new TocsinError('invalid_request', `more than ${MAX_HELD} maintenance windows`);
    const ends = changed.map((window) => scheduleOf(window, zone).endsAt);
    correlator.setMaintenance([...next.values()]);
    windows = next;
    for (const [i, window] of changed.entries()) await control.saveMaintenance(window, ends[i] ?? null);
  }

  const windowOf = (input: MaintenanceInput | MaintenanceWindow): MaintenanceWindow => ({
    ...input,
    id: input.id ?? '',
    matchers: input.matchers,
    updatedAt: clock.now(),
  });

  return {
    startedAt,
    silences: () => silences.list(),
    async putSilence(input) {
      const now = clock.now();
      if (input.id === undefined) return keep(silences.put({ ...input, id: randomUUID() }, now));
      const before = silences.get(input.id);
      if (before === undefined) throw new TocsinError('not_found', `no silence ${input.id}`);
      const same = before.matchers.map(formatMatcher).join() === input.matchers.map(formatMatcher).join();
      if (same && before.endsAt > now) return keep(silences.put(input, now));
      // As in Alertmanager: what is over, or would cover something else, stays as it was, and a new one takes its place.
      const { id, ...rest } = input;
      const created = silences.put({ ...rest, id: randomUUID() }, now);
      if (before.endsAt > now) await keep(silences.expire(id, now));
      return keep(created);
    },
    expireSilence: async (id) => keep(silences.expire(id, clock.now())),
    maintenance: () => [...windows.values()],
    async putMaintenance(input) {
      if (input.id !== undefined && !windows.has(input.id))
        throw new TocsinError('not_found', `no maintenance window ${input.id}`);
      compileMatchers(input.matchers);
      if (input.spans.length === 0 && input.recurrences.length === 0)
        throw new TocsinError('invalid_request', 'a maintenance window needs a span or a recurrence');
      const window = { ...windowOf(input), id: input.id ?? randomUUID() };
      await replace([window]);
      return window;
    },
    async deleteMaintenance(id) {
      const window = windows.get(id);
      if (window === undefined) throw new TocsinError('not_found', `no maintenance window ${id}`);
      await control.deleteMaintenance(id);
      windows.delete(id);
      correlator.setMaintenance([...windows.values()]);
      return window;
    },
    async importCalendar(text, given) {
      const imported = parseIcs(text, given).map((window) => ({ ...window, updatedAt: clock.now() }));
      if (given.dryRun !== true) await replace(imported);
      return imported;
    },
    spansOf: (window, from, to) => scheduleOf(windowOf(window), zone).between(from, to),
    preview: (matchers, spans, from, to) => preview(control, matchers, spans, from, to),
    alerts() {
      const now = clock.now();
      return correlator
        .incidents()
        .filter((incident) => incident.status === 'open')
        .map((incident): AlertView => {
          const { labels, annotations, url } = notificationOf(incident, 'reminder', '', externalUrl);
          const held = correlator.heldBy(incident, now);
          const routed = matchRoutes(tree, labels);
          const muted = routed.flatMap((route) => route.mutedAt(now) ?? []);
          return {
            incident,
            labels,
            annotations,
            url,
            routes: routed.flatMap((route) => {
              const by = route.groupBy.includes('...') ? Object.keys(labels) : route.groupBy;
              const groupLabels = Object.fromEntries(
                by.flatMap((name) => (labels[name] === undefined ? [] : [[name, labels[name]]])),
              );
              return route.receivers.map((receiver) => ({ receiver, groupLabels }));
            }),
            silencedBy: held.silencedBy,
            inhibitedBy: held.inhibitedBy === null ? [] : [held.inhibitedBy],
            mutedBy: [...(held.mutedBy === null ? [] : [held.mutedBy]), ...muted],
          };
        });
    },
    receivers: () => names,
    policies: () => policyViews(settings.policies),
    routing: () => routingView(settings, tree, zone, clock.now()),
    testRouting: (labels, confidence) => routingTest(tree, labels, confidence, clock.now()),
    configYaml: () =>
      stringify({
        route: yamlOf(settings.route as Route),
        time_intervals: settings.time_intervals,
        receivers: names.map((name) => ({ name })),
      }),
  };
}

/** What Alertmanager's own tools can read: its keys only, durations as text; of several receivers the first. */
function yamlOf(route: Route): Record<string, unknown> {
  const { receivers, matchers = [], routes = [], mute_time_intervals = [], active_time_intervals = [] } = route;
  const span = (key: 'group_wait' | 'group_interval' | 'repeat_interval') =>
    route[key] === undefined ? {} : { [key]: formatDuration(route[key]) };
  return {
    ...(receivers[0] === undefined ? {} : { receiver: receivers[0] }),
    ...(route.group_by === undefined ? {} : { group_by: route.group_by }),
    ...(matchers.length === 0 ? {} : { matchers: matchers.map(formatMatcher) }),
    ...(route.continue === true ? { continue: true } : {}),
    ...span('group_wait'),
    ...span('group_interval'),
    ...span('repeat_interval'),
    ...(mute_time_intervals.length === 0 ? {} : { mute_time_intervals }),
    ...(active_time_intervals.length === 0 ? {} : { active_time_intervals }),
    ...(routes.length === 0 ? {} : { routes: routes.map(yamlOf) }),
  };
}

/**
 * Decisions are made in event time, which runs some seconds behind: a silence that began when it was made also covers what is
 * still on its way.
 */
const inForce = (silences: readonly Silence[]): readonly Silence[] =>
  silences.map((silence) =>
    silence.updatedAt >= silence.startsAt - SECOND ? { ...silence, startsAt: silence.startsAt - BEHIND } : silence,
  );

/** Reads what happened and says what matchers (during spans, or always) would have held back. */
async function preview(
  control: ControlStore,
  matchers: readonly Matcher[],
  spans: readonly TimeSpan[] | null,
  from: number,
  to: number,
): ReturnType<Alerting['preview']> {
  const matches = compileMatchers(matchers);
  const covered: Awaited<ReturnType<Alerting['preview']>>['covered'][number][] = [];
  let incidents = 0;
  let cursor: string | undefined;
  do {
    const page = await control.incidents({ from, to, limit: 500, ...(cursor === undefined ? {} : { cursor }) });
    cursor = page.next ?? undefined;
    for (const incident of page.items) {
      if (incident.openedAt < from || incident.openedAt >= to) continue;
      incidents += 1;
      const on =
        spans === null || spans.some((span) => incident.openedAt >= span.startsAt && incident.openedAt < span.endsAt);
      if (!on || !coversStory(matches, incidentLabels(incident), incident.services, incident.causes)) continue;
      const sent = (await control.outbox({ incident: incident.id, limit: 500 })).filter(
        (item) => item.state === 'sent',
      );
      const { id, title, severity, openedAt, closedAt } = incident;
      covered.push({ id, title, severity, openedAt, closedAt, notifications: sent.length });
    }
  } while (cursor !== undefined && incidents < MAX_PREVIEWED);
  const notifications = covered.reduce((sum, item) => sum + item.notifications, 0);
  return { from, to, incidents, covered, notifications, truncated: cursor !== undefined };
}
