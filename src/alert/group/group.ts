import type { Anomaly } from '../../domain/anomaly.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import { type DecisionStamp, decisionRecord, stableId } from '../../domain/identity.ts';
import type { Cause, Incident, TimelineEntry, TimelineKind } from '../../domain/incident.ts';
import { defaultsOf } from '../../domain/options.ts';
import type { DeployMarker } from '../../domain/signal/batch.ts';
import type { EpochMs } from '../../domain/units.ts';
import type { Verdict } from '../../domain/verdict.ts';
import {
  boundedTimeline,
  confidenceOf,
  contributionsOf,
  deploysOf,
  evidenceOf,
  severityOf,
  traceIdsOf,
  trimmed,
  worse,
} from './build.ts';
import { type GroupOptions, groupOptions } from './group-options.ts';
import { clusters, type Placement, place } from './place.ts';
import { callGraph } from './relate.ts';

/** What the grouping asks of others; handed in, because stages do not import each other. */
export interface GroupPorts {
  /** fuse/diagnose. */
  diagnose(story: {
    readonly at: EpochMs;
    readonly onset: EpochMs;
    readonly anomalies: readonly Anomaly[];
  }): readonly Cause[];
  /** fuse/explain. */
  narrate(story: Pick<Incident, 'anomalies' | 'causes' | 'deploys' | 'services' | 'onset'>): {
    readonly title: string;
    readonly summary: string;
  };
}

export interface GroupInput {
  readonly at: EpochMs;
  /** Opened, changed and closed anomalies (fuse/decide). */
  readonly anomalies: readonly Anomaly[];
  /** The call graph as known now. */
  readonly edges: readonly { readonly caller: string; readonly callee: string }[];
  /** Recent deploys of all services. */
  readonly deploys: readonly DeployMarker[];
}
export interface GroupResult {
  /** Incidents that are new or changed, with their version raised. */
  readonly incidents: readonly Incident[];
  readonly decisions: readonly DecisionRecord[];
}
export interface GroupState {
  readonly version: 1;
  readonly incidents: readonly Incident[];
}
export interface Incidents {
  apply(input: GroupInput): GroupResult;
  get(id: string): Incident | undefined;
  /** Open ones, and closed ones that may still be reopened. */
  list(): readonly Incident[];
  /** User-owned changes and notes of later stages; return the changed incident, or undefined when it is not held here. */
  acknowledge(id: string, by: string, at: EpochMs): Incident | undefined;
  verdict(id: string, verdict: Verdict): Incident | undefined;
  note(id: string, entry: TimelineEntry): Incident | undefined;
  save(): GroupState;
  restore(state: GroupState): void;
}

