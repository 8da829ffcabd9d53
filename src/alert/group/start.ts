import type { Anomaly } from '../../domain/anomaly.ts';
import { stableId } from '../../domain/identity.ts';
import type { Incident, TimelineEntry, TimelineKind } from '../../domain/incident.ts';
import type { EpochMs } from '../../domain/units.ts';

/** How an incident begins, and the words of its timeline. */

export const entry = (at: EpochMs, kind: TimelineKind, text: string): TimelineEntry => ({ at, kind, text });
/** "checkout is slow since 14:03 UTC": the figures stand with the evidence. */
export const headOf = (anomaly: Anomaly): string =>
  /^(.+?): /.exec(anomaly.text)?.[1] ?? (anomaly.text || anomaly.service);
export const servicesOf = (anomalies: readonly Anomaly[]): string[] => [
  ...new Set(anomalies.toSorted((a, b) => a.onset - b.onset || (a.service < b.service ? -1 : 1)).map((a) => a.service)),
];

/** @param teamOf the team of the service that was strange first. */
export function started(cluster: readonly Anomaly[], teamOf?: (tenant: string, service: string) => string): Incident {
  const first = cluster[0] as Anomaly;
  const onset = Math.min(...cluster.map((a) => a.onset));
  const team = teamOf?.(first.tenant, first.service) ?? '';
  return {
    id: stableId('incident', first.tenant, first.id),
    tenant: first.tenant,
    version: 0,
    status: 'open',
    severity: 'info',
    confidence: 0,
    score: 0,
    title: '',
    summary: '',
    onset,
    openedAt: first.openedAt,
    updatedAt: first.openedAt,
    closedAt: null,
    reopenedCount: 0,
    services: [],
    anomalies: cluster,
    causes: [],
    evidence: [],
    contributions: [],
    deploys: [],
    traceIds: [],
    timeline: [
      entry(onset, 'onset', `first sign in ${(cluster.find((a) => a.onset === onset) ?? first).service}`),
      entry(first.openedAt, 'opened', headOf(first)),
      ...cluster.slice(1).map((a) => entry(a.openedAt, 'service-joined', headOf(a))),
    ],
    acknowledgedBy: null,
    acknowledgedAt: null,
    verdict: null,
    ...(team === '' ? {} : { team }),
  };
}
