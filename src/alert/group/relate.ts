import type { Anomaly, Evidence } from '../../domain/anomaly.ts';
import type { DeployMarker } from '../../domain/signal/batch.ts';
import { type EpochMs, MINUTE } from '../../domain/units.ts';

/** Who calls whom, as learnt from spans; directed, unweighted. */
export interface CallGraph {
  readonly calls: ReadonlyMap<string, ReadonlySet<string>>;
  readonly calledBy: ReadonlyMap<string, ReadonlySet<string>>;
}

export function callGraph(edges: readonly { readonly caller: string; readonly callee: string }[]): CallGraph {
  const calls = new Map<string, Set<string>>();
  const calledBy = new Map<string, Set<string>>();
  const put = (map: Map<string, Set<string>>, from: string, to: string) => {
    const set = map.get(from);
    if (set === undefined) map.set(from, new Set([to]));
    else set.add(to);
  };
  for (const { caller, callee } of edges) {
    if (caller === callee) continue;
    put(calls, caller, callee);
    put(calledBy, callee, caller);
  }
  return { calls, calledBy };
}

export const knows = (graph: CallGraph, service: string): boolean =>
  graph.calls.has(service) || graph.calledBy.has(service);

const has = (map: ReadonlyMap<string, ReadonlySet<string>>, from: string, to: string): boolean =>
  map.get(from)?.has(to) === true;

/** How two services hang together: 0 same, 1 call each other, 2 through one service between them, Infinity otherwise. */
export function distance(graph: CallGraph, a: string, b: string): number {
  if (a === b) return 0;
  if (has(graph.calls, a, b) || has(graph.calls, b, a)) return 1;
  for (const middle of neighbours(graph, a)) {
    if (has(graph.calls, middle, b) || has(graph.calls, b, middle)) return 2;
  }
  return Number.POSITIVE_INFINITY;
}

/**
 * Distance 2 in a way that carries faults: along a chain of calls or through a shared callee. Two services that merely
 * have the same caller do not disturb each other (in a shop everything is two steps from the front end), unless that
 * caller is itself part of the story.
 */
export function carries(graph: CallGraph, a: string, b: string, story: ReadonlySet<string>): boolean {
  for (const middle of neighbours(graph, a)) {
    const joined = has(graph.calls, middle, b) || has(graph.calls, b, middle);
    if (!joined) continue;
    const onlyCaller = has(graph.calls, middle, a) && has(graph.calls, middle, b) && !has(graph.calls, a, middle);
    if (!onlyCaller || story.has(middle)) return true;
  }
  return false;
}

function neighbours(graph: CallGraph, service: string): readonly string[] {
  return [...(graph.calls.get(service) ?? []), ...(graph.calledBy.get(service) ?? [])].sort();
}

export const calls = (graph: CallGraph, caller: string, callee: string): boolean => has(graph.calls, caller, callee);

const RESOURCE_LABELS = [
  'host.name',
  'k8s.node.name',
  'node',
  'host',
  'cloud.availability_zone',
  'zone',
  'db.name',
  'db.namespace',
];

/** Names of machines, zones and databases that the strongest evidence points at. */
export function resourcesOf(evidence: readonly Evidence[]): Set<string> {
  const out = new Set<string>();
  for (const e of evidence.slice(0, 8)) {
    for (const label of RESOURCE_LABELS) {
      const value = e.labels[label];
      if (value !== undefined && value !== '') out.add(`${label}=${value}`);
    }
    if (e.instance !== '') out.add(`instance=${e.instance}`);
  }
  return out;
}

/** Log templates among the evidence. */
export function templatesOf(evidence: readonly Evidence[]): Set<string> {
  return new Set(evidence.filter((e) => e.modality === 'log' && e.subject !== undefined).map((e) => e.subject ?? ''));
}

export function meet(a: ReadonlySet<string>, b: ReadonlySet<string>): string | null {
  for (const item of a) if (b.has(item)) return item;
  return null;
}

/** What a repeat of the same trouble looks like: service and the names of its signals. */
export function fingerprintOf(anomaly: Anomaly): Set<string> {
  return new Set(anomaly.evidence.slice(0, 8).map((e) => `${anomaly.service} ${e.metric} ${e.subject ?? ''}`));
}

export function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size === 0 && b.size === 0) return 1;
  let both = 0;
  for (const item of a) if (b.has(item)) both += 1;
  return both / (a.size + b.size - both);
}

/** Both services were deployed in the same version within ten minutes, shortly before: one rollout. */
export function sameDeploy(deploys: readonly DeployMarker[], a: string, b: string, onset: EpochMs): boolean {
  const near = (service: string) =>
    deploys.filter((d) => d.service === service && onset - d.at <= 30 * MINUTE && d.at - onset <= 2 * MINUTE);
  return near(a).some((x) => near(b).some((y) => x.to === y.to && Math.abs(x.at - y.at) <= 10 * MINUTE));
}
