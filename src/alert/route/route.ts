import type { DecisionRecord } from '../../domain/decision.ts';
import { TocsinError } from '../../domain/error.ts';
import { type DecisionStamp, decisionRecord } from '../../domain/identity.ts';
import type { Incident, Severity } from '../../domain/incident.ts';
import { compileMatchers, type Matcher } from '../../domain/matcher.ts';
import { type DurationMs, type EpochMs, HOUR } from '../../domain/units.ts';

/**
 * A node of the routing tree, Alertmanager's names. Children inherit what they do not set. Severity and confidence
 * thresholds are ours. Time intervals and group timing beyond `repeat_interval` are read by later stages.
 */
export interface Route {
  readonly receivers: readonly string[];
  readonly matchers?: readonly Matcher[];
  readonly min_severity?: Severity;
  /** 0-1. */
  readonly min_confidence?: number;
  readonly repeat_interval?: DurationMs;
  readonly continue?: boolean;
  readonly routes?: readonly Route[];
}
export interface RouteMatch {
  readonly receiver: string;
  readonly repeatInterval: DurationMs;
}
export type Router = (
  incident: Incident,
  labels: Readonly<Record<string, string>>,
  now: EpochMs,
) => { readonly passed: boolean; readonly matches: readonly RouteMatch[]; readonly record: DecisionRecord };

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };

interface Node {
  readonly receivers: readonly string[];
  readonly matches: (labels: Readonly<Record<string, string>>) => boolean;
  readonly minSeverity: Severity;
  readonly minConfidence: number;
  readonly repeat: DurationMs;
  readonly goOn: boolean;
  readonly children: readonly Node[];
}

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
  };
}

/** @throws TocsinError `invalid_config` when a receiver is not among `known`. */
export function createRouter(
  root: Route,
  known: readonly string[],
  stamp: DecisionStamp = { modelVersion: '', configHash: '' },
): Router {
  const tree = compile(root, null, known);
  return (incident, labels, now) => {
    const matches: RouteMatch[] = [];
    const reasons: string[] = [];
    visit(tree, incident, labels, matches, reasons);
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
    return { passed, matches: unique, record };
  };
}

function compile(route: Route, parent: Node | null, known: readonly string[]): Node {
  for (const receiver of route.receivers) {
    if (!known.includes(receiver)) throw new TocsinError('invalid_config', `route: no receiver named "${receiver}"`);
  }
  const node: Node = {
    receivers: route.receivers.length > 0 || parent === null ? route.receivers : parent.receivers,
    matches: compileMatchers(route.matchers ?? []),
    minSeverity: route.min_severity ?? parent?.minSeverity ?? 'info',
    minConfidence: route.min_confidence ?? parent?.minConfidence ?? 0,
    repeat: route.repeat_interval ?? parent?.repeat ?? 4 * HOUR,
    goOn: route.continue ?? false,
    children: [],
  };
  return { ...node, children: (route.routes ?? []).map((child) => compile(child, node, known)) };
}

/** Depth first: the first matching child takes it, unless it says `continue`; without one the node itself does. */
function visit(
  node: Node,
  incident: Incident,
  labels: Readonly<Record<string, string>>,
  matches: RouteMatch[],
  reasons: string[],
): boolean {
  if (!node.matches(labels)) return false;
  let taken = false;
  for (const child of node.children) {
    if (!visit(child, incident, labels, matches, reasons)) continue;
    taken = true;
    if (!child.goOn) break;
  }
  if (taken) return true;
  if (RANK[incident.severity] < RANK[node.minSeverity])
    reasons.push(`severity ${incident.severity} is below ${node.minSeverity}`);
  else if (incident.confidence < node.minConfidence) {
    reasons.push(`confidence ${incident.confidence.toFixed(2)} is below ${node.minConfidence}`);
  } else for (const receiver of node.receivers) matches.push({ receiver, repeatInterval: node.repeat });
  return true;
}
