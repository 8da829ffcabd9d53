import type {
  BacktestIncident,
  BacktestPair,
  BacktestTotals,
  Comparison,
  PairOutcome,
} from '../../domain/replay/backtest.ts';
import type { EpochMs } from '../../domain/units.ts';
import type { VerdictKind } from '../../domain/verdict.ts';

/** An incident as the control store has it, as far as it is compared. */
export interface StoredIncident {
  readonly id: string;
  readonly openedAt: EpochMs;
  readonly updatedAt: EpochMs;
  readonly closedAt: EpochMs | null;
  readonly severity: string;
  readonly score: number;
  readonly confidence: number;
  readonly services: readonly string[];
  readonly title: string;
  readonly cause: string | null;
  readonly verdict: VerdictKind | null;
}

const MAX_PAIRS = 2_000;
/** Two incidents that share services and lie this close in time are the same story under other ids. */
const NEAR = 10 * 60_000;

/** Brings the incidents of both sides together: by id, then by services and time. In order of opening. */
export function pairUp(
  before: readonly BacktestIncident[],
  after: readonly BacktestIncident[],
  verdicts: ReadonlyMap<string, VerdictKind>,
): BacktestPair[] {
  const left = new Map(after.map((incident) => [incident.id, incident]));
  const pairs: BacktestPair[] = [];
  const unmatched: BacktestIncident[] = [];
  for (const incident of before) {
    const same = left.get(incident.id);
    if (same === undefined) unmatched.push(incident);
    else {
      left.delete(incident.id);
      pairs.push(pairOf(incident, same, verdicts));
    }
  }
  for (const incident of unmatched) {
    const nearest = [...left.values()]
      .filter((candidate) => sameStory(incident, candidate))
      .sort((a, b) => Math.abs(a.openedAt - incident.openedAt) - Math.abs(b.openedAt - incident.openedAt))[0];
    if (nearest !== undefined) left.delete(nearest.id);
    pairs.push(pairOf(incident, nearest ?? null, verdicts));
  }
  for (const incident of left.values()) pairs.push(pairOf(null, incident, verdicts));
  return pairs.sort(
    (a, b) => openedAt(a) - openedAt(b) || ((a.before ?? a.after)!.id < (b.before ?? b.after)!.id ? -1 : 1),
  );
}

const openedAt = ({ before, after }: BacktestPair): number => (before ?? after)!.openedAt;

function sameStory(a: BacktestIncident, b: BacktestIncident): boolean {
  const apart = Math.max(
    a.openedAt - (b.closedAt ?? Number.POSITIVE_INFINITY),
    b.openedAt - (a.closedAt ?? Number.POSITIVE_INFINITY),
  );
  return apart <= NEAR && a.services.some((service) => b.services.includes(service));
}

function pairOf(
  before: BacktestIncident | null,
  after: BacktestIncident | null,
  verdicts: ReadonlyMap<string, VerdictKind>,
): BacktestPair {
  const verdict = before === null ? null : (verdicts.get(before.id) ?? null);
  const differences = before === null || after === null ? [] : differencesOf(before, after);
  return { outcome: outcomeOf(before, after, differences.length), verdict, before, after, differences };
}

function outcomeOf(before: BacktestIncident | null, after: BacktestIncident | null, differences: number): PairOutcome {
  if (before === null) return 'added';
  if (after === null) return 'lost';
  if (before.notifications.length > 0 && after.notifications.length === 0) return 'muted';
  return differences === 0 ? 'same' : 'changed';
}

const time = (at: EpochMs | null): string => (at === null ? 'open' : new Date(at).toISOString());
const FIELDS: Readonly<Record<string, (incident: BacktestIncident) => string>> = {
  opened: ({ openedAt: at }) => time(at),
  closed: ({ closedAt }) => time(closedAt),
  severity: ({ severity }) => severity,
  services: ({ services }) => services.join(', '),
  score: ({ score }) => String(score),
  confidence: ({ confidence }) => String(confidence),
  cause: ({ cause }) => cause ?? 'unknown',
  notifications: ({ notifications }) =>
    notifications.map(({ at, receiver, reason }) => `${time(at)} ${reason} ${receiver}`).join(', ') || 'none',
  'held back': ({ heldBy }) => heldBy ?? 'no',
};

export function differencesOf(before: BacktestIncident, after: BacktestIncident): BacktestPair['differences'] {
  return Object.entries(FIELDS).flatMap(([field, text]) => {
    const pair = { field, before: text(before), after: text(after) };
    return pair.before === pair.after ? [] : [pair];
  });
}

export function totalsOf(incidents: readonly BacktestIncident[]): BacktestTotals {
  const of = (severity: string): number => incidents.filter((incident) => incident.severity === severity).length;
  return {
    incidents: incidents.length,
    notifications: incidents.reduce((sum, { notifications }) => sum + notifications.length, 0),
    critical: of('critical'),
    warning: of('warning'),
    info: of('info'),
  };
}

/** Of the incidents with a verdict, those that people would still hear of as before, and those that they would not. */
export function labelledOf(pairs: readonly BacktestPair[]): Comparison['labelled'] {
  const kept: Partial<Record<VerdictKind, number>> = {};
  const lost: Partial<Record<VerdictKind, number>> = {};
  for (const { outcome, verdict } of pairs) {
    if (verdict === null) continue;
    const side = outcome === 'lost' || outcome === 'muted' ? lost : kept;
    side[verdict] = (side[verdict] ?? 0) + 1;
  }
  return { kept, lost };
}

export const shown = (pairs: readonly BacktestPair[]): readonly BacktestPair[] => pairs.slice(0, MAX_PAIRS);

/** How a stored incident differs from the same one computed again; null when it does not. What came after `to` is left out. */
export function unlike(stored: StoredIncident, again: BacktestIncident | undefined, to: EpochMs): string | null {
  const name = `${stored.id} (${stored.services.join(', ')})`;
  if (again === undefined) return `${name}: not found again`;
  if (stored.openedAt !== again.openedAt)
    return `${name}: opened ${time(again.openedAt)}, not ${time(stored.openedAt)}`;
  if (stored.updatedAt > to) return null;
  for (const field of ['closedAt', 'severity', 'score', 'confidence', 'title', 'cause'] as const)
    if (stored[field] !== again[field]) return `${name}: ${field} ${again[field]}, not ${stored[field]}`;
  return stored.services.join() === again.services.join() ? null : `${name}: services ${again.services.join(', ')}`;
}
