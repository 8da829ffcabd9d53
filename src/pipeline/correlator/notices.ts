import { createPageBudget, type PageBudgetState } from '../../alert/budget/budget.ts';
import { createInhibit } from '../../alert/inhibit/inhibit.ts';
import { createMaintenance } from '../../alert/maintenance/maintenance.ts';
import { createRouter, incidentLabels, type Route } from '../../alert/route/route.ts';
import { createSilences } from '../../alert/silence/silence.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import { type DecisionStamp, stableId } from '../../domain/identity.ts';
import type { Incident, Severity } from '../../domain/incident.ts';
import type { CorrelatorCommit, Notification } from '../../domain/ports.ts';
import type { EpochMs } from '../../domain/units.ts';

type OutboxEntry = CorrelatorCommit['outbox'][number];

interface Told {
  readonly severity: Severity;
  readonly status: Incident['status'];
  readonly reopened: number;
  readonly receivers: readonly string[];
}

export interface NoticesState {
  readonly told: readonly (readonly [string, Told])[];
  readonly blocked: readonly (readonly [string, string])[];
  readonly budget: PageBudgetState;
}

export interface Notices {
  /** Incidents that changed, or are open and were held back so far: who is told what now. */
  review(changed: readonly Incident[], all: readonly Incident[], edges: readonly { readonly caller: string; readonly callee: string }[], at: EpochMs): { readonly outbox: readonly OutboxEntry[]; readonly decisions: readonly DecisionRecord[] };
  /** Ids of open incidents that a receiver was told of. */
  toldTo(receiver: string): readonly string[];
  save(): NoticesState;
  restore(state: NoticesState): void;
}

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };

/** From incidents to notifications: inhibit, silence, maintenance, route, budget, in this order, each on the record. */
export function createNotices(route: Route, receivers: readonly string[], externalUrl: string, stamp: DecisionStamp): Notices {
  const inhibit = createInhibit([], stamp);
  const silences = createSilences(stamp);
  const maintenance = createMaintenance(stamp);
  const router = createRouter(route, receivers, stamp);
  const budget = createPageBudget(undefined, stamp);
  let told = new Map<string, Told>();
  /** Stage that holds an open incident back, so that it goes on the record once and not at every tick. */
  let blocked = new Map<string, string>();

  function pass(incident: Incident, all: readonly Incident[], edges: readonly { readonly caller: string; readonly callee: string }[], at: EpochMs, decisions: DecisionRecord[]): readonly string[] | null {
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
    return routed.matches.map((match) => match.receiver);
  }

  function entries(incident: Incident, reason: Notification['reason'], to: readonly string[], at: EpochMs): OutboxEntry[] {
    return to.map((receiver) => {
      const id = stableId('notify', incident.id, reason, incident.severity, incident.reopenedCount, receiver);
      return { id, receiver, dedupKey: id, payload: notificationOf(incident, reason, receiver, externalUrl), createdAt: at };
    });
  }

  return {
    review(changed, all, edges, at) {
      const outbox: OutboxEntry[] = [];
      const decisions: DecisionRecord[] = [];
      const waiting = all.filter((incident) => incident.status === 'open' && blocked.has(incident.id) && !changed.some((c) => c.id === incident.id));
      for (const incident of [...changed, ...waiting]) {
        const before = told.get(incident.id);
        if (incident.status === 'closed') {
          blocked.delete(incident.id);
          if (before === undefined || before.status === 'closed') continue;
          outbox.push(...entries(incident, 'resolved', before.receivers, at));
          told.set(incident.id, { ...before, status: 'closed' });
          continue;
        }
        const reason = reasonFor(incident, before);
        if (reason === null) continue;
        const to = pass(incident, all, edges, at, decisions);
        if (to === null) continue;
        outbox.push(...entries(incident, reason, to, at));
        told.set(incident.id, { severity: incident.severity, status: 'open', reopened: incident.reopenedCount, receivers: to });
      }
      const known = new Set(all.map((incident) => incident.id));
      for (const id of told.keys()) if (!known.has(id)) told.delete(id);
      return { outbox, decisions };
    },
    toldTo: (receiver) => [...told].filter(([, entry]) => entry.status === 'open' && entry.receivers.includes(receiver)).map(([id]) => id),
    save: () => ({ told: [...told], blocked: [...blocked], budget: budget.save() }),
    restore(state) {
      told = new Map(state.told);
      blocked = new Map(state.blocked);
      budget.restore(state.budget);
    },
  };
}

function reasonFor(incident: Incident, before: Told | undefined): Notification['reason'] | null {
  if (before === undefined) return 'opened';
  if (before.status === 'closed' || incident.reopenedCount > before.reopened) return 'reopened';
  return RANK[incident.severity] > RANK[before.severity] ? 'escalated' : null;
}

export function notificationOf(incident: Incident, reason: Notification['reason'], receiver: string, externalUrl: string): Notification {
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
