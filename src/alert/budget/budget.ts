import type { DecisionRecord } from '../../domain/decision.ts';
import { type DecisionStamp, decisionRecord } from '../../domain/identity.ts';
import type { Incident, Severity } from '../../domain/incident.ts';
import { DAY, type EpochMs } from '../../domain/units.ts';

/** Pages that a team gets in any seven days, and when what was held back is told. */
export interface PageBudgetOptions {
  readonly pagesPerWeek: number;
  /** Critical incidents page even when the budget is spent. */
  readonly exemptCritical: boolean;
  /** Teams with a budget of their own. */
  readonly teams: Readonly<Record<string, number>>;
  /** The moment after the given one at which a digest is due; null: there is none. */
  readonly nextDigest: ((after: EpochMs) => EpochMs) | null;
}
export const DEFAULT_BUDGET: PageBudgetOptions = {
  pagesPerWeek: 20,
  exemptCritical: true,
  teams: {},
  nextDigest: null,
};

/** An incident that nobody was told of, and why. */
export interface HeldBack {
  readonly incident: string;
  readonly team: string;
  readonly at: EpochMs;
  readonly reason: string;
  readonly title: string;
  readonly severity: Severity;
}
export interface PageBudgetState {
  readonly version: 1;
  /** Times of the pages of the last week by team, sorted by team. */
  readonly pages: readonly (readonly [string, readonly EpochMs[]])[];
  readonly held: readonly (Pick<HeldBack, 'incident' | 'team' | 'at'> & Partial<HeldBack>)[];
  readonly digestAt: EpochMs;
  /** Incidents that a digest has told of. */
  readonly digested?: readonly string[];
}

/** How fast a team uses up its pages. */
export interface Burn {
  readonly team: string;
  readonly allowed: number;
  /** In the last seven days. */
  readonly used: number;
  readonly left: number;
  /** Pages a week at the pace of the last two days. */
  readonly projected: number;
  /** `projected` over `allowed`: above 1 the budget will not last. */
  readonly burn: number;
  /** When the budget is spent at that pace; null if it lasts. */
  readonly spentAt: EpochMs | null;
  /** Pages of each of the last seven days, oldest first. */
  readonly days: readonly number[];
  /** Incidents held back since the last digest. */
  readonly held: number;
}

export interface PageBudget {
  /** Asks for one page. Counts it when it passes: call it for pages (opened, reopened, escalated), not for updates. */
  check(
    incident: Incident,
    labels: Readonly<Record<string, string>>,
    now: EpochMs,
  ): { readonly passed: boolean; readonly record: DecisionRecord };
  /** Notes an incident that another stage holds back, for the digest. */
  hold(incident: Incident, labels: Readonly<Record<string, string>>, now: EpochMs, reason: string): void;
  /** Pages left to a team now. */
  left(team: string, now: EpochMs): number;
  /** Incidents held back since the last digest, once a digest is due; empty otherwise. */
  digest(now: EpochMs): readonly HeldBack[];
  held(): readonly HeldBack[];
  /** Teams that have a budget of their own, had a page in the last week or have something held back; by name. */
  burn(now: EpochMs): readonly Burn[];
  save(): PageBudgetState;
  restore(state: PageBudgetState): void;
}

const WEEK = 7 * DAY;
const MAX_REMEMBERED = 1_000;
/** The pace is measured over this long. */
const PACE = 2 * DAY;

