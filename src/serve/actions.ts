import { randomUUID } from 'node:crypto';
import type { IncidentAction } from '../domain/alerting/incident-action.ts';
import { TocsinError } from '../domain/error.ts';
import type { Incident, TimelineEntry } from '../domain/incident.ts';
import type { Verdict, VerdictKind } from '../domain/verdict.ts';
import type { ApiDeps } from './deps.ts';

const VERDICT_WORDS: Readonly<Record<VerdictKind, string>> = {
  real: 'a real incident',
  'false-alarm': 'a false alarm',
  expected: 'expected',
  'new-normal': 'the new normal',
};
/** A merged incident may have been merged again. */
const LONGEST_CHAIN = 20;

/** Who does something, and from where: `page 10.0.0.7`, `api 10.0.0.9`, `cli 127.0.0.1`, `slack`. */
export interface Actor {
  readonly by: string;
  readonly from: string;
}

type Own = Extract<IncidentAction, { kind: 'acknowledge' | 'assign' | 'snooze' | 'comment' }>;
type Deed = Exclude<IncidentAction, Own | { kind: 'adopt' }>;
type Without<T> = T extends unknown ? Omit<T, 'id' | 'by' | 'at'> : never;

/** What people do to an incident, from the page, the API or a button in a chat: stored, in its timeline, in the audit log, told. */
export interface Actions {
  /** The incident; of a merged one, that which it is part of. @throws TocsinError `not_found`. */
  find(id: string): Promise<Incident>;
  /** Once; again changes nothing. */
  acknowledge(id: string, who: Actor): Promise<Incident>;
  assign(id: string, to: string | null, who: Actor): Promise<Incident>;
  /** @throws TocsinError `invalid_request` for a time that is over. */
  snooze(id: string, until: number | null, who: Actor): Promise<Incident>;
  comment(id: string, text: string, who: Actor): Promise<Incident>;
  verdict(id: string, kind: VerdictKind, comment: string, who: Actor): Promise<Incident>;
  /** @throws TocsinError `conflict` when it is closed or open already. */
  close(id: string, comment: string, who: Actor): Promise<Incident>;
  reopen(id: string, comment: string, who: Actor): Promise<Incident>;
  /** The oldest, which all the others are part of now. */
  merge(id: string, others: readonly string[], who: Actor): Promise<Incident>;
  split(
    id: string,
    services: readonly string[],
    series: readonly string[],
    who: Actor,
  ): Promise<{ readonly kept: Incident; readonly split: Incident }>;
}

