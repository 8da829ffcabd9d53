import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Our own figures, by Prometheus' naming rules. One place, so that docs can list them and a test can hold both equal. */
export interface ProgramMetrics {
  readonly registry: Registry;
  readonly pointsTotal: Gauge;
  readonly logsTotal: Gauge;
  readonly spansTotal: Gauge;
  readonly series: Gauge;
  readonly services: Gauge;
  readonly refusedSamplesTotal: Gauge;
  readonly latePointsTotal: Gauge;
  readonly replayFaultsTotal: Gauge;
  readonly stateBytes: Gauge;
  readonly promotedSeries: Gauge;
  readonly promotedMissedTotal: Gauge;
  readonly promotedDayShare: Gauge;
  readonly watermarkSeconds: Gauge;
  readonly requestsTotal: Gauge;
  readonly receivedBytesTotal: Gauge;
  readonly reportsTotal: Counter;
  readonly reportSeconds: Histogram;
  readonly incidentsTotal: Counter;
  readonly incidentsOpen: Gauge;
  readonly decisionsTotal: Counter;
  readonly notificationsTotal: Gauge;
  readonly historyBytes: Gauge;
  readonly drift: Gauge;
  readonly smallPShare: Gauge;
  readonly noisePages: Gauge;
  readonly noiseAcknowledged: Gauge;
  readonly noisePrecision: Gauge;
  readonly configReloadSuccessful: Gauge;
  readonly configReloadTimestamp: Gauge;
}

export function createMetrics(version: string): ProgramMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name, help, labelNames, registers });
  const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
    new Counter({ name, help, labelNames, registers });
  gauge('tocsin_build_info', 'Version that runs; always 1.', ['version', 'node']).set(
    { version, node: process.versions.node },
    1,
  );
  return {
    registry,
    // Totals are kept by the shards and copied here, hence gauges by mechanism and counters by meaning.
    pointsTotal: gauge('tocsin_points_total', 'Samples scored.', ['shard']),
    logsTotal: gauge('tocsin_log_records_total', 'Log records taken in.', ['shard']),
    spansTotal: gauge('tocsin_spans_total', 'Spans taken in.', ['shard']),
    series: gauge('tocsin_series', 'Live series.', ['shard']),
    services: gauge('tocsin_services', 'Services known.', ['shard']),
    refusedSamplesTotal: gauge(
      'tocsin_refused_samples_total',
      'Samples of new series beyond the limit of their tenant.',
      ['shard'],
    ),
    latePointsTotal: gauge(
      'tocsin_irregular_points_total',
      'Samples that were late, too late, duplicate or from the future.',
      ['shard', 'reason'],
    ),
    replayFaultsTotal: gauge(
      'tocsin_replay_faults_total',
      'Inputs that the replay at start passed over because of a fault of Tocsin.',
      ['shard'],
    ),
    stateBytes: gauge('tocsin_state_bytes', 'Memory of series, detectors and windows.', ['shard']),
    promotedSeries: gauge('tocsin_promoted_series', 'Series that the promoted tier holds.', ['shard']),
    promotedMissedTotal: gauge(
      'tocsin_promoted_looks_missed_total',
      'Looks at strange series that the budget of the promoted tier did not allow.',
      ['shard'],
    ),
    promotedDayShare: gauge(
      'tocsin_promoted_day_share',
      'Share of the series that the promoted tier looked at within a day.',
      ['shard'],
    ),
    watermarkSeconds: gauge('tocsin_watermark_timestamp_seconds', 'Newest event time seen.', ['shard']),
    requestsTotal: gauge('tocsin_ingest_requests_total', 'Ingest requests answered.', [
      'shard',
      'protocol',
      'signal',
      'code',
    ]),
    receivedBytesTotal: gauge('tocsin_ingest_received_bytes_total', 'Bytes of request bodies as they arrived.', [
      'shard',
    ]),
    reportsTotal: counter('tocsin_tick_reports_total', 'Reports that shards sent to the correlator.', ['kind']),
    reportSeconds: new Histogram({
      name: 'tocsin_correlate_seconds',
      help: 'Time the correlator took for one report, storage included.',
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
      registers,
    }),
    incidentsTotal: counter('tocsin_incidents_total', 'Incidents opened.', ['severity']),
    incidentsOpen: gauge('tocsin_incidents_open', 'Incidents open now.'),
    decisionsTotal: counter('tocsin_decisions_total', 'Decisions by stage and outcome.', ['stage', 'outcome']),
    notificationsTotal: gauge('tocsin_notifications_total', 'Notifications by result.', ['result']),
    historyBytes: gauge('tocsin_history_bytes', 'Size of the Parquet files.'),
    drift: gauge('tocsin_drift', 'Findings of drift that are open: what was seen over what is allowed.', [
      'class',
      'kind',
    ]),
    smallPShare: gauge('tocsin_small_p_share', 'Share of the p-values of a day below 0.01; 0.005 to 0.02 is right.', [
      'class',
    ]),
    noisePages: gauge('tocsin_noise_pages_per_week', 'Pages a week, over the last four.', ['by', 'name']),
    noiseAcknowledged: gauge(
      'tocsin_noise_acknowledged_share',
      'Share of the incidents that paged in the last four weeks which somebody acknowledged.',
      ['by', 'name'],
    ),
    noisePrecision: gauge(
      'tocsin_noise_precision',
      'Share of real ones among the incidents of the last four weeks with a verdict.',
      ['by', 'name'],
    ),
    configReloadSuccessful: gauge('tocsin_config_last_reload_successful', '1 if the last reload was taken.'),
    configReloadTimestamp: gauge(
      'tocsin_config_last_reload_success_timestamp_seconds',
      'When the last successful reload was.',
    ),
  };
}
