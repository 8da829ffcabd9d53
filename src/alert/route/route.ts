import { compileMatchers, type Matcher } from '../../domain/alerting/matcher.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import { TocsinError } from '../../domain/error.ts';
import { type DecisionStamp, decisionRecord } from '../../domain/identity.ts';
import type { Incident, Severity } from '../../domain/incident.ts';
import { type DurationMs, type EpochMs, HOUR } from '../../domain/units.ts';
import type { TimeTest } from './time-interval.ts';

/**
 * A node of the routing tree, Alertmanager's names and rules: children inherit what they do not set, except `matchers`,
 * `continue` and the time intervals. Several receivers a node, and the thresholds on severity and confidence, are ours.
 */
export interface Route {
  readonly receivers: readonly string[];
  readonly matchers?: readonly Matcher[];
  readonly min_severity?: Severity;
  /** 0-1. */
  readonly min_confidence?: number;
  /** Labels whose values make a group; `...` is every label. */
  readonly group_by?: readonly string[];
  readonly group_wait?: DurationMs;
  readonly group_interval?: DurationMs;
  readonly repeat_interval?: DurationMs;
  /** An incident that nobody acknowledged is told to `escalate_to` this long after it was first told. */
  readonly escalate_after?: DurationMs;
  readonly escalate_to?: string;
  readonly continue?: boolean;
  readonly mute_time_intervals?: readonly string[];
  readonly active_time_intervals?: readonly string[];
  readonly routes?: readonly Route[];
}

/** A node with everything inherited. */
export interface CompiledRoute {
  /** Place in the tree: `0`, `0.1`, `0.1.0`. */
  readonly id: string;
  readonly receivers: readonly string[];
  readonly matchers: readonly Matcher[];
  readonly matches: (labels: Readonly<Record<string, string>>) => boolean;
  readonly minSeverity: Severity;
  readonly minConfidence: number;
  readonly groupBy: readonly string[];
  readonly groupWait: DurationMs;
  readonly groupInterval: DurationMs;
  readonly repeatInterval: DurationMs;
  readonly escalateAfter: DurationMs | null;
  readonly escalateTo: string | null;
  readonly goOn: boolean;
  /** Why nothing may be sent at a moment, null when it may. */
  readonly mutedAt: (at: EpochMs) => string | null;
  readonly children: readonly CompiledRoute[];
}

export interface RouteMatch {
  readonly receiver: string;
  readonly repeatInterval: DurationMs;
  readonly route: CompiledRoute;
}
export type Router = (
  incident: Incident,
  labels: Readonly<Record<string, string>>,
  now: EpochMs,
) => {
  readonly passed: boolean;
  readonly matches: readonly RouteMatch[];
  readonly record: DecisionRecord;
  /** Why no route takes it: it is not severe or certain enough; null when one does, or none tells anybody. */
  readonly below: string | null;
};

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };
const NO_INTERVALS: ReadonlyMap<string, TimeTest> = new Map();

/**
 * The labels of an incident for matchers, routing and receivers. All but `severity` stay the same for its whole life, so
 * that receivers can deduplicate by the others.
 */
export function incidentLabels(incident: Incident): Readonly<Record<string, string>> {
  const first = incident.anomalies[0];
  return {
    alertname: 'TocsinIncident',
    tenant: incident.tenant,
    service: first?.service ?? incident.services[0] ?? '',
    incident: incident.id,
    severity: incident.severity,
    ...(incident.team === undefined ? {} : { team: incident.team }),
  };
}

/** @throws TocsinError `invalid_config` when a receiver is not among `known` or a time interval is not among `intervals`. */
export function createRouter(
  root: Route,
  known: readonly string[],
  stamp: DecisionStamp = { modelVersion: '', configHash: '' },
  intervals: ReadonlyMap<string, TimeTest> = NO_INTERVALS,
): Router {
  const tree = compileRoutes(root, known, intervals);
  return (incident, labels, now) => {
    const reasons: string[] = [];
    const matches: RouteMatch[] = [];
    for (const route of matchRoutes(tree, labels)) {
      const reason = below(route, incident);
      if (reason !== null) reasons.push(reason);
      else
        for (const receiver of route.receivers) matches.push({ receiver, repeatInterval: route.repeatInterval, route });
    }
    const unique = matches.filter((m, i) => matches.findIndex((other) => other.receiver === m.receiver) === i);
    const passed = unique.length > 0;
    const record = decisionRecord(stamp, {
      at: now,
      tenant: incident.tenant,
      service: incident.services[0] ?? '',
      subject: incident.id,
      stage: 'route',
      outcome: passed ? 'passed' : 'suppressed',
      reason: passed ? `to ${unique.map((m) => m.receiver).join(', ')}` : (reasons[0] ?? 'no receiver'),
      value: incident.confidence,
      limit: tree.minConfidence,
    });
    return { passed, matches: unique, record, below: passed ? null : (reasons[0] ?? null) };
  };
}