export function createPageBudget(
  options: PageBudgetOptions = DEFAULT_BUDGET,
  stamp: DecisionStamp = { modelVersion: '', configHash: '' },
): PageBudget {
  let pages = new Map<string, EpochMs[]>();
  let held: HeldBack[] = [];
  /** When the next digest is due; 0 before the first look at the clock. */
  let digestAt = 0;
  /** What a digest told once is not told by the next, though it may still be open. */
  let digested: string[] = [];

  function used(team: string, now: EpochMs): EpochMs[] {
    const recent = (pages.get(team) ?? []).filter((at) => at > now - WEEK);
    if (recent.length === 0) pages.delete(team);
    else pages.set(team, recent);
    return recent;
  }
  const allowedTo = (team: string): number => options.teams[team] ?? options.pagesPerWeek;
  const teamOf = (incident: Incident, labels: Readonly<Record<string, string>>): string =>
    labels['team'] ?? labels['service'] ?? incident.services[0] ?? '';

  function hold(incident: Incident, team: string, at: EpochMs, reason: string): void {
    if (digested.includes(incident.id)) return;
    const before = held.findIndex((h) => h.incident === incident.id);
    const { id, title, severity } = incident;
    if (before < 0) held.push({ incident: id, team, at, reason, title, severity });
    else held[before] = { ...(held[before] as HeldBack), reason, title, severity };
  }

  function burnOf(team: string, now: EpochMs): Burn {
    const recent = used(team, now);
    const allowed = allowedTo(team);
    const left = Math.max(0, allowed - recent.length);
    const pace = recent.filter((at) => at > now - PACE).length / PACE;
    const projected = pace * WEEK;
    const days = Array.from({ length: 7 }, (_, i) => {
      const from = now - (7 - i) * DAY;
      return recent.filter((at) => at > from && at <= from + DAY).length;
    });
    return {
      team,
      allowed,
      used: recent.length,
      left,
      projected,
      burn: allowed > 0 ? projected / allowed : projected > 0 ? Number.MAX_SAFE_INTEGER : 0,
      spentAt: left === 0 ? now : projected > allowed ? now + left / pace : null,
      days,
      held: held.filter((h) => h.team === team).length,
    };
  }

  return {
    check(incident, labels, now) {
      const team = teamOf(incident, labels);
      const count = used(team, now).length;
      const allowed = allowedTo(team);
      const room = count < allowed;
      const exempt = options.exemptCritical && incident.severity === 'critical';
      const passed = room || exempt;
      const reason = room
        ? `page ${count + 1} of ${allowed} this week for ${team}`
        : passed
          ? `budget of ${team} is spent, but the incident is critical`
          : `budget of ${team} is spent; told in the next digest`;
      if (passed) {
        pages.set(team, [...used(team, now), now]);
        held = held.filter((h) => h.incident !== incident.id);
      } else hold(incident, team, now, `budget of ${team} is spent (${allowed} a week)`);
      const record = decisionRecord(stamp, {
        at: now,
        tenant: incident.tenant,
        service: incident.services[0] ?? '',
        subject: incident.id,
        stage: 'budget',
        outcome: passed ? 'passed' : 'suppressed',
        reason,
        value: count,
        limit: allowed,
      });
      return { passed, record };
    },
    hold: (incident, labels, now, reason) => hold(incident, teamOf(incident, labels), now, reason),
    left: (team, now) => Math.max(0, allowedTo(team) - used(team, now).length),
    digest(now) {
      if (options.nextDigest === null) return [];
      if (digestAt === 0) digestAt = options.nextDigest(now);
      if (now < digestAt) return [];
      digestAt = options.nextDigest(now);
      const due = held;
      held = [];
      digested = [...digested, ...due.map((h) => h.incident)].slice(-MAX_REMEMBERED);
      return due;
    },
    held: () => [...held],
    burn(now) {
      const teams = new Set([...Object.keys(options.teams), ...held.map((h) => h.team), ...pages.keys()]);
      return [...teams]
        .sort()
        .map((team) => burnOf(team, now))
        .filter((b) => b.used > 0 || b.held > 0 || options.teams[b.team] !== undefined);
    },
    save: () => ({
      version: 1,
      pages: [...pages].map(([team, at]) => [team, [...at]] as const).sort((a, b) => (a[0] < b[0] ? -1 : 1)),
      held: [...held],
      digestAt,
      ...(digested.length === 0 ? {} : { digested }),
    }),
    restore(state) {
      pages = new Map(state.pages.map(([team, at]) => [team, [...at]]));
      held = state.held.map((h) => ({
        reason: `budget of ${h.team} is spent`,
        title: `incident ${h.incident}`,
        severity: 'warning',
        ...h,
      }));
      digestAt = state.digestAt;
      digested = [...(state.digested ?? [])];
    },
  };
}