export function createActions(deps: ApiDeps): Actions {
  const { control, clock } = deps;

  const find = async (id: string): Promise<Incident> => {
    let name = id;
    for (let i = 0; i < LONGEST_CHAIN; i += 1) {
      const found = await control.incident(name);
      if (found === null) break;
      if (typeof found.mergedInto !== 'string') return found;
      name = found.mergedInto;
    }
    throw new TocsinError('not_found', `there is no incident ${id}`);
  };

  const audit = (who: Actor, at: number, action: string, subject: string, detail: unknown): Promise<void> =>
    control.audit({ id: randomUUID(), at, ...who, action, subject, detail });

  const changed = async (id: string, what: 'acknowledge' | 'verdict' | 'change'): Promise<Incident> => {
    const after = await find(id);
    deps.changed?.(after, what);
    return after;
  };

  /** What the store keeps apart from the story: the correlator hears of it for what it tells. */
  async function own(
    before: Incident,
    fields: Partial<Incident>,
    entry: TimelineEntry,
    action: Own,
    who: Actor,
    detail: unknown,
  ): Promise<Incident> {
    await control.saveIncident({ ...before, ...fields, timeline: [...before.timeline, entry] });
    await audit(who, entry.at, `incident.${action.kind}`, before.id, detail);
    await deps.act?.(action);
    return changed(before.id, action.kind === 'acknowledge' ? 'acknowledge' : 'change');
  }

  /** What changes the story itself. */
  async function deed(before: Incident, what: Without<Deed>, who: Actor): Promise<readonly Incident[]> {
    if (deps.act === undefined) throw new TocsinError('unavailable', 'this process only reads incidents');
    const at = clock.now();
    const action = { ...what, id: before.id, by: who.by, at } as Deed;
    const touched = await deps.act(action);
    const { kind, ...detail } = what;
    await audit(who, at, `incident.${kind}`, before.id, { ...detail, incidents: touched.map(({ id }) => id) });
    for (const { id } of touched) {
      const after = await control.incident(id);
      if (after !== null) deps.changed?.(after, 'change');
    }
    return touched;
  }

  return {
    find,
    async acknowledge(id, who) {
      const before = await find(id);
      if (before.acknowledgedAt !== null) return before;
      const at = clock.now();
      const entry: TimelineEntry = { at, kind: 'acknowledged', text: `Acknowledged by ${who.by}` };
      const action: Own = { kind: 'acknowledge', id: before.id, by: who.by, at };
      return own(before, { acknowledgedBy: who.by, acknowledgedAt: at }, entry, action, who, {});
    },
    async assign(id, to, who) {
      const before = await find(id);
      const at = clock.now();
      const text = to === null ? `${who.by}: assigned to nobody` : `${who.by} assigned it to ${to}`;
      const action: Own = { kind: 'assign', id: before.id, to, by: who.by, at };
      const detail = { to, before: before.assignedTo ?? null };
      return own(before, { assignedTo: to }, { at, kind: 'assigned', text }, action, who, detail);
    },
    async snooze(id, until, who) {
      const before = await find(id);
      const at = clock.now();
      if (until !== null && until <= at) throw new TocsinError('invalid_request', 'until: must be in the future');
      const text = until === null ? `${who.by} ended the snooze` : `${who.by} snoozed it until ${iso(until)}`;
      const action: Own = { kind: 'snooze', id: before.id, until, by: who.by, at };
      return own(before, { snoozedUntil: until }, { at, kind: 'snoozed', text }, action, who, { until });
    },
    async comment(id, text, who) {
      const before = await find(id);
      const at = clock.now();
      const action: Own = { kind: 'comment', id: before.id, text, by: who.by, at };
      return own(before, {}, { at, kind: 'commented', text: `${who.by}: ${text}` }, action, who, { text });
    },
    async verdict(id, kind, comment, who) {
      const before = await find(id);
      const at = clock.now();
      const { by } = who;
      const said: Verdict = { id: randomUUID(), subject: 'incident', subjectId: before.id, kind, comment, by, at };
      await control.addVerdict(said);
      const words = `${by}: ${VERDICT_WORDS[kind]}${comment === '' ? '' : `, "${comment}"`}`;
      await control.saveIncident({
        ...before,
        verdict: said,
        timeline: [...before.timeline, { at, kind: 'verdict', text: words }],
      });
      const detail = { verdict: said.id, kind, comment, before: before.verdict?.kind ?? null };
      await audit(who, at, 'incident.verdict', before.id, detail);
      return changed(before.id, 'verdict');
    },
    async close(id, comment, who) {
      const before = await find(id);
      await deed(before, { kind: 'close', comment }, who);
      return find(before.id);
    },
    async reopen(id, comment, who) {
      const before = await find(id);
      await deed(before, { kind: 'reopen', comment }, who);
      return find(before.id);
    },
    async merge(id, others, who) {
      const before = await find(id);
      const found = await Promise.all(others.map(find));
      await deed(before, { kind: 'merge', others: found.map((other) => other.id) }, who);
      return find(before.id);
    },
    async split(id, services, series, who) {
      const before = await find(id);
      const touched = await deed(before, { kind: 'split', services, series }, who);
      const fresh = touched.find((incident) => incident.id !== before.id);
      return { kept: await find(before.id), split: await find(fresh?.id ?? before.id) };
    },
  };
}

const iso = (at: number): string => new Date(at).toISOString();
