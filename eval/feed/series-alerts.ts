import { alwaysOnWeights, createAlwaysOn } from '../../src/detect/registry.ts';
import type { Incident } from '../../src/domain/incident.ts';
import type { PointBatch } from '../../src/domain/signal/batch.ts';
import { createEvidence } from '../../src/domain/signal/ticks.ts';
import { createSeriesFusion } from '../../src/fuse/series-fusion.ts';
import { createSeriesScores } from '../../src/fuse/series-scores.ts';
import { createPast, triageFeatures } from '../../src/learn/triage/features.ts';
import type { LabelledSeries } from '../data/metric-sets.ts';

/** A sample that the unsupervised tier would alert on. */
export interface SeriesAlert {
  readonly series: number;
  /** Row of the series. */
  readonly row: number;
  readonly time: number;
  readonly real: boolean;
  /** What triage would see of an incident that this sample alone opens. */
  readonly features: Float32Array;
}

/** Surprise from which on a sample is an alert, and samples until the next of a series. */
const ALERT = 2;
const REFRACTORY = 5;
/** An alert so many samples before a labelled window is early, not false. */
const EARLY = 3;

/** Alerts of the always-on tier over labelled series in order of time, each series a service of its own. */
export function seriesAlerts(series: readonly LabelledSeries[]): SeriesAlert[] {
  const alerts = series.flatMap((one, index) => alertsOf(one, index));
  return alerts.sort((a, b) => a.time - b.time || a.series - b.series);
}

function alertsOf({ time, value, label, id }: LabelledSeries, index: number): SeriesAlert[] {
  const fusion = createSeriesFusion(createAlwaysOn(), { weights: alwaysOnWeights() });
  fusion.grow(1);
  const scores = createSeriesScores(1);
  const past = createPast();
  const batch: PointBatch = {
    length: 1,
    series: new Int32Array(1),
    time: new Float64Array(1),
    value: new Float64Array(1),
  };
  const out: SeriesAlert[] = [];
  let last = Number.NEGATIVE_INFINITY;
  let quietUntil = 0;
  for (let k = 0; k < value.length; k++) {
    if (Number.isNaN(value[k]!) || !(time[k]! > last)) continue;
    batch.time[0] = last = time[k]!;
    batch.value[0] = value[k]!;
    fusion.observe(batch, scores);
    if (k < quietUntil || !(scores.surprise[0]! >= ALERT)) continue;
    quietUntil = k + REFRACTORY;
    const incident = incidentOf(id, time[k]!, value[k]!, scores);
    out.push({
      series: index,
      row: k,
      time: time[k]!,
      real: label.subarray(k, k + EARLY + 1).includes(1),
      features: triageFeatures(incident, past.of(incident, time[k]!)),
    });
    past.opened(incident);
  }
  return out;
}

function incidentOf(
  service: string,
  at: number,
  value: number,
  scores: ReturnType<typeof createSeriesScores>,
): Incident {
  const { kind, onset, contributions } = scores.explain(0);
  const p = 10 ** -scores.surprise[0]!;
  const evidence = createEvidence({
    service,
    modality: 'metric',
    metric: 'value',
    name: 'value',
    kind,
    at,
    onset,
    p,
    value,
    expected: scores.expected[0]!,
    lower: scores.lower[0]!,
    upper: scores.upper[0]!,
    contributions,
    text: '',
  });
  const anomaly = { p } as Incident['anomalies'][number];
  return {
    tenant: 'default',
    services: [service],
    anomalies: [anomaly],
    evidence: [evidence],
    causes: [],
    deploys: [],
    openedAt: at,
    onset,
  } as unknown as Incident;
}
