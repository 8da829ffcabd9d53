import type { Anomaly } from '../../domain/anomaly.ts';
import type { Incident } from '../../domain/incident.ts';
import type { DeployMarker } from '../../domain/signal/batch.ts';
import { type EpochMs, HOUR, MINUTE } from '../../domain/units.ts';
import type { GroupOptions } from './group-options.ts';
import {
  type CallGraph,
  calls,
  carries,
  distance,
  fingerprintOf,
  jaccard,
  knows,
  meet,
  resourcesOf,
  sameDeploy,
  templatesOf,
} from './relate.ts';

/** Where new anomalies go: an open incident, a closed one to reopen, or (null) a new one. */
export interface Placement {
  readonly incident: string;
  readonly reopen: boolean;
  readonly reason: string;
}

interface Relation {
  /** Smaller is closer. */
  readonly cost: number;
  readonly reason: string;
}

/** Same trouble again: at least this share of the signals in common. */
const SAME_TROUBLE = 0.3;
/** A member counts as still strange this long after it was last seen so. */
const STILL_STRANGE = 90_000;

/** How two anomalies belong to one story, by time first and then by what connects them; null when they do not. */
function related(
  a: Anomaly,
  b: Anomaly,
  story: ReadonlySet<string>,
  graph: CallGraph,
  deploys: readonly DeployMarker[],
  options: GroupOptions,
): Relation | null {
  if (a.tenant !== b.tenant) return null;
  const apart = Math.abs(a.onset - b.onset);
  if (apart > options.onsetWindow) return null;
  const found = (closeness: number, reason: string): Relation => ({
    cost: closeness + apart / options.onsetWindow,
    reason: `${reason}, onsets ${Math.round(apart / 1000)} s apart`,
  });
  const steps = distance(graph, a.service, b.service);
  if (steps === 0) return found(0, 'same service');
  if (steps === 1) return found(0.5, `${a.service} and ${b.service} call each other`);
  if (steps === 2 && (apart <= 2 * options.momentWindow || carries(graph, a.service, b.service, story))) {
    return found(1, `${a.service} and ${b.service} are two calls apart`);
  }
  if (sameDeploy(deploys, a.service, b.service, Math.min(a.onset, b.onset))) return found(1, 'deployed together');
  const resource = meet(resourcesOf(a.evidence), resourcesOf(b.evidence));
  if (resource !== null) return found(1, `both on ${resource}`);
  const template = meet(templatesOf(a.evidence), templatesOf(b.evidence));
  if (template !== null) return found(1, 'both log the same line');
  return null;
}

/**
 * Nothing connects them but time: then only with the first sign of the story, since a chain of moments would lead anywhere.
 */
function sameMoment(a: Anomaly, b: Anomaly, first: EpochMs, graph: CallGraph, options: GroupOptions): Relation | null {
  if (a.tenant !== b.tenant) return null;
  const apart = Math.max(Math.abs(a.onset - b.onset), Math.abs(a.onset - first));
  const found = (reason: string): Relation => ({
    cost: 2 + apart / options.onsetWindow,
    reason: `${reason}, onsets ${Math.round(apart / 1000)} s apart`,
  });
  const known = knows(graph, a.service) && knows(graph, b.service);
  if (!known && apart <= 2 * options.momentWindow) return found('same moment, calls between them unknown');
  return apart <= options.momentWindow ? found('same moment') : null;
}

/** Splits new anomalies into stories: connected through `related`. Each story is ordered by onset. */
export function clusters(
  fresh: readonly Anomaly[],
  graph: CallGraph,
  deploys: readonly DeployMarker[],
  options: GroupOptions,
): Anomaly[][] {
  const left = fresh.toSorted((a, b) => a.onset - b.onset || a.p - b.p || (a.service < b.service ? -1 : 1));
  const story = new Set(left.map((a) => a.service));
  const out: Anomaly[][] = [];
  while (left.length > 0) {
    const cluster = left.splice(0, 1);
    for (let i = 0; i < cluster.length; i += 1) {
      const member = cluster[i] as Anomaly;
      for (let j = left.length - 1; j >= 0; j -= 1) {
        const other = left[j] as Anomaly;
        const first = cluster[0] as Anomaly;
        if (
          (related(member, other, story, graph, deploys, options) ??
            sameMoment(other, member, first.onset, graph, options)) !== null
        )
          cluster.push(...left.splice(j, 1));
      }
    }
    out.push(cluster.sort((a, b) => a.onset - b.onset || a.p - b.p || (a.service < b.service ? -1 : 1)));
  }
  return out;
}

