import { createPageBudget, DEFAULT_BUDGET } from '../../alert/budget/budget.ts';
import { createInhibit } from '../../alert/inhibit/inhibit.ts';
import { createMaintenance } from '../../alert/maintenance/maintenance.ts';
import { createGroupTiming, type Flush } from '../../alert/route/group-timing.ts';
import {
  type CompiledRoute,
  compileRoutes,
  createRouter,
  groupKeyOf,
  groupLabelsOf,
  incidentLabels,
  isAlone,
  type Route,
  type RouteMatch,
} from '../../alert/route/route.ts';
import { compileIntervals } from '../../alert/route/time-interval.ts';
import { createSilences } from '../../alert/silence/silence.ts';
import type { ZoneOffset } from '../../domain/alerting/suppression.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import { type DecisionStamp, decisionRecord, stableId } from '../../domain/identity.ts';
import type { Incident } from '../../domain/incident.ts';
import type { NotificationReason, OutboxEntry } from '../../domain/ports.ts';
import type { EpochMs } from '../../domain/units.ts';
import { digestNotification, groupNotification, notificationOf } from './messages.ts';
import {
  awake,
  isSnoozed,
  type Notices,
  type NoticesOptions,
  type Reviewed,
  reasonFor,
  reasonOf,
  snoozeText,
  type Told,
} from './told.ts';

const UTC: ZoneOffset = (zone) => (zone === 'UTC' ? 0 : null);

