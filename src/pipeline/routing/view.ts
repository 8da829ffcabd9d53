import { type CompiledRoute, matchRoutes, type Route } from '../../alert/route/route.ts';
import { compileIntervals, type TimeIntervalSpec } from '../../alert/route/time-interval.ts';
import type { IntervalView, RouteView, RoutingTest, RoutingView } from '../../domain/alerting/routing.ts';
import type { ZoneOffset } from '../../domain/alerting/suppression.ts';
import type { Severity } from '../../domain/incident.ts';
import type { EpochMs } from '../../domain/units.ts';
import type { Settings } from '../settings.ts';

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };

/** The configured tree as the page shows it: what a node inherits is in it, what mutes it now is said. */
export function routingView(
  settings: Pick<Settings, 'receivers' | 'route' | 'time_intervals' | 'inhibit_rules'>,
  tree: CompiledRoute,
  zone: ZoneOffset,
  at: EpochMs,
): RoutingView {
  const tests = compileIntervals(settings.time_intervals, zone);
  return {
    root: viewOf(tree, settings.route as Route, at),
    receivers: settings.receivers.map((receiver) => ({ name: receiver.name, types: typesOf(receiver) })),
    intervals: settings.time_intervals.map(({ name, time_intervals }) => ({
      name,
      on: tests.get(name)?.(at) ?? false,
      entries: time_intervals.map(intervalOf),
    })),
    inhibitRules: settings.inhibit_rules.map(({ source_matchers, target_matchers, equal }) => ({
      source: source_matchers,
      target: target_matchers,
      equal,
    })),
  };
}

/** Types with at least one entry in `<type>_configs`. */
function typesOf(receiver: object): string[] {
  return Object.entries(receiver).flatMap(([key, value]) =>
    key.endsWith('_configs') && Array.isArray(value) && value.length > 0 ? [key.slice(0, -'_configs'.length)] : [],
  );
}

function viewOf(node: CompiledRoute, route: Route, at: EpochMs): RouteView {
  const { id, receivers, matchers, groupBy, groupWait, groupInterval, repeatInterval } = node;
  return {
    id,
    receivers,
    matchers,
    groupBy,
    groupWait,
    groupInterval,
    repeatInterval,
    minSeverity: node.minSeverity,
    minConfidence: node.minConfidence,
    continue: node.goOn,
    muteTimeIntervals: route.mute_time_intervals ?? [],
    activeTimeIntervals: route.active_time_intervals ?? [],
    mutedNow: node.mutedAt(at),
    routes: node.children.map((child, i) => viewOf(child, route.routes?.[i] ?? { receivers: [] }, at)),
  };
}

const intervalOf = (spec: TimeIntervalSpec): IntervalView => ({
  times: (spec.times ?? []).map(({ start_time, end_time }) => ({ start: start_time, end: end_time })),
  weekdays: spec.weekdays ?? [],
  daysOfMonth: (spec.days_of_month ?? []).map(String),
  months: (spec.months ?? []).map(String),
  years: (spec.years ?? []).map(String),
  zone: spec.location ?? 'UTC',
});

/** As the router decides, for labels that somebody typed; a severity that is none counts as critical. */
export function routingTest(
  tree: CompiledRoute,
  labels: Readonly<Record<string, string>>,
  confidence: number,
  at: EpochMs,
): RoutingTest {
  const severity = RANK[labels['severity'] as Severity] ?? RANK.critical;
  return {
    at,
    matches: matchRoutes(tree, labels).map((route) => {
      const names = route.groupBy.includes('...') ? Object.keys(labels) : route.groupBy;
      return {
        route: route.id,
        receivers: route.receivers,
        groupLabels: Object.fromEntries(
          names.flatMap((name) => (labels[name] === undefined ? [] : [[name, labels[name]]])),
        ),
        heldBy: heldBy(route, severity, confidence) ?? route.mutedAt(at),
      };
    }),
  };
}

function heldBy(route: CompiledRoute, severity: number, confidence: number): string | null {
  if (severity < RANK[route.minSeverity]) return `less severe than ${route.minSeverity}, what this route asks for`;
  return confidence >= route.minConfidence
    ? null
    : `confidence ${confidence.toFixed(2)} is below ${route.minConfidence}, what this route asks for`;
}
