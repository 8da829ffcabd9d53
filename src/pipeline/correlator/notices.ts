import { createPageBudget, type PageBudgetState } from '../../alert/budget/budget.ts';
import { createInhibit, type InhibitRule } from '../../alert/inhibit/inhibit.ts';
import { createMaintenance } from '../../alert/maintenance/maintenance.ts';
import { createGroupTiming, type GroupTimingState } from '../../alert/route/group-timing.ts';
import {
  type CompiledRoute,
  compileRoutes,
  createRouter,
  groupKeyOf,
  incidentLabels,
  type Route,
  type RouteMatch,
} from '../../alert/route/route.ts';
import { compileIntervals, type NamedIntervals } from '../../alert/route/time-interval.ts';
import { createSilences } from '../../alert/silence/silence.ts';
import type { MaintenanceWindow, Silence, ZoneOffset } from '../../domain/alerting/suppression.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import { type DecisionStamp, decisionRecord, stableId } from '../../domain/identity.ts';
import type { Incident, Severity } from '../../domain/incident.ts';
import type { CorrelatorCommit, Notification } from '../../domain/ports.ts';
import type { EpochMs } from '../../domain/units.ts';

type OutboxEntry = CorrelatorCommit['outbox'][number];

interface Told {
  readonly severity: Severity;
  readonly status: Incident['status'];
  readonly reopened: number;
}

export interface NoticesState {
  readonly told: readonly (readonly [string, Told])[];
  readonly blocked: readonly (readonly [string, string])[];
  readonly budget: PageBudgetState;
  readonly groups?: GroupTimingState;
}

/** What people and the configuration say about who is told, and when not. */
export interface NoticesOptions {
  readonly intervals?: readonly NamedIntervals[];
  readonly inhibitRules?: readonly InhibitRule[];
  readonly zone?: ZoneOffset;
}

export interface Notices {
  /** Incidents that changed, or are open and were held back so far: who is told what now. */
  review(
    changed: readonly Incident[],
    all: readonly Incident[],
    edges: readonly { readonly caller: string; readonly callee: string }[],
    at: EpochMs,
  ): { readonly outbox: readonly OutboxEntry[]; readonly decisions: readonly DecisionRecord[] };
  /** Ids of open incidents that a receiver was told of. */
  toldTo(receiver: string): readonly string[];
  /** Receivers that know of an incident. */
  receiversOf(incident: string): readonly string[];
  /** Why an open incident is held back now; null when it is not. */
  heldBy(
    incident: Incident,
    all: readonly Incident[],
    edges: readonly { readonly caller: string; readonly callee: string }[],
    at: EpochMs,
  ): { readonly silencedBy: readonly string[]; readonly inhibitedBy: string | null; readonly mutedBy: string | null };
  setSilences(silences: readonly Silence[]): void;
  /** @throws TocsinError `invalid_config`. */
  setMaintenance(windows: readonly MaintenanceWindow[]): void;
  save(): NoticesState;
  restore(state: NoticesState): void;
}

const UTC: ZoneOffset = (zone) => (zone === 'UTC' ? 0 : null);

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };

