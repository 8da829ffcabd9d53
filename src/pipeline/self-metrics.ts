import type { DispatcherCounters } from '../alert/notify/dispatcher.ts';
import type { TickReport } from '../domain/signal/history.ts';
import type { ProgramMetrics } from '../observe/metrics.ts';
import type { Correlator, CorrelatorStep } from './correlator/correlator.ts';
import type { ShardFigures } from './shard/shard-threads.ts';

/** Counts what one report led to. */
export function countStep(metrics: ProgramMetrics, report: TickReport, step: CorrelatorStep): void {
  metrics.reportsTotal.inc({ kind: report.provisional ? 'provisional' : 'final' });
  for (const incident of step.incidents)
    if (incident.version === 1) metrics.incidentsTotal.inc({ severity: incident.severity });
  for (const { stage, outcome } of step.decisions) metrics.decisionsTotal.inc({ stage, outcome });
}

/** Copies the shards' own totals into the registry; called when somebody asks for metrics. */
export function copyFigures(
  metrics: ProgramMetrics,
  figures: ReadonlyMap<number, ShardFigures>,
  notifications: DispatcherCounters,
  correlator: Correlator,
  historyBytes: number,
): void {
  for (const [shard, { stats, ingest }] of figures) {
    const labels = { shard };
    metrics.pointsTotal.set(labels, stats.points);
    metrics.logsTotal.set(labels, stats.logs);
    metrics.spansTotal.set(labels, stats.spans);
    metrics.series.set(labels, stats.series);
    metrics.services.set(labels, stats.services);
    metrics.refusedSamplesTotal.set(labels, stats.refusedSeries);
    metrics.latePointsTotal.set({ shard, reason: 'late' }, stats.late);
    metrics.latePointsTotal.set({ shard, reason: 'too_late' }, stats.tooLate);
    metrics.latePointsTotal.set({ shard, reason: 'duplicate' }, stats.duplicates);
    metrics.latePointsTotal.set({ shard, reason: 'future' }, stats.future);
    metrics.replayFaultsTotal.set(labels, stats.replayFaults);
    metrics.stateBytes.set(labels, stats.stateBytes);
    if (stats.promoted !== null) {
      metrics.promotedSeries.set(labels, stats.promoted.held);
      metrics.promotedMissedTotal.set(labels, stats.promoted.missed);
      metrics.promotedDayShare.set(labels, stats.promoted.dayShare);
    }
    metrics.watermarkSeconds.set(labels, stats.watermark / 1_000);
    metrics.receivedBytesTotal.set(labels, ingest.bytesIn);
    for (const { protocol, signal, code, count } of ingest.requests)
      metrics.requestsTotal.set({ shard, protocol, signal, code }, count);
  }
  metrics.incidentsOpen.set(correlator.incidents().filter((incident) => incident.status === 'open').length);
  for (const [result, count] of Object.entries(notifications))
    metrics.notificationsTotal.set({ result }, count as number);
  metrics.historyBytes.set(historyBytes);
}
