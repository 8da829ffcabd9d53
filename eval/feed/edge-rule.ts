import type { TracePeriod } from '../data/tracerca.ts';
import type { SeenIncident } from '../scorers/faults.ts';

/** An invocation is strange when it fails or takes this many robust deviations of log latency longer than usual. */
const LIMIT = 6;
const WARM_UP = 50;
/** A period is reported when this share of its invocations is strange. */
const SHARE = 0.01;

/**
 * Baseline: per edge an exponentially weighted level and scale of log latency. One incident a period, at the trace that makes
 * the strange share reach 1 %; services ranked by how many strange calls went to them, for each call made.
 */
export function edgeRuleIncidents(periods: readonly TracePeriod[]): SeenIncident[] {
  const edges = new Map<string, { level: number; scale: number; seen: number }>();
  const incidents: SeenIncident[] = [];
  for (const period of periods) {
    const strange = new Map<string, number>();
    const calls = new Map<string, number>();
    let strangeCalls = 0;
    let total = 0;
    let opened: { at: number; ranking: string[] } | null = null;
    const ranking = (): string[] =>
      [...strange]
        .map(([service, n]) => ({ service, rate: n / Math.sqrt(calls.get(service)!) }))
        .sort((a, b) => b.rate - a.rate)
        .map((x) => x.service);
    for (const trace of period.traces) {
      for (const [source, target, , latency, status] of trace.invocations) {
        const key = `${source} ${target}`;
        let edge = edges.get(key);
        const x = Math.log(Math.max(1, latency));
        if (edge === undefined) {
          edge = { level: x, scale: 0.3, seen: 0 };
          edges.set(key, edge);
        }
        const distance = x - edge.level;
        const odd = status === 0 || status >= 500 || (edge.seen >= WARM_UP && distance > LIMIT * edge.scale);
        const clipped = Math.max(-3 * edge.scale, Math.min(3 * edge.scale, distance));
        const rate = Math.max(0.005, 1 / (edge.seen + 1));
        edge.level += rate * clipped;
        edge.scale += rate * (1.25 * Math.abs(clipped) - edge.scale);
        edge.scale = Math.max(edge.scale, 0.05);
        edge.seen++;
        total++;
        calls.set(target, (calls.get(target) ?? 0) + 1);
        if (odd) {
          strangeCalls++;
          strange.set(target, (strange.get(target) ?? 0) + 1);
        }
      }
      if (opened === null && total >= 500 && strangeCalls > SHARE * total)
        opened = { at: trace.at, ranking: ranking() };
    }
    if (opened !== null)
      incidents.push({ id: period.name, openedAt: opened.at, atOpening: opened.ranking, later: ranking() });
  }
  return incidents;
}