/** From incidents to notifications: inhibit, silence, maintenance, route, budget, in this order, each on the record. */
export function createNotices(
  route: Route,
  receivers: readonly string[],
  externalUrl: string,
  stamp: DecisionStamp,
  options: NoticesOptions = {},
): Notices {
  const zone = options.zone ?? UTC;
  const intervals = compileIntervals(options.intervals ?? [], zone);
  const inhibit = createInhibit(options.inhibitRules ?? [], stamp);
  const silences = createSilences(stamp);
  const maintenance = createMaintenance(stamp, zone);
  const router = createRouter(route, receivers, stamp, intervals);
  const routes = new Map<string, CompiledRoute>();
  const list = (node: CompiledRoute): void => {
    routes.set(node.id, node);
    node.children.forEach(list);
  };
  list(compileRoutes(route, receivers, intervals));
  const groups = createGroupTiming();
  const budget = createPageBudget(undefined, stamp);
  let told = new Map<string, Told>();
  /** Stage that holds an open incident back, so that it goes on the record once and not at every tick. */
  let blocked = new Map<string, string>();

  function pass(
    incident: Incident,
    all: readonly Incident[],
    edges: readonly { readonly caller: string; readonly callee: string }[],
    at: EpochMs,
    decisions: DecisionRecord[],
  ): readonly RouteMatch[] | null {
    const labels = incidentLabels(incident);
    const held = (record: DecisionRecord | null): null => {
      const stage = record?.stage ?? 'route';
      if (record !== null && blocked.get(incident.id) !== stage) decisions.push(record);
      blocked.set(incident.id, stage);
      return null;
    };
    const inhibited = inhibit({ incident, incidents: all, labelsOf: incidentLabels, edges, now: at });
    if (!inhibited.passed) return held(inhibited.record);
    const silenced = silences.check(incident, labels, at);
    if (!silenced.passed) return held(silenced.record);
    const maintained = maintenance.check(incident, labels, at);
    if (!maintained.passed) return held(maintained.record);
    const routed = router(incident, labels, at);
    if (!routed.passed) return held(routed.record);
    const paged = budget.check(incident, labels, at);
    if (!paged.passed) return held(paged.record);
    decisions.push(routed.record, paged.record);
    blocked.delete(incident.id);
    return routed.matches;
  }

  function entry(incident: Incident, reason: Notification['reason'], receiver: string, at: EpochMs): OutboxEntry {
    const again = reason === 'reminder' ? at : 0;
    const id = stableId('notify', incident.id, reason, incident.severity, incident.reopenedCount, receiver, again);
    return {
      id,
      receiver,
      dedupKey: id,
      payload: notificationOf(incident, reason, receiver, externalUrl),
      createdAt: at,
    };
  }

  /** What waits for its group is held back by a silence or window that came meanwhile, and looked at again from the start. */
  function holdWaiting(all: readonly Incident[], at: EpochMs, decisions: DecisionRecord[]): void {
    const held = new Set<string>();
    for (const id of groups.waiting()) {
      const incident = all.find((candidate) => candidate.id === id);
      if (incident === undefined) continue;
      const labels = incidentLabels(incident);
      const record = silences.check(incident, labels, at).record ?? maintenance.check(incident, labels, at).record;
      if (record === null) continue;
      held.add(id);
      told.delete(id);
      blocked.set(id, record.stage);
      decisions.push(record);
    }
    if (held.size > 0) groups.forget((id) => !held.has(id));
  }

  /** Groups that are due: what is new in them, and what is repeated because nobody has taken it up yet. */
  function flush(all: readonly Incident[], at: EpochMs, outbox: OutboxEntry[], decisions: DecisionRecord[]): void {
    const byId = new Map(all.map((incident) => [incident.id, incident]));
    const { flushes, muted } = groups.run((id) => routes.get(id) ?? null, at);
    for (const { receiver, changed, repeated } of flushes) {
      for (const member of changed) {
        const incident = byId.get(member.id);
        if (incident !== undefined)
          outbox.push(entry(incident, member.firing ? reasonOf(member.state) : 'resolved', receiver, at));
      }
      for (const member of repeated) {
        const incident = byId.get(member.id);
        // Somebody is on it, or somebody wants quiet: no reminder.
        if (incident === undefined || incident.acknowledgedAt !== null) continue;
        const labels = incidentLabels(incident);
        if (!silences.check(incident, labels, at).passed || !maintenance.check(incident, labels, at).passed) continue;
        outbox.push(entry(incident, 'reminder', receiver, at));
      }
    }
    for (const { reason, members } of muted) {
      for (const member of members) {
        const incident = byId.get(member.id);
        if (incident === undefined || mutedOnce.get(member.id) === member.state) continue;
        mutedOnce.set(member.id, member.state);
        decisions.push(
          decisionRecord(stamp, {
            at,
            tenant: incident.tenant,
            service: incident.services[0] ?? '',
            subject: incident.id,
            stage: 'notify',
            outcome: 'suppressed',
            reason: `${reason}; told when that ends`,
          }),
        );
      }
    }
  }
  /** Only for the record: what a mute held back is written down once. */
  const mutedOnce = new Map<string, string>();

  return {
    review(changed, all, edges, at) {
      const outbox: OutboxEntry[] = [];
      const decisions: DecisionRecord[] = [];
      const waiting = all.filter(
        (incident) =>
          incident.status === 'open' && blocked.has(incident.id) && !changed.some((c) => c.id === incident.id),
      );
      for (const incident of [...changed, ...waiting]) {
        const before = told.get(incident.id);
        if (incident.status === 'closed') {
          blocked.delete(incident.id);
          if (before === undefined || before.status === 'closed') continue;
          groups.resolve(incident.id, at);
          told.set(incident.id, { ...before, status: 'closed' });
          continue;
        }
        const reason = reasonFor(incident, before);
        if (reason === null) continue;
        const to = pass(incident, all, edges, at, decisions);
        if (to === null) continue;
        const labels = incidentLabels(incident);
        const state = `${reason}/${incident.severity}/${incident.reopenedCount}`;
        for (const { receiver, route: matched } of to)
          groups.put(
            groupKeyOf(matched, labels),
            matched.id,
            receiver,
            { id: incident.id, state, firing: true, startsAt: incident.openedAt },
            matched,
            at,
          );
        told.set(incident.id, { severity: incident.severity, status: 'open', reopened: incident.reopenedCount });
      }
      holdWaiting(all, at, decisions);
      flush(all, at, outbox, decisions);
      const known = new Set(all.map((incident) => incident.id));
      for (const id of told.keys()) if (!known.has(id)) told.delete(id);
      for (const id of mutedOnce.keys()) if (!known.has(id)) mutedOnce.delete(id);
      groups.forget((id) => known.has(id));
      return { outbox, decisions };
    },
    toldTo: (receiver) => groups.toldTo(receiver),
    receiversOf: (incident) => groups.receiversOf(incident),
    heldBy(incident, all, edges, at) {
      const labels = incidentLabels(incident);
      const maintained = maintenance.check(incident, labels, at);
      return {
        silencedBy: silences.check(incident, labels, at).silencedBy,
        inhibitedBy: inhibit({ incident, incidents: all, labelsOf: incidentLabels, edges, now: at }).inhibitedBy,
        mutedBy: maintained.record?.reason ?? null,
      };
    },
    setSilences: (given) => silences.restore(given),
    setMaintenance: (windows) => maintenance.set(windows),
    save: () => ({ told: [...told], blocked: [...blocked], budget: budget.save(), groups: groups.save() }),
    restore(state) {
      told = new Map(state.told);
      blocked = new Map(state.blocked);
      budget.restore(state.budget);
      // Absent in states of before groups were kept.
      if (state.groups !== undefined) groups.restore(state.groups);
    },
  };
}

/** The reason is part of a member's state: one that reopened is another alert than the one that opened. */
const reasonOf = (state: string): Notification['reason'] =>
  state.slice(0, state.indexOf('/')) as Notification['reason'];

function reasonFor(incident: Incident, before: Told | undefined): Notification['reason'] | null {
  if (before === undefined) return 'opened';
  if (before.status === 'closed' || incident.reopenedCount > before.reopened) return 'reopened';
  return RANK[incident.severity] > RANK[before.severity] ? 'escalated' : null;
}

export function notificationOf(
  incident: Incident,
  reason: Notification['reason'],
  receiver: string,
  externalUrl: string,
): Notification {
  const cause = incident.causes[0];
  return {
    reason,
    incident,
    url: `${externalUrl.replace(/\/+$/, '')}/incidents/${incident.id}`,
    labels: incidentLabels(incident),
    annotations: {
      summary: incident.title,
      description: incident.summary,
      ...(cause === undefined ? {} : { cause: `${cause.service} (${Math.round(cause.share * 100)} %)` }),
    },
    groupKey: `{}:{incident="${incident.id}"}`,
    receiver,
  };
}