/** From incidents to notifications: snooze, inhibit, silence, maintenance, route, budget, in this order, each on the record. */
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
  const budget = createPageBudget(options.budget ?? DEFAULT_BUDGET, stamp);
  const digestTo = options.digestTo ?? null;
  let told = new Map<string, Told>();
  /** Stage that holds an open incident back, so that it goes on the record once and not at every tick. */
  let blocked = new Map<string, string>();

  function pass(
    incident: Incident,
    all: readonly Incident[],
    edges: readonly { readonly caller: string; readonly callee: string }[],
    at: EpochMs,
    decisions: DecisionRecord[],
    reason: NotificationReason,
  ): readonly RouteMatch[] | null {
    const labels = incidentLabels(incident);
    const held = (record: DecisionRecord | null): null => {
      const stage = record?.stage ?? 'route';
      if (record !== null && blocked.get(incident.id) !== stage) decisions.push(record);
      blocked.set(incident.id, stage);
      return null;
    };
    // Who was told of an incident is told how it goes on, whatever triage thinks of it later.
    const doubted = reason === 'opened' ? (options.triage?.(incident, at) ?? null) : null;
    if (doubted !== null) return held(doubted);
    if (isSnoozed(incident, at)) return held(record(incident, 'snooze', false, snoozeText(incident), at));
    const inhibited = inhibit({ incident, incidents: all, labelsOf: incidentLabels, edges, now: at });
    if (!inhibited.passed) return held(inhibited.record);
    const silenced = silences.check(incident, labels, at);
    if (!silenced.passed) return held(silenced.record);
    const maintained = maintenance.check(incident, labels, at);
    if (!maintained.passed) return held(maintained.record);
    const routed = router(incident, labels, at);
    if (!routed.passed) {
      if (routed.below !== null && digestTo !== null) budget.hold(incident, labels, at, routed.below);
      return held(routed.record);
    }
    // A page that comes again after a snooze was paid for.
    if (reason === 'reminder') {
      blocked.delete(incident.id);
      return routed.matches;
    }
    const paged = budget.check(incident, labels, at);
    if (!paged.passed) return held(paged.record);
    decisions.push(routed.record, paged.record);
    blocked.delete(incident.id);
    return routed.matches;
  }

  const record = (
    incident: Incident,
    stage: DecisionRecord['stage'],
    passed: boolean,
    reason: string,
    at: EpochMs,
    numbers: { readonly value?: number; readonly limit?: number } = {},
  ): DecisionRecord =>
    decisionRecord(stamp, {
      at,
      tenant: incident.tenant,
      service: incident.services[0] ?? '',
      subject: incident.id,
      stage,
      outcome: passed ? 'passed' : 'suppressed',
      reason,
      ...numbers,
    });

  function entry(incident: Incident, reason: NotificationReason, receiver: string, at: EpochMs): OutboxEntry {
    const again = reason === 'reminder' || reason === 'acknowledged' ? at : 0;
    const id = stableId('notify', incident.id, reason, incident.severity, incident.reopenedCount, receiver, again);
    const payload = notificationOf(incident, reason, receiver, externalUrl);
    return { id, receiver, dedupKey: id, payload, createdAt: at };
  }

  /** Somebody is on it, or somebody wants quiet. */
  const isQuiet = (incident: Incident, at: EpochMs): boolean => {
    const labels = incidentLabels(incident);
    return (
      isSnoozed(incident, at) ||
      !silences.check(incident, labels, at).passed ||
      !maintenance.check(incident, labels, at).passed
    );
  };

  /** One message for a whole group; null when all of it is to be quiet. */
  function together(
    route: CompiledRoute,
    { receiver, group, since, changed, repeated, members }: Flush,
    byId: ReadonlyMap<string, Incident>,
    at: EpochMs,
  ): OutboxEntry | null {
    const incidents = members.flatMap((member) => {
      const incident = byId.get(member.id);
      // What is silenced meanwhile is left out, as Alertmanager does; that it ended is told.
      return incident === undefined || (member.firing && isQuiet(incident, at)) ? [] : [incident];
    });
    const shown = new Set(incidents.map((incident) => incident.id));
    const news = changed.filter((member) => shown.has(member.id));
    const reminds = repeated.some((member) => shown.has(member.id) && byId.get(member.id)?.acknowledgedAt === null);
    const [first] = incidents;
    if (first === undefined || (news.length === 0 && !reminds)) return null;
    const reasons = news.flatMap((member) => (member.firing ? [reasonOf(member.state)] : []));
    const labels = groupLabelsOf(route, incidentLabels(first));
    const story = { key: group, labels, since, members: incidents, reasons, repeated: reminds };
    const payload = groupNotification(story, receiver, externalUrl);
    const id = stableId(
      'notify',
      payload.incident.id,
      ...members.map((member) => `${member.id} ${member.firing ? member.state : 'resolved'}`),
      receiver,
      news.length === 0 ? at : 0,
    );
    return { id, receiver, dedupKey: id, payload, createdAt: at };
  }

  /** What nobody acknowledged in time is told to the next ones, past `group_wait`. */
  function escalate(all: readonly Incident[], at: EpochMs, decisions: DecisionRecord[]): Reviewed['escalated'] {
    const out: { id: string; to: string; after: number }[] = [];
    for (const incident of all) {
      const before = told.get(incident.id);
      if (before?.since === undefined || before.escalated === true || incident.status !== 'open') continue;
      if (incident.acknowledgedAt !== null || isSnoozed(incident, at)) continue;
      const labels = incidentLabels(incident);
      const due = router(incident, labels, at)
        .matches.map(({ route: matched }) => matched)
        .find(({ escalateAfter }) => escalateAfter !== null && at - (before.since as EpochMs) >= escalateAfter);
      if (due === undefined || due.escalateTo === null || due.escalateAfter === null || isQuiet(incident, at)) continue;
      const { id, severity, reopenedCount, openedAt } = incident;
      const state = `unacknowledged/${severity}/${reopenedCount}`;
      const member = { id, state, firing: true, startsAt: openedAt };
      groups.put(groupKeyOf(due, labels), due.id, due.escalateTo, member, due, at, true);
      told.set(id, { ...before, escalated: true });
      out.push({ id, to: due.escalateTo, after: due.escalateAfter });
      const reason = `nobody acknowledged it in ${Math.round(due.escalateAfter / 60_000)} min: to ${due.escalateTo}`;
      const numbers = { value: at - before.since, limit: due.escalateAfter };
      decisions.push(record(incident, 'escalate', true, reason, at, numbers));
    }
    return out;
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
    const firstTold = (id: string): void => {
      const before = told.get(id);
      if (before !== undefined && before.status === 'open' && before.since === undefined)
        told.set(id, { ...before, since: at });
    };
    for (const due of flushes) {
      const { receiver, changed, repeated } = due;
      const compiled = routes.get(due.route);
      if (compiled !== undefined && !isAlone(compiled)) {
        const message = together(compiled, due, byId, at);
        if (message === null) continue;
        outbox.push(message);
        for (const member of due.members) if (member.firing) firstTold(member.id);
        continue;
      }
      for (const member of changed) {
        const incident = byId.get(member.id);
        if (incident === undefined) continue;
        outbox.push(entry(incident, member.firing ? reasonOf(member.state) : 'resolved', receiver, at));
        if (member.firing) firstTold(member.id);
      }
      for (const member of repeated) {
        const incident = byId.get(member.id);
        if (incident === undefined || incident.acknowledgedAt !== null || isQuiet(incident, at)) continue;
        outbox.push(entry(incident, 'reminder', receiver, at));
      }
    }
    for (const { reason, members } of muted) {
      for (const member of members) {
        const incident = byId.get(member.id);
        if (incident === undefined || mutedOnce.get(member.id) === member.state) continue;
        mutedOnce.set(member.id, member.state);
        decisions.push(record(incident, 'notify', false, `${reason}; told when that ends`, at));
      }
    }
  }
  /** Only for the record: what a mute held back is written down once. */
  const mutedOnce = new Map<string, string>();

  return {
    review(changed, all, edges, at) {
      const outbox: OutboxEntry[] = [];
      const decisions: DecisionRecord[] = [];
      const news = new Set(changed.map((incident) => incident.id));
      for (const incident of all) {
        const before = told.get(incident.id);
        if (before === undefined || incident.status !== 'open') continue;
        const until = incident.snoozedUntil ?? undefined;
        if (until !== undefined && until > at && before.snoozed !== until)
          told.set(incident.id, { ...before, snoozed: until });
        else if (until === undefined && before.snoozed !== undefined) told.set(incident.id, awake(before));
      }
      const waiting = all.filter(
        (incident) =>
          incident.status === 'open' &&
          !news.has(incident.id) &&
          (blocked.has(incident.id) || (told.get(incident.id)?.snoozed ?? Number.POSITIVE_INFINITY) <= at),
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
        const reason = reasonFor(incident, before, at);
        if (reason === null) continue;
        const to = pass(incident, all, edges, at, decisions, reason);
        if (to === null) continue;
        const labels = incidentLabels(incident);
        const again = reason === 'reminder' ? `/${at}` : '';
        const state = `${reason}/${incident.severity}/${incident.reopenedCount}${again}`;
        for (const { receiver, route: matched } of to)
          groups.put(
            groupKeyOf(matched, labels),
            matched.id,
            receiver,
            { id: incident.id, state, firing: true, startsAt: incident.openedAt },
            matched,
            at,
          );
        const { severity, reopenedCount: reopened } = incident;
        const { since, escalated } = reason === 'escalated' || reason === 'reminder' ? (before ?? {}) : {};
        told.set(incident.id, {
          severity,
          status: 'open',
          reopened,
          ...(since === undefined ? {} : { since }),
          ...(escalated === undefined ? {} : { escalated }),
        });
      }
      holdWaiting(all, at, decisions);
      const escalated = escalate(all, at, decisions);
      flush(all, at, outbox, decisions);
      const due = digestTo === null ? [] : budget.digest(at);
      if (digestTo !== null && due.length > 0) {
        const find = (id: string): Incident | undefined => all.find((incident) => incident.id === id);
        const payload = digestNotification(due, find, digestTo, at, externalUrl);
        outbox.push({
          id: payload.incident.id,
          receiver: digestTo,
          dedupKey: payload.incident.id,
          payload,
          createdAt: at,
        });
      }
      const known = new Set(all.map((incident) => incident.id));
      for (const id of told.keys()) if (!known.has(id)) told.delete(id);
      for (const id of mutedOnce.keys()) if (!known.has(id)) mutedOnce.delete(id);
      groups.forget((id) => known.has(id));
      return { outbox, decisions, escalated };
    },
    acknowledged: (incident, all, at) =>
      groups.groupsOf(incident.id).map((group) => {
        const compiled = routes.get(group.route);
        const { receiver } = group;
        if (compiled === undefined || isAlone(compiled)) return entry(incident, 'acknowledged', receiver, at);
        // The receiver knows the group, not the incident.
        const members = group.members.flatMap((member) => all.find((other) => other.id === member.id) ?? []);
        const labels = groupLabelsOf(compiled, incidentLabels(incident));
        const story = { key: group.group, labels, since: group.since, members, reasons: [], repeated: false };
        const payload = groupNotification(story, receiver, externalUrl);
        const whole = members.every((member) => member.status === 'closed' || member.acknowledgedAt !== null);
        const reason = whole ? 'acknowledged' : 'updated';
        const id = stableId('notify', payload.incident.id, reason, incident.id, receiver, at);
        return { id, receiver, dedupKey: id, payload: { ...payload, reason }, createdAt: at };
      }),
    budget: (at) => ({ teams: budget.burn(at), held: budget.held() }),
    toldTo: (receiver) => groups.toldTo(receiver),
    receiversOf: (incident) => groups.receiversOf(incident),
    heldBy(incident, all, edges, at) {
      const labels = incidentLabels(incident);
      const maintained = maintenance.check(incident, labels, at);
      return {
        silencedBy: silences.check(incident, labels, at).silencedBy,
        inhibitedBy: inhibit({ incident, incidents: all, labelsOf: incidentLabels, edges, now: at }).inhibitedBy,
        mutedBy: isSnoozed(incident, at) ? snoozeText(incident) : (maintained.record?.reason ?? null),
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
