import type { MultimodalSet } from '../data/multimodal.ts';
import { seededRandom } from '../scorers/bootstrap.ts';
import type { SeenIncident } from '../scorers/faults.ts';

const MINUTE = 60_000;
const REOPEN_AFTER = 10 * MINUTE;

/** An incident every quarter of an hour while data flow, naming services at random: what the match windows give for nothing. */
export function blindIncidents(set: MultimodalSet): SeenIncident[] {
  const random = seededRandom(17);
  const services = [...new Set(set.gauges.map((g) => g.sender.service))].sort();
  const minutes = [...new Set(set.gauges.map((g) => Math.floor(g.at / MINUTE)))].sort((a, b) => a - b);
  return minutes
    .filter((minute) => minute % 15 === 0)
    .map((minute) => {
      const order = services.map((service) => ({ service, key: random() })).sort((a, b) => a.key - b.key);
      const ranking = order.map((entry) => entry.service);
      return { id: `blind-${minute}`, openedAt: minute * MINUTE, atOpening: ranking, later: ranking };
    });
}

/**
 * Metrics only: distance from an EWMA(20) over the slow root mean square of that distance, per gauge; an incident opens in
 * the minute in which some service reaches `limit` after ten quiet minutes; services are ranked by their largest distance.
 */
export function ewmaIncidents(set: MultimodalSet, limit: number): SeenIncident[] {
  const state = new Map<string, { level: number; square: number; seen: number }>();
  const byMinute = new Map<number, Map<string, number>>();
  const sorted = [...set.gauges].sort((a, b) => a.at - b.at);
  for (const g of sorted) {
    const key = `${g.sender.service}/${g.sender.host}/${g.metric}/${Object.values(g.labels).join()}`;
    let s = state.get(key);
    if (s === undefined) {
      s = { level: g.value, square: 0, seen: 0 };
      state.set(key, s);
    }
    const e = g.value - s.level;
    const distance = s.seen < 60 || s.square === 0 ? 0 : Math.abs(e) / Math.sqrt(s.square);
    s.level += (2 / 21) * e;
    s.seen++;
    s.square += Math.max(1 / 1000, 1 / s.seen) * (e * e - s.square);
    const minute = Math.floor(g.at / MINUTE);
    let services = byMinute.get(minute);
    if (services === undefined) {
      services = new Map();
      byMinute.set(minute, services);
    }
    services.set(g.sender.service, Math.max(distance, services.get(g.sender.service) ?? 0));
  }
  const incidents: SeenIncident[] = [];
  let lastStrange = Number.NEGATIVE_INFINITY;
  for (const [minute, services] of byMinute) {
    const ranked = [...services].sort((a, b) => b[1] - a[1]);
    if ((ranked[0]?.[1] ?? 0) < limit) continue;
    // The minute's samples are all in when it ends.
    const at = (minute + 1) * MINUTE;
    if (at - lastStrange > REOPEN_AFTER) {
      const ranking = ranked.map(([service]) => service);
      incidents.push({ id: `ewma-${minute}`, openedAt: at, atOpening: ranking, later: ranking });
    }
    lastStrange = at;
  }
  return incidents;
}