function below(route: CompiledRoute, incident: Incident): string | null {
  if (RANK[incident.severity] < RANK[route.minSeverity])
    return `severity ${incident.severity} is below ${route.minSeverity}`;
  if (incident.confidence >= route.minConfidence) return null;
  return `confidence ${incident.confidence.toFixed(2)} is below ${route.minConfidence}`;
}

/** @throws TocsinError `invalid_config`. */
export function compileRoutes(
  root: Route,
  known: readonly string[],
  intervals: ReadonlyMap<string, TimeTest> = NO_INTERVALS,
): CompiledRoute {
  return compile(root, null, '0', known, intervals);
}

function compile(
  route: Route,
  parent: CompiledRoute | null,
  id: string,
  known: readonly string[],
  intervals: ReadonlyMap<string, TimeTest>,
): CompiledRoute {
  for (const receiver of [...route.receivers, ...(route.escalate_to === undefined ? [] : [route.escalate_to])]) {
    if (!known.includes(receiver)) throw new TocsinError('invalid_config', `route: no receiver named "${receiver}"`);
  }
  const node: CompiledRoute = {
    id,
    receivers: route.receivers.length > 0 || parent === null ? route.receivers : parent.receivers,
    matchers: route.matchers ?? [],
    matches: compileMatchers(route.matchers ?? []),
    minSeverity: route.min_severity ?? parent?.minSeverity ?? 'info',
    minConfidence: route.min_confidence ?? parent?.minConfidence ?? 0,
    groupBy: route.group_by ?? parent?.groupBy ?? ['...'],
    // An incident is a group already: waiting for more of it only delays, unless somebody asks for it.
    groupWait: route.group_wait ?? parent?.groupWait ?? 0,
    groupInterval: route.group_interval ?? parent?.groupInterval ?? 0,
    repeatInterval: route.repeat_interval ?? parent?.repeatInterval ?? 4 * HOUR,
    escalateAfter: route.escalate_after ?? parent?.escalateAfter ?? null,
    escalateTo: route.escalate_to ?? parent?.escalateTo ?? null,
    goOn: route.continue ?? false,
    mutedAt: mutedBy(route, intervals),
    children: [],
  };
  return {
    ...node,
    children: (route.routes ?? []).map((child, i) => compile(child, node, `${id}.${i}`, known, intervals)),
  };
}

function mutedBy(route: Route, intervals: ReadonlyMap<string, TimeTest>): (at: EpochMs) => string | null {
  const find = (name: string): readonly [string, TimeTest] => {
    const test = intervals.get(name);
    if (test === undefined) throw new TocsinError('invalid_config', `route: no time interval named "${name}"`);
    return [name, test];
  };
  const mute = (route.mute_time_intervals ?? []).map(find);
  const active = (route.active_time_intervals ?? []).map(find);
  return (at) => {
    const muting = mute.find(([, test]) => test(at));
    if (muting !== undefined) return `muted by time interval ${muting[0]}`;
    if (active.length === 0 || active.some(([, test]) => test(at))) return null;
    return `outside of ${active.map(([name]) => name).join(', ')}`;
  };
}

/** Depth first: the first matching child takes it, unless it says `continue`; without one the node itself does. */
export function matchRoutes(node: CompiledRoute, labels: Readonly<Record<string, string>>): readonly CompiledRoute[] {
  if (!node.matches(labels)) return [];
  const taken: CompiledRoute[] = [];
  for (const child of node.children) {
    const found = matchRoutes(child, labels);
    taken.push(...found);
    if (found.length > 0 && !child.goOn) break;
  }
  return taken.length > 0 ? taken : [node];
}

/** True when each incident is a group by itself (`...`, the default). */
export const isAlone = (route: CompiledRoute): boolean => route.groupBy.includes('...');

/** The labels that make the group of an incident, sorted by name. */
export function groupLabelsOf(
  route: CompiledRoute,
  labels: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const names = isAlone(route) ? Object.keys(labels) : route.groupBy;
  return Object.fromEntries(
    [...names].sort().flatMap((name) => (labels[name] === undefined ? [] : [[name, labels[name]]])),
  );
}

/** Alertmanager's form, with the place in the tree for the path: `0.1:{service="pay"}`; labels sorted. */
export function groupKeyOf(route: CompiledRoute, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(groupLabelsOf(route, labels)).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `${route.id}:{${pairs.join(',')}}`;
}