export function createIncidents(
  ports: GroupPorts,
  options: GroupOptions = defaultsOf(groupOptions),
  stamp: DecisionStamp = { modelVersion: '', configHash: '' },
): Incidents {
  let held = new Map<string, Incident>();
  let home = new Map<string, string>();

  function apply(input: GroupInput): GroupResult {
    const graph = callGraph(input.edges);
    const decisions: DecisionRecord[] = [];
    const touched = new Map<string, TimelineEntry[]>();
    const touch = (id: string, ...entries: TimelineEntry[]) => {
      const list = touched.get(id) ?? [];
      touched.set(id, list);
      list.push(...entries);
    };
    const fresh: Anomaly[] = [];
    for (const anomaly of input.anomalies) {
      const incident = held.get(home.get(anomaly.id) ?? '');
      if (incident === undefined) {
        if (anomaly.closedAt === null && !home.has(anomaly.id)) fresh.push(anomaly);
        continue;
      }
      held.set(incident.id, {
        ...incident,
        anomalies: incident.anomalies.map((a) => (a.id === anomaly.id ? anomaly : a)),
      });
      touch(
        incident.id,
        ...(anomaly.closedAt === null
          ? []
          : [entry(anomaly.closedAt, 'recovered', `${anomaly.service} is back to normal`)]),
      );
    }

    for (const cluster of clusters(fresh, graph, input.deploys, options)) {
      const placement = place(cluster, [...held.values()], graph, input.deploys, input.at, options);
      const id = put(cluster, placement, touch);
      for (const anomaly of cluster) {
        home.set(anomaly.id, id);
        decisions.push(
          decisionRecord(stamp, {
            at: input.at,
            tenant: anomaly.tenant,
            service: anomaly.service,
            subject: anomaly.id,
            stage: 'group',
            outcome: 'passed',
            reason: `${placement === null ? 'opened' : placement.reopen ? 'reopened' : 'joined'} incident ${id}: ${placement?.reason ?? 'nothing open is related'}`,
          }),
        );
      }
    }
    const changed: Incident[] = [];
    for (const [id, entries] of touched) {
      const incident = held.get(id);
      if (incident === undefined) continue;
      const next = refreshed(incident, entries, input, graph);
      held.set(id, next);
      changed.push(next);
    }
    forget(input.at);
    return { incidents: changed, decisions };
  }

  function put(
    cluster: readonly Anomaly[],
    placement: Placement | null,
    touch: (id: string, ...e: TimelineEntry[]) => void,
  ): string {
    const before = placement === null ? undefined : held.get(placement.incident);
    if (placement === null || before === undefined) {
      const incident = started(cluster);
      held.set(incident.id, incident);
      touch(incident.id);
      return incident.id;
    }
    const reopened = before.status === 'closed';
    held.set(before.id, {
      ...before,
      anomalies: [...before.anomalies, ...cluster],
      ...(reopened ? { status: 'open' as const, closedAt: null, reopenedCount: before.reopenedCount + 1 } : {}),
    });
    const joined = cluster.map((a) => entry(a.openedAt, 'service-joined', headOf(a)));
    const first = cluster[0] as Anomaly;
    touch(before.id, ...(reopened ? [entry(first.openedAt, 'reopened', placement.reason)] : []), ...joined);
    return before.id;
  }

  function forget(at: EpochMs): void {
    for (const incident of held.values()) {
      if (incident.closedAt === null || at - incident.closedAt <= 2 * options.reopenWindow) continue;
      held.delete(incident.id);
      for (const anomaly of incident.anomalies) home.delete(anomaly.id);
    }
  }

  /** Recomputes everything that follows from the anomalies, closes when all have recovered, raises the version. */
  function refreshed(
    incident: Incident,
    entries: readonly TimelineEntry[],
    input: GroupInput,
    graph: ReturnType<typeof callGraph>,
  ): Incident {
    const { anomalies } = incident;
    const onset = Math.min(...anomalies.map((a) => a.onset));
    const timeline = [...incident.timeline, ...entries];
    const recovered = anomalies.every((a) => a.closedAt !== null);
    // Once recovered the evidence is history: ranking again would compare with the calm after it.
    const causes = recovered ? incident.causes : ports.diagnose({ at: input.at, onset, anomalies });
    const before = incident.causes[0]?.service;
    const now = causes[0]?.service;
    if (before !== undefined && now !== undefined && before !== now) {
      timeline.push(entry(input.at, 'cause-changed', `likely cause: ${now} (was ${before})`));
    }
    const services = servicesOf(anomalies);
    const concerned = new Set([...services, ...causes.map((c) => c.service)]);
    const deploys = recovered ? incident.deploys : deploysOf(input.deploys, concerned, onset, input.at);
    for (const d of deploys) {
      if (!incident.deploys.some((old) => old.service === d.service && old.at === d.at)) {
        timeline.push(entry(d.at, 'deploy', `${d.service} ${d.from} to ${d.to}`));
      }
    }
    const confidence = Math.max(incident.confidence, confidenceOf(anomalies));
    const severity = worse(incident.severity, severityOf(anomalies, confidence, graph));
    if (incident.version > 0 && severity !== incident.severity) {
      timeline.push(entry(input.at, 'severity-changed', `${incident.severity} to ${severity}`));
    }
    const closing = recovered && incident.status === 'open';
    if (closing) timeline.push(entry(input.at, 'closed', 'all services are back to normal'));
    const evidence = evidenceOf(anomalies);
    const story = { anomalies: trimmed(anomalies), causes, deploys, services, onset };
    const words = recovered ? { title: incident.title, summary: incident.summary } : ports.narrate(story);
    return {
      ...incident,
      ...story,
      ...words,
      version: incident.version + 1,
      status: recovered ? 'closed' : 'open',
      closedAt: recovered ? (incident.closedAt ?? input.at) : null,
      updatedAt: input.at,
      severity,
      confidence,
      score: Math.max(incident.score, ...anomalies.map((a) => a.score)),
      evidence,
      contributions: contributionsOf(evidence, anomalies),
      traceIds: traceIdsOf(evidence),
      timeline: boundedTimeline(timeline.toSorted((a, b) => a.at - b.at)),
    };
  }

  function change(id: string, make: (incident: Incident) => Incident): Incident | undefined {
    const incident = held.get(id);
    if (incident === undefined) return undefined;
    const next = { ...make(incident), version: incident.version + 1 };
    held.set(id, next);
    return next;
  }
  const noted = (incident: Incident, e: TimelineEntry) => boundedTimeline([...incident.timeline, e]);

  return {
    apply,
    get: (id) => held.get(id),
    list: () => [...held.values()],
    acknowledge: (id, by, at) =>
      change(id, (i) => ({
        ...i,
        acknowledgedBy: by,
        acknowledgedAt: at,
        timeline: noted(i, entry(at, 'acknowledged', `by ${by}`)),
      })),
    verdict: (id, verdict) =>
      change(id, (i) => ({
        ...i,
        verdict,
        timeline: noted(i, entry(verdict.at, 'verdict', `${verdict.kind} by ${verdict.by}`)),
      })),
    note: (id, e) => change(id, (i) => ({ ...i, timeline: noted(i, e) })),
    save: () => ({ version: 1, incidents: [...held.values()] }),
    restore(state) {
      held = new Map(state.incidents.map((i) => [i.id, i]));
      home = new Map(state.incidents.flatMap((i) => i.anomalies.map((a) => [a.id, i.id] as const)));
    },
  };
}

