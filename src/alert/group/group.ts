import type { IncidentAction } from '../../domain/alerting/incident-action.ts';
import type { Anomaly } from '../../domain/anomaly.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import { TocsinError } from '../../domain/error.ts';
import { type DecisionStamp, decisionRecord } from '../../domain/identity.ts';
import type { Cause, Incident, TimelineEntry } from '../../domain/incident.ts';
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
  weighted,
  worse,
} from './build.ts';
import { cut, type Moved, merged, split } from './by-hand.ts';
import { type GroupOptions, groupOptions } from './group-options.ts';
import { clusters, type Placement, place } from './place.ts';
import { callGraph } from './relate.ts';
import { entry, headOf, servicesOf, started } from './start.ts';

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
  /** The team of a service, empty when it has none; absent: nobody has teams. */
  teamOf?(tenant: string, service: string): string;
  /** What the configuration says of an incident's importance (`policies`); absent: normal. */
  importanceOf?(anomalies: readonly Anomaly[]): 'low' | 'normal' | 'high';
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
  readonly moved?: readonly Moved[];
}
export interface Incidents {
  apply(input: GroupInput): GroupResult;
  /**
   * What a person does. Incidents are returned changed where the correlator owns the change (close, reopen, merge, split).
   * @throws TocsinError `not_found` when it is not held, `conflict` when it is so already, `invalid_request`.
   */
  act(action: IncidentAction, input: Omit<GroupInput, 'anomalies'>): readonly Incident[];
  get(id: string): Incident | undefined;
  /** Open ones, and closed ones that may still be reopened. */
  list(): readonly Incident[];
  /** User-owned changes and notes of later stages; return the changed incident, or undefined when it is not held here. */
  verdict(id: string, verdict: Verdict): Incident | undefined;
  note(id: string, entry: TimelineEntry, fields?: Partial<Pick<Incident, 'escalatedAt'>>): Incident | undefined;
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
  let moved: readonly Moved[] = [];

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
    for (const anomaly of input.anomalies.flatMap((a) => cut(a, moved))) {
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
      const own = [...held.values()].filter((incident) => !isAlias(incident));
      const placement = place(cluster, own, graph, input.deploys, input.at, options);
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
    const changed = refreshAll(touched, input, graph);
    forget(input.at);
    return { incidents: changed, decisions };
  }

  function refreshAll(
    touched: ReadonlyMap<string, readonly TimelineEntry[]>,
    input: Omit<GroupInput, 'anomalies'>,
    graph: ReturnType<typeof callGraph>,
  ): Incident[] {
    const changed: Incident[] = [];
    for (const [id, entries] of touched) {
      const incident = held.get(id);
      if (incident === undefined) continue;
      const next = refreshed(incident, entries, input, graph);
      held.set(id, next);
      changed.push(next);
    }
    return changed;
  }

  function act(action: IncidentAction, input: Omit<GroupInput, 'anomalies'>): readonly Incident[] {
    const { at } = input;
    if (action.kind === 'adopt') {
      const { incident } = action;
      if (held.has(incident.id)) return [];
      held.set(incident.id, incident);
      if (!isAlias(incident)) for (const anomaly of incident.anomalies) home.set(anomaly.id, incident.id);
      return [];
    }
    const find = (id: string): Incident => {
      const incident = held.get(id);
      if (incident === undefined) throw new TocsinError('not_found', `there is no incident ${id}`);
      return incident;
    };
    const before = find(action.id);
    const put = (incident: Incident): void => void held.set(incident.id, incident);
    const refresh = (id: string, ...entries: TimelineEntry[]): Incident[] =>
      refreshAll(new Map([[id, entries]]), input, callGraph(input.edges));
    const said = (verb: string, comment: string): string =>
      `${verb} by ${action.by}${comment === '' ? '' : `: ${comment}`}`;
    switch (action.kind) {
      case 'acknowledge':
        put({ ...before, acknowledgedBy: action.by, acknowledgedAt: action.at });
        return [];
      case 'assign':
        put({ ...before, assignedTo: action.to });
        return [];
      case 'snooze':
        put({ ...before, snoozedUntil: action.until });
        return [];
      case 'comment':
        return [];
      case 'close':
        if (before.status === 'closed') throw new TocsinError('conflict', `incident ${before.id} is closed already`);
        put({ ...before, status: 'closed', closedAt: at, byHand: 'closed' });
        return refresh(before.id, entry(at, 'closed', said('closed', action.comment)));
      case 'reopen':
        if (before.status === 'open') throw new TocsinError('conflict', `incident ${before.id} is open already`);
        if (isAlias(before))
          throw new TocsinError('conflict', `incident ${before.id} is part of ${before.mergedInto} now`);
        put({
          ...before,
          status: 'open',
          closedAt: null,
          reopenedCount: before.reopenedCount + 1,
          byHand: 'open',
        });
        return refresh(before.id, entry(at, 'reopened', said('reopened', action.comment)));
      case 'merge': {
        const { kept, notes, gone } = merged([before, ...action.others.map(find)], action.by, at);
        for (const incident of [kept, ...gone]) put(incident);
        for (const anomaly of kept.anomalies) home.set(anomaly.id, kept.id);
        return [...refresh(kept.id, ...notes), ...gone];
      }
      case 'split': {
        const { stay, go, moved: cuts, id } = split(before, action.services, action.series, at);
        const names = servicesOf(go).join(', ');
        moved = [...moved, ...cuts];
        put({ ...before, anomalies: stay });
        const fresh = started(go, ports.teamOf);
        put({
          ...fresh,
          id,
          timeline: [
            ...fresh.timeline,
            ...go.flatMap((a) =>
              a.closedAt === null ? [] : [entry(a.closedAt, 'recovered', `${a.service} is back to normal`)],
            ),
          ],
        });
        for (const anomaly of go) home.set(anomaly.id, id);
        return [
          ...refresh(before.id, entry(at, 'split', `${action.by} moved ${names} to ${id}`)),
          ...refresh(id, entry(at, 'split', `${action.by} moved ${names} out of ${before.id}`)),
        ];
      }
    }
  }

