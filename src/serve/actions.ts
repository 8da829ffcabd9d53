import { randomUUID } from 'node:crypto';
import { TocsinError } from '../domain/error.ts';
import type { Incident } from '../domain/incident.ts';
import type { Verdict, VerdictKind } from '../domain/verdict.ts';
import type { ApiDeps } from './deps.ts';

const VERDICT_WORDS: Readonly<Record<VerdictKind, string>> = {
  real: 'a real incident',
  'false-alarm': 'a false alarm',
  expected: 'expected',
  'new-normal': 'the new normal',
};

/** What people do to an incident, from the page, the API or a button in a chat: stored, in its timeline, in the audit log, told. */
export interface Actions {
  /** @throws TocsinError `not_found`. */
  find(id: string): Promise<Incident>;
  /** Once; again changes nothing. */
  acknowledge(id: string, by: string, from: string): Promise<Incident>;
  verdict(id: string, kind: VerdictKind, comment: string, by: string, from: string): Promise<Incident>;
}

export function createActions(deps: ApiDeps): Actions {
  const { control, clock } = deps;

  const find = async (id: string): Promise<Incident> => {
    const found = await control.incident(id);
    if (found === null) throw new TocsinError('not_found', `there is no incident ${id}`);
    return found;
  };

  const tell = async (id: string, what: 'acknowledge' | 'verdict'): Promise<Incident> => {
    const after = await find(id);
    deps.changed?.(after, what);
    return after;
  };

  return {
    find,
    async acknowledge(id, by, from) {
      const before = await find(id);
      if (before.acknowledgedAt !== null) return before;
      const at = clock.now();
      await control.saveIncident({
        ...before,
        acknowledgedBy: by,
        acknowledgedAt: at,
        timeline: [...before.timeline, { at, kind: 'acknowledged', text: `Acknowledged by ${by}` }],
      });
      await control.audit({
        id: randomUUID(),
        at,
        by,
        from,
        action: 'incident.acknowledge',
        subject: before.id,
        detail: {},
      });
      return tell(before.id, 'acknowledge');
    },
    async verdict(id, kind, comment, by, from) {
      const before = await find(id);
      const at = clock.now();
      const said: Verdict = { id: randomUUID(), subject: 'incident', subjectId: before.id, kind, comment, by, at };
      await control.addVerdict(said);
      const words = `${by}: ${VERDICT_WORDS[kind]}${comment === '' ? '' : `, "${comment}"`}`;
      await control.saveIncident({
        ...before,
        verdict: said,
        timeline: [...before.timeline, { at, kind: 'verdict', text: words }],
      });
      await control.audit({
        id: randomUUID(),
        at,
        by,
        from,
        action: 'incident.verdict',
        subject: before.id,
        detail: { verdict: said.id, kind, comment, before: before.verdict?.kind ?? null },
      });
      return tell(before.id, 'verdict');
    },
  };
}
