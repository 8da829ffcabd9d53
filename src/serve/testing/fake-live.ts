import type { GraphEdge, LiveView, ServiceHealth } from '../../domain/health.ts';
import type { Incident } from '../../domain/incident.ts';
import type { Clock } from '../../domain/ports.ts';
import type { EpochMs } from '../../domain/units.ts';
import { HOUR } from '../../domain/units.ts';
import type { Effect } from './shop.ts';
import { EDGES, METRICS, SERVICES, sampleAt } from './shop.ts';

export function createFakeLive(
  start: EpochMs,
  clock: Clock,
  story: { readonly incidents: readonly Incident[]; readonly effects: readonly Effect[] },
): LiveView {
  const open = story.incidents.filter(({ status }) => status === 'open');
  const watermark = () => Math.floor(clock.now() / 10_000) * 10_000 - 10_000;

  const latest = (service: string, name: string) => {
    const metric = METRICS.find(({ metric: own }) => own === name);
    if (metric === undefined) throw new Error(`no metric ${name}`);
    return sampleAt(service, metric, watermark(), story.effects);
  };

  const healthOf = (service: string, version: string): ServiceHealth => {
    const incident = open.find(({ services }) => services.includes(service));
    const p = (modality: string): number => {
      const strange =
        incident?.evidence.some((item) => item.service === service && item.modality === modality) ?? false;
      const surprise = Math.max(
        ...METRICS.filter((metric) => metric.modality === modality).map(
          (metric) => latest(service, metric.metric).surprise,
        ),
      );
      return Math.max(1e-6, 10 ** -(strange ? Math.max(surprise, 4.2) : surprise * 0.6));
    };
    const pByModality = { metric: p('metric'), log: p('log'), trace: p('trace') };
    const quiet = service === 'shipping' ? 'learning' : service === 'orders-db' ? 'suspicious' : 'healthy';
    return {
      tenant: 'default',
      service,
      version,
      state: incident === undefined ? quiet : 'anomalous',
      p: Math.min(...Object.values(pByModality)),
      pByModality,
      lastSeen: watermark(),
      series: METRICS.length,
      incident: incident?.id ?? null,
    };
  };

  return {
    now: () => clock.now(),
    watermark,
    health: () => SERVICES.map(({ service, version }) => healthOf(service, version)),
    graph: () =>
      EDGES.map(({ caller, callee, share }): GraphEdge => {
        const errors = latest(callee, 'span.error_ratio');
        const duration = latest(callee, 'span.duration.p99');
        return {
          caller,
          callee,
          callsPerSecond: latest(caller, 'span.rate').value * share,
          errorRatio: errors.value,
          serverMs: duration.value / 3,
          surprise: Math.max(errors.surprise, duration.surprise),
          correlation: 0.4 + share / 2,
          lagTicks: 0,
        };
      }),
    stats: () => ({
      startedAt: start - 2 * HOUR,
      series: SERVICES.length * METRICS.length,
      services: SERVICES.length,
      pointsPerSecond: 12_480 + 320 * Math.sin(clock.now() / 7_000),
      logsPerSecond: 3_120 + 140 * Math.sin(clock.now() / 5_000),
      spansPerSecond: 5_940 + 210 * Math.sin(clock.now() / 9_000),
      refusedSeries: 0,
      latePoints: 418,
      futurePoints: 3,
      duplicatePoints: 12,
      stateBytes: 71_680,
    }),
  };
}

/** What everything looks like before the first point. */
export function createEmptyLive(start: EpochMs, clock: Clock): LiveView {
  return {
    now: () => clock.now(),
    watermark: () => 0,
    health: () => [],
    graph: () => [],
    stats: () => ({
      startedAt: start,
      series: 0,
      services: 0,
      pointsPerSecond: 0,
      logsPerSecond: 0,
      spansPerSecond: 0,
      refusedSeries: 0,
      latePoints: 0,
      futurePoints: 0,
      duplicatePoints: 0,
      stateBytes: 0,
    }),
  };
}