  function put(
    cluster: readonly Anomaly[],
    placement: Placement | null,
    touch: (id: string, ...e: TimelineEntry[]) => void,
  ): string {
    const before = placement === null ? undefined : held.get(placement.incident);
    if (placement === null || before === undefined) {
      const incident = started(cluster, ports.teamOf);
      held.set(incident.id, incident);
      touch(incident.id);
      return incident.id;
    }
    const reopened = before.status === 'closed';
    const { byHand, ...rest } = before;
    held.set(before.id, {
      ...rest,
      // Closed by a person, and now the trouble came back.
      ...(reopened || byHand === undefined ? {} : { byHand }),
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
      for (const { id } of incident.anomalies) if (home.get(id) === incident.id) home.delete(id);
    }
    if (moved.length > 0) moved = moved.filter((m) => home.has(m.as) || home.has(m.anomaly));
  }

  /** Recomputes everything that follows from the anomalies, closes when all have recovered, raises the version. */
  function refreshed(
    incident: Incident,
    entries: readonly TimelineEntry[],
    input: Omit<GroupInput, 'anomalies'>,
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
    const importance = ports.importanceOf?.(anomalies) ?? 'normal';
    const severity = worse(incident.severity, weighted(severityOf(anomalies, confidence, graph), importance));
    if (incident.version > 0 && severity !== incident.severity) {
      timeline.push(entry(input.at, 'severity-changed', `${incident.severity} to ${severity}`));
    }
    const closed = (recovered && incident.byHand !== 'open') || incident.byHand === 'closed';
    const closing = closed && incident.status === 'open';
    if (closing) timeline.push(entry(input.at, 'closed', 'all services are back to normal'));
    const evidence = evidenceOf(anomalies);
    const story = { anomalies: trimmed(anomalies), causes, deploys, services, onset };
    const words = recovered ? { title: incident.title, summary: incident.summary } : ports.narrate(story);
    return {
      ...incident,
      ...story,
      ...words,
      version: incident.version + 1,
      status: closed ? 'closed' : 'open',
      closedAt: closed ? (incident.closedAt ?? input.at) : null,
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
    act,
    get: (id) => held.get(id),
    list: () => [...held.values()],
    verdict: (id, verdict) =>
      change(id, (i) => ({
        ...i,
        verdict,
        timeline: noted(i, entry(verdict.at, 'verdict', `${verdict.kind} by ${verdict.by}`)),
      })),
    note: (id, e, fields = {}) => change(id, (i) => ({ ...i, ...fields, timeline: noted(i, e) })),
    save: () => ({ version: 1, incidents: [...held.values()], ...(moved.length === 0 ? {} : { moved }) }),
    restore(state) {
      held = new Map(state.incidents.map((i) => [i.id, i]));
      home = new Map(state.incidents.flatMap((i) => (isAlias(i) ? [] : i.anomalies.map((a) => [a.id, i.id] as const))));
      moved = state.moved ?? [];
    },
  };
}

const isAlias = (incident: Incident): boolean => typeof incident.mergedInto === 'string';
