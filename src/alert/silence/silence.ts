import { type CoverIndex, createCoverIndex } from '../../domain/alerting/cover-index.ts';
import { compileMatchers, coversStory } from '../../domain/alerting/matcher.ts';
import { type Silence, silenceStatus } from '../../domain/alerting/suppression.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import { TocsinError } from '../../domain/error.ts';
import { type DecisionStamp, decisionRecord, stableId } from '../../domain/identity.ts';
import type { Incident } from '../../domain/incident.ts';
import type { EpochMs } from '../../domain/units.ts';

export interface Silences {
  /** Creates, or replaces the one with the same id. @throws TocsinError `invalid_request`. */
  put(silence: Omit<Silence, 'id' | 'updatedAt'> & { readonly id?: string }, now: EpochMs): Silence;
  /** Ends it now; the record stays until pruned. @throws TocsinError `not_found`. */
  expire(id: string, now: EpochMs): Silence;
  get(id: string): Silence | undefined;
  list(): readonly Silence[];
  /** Stops an incident covered by an active silence. */
  check(
    incident: Incident,
    labels: Readonly<Record<string, string>>,
    now: EpochMs,
  ): { readonly passed: boolean; readonly silencedBy: readonly string[]; readonly record: DecisionRecord | null };
  prune(before: EpochMs): void;
  save(): readonly Silence[];
  restore(silences: readonly Silence[]): void;
}

export function createSilences(stamp: DecisionStamp = { modelVersion: '', configHash: '' }): Silences {
  let held = new Map<string, Silence>();
  /** Those in force from `since` to `until`; made anew when that is over, and after a change. */
  let active: { readonly index: CoverIndex<Silence>; readonly since: EpochMs; readonly until: EpochMs } | null = null;

  /** A month of silences is asked about far more often than one begins or ends: only those in force are looked through. */
  function activeAt(now: EpochMs): CoverIndex<Silence> {
    if (active !== null && now >= active.since && now < active.until) return active.index;
    const inForce: Silence[] = [];
    let until = Number.POSITIVE_INFINITY;
    for (const silence of held.values()) {
      const status = silenceStatus(silence, now);
      if (status === 'active') inForce.push(silence);
      if (status !== 'expired') until = Math.min(until, status === 'active' ? silence.endsAt : silence.startsAt);
    }
    active = { index: createCoverIndex(inForce), since: now, until };
    return active.index;
  }

  function keep(silence: Silence): Silence {
    compileMatchers(silence.matchers);
    held.set(silence.id, silence);
    active = null;
    return silence;
  }

  return {
    put(input, now) {
      if (input.matchers.length === 0) throw new TocsinError('invalid_request', 'a silence needs at least one matcher');
      const matchesEmpty = compileMatchers(input.matchers);
      if (matchesEmpty({})) throw new TocsinError('invalid_request', 'at least one matcher must require a label');
      if (!(input.endsAt > input.startsAt))
        throw new TocsinError('invalid_request', 'a silence must end after it starts');
      if (!(input.endsAt > now)) throw new TocsinError('invalid_request', 'a silence must not end in the past');
      if (input.createdBy.trim() === '') throw new TocsinError('invalid_request', 'a silence needs its author');
      const id = input.id ?? stableId('silence', JSON.stringify(input), now);
      return keep({ ...input, id, updatedAt: now });
    },
    expire(id, now) {
      const found = held.get(id);
      if (found === undefined) throw new TocsinError('not_found', `no silence ${id}`);
      if (now >= found.endsAt) return found;
      const startsAt = Math.min(found.startsAt, now);
      return keep({ ...found, startsAt, endsAt: now, updatedAt: now });
    },
    get: (id) => held.get(id),
    list: () => [...held.values()],
    check(incident, labels, now) {
      const { services, causes } = incident;
      const by = activeAt(now).find((matches) => coversStory(matches, labels, services, causes), incident);
      const first = by[0];
      if (first === undefined) return { passed: true, silencedBy: [], record: null };
      const comment = first.comment === '' ? '' : `: ${first.comment}`;
      const record = decisionRecord(stamp, {
        at: now,
        tenant: incident.tenant,
        service: incident.services[0] ?? '',
        subject: incident.id,
        stage: 'silence',
        outcome: 'suppressed',
        reason: `silence ${first.id} by ${first.createdBy}${comment}`,
      });
      return { passed: false, silencedBy: by.map((silence) => silence.id), record };
    },
    prune(before) {
      for (const [id, silence] of held) if (silence.endsAt < before) held.delete(id);
      active = null;
    },
    save: () => [...held.values()],
    restore(silences) {
      held = new Map();
      active = null;
      for (const silence of silences) keep(silence);
    },
  };
}
