import type { Fault, Range } from '../data/multimodal.ts';

/** One incident as the harness saw it; times are those of the data set. */
export interface SeenIncident {
  readonly id: string;
  readonly openedAt: number;
  /** Suspected services, the likeliest first, when first seen. */
  readonly atOpening: readonly string[];
  /** The same 180 s of event time after the opening. */
  readonly later: readonly string[];
}

export interface FaultOutcome {
  readonly fault: Fault;
  /** Incidents opened in the fault's window, the earliest first. */
  readonly incidents: readonly SeenIncident[];
}

export interface FaultScore {
  readonly outcomes: readonly FaultOutcome[];
  readonly found: number;
  /** Faults whose incident opened before the injection: luck, or an artefact of the recording, not detection. */
  readonly foundEarly: number;
  readonly precision: number;
  /** ms from injection to opening, NaN when none was found; openings before the injection count as 0. */
  readonly medianDelay: number;
  readonly incidentsPerFound: number;
  readonly falsePerQuietDay: number;
  /** Incidents in faulty ranges that belong to no fault. */
  readonly stray: readonly SeenIncident[];
  readonly quietIncidents: readonly SeenIncident[];
  /** AC@1, 3, 5 of the injected service. */
  readonly openingAll: readonly number[];
  readonly openingFound: readonly number[];
  readonly laterAll: readonly number[];
  readonly laterFound: readonly number[];
}

const BEFORE = 60_000;
const AFTER = 300_000;
const GUARD = 30_000;
const RANKS = [1, 3, 5] as const;

/**
 * Match window M = [inject - 60 s, inject + 300 s (or the known end)], cut 30 s before the next injection. An incident counts for at most one
 * fault; a fault that was only merged into an older incident is missed. Precision is over all incidents opened in faulty
 * or quiet ranges; what opens elsewhere (unlabelled hours) is not counted.
 */
export function scoreFaults(
  faults: readonly Fault[],
  incidents: readonly SeenIncident[],
  faulty: readonly Range[],
  quiet: readonly Range[],
  quietDays: number,
): FaultScore {
  const sorted = [...incidents].sort((a, b) => a.openedAt - b.openedAt || (a.id < b.id ? -1 : 1));
  const used = new Set<SeenIncident>();
  const outcomes = faults.map((fault, i) => {
    const next = faults[i + 1];
    const from = fault.at - BEFORE;
    const to = Math.min(
      fault.until ?? fault.at + AFTER,
      next === undefined ? Number.POSITIVE_INFINITY : next.at - GUARD,
    );
    const own = sorted.filter(
      (incident) => !used.has(incident) && incident.openedAt >= from && incident.openedAt <= to,
    );
    for (const incident of own) used.add(incident);
    return { fault, incidents: own };
  });
  const inside = (ranges: readonly Range[]): SeenIncident[] =>
    sorted.filter((x) => !used.has(x) && ranges.some(([a, b]) => x.openedAt >= a && x.openedAt < b));
  const quietIncidents = inside(quiet);
  const stray = inside(faulty);
  const found = outcomes.filter((o) => o.incidents.length > 0);
  const delays = found.map((o) => Math.max(0, o.incidents[0]!.openedAt - o.fault.at)).sort((a, b) => a - b);
  const hits = (ranking: (incident: SeenIncident) => readonly string[], over: number): number[] =>
    RANKS.map((k) =>
      over === 0
        ? 0
        : found.filter((o) => ranking(o.incidents[0]!).slice(0, k).includes(o.fault.service)).length / over,
    );
  const opening = (x: SeenIncident): readonly string[] => x.atOpening;
  const later = (x: SeenIncident): readonly string[] => x.later;
  const raised = used.size + stray.length + quietIncidents.length;
  return {
    outcomes,
    found: found.length,
    foundEarly: found.filter((o) => o.incidents[0]!.openedAt < o.fault.at).length,
    precision: raised === 0 ? 0 : used.size / raised,
    medianDelay: delays.length === 0 ? Number.NaN : delays[delays.length >> 1]!,
    incidentsPerFound: found.length === 0 ? Number.NaN : used.size / found.length,
    falsePerQuietDay: quietDays === 0 ? Number.NaN : quietIncidents.length / quietDays,
    stray,
    quietIncidents,
    openingAll: hits(opening, faults.length),
    openingFound: hits(opening, found.length),
    laterAll: hits(later, faults.length),
    laterFound: hits(later, found.length),
  };
}
