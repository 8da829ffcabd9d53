import type { Anomaly, Contribution, Evidence } from '../../domain/anomaly.ts';
import type { Severity, TimelineEntry } from '../../domain/incident.ts';
import type { DeployMarker } from '../../domain/signal/batch.ts';
import { type EpochMs, MINUTE } from '../../domain/units.ts';
import type { CallGraph } from './relate.ts';

/** The computed fields of an incident: pure functions of its anomalies. */

const MAX_EVIDENCE = 64;
const MAX_CONTRIBUTIONS = 5;
const MAX_TIMELINE = 100;
const KEPT_FIRST = 10;
const MAX_TRACES = 16;

const surpriseOf = (p: number): number => -Math.log10(Math.max(p, 1e-6));
const idOf = (e: Evidence): string => `${e.service} ${e.series} ${e.subject ?? ''}`;

/** The strongest first, one entry a series, at most 64. */
export function evidenceOf(anomalies: readonly Anomaly[]): Evidence[] {
  const best = new Map<string, Evidence>();
  for (const anomaly of anomalies) {
    for (const e of anomaly.evidence) {
      const before = best.get(idOf(e));
      if (before === undefined || e.p < before.p) best.set(idOf(e), e);
    }
  }
  return [...best.values()].sort((a, b) => a.p - b.p || (idOf(a) < idOf(b) ? -1 : 1)).slice(0, MAX_EVIDENCE);
}

/** One line for the same measure of all pods, operations and percentiles: "response time", "CPU", "log lines". */
const familyOf = (e: Evidence): string => {
  const name = (e.name ?? e.metric).replace(/ (of|for) .*$/, '');
  return /^(p\d{2,3}|mean time|own time p99|time)$/.test(name) ? 'response time' : name;
};

/** Share of each signal in the story; sums to 1. */
export function contributionsOf(evidence: readonly Evidence[], anomalies: readonly Anomaly[]): Contribution[] {
  const weight = new Map<string, number>();
  for (const e of evidence) {
    const name = `${e.service}: ${familyOf(e)}`;
    weight.set(name, (weight.get(name) ?? 0) + surpriseOf(e.p));
  }
  if (weight.size === 0) for (const a of anomalies) weight.set(a.service, 1 + surpriseOf(a.p));
  const total = [...weight.values()].reduce((sum, w) => sum + w, 0);
  if (!(total > 0)) return [];
  const sorted = [...weight].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const out = sorted.slice(0, MAX_CONTRIBUTIONS).map(([name, w]) => ({ name, share: w / total }));
  const rest = sorted.slice(MAX_CONTRIBUTIONS).reduce((sum, [, w]) => sum + w, 0);
  if (rest > 0) out.push({ name: 'others', share: rest / total });
  return out;
}

export function traceIdsOf(evidence: readonly Evidence[]): string[] {
  return [...new Set(evidence.flatMap((e) => (e.traceId === undefined ? [] : [e.traceId])))].slice(0, MAX_TRACES);
}

/** More services agreeing make it likelier that a person would call it real; they are dependent, so only a little. */
export function confidenceOf(anomalies: readonly Anomaly[]): number {
  const services = new Set(anomalies.map((a) => a.service)).size;
  const best = anomalies.reduce((c, a) => Math.max(c, a.confidence), 0);
  return Math.min(0.99, 1 - (1 - best) * 0.8 ** Math.min(5, services - 1));
}

/**
 * Critical: surely real, and it reaches users (a service that nobody else calls fails or is silent) or spreads over
 * three services. Warning: more likely real than not. Never lowered while the incident is open.
 */
export function severityOf(anomalies: readonly Anomaly[], confidence: number, graph: CallGraph): Severity {
  const services = new Set(anomalies.map((a) => a.service));
  const entry = [...services].some((s) => graph.calls.has(s) && !graph.calledBy.has(s));
  if (confidence >= 0.8 && (services.size >= 3 || entry)) return 'critical';
  return confidence >= 0.5 ? 'warning' : 'info';
}

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };
/** What matters little to its owners is on the page only; what matters much is a step more severe. */
export const weighted = (severity: Severity, importance: 'low' | 'normal' | 'high'): Severity =>
  importance === 'normal' ? severity : importance === 'low' ? 'info' : severity === 'info' ? 'warning' : 'critical';
export const worse = (a: Severity, b: Severity): Severity => (RANK[a] >= RANK[b] ? a : b);

/** Deploys of the services concerned in the half hour before the onset, and since. */
export function deploysOf(
  deploys: readonly DeployMarker[],
  services: ReadonlySet<string>,
  onset: EpochMs,
  end: EpochMs,
): DeployMarker[] {
  return deploys
    .filter((d) => services.has(d.service) && d.at >= onset - 30 * MINUTE && d.at <= end)
    .toSorted((a, b) => a.at - b.at || (a.service < b.service ? -1 : 1))
    .slice(-20);
}

/** Keeps the beginning of the story and its latest turns. */
export function boundedTimeline(timeline: readonly TimelineEntry[]): TimelineEntry[] {
  if (timeline.length <= MAX_TIMELINE) return [...timeline];
  return [...timeline.slice(0, KEPT_FIRST), ...timeline.slice(timeline.length - (MAX_TIMELINE - KEPT_FIRST))];
}

/** In a storm, each anomaly keeps only its strongest evidence here; the incident's own list stays whole, and so do the services. */
export function trimmed(anomalies: readonly Anomaly[]): Anomaly[] {
  if (anomalies.length <= 16) return [...anomalies];
  const kept = anomalies.length <= 128 ? 3 : 1;
  return anomalies.map((a) => (a.evidence.length <= kept ? a : { ...a, evidence: a.evidence.slice(0, kept) }));
}