const entry = (at: EpochMs, kind: TimelineKind, text: string): TimelineEntry => ({ at, kind, text });
/** "checkout is slow since 14:03 UTC": the figures stand with the evidence. */
const headOf = (anomaly: Anomaly): string => /^(.+?): /.exec(anomaly.text)?.[1] ?? (anomaly.text || anomaly.service);
const servicesOf = (anomalies: readonly Anomaly[]): string[] => [
  ...new Set(anomalies.toSorted((a, b) => a.onset - b.onset || (a.service < b.service ? -1 : 1)).map((a) => a.service)),
];

function started(cluster: readonly Anomaly[]): Incident {
  const first = cluster[0] as Anomaly;
  const onset = Math.min(...cluster.map((a) => a.onset));
  return {
    id: stableId('incident', first.tenant, first.id),
    tenant: first.tenant,
    version: 0,
    status: 'open',
    severity: 'info',
    confidence: 0,
    score: 0,
    title: '',
    summary: '',
    onset,
    openedAt: first.openedAt,
    updatedAt: first.openedAt,
    closedAt: null,
    reopenedCount: 0,
    services: [],
    anomalies: cluster,
    causes: [],
    evidence: [],
    contributions: [],
    deploys: [],
    traceIds: [],
    timeline: [
      entry(onset, 'onset', `first sign in ${(cluster.find((a) => a.onset === onset) ?? first).service}`),
      entry(first.openedAt, 'opened', headOf(first)),
      ...cluster.slice(1).map((a) => entry(a.openedAt, 'service-joined', headOf(a))),
    ],
    acknowledgedBy: null,
    acknowledgedAt: null,
    verdict: null,
  };
}
