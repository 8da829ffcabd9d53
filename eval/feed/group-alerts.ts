import { createIncidents } from '../../src/alert/group/group.ts';
import type { Anomaly, AnomalyKind, EdgeTick, Evidence, ServiceSignals } from '../../src/domain/anomaly.ts';
import { stableId } from '../../src/domain/identity.ts';
import { defaultsOf } from '../../src/domain/options.ts';
import { createEvidence } from '../../src/domain/signal/ticks.ts';
import { decideOptions } from '../../src/fuse/decide/decide-options.ts';
import { createDiagnosis } from '../../src/fuse/diagnose/diagnose.ts';
import type { FaultAlert, FaultCase, StreamAlert } from '../data/alerts.ts';

const TICK = 10_000;
const START = Date.UTC(2024, 0, 1);

interface Running {
  anomaly: Anomaly;
  last: number;
}

/**
 * The product's grouping over a stream of ready-made alerts: alerts of one host and name are one anomaly until they pause for as
 * long as the decision waits before it closes; `alert/group` makes incidents of them. Element i is the group of alert i.
 */
export function productGroups(alerts: readonly StreamAlert[]): Int32Array {
  const quiet = defaultsOf(decideOptions).closeAfter;
  const incidents = createIncidents({ diagnose: () => [], narrate: () => ({ title: '', summary: '' }) });
  const running = new Map<string, Running>();
  const anomalyOf: string[] = [];
  const group = new Map<string, string>();
  let next = 0;
  while (next < alerts.length) {
    const at = Math.floor(alerts[next]!.at / TICK) * TICK + TICK;
    const changed = new Map<string, Anomaly>();
    for (const [key, entry] of running) {
      if (at - entry.last < quiet) continue;
      running.delete(key);
      changed.set(entry.anomaly.id, { ...entry.anomaly, closedAt: entry.last + quiet, updatedAt: at });
    }
    // What has closed is over before what comes now begins.
    if (changed.size > 0) incidents.apply({ at, anomalies: [...changed.values()], edges: [], deploys: [] });
    changed.clear();
    for (; next < alerts.length && alerts[next]!.at < at; next++) {
      const alert = alerts[next]!;
      const key = `${alert.host}\n${alert.name}`;
      let entry = running.get(key);
      if (entry === undefined) {
        entry = { anomaly: opened(alert, at), last: alert.at };
        running.set(key, entry);
        changed.set(entry.anomaly.id, entry.anomaly);
      }
      entry.last = alert.at;
      anomalyOf.push(entry.anomaly.id);
    }
    const result = incidents.apply({ at, anomalies: [...changed.values()], edges: [], deploys: [] });
    for (const incident of result.incidents)
      for (const { id } of incident.anomalies) if (!group.has(id)) group.set(id, incident.id);
  }
  const numbers = new Map<string, number>();
  return Int32Array.from(anomalyOf, (id) => {
    const name = group.get(id) ?? id;
    const number = numbers.get(name) ?? numbers.size;
    numbers.set(name, number);
    return number;
  });
}

function opened(alert: StreamAlert, at: number): Anomaly {
  const evidence = createEvidence({
    service: alert.host,
    modality: 'log',
    metric: 'log.alert',
    kind: 'new-pattern',
    subject: alert.name,
    at: alert.at,
    p: 1e-5,
    value: 1,
    text: alert.name,
  });
  return {
    id: stableId(alert.host, alert.name, alert.at),
    tenant: 'default',
    service: alert.host,
    class: 'point',
    kind: 'new-pattern',
    openedAt: at,
    onset: alert.at,
    updatedAt: at,
    closedAt: null,
    p: 1e-5,
    score: 0.8,
    confidence: 0.8,
    evidence: [evidence],
    contributions: [],
    text: `${alert.host}: ${alert.name}`,
  };
}

/** Trivial groupings, for comparison. */
export const GROUP_BASELINES: Readonly<Record<string, (alert: StreamAlert, i: number) => string>> = {
  'one group an alert': (_, i) => String(i),
  'one group a host': ({ host }) => host,
  'one group a window of 5 min': ({ at }) => String(Math.floor(at / 300_000)),
  'host and window of 5 min': ({ at, host }) => `${host} ${Math.floor(at / 300_000)}`,
};

/** Entities of a fault, the likeliest root first. */
export type RootRanker = (fault: FaultCase) => readonly string[];

/** The product's cause ranking over the alerts as evidence, each equally strange: how strange it was the sets do not say. */
export const productRoots: RootRanker = (fault) => {
  const diagnosis = createDiagnosis();
  const times = fault.alerts.map(({ at }) => at).filter(Number.isFinite);
  const onset = times.length === 0 ? START : Math.min(...times);
  const end = onset + 5 * 60_000;
  // The sets say who called whom and that it was slow or failed, not by how much: the graph is given, without figures.
  const edges = fault.edges.map(
    ([caller, callee]): EdgeTick => ({
      caller,
      callee,
      calls: 100,
      errors: 0,
      serverMs: 10,
      gapMs: 1,
      gapSurprise: 0,
      serverSurprise: 0,
      errorSurprise: 0,
    }),
  );
  for (let at = onset - 15 * 60_000; at <= end; at += 60_000) diagnosis.edges(at, edges);
  const byEntity = new Map<string, Evidence[]>();
  for (const alert of fault.alerts) {
    if (alert.entity === '-1') continue;
    byEntity.set(alert.entity, [...(byEntity.get(alert.entity) ?? []), evidenceOf(alert, onset)]);
  }
  const suspects: ServiceSignals[] = [...byEntity].map(([service, evidence]) => ({ service, evidence }));
  return diagnosis.rank({ at: end, onset, anomalies: [], suspects, deploys: [] }).map(({ service }) => service);
};

const KINDS: Readonly<Record<string, AnomalyKind>> = { up: 'spike', down: 'dip', PD: 'latency' };

function evidenceOf(alert: FaultAlert, onset: number): Evidence {
  const at = Number.isFinite(alert.at) ? alert.at : onset;
  const kind = alert.modality === 'log' ? 'new-pattern' : (KINDS[alert.sign] ?? 'errors');
  return createEvidence({
    series: stableId(alert.entity, alert.name, alert.sign, alert.caller),
    service: alert.entity,
    modality: alert.modality,
    metric: alert.name,
    kind,
    at,
    onset: at,
    p: 1e-4,
    value: Number.NaN,
    text: alert.name,
    ...(alert.modality === 'metric' ? {} : { subject: alert.name }),
  });
}

/** Who has the most alerts. */
export const mostAlerts: RootRanker = ({ alerts }) => {
  const count = new Map<string, number>();
  for (const { entity } of alerts) if (entity !== '-1') count.set(entity, (count.get(entity) ?? 0) + 1);
  return [...count].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([entity]) => entity);
};

/** Who has the most different alerts: a storm of one operation counts once. */
export const mostKinds: RootRanker = ({ alerts }) => {
  const kinds = new Map<string, Set<string>>();
  for (const { entity, modality, name, sign } of alerts) {
    if (entity === '-1') continue;
    const set = kinds.get(entity) ?? new Set<string>();
    kinds.set(entity, set.add(`${modality} ${name} ${sign}`));
  }
  return [...kinds].sort((a, b) => b[1].size - a[1].size || (a[0] < b[0] ? -1 : 1)).map(([entity]) => entity);
};