/**
 * Finds the incident that a story belongs to. A regular relation of one member brings all along. Otherwise only a story
 * that is nothing but old trouble (each member came back, or is a late victim) joins or reopens: a new fault that also
 * hits a service of yesterday's story must stay a new incident.
 */
export function place(
  cluster: readonly Anomaly[],
  held: readonly Incident[],
  graph: CallGraph,
  deploys: readonly DeployMarker[],
  at: EpochMs,
  options: GroupOptions,
): Placement | null {
  let best: (Relation & { incident: string }) | null = null;
  for (const incident of held) {
    if (incident.status !== 'open') continue;
    for (const anomaly of cluster) {
      const relation = joins(anomaly, incident, graph, deploys, options);
      if (relation !== null && (best === null || relation.cost < best.cost))
        best = { ...relation, incident: incident.id };
    }
  }
  if (best !== null) return { incident: best.incident, reopen: false, reason: best.reason };
  for (const incident of held.toReversed()) {
    if (incident.status !== 'open') continue;
    const reasons = cluster.map((a) => returns(a, incident, options) ?? lateVictim(a, incident, graph, at));
    if (reasons.every((r) => r !== null)) return { incident: incident.id, reopen: false, reason: reasons[0] ?? '' };
  }
  for (const incident of held.toReversed()) {
    if (incident.status !== 'closed') continue;
    const reasons = cluster.map((a) => reopens(a, incident, held, options));
    if (reasons.every((r) => r !== null)) return { incident: incident.id, reopen: true, reason: reasons[0] ?? '' };
  }
  return null;
}

function joins(
  a: Anomaly,
  incident: Incident,
  graph: CallGraph,
  deploys: readonly DeployMarker[],
  options: GroupOptions,
): Relation | null {
  if (a.tenant !== incident.tenant || a.onset - incident.onset > options.storyWindow) return null;
  const story = new Set(incident.services);
  let best: Relation | null = null;
  for (const member of incident.anomalies) {
    const relation =
      related(a, member, story, graph, deploys, options) ?? sameMoment(a, member, incident.onset, graph, options);
    if (relation !== null && (best === null || relation.cost < best.cost)) best = relation;
  }
  return best;
}

/** A service of this open incident that had recovered and shows the same trouble at once again. */
function returns(a: Anomaly, incident: Incident, options: GroupOptions): string | null {
  const again = incident.anomalies.some(
    (m) =>
      m.tenant === a.tenant &&
      m.service === a.service &&
      m.closedAt !== null &&
      a.onset - m.closedAt <= options.reopenQuiet &&
      jaccard(fingerprintOf(a), fingerprintOf(m)) >= SAME_TROUBLE,
  );
  return again ? `${a.service} relapsed` : null;
}

/** A caller of a service that is still anomalous: damage that took its time. */
function lateVictim(a: Anomaly, incident: Incident, graph: CallGraph, at: EpochMs): string | null {
  if (a.tenant !== incident.tenant || at - incident.onset > HOUR) return null;
  const culprit = incident.anomalies.find(
    (m) => m.closedAt === null && at - m.updatedAt <= STILL_STRANGE + MINUTE && calls(graph, a.service, m.service),
  );
  return culprit === undefined ? null : `${a.service} calls ${culprit.service}, which is still anomalous`;
}

function reopens(a: Anomaly, incident: Incident, held: readonly Incident[], options: GroupOptions): string | null {
  const { closedAt } = incident;
  if (a.tenant !== incident.tenant || closedAt === null || a.onset - closedAt > options.reopenWindow) return null;
  if (!sameTrouble(a, incident)) return null;
  if (a.onset - closedAt <= options.reopenQuiet) return 'the same trouble came back at once';
  const earlier = held.filter(
    (i) => i.closedAt !== null && a.onset - i.closedAt <= 2 * options.reopenWindow && sameTrouble(a, i),
  );
  // One reopening may be a mere relapse of the same outage; from the second on it is flapping.
  const times = earlier.reduce((sum, i) => sum + Math.max(1, i.reopenedCount), 0);
  return times >= options.flapCount ? `the same trouble keeps coming back (${times} times before)` : null;
}

function sameTrouble(a: Anomaly, incident: Incident): boolean {
  const print = fingerprintOf(a);
  return incident.anomalies.some((m) => m.service === a.service && jaccard(print, fingerprintOf(m)) >= SAME_TROUBLE);
}
