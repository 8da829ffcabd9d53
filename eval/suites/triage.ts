import { TRIAGE_COLUMNS } from '../../src/learn/triage/features.ts';
import { auc, brier, ece } from '../../src/learn/triage/quality.ts';
import type { Table } from '../../src/learn/triage/table.ts';
import { createTriage, type TriageKind, trainTriage } from '../../src/learn/triage/triage.ts';
import { createRng } from '../../src/stats/rng.ts';
import { readMetricSet } from '../data/metric-sets.ts';
import { type SeriesAlert, seriesAlerts } from '../feed/series-alerts.ts';
import { machineLine } from '../report.ts';

export interface TriageSuiteOptions {
  readonly data: string;
  readonly progress: (line: string) => void;
}

/** Verdicts given. */
const LABELS = [50, 200, 800];
const DRAWS = 4;

interface Result {
  readonly auc: number;
  readonly removed95: number;
  readonly removed90: number;
  readonly kept: number;
  readonly removed: number;
  readonly brier: number;
  readonly ece: number;
  readonly active: boolean;
}

function tableOf(alerts: readonly SeriesAlert[]): Table {
  const values = new Float32Array(alerts.length * TRIAGE_COLUMNS);
  for (const [i, { features }] of alerts.entries()) values.set(features, i * TRIAGE_COLUMNS);
  return {
    rows: alerts.length,
    columns: TRIAGE_COLUMNS,
    values,
    labels: Uint8Array.from(alerts, ({ real }) => (real ? 1 : 0)),
  };
}

/** Share of false alerts below the score that keeps `keep` of the real ones. */
function removedAt(scores: readonly number[], alerts: readonly SeriesAlert[], keep: number): number {
  const real = scores.filter((_, i) => alerts[i]!.real).sort((a, b) => a - b);
  const limit = real[Math.floor((1 - keep) * real.length)]!;
  const not = scores.filter((_, i) => !alerts[i]!.real);
  return not.filter((score) => score < limit).length / not.length;
}

/** Verdicts on `count` alerts of the past drawn by chance, in order of time; then every alert of the future is judged. */
function trial(
  past: readonly SeriesAlert[],
  future: readonly SeriesAlert[],
  count: number,
  kind: TriageKind | 'auto',
  seed: number,
): Result {
  const rng = createRng(seed);
  const order = past.map((_, i) => i);
  for (let i = order.length - 1; i > 0; i--) {
    const j = rng.int(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const labelled = order
    .slice(0, Math.min(count, order.length))
    .sort((a, b) => a - b)
    .map((i) => past[i]!);
  const data = trainTriage(tableOf(labelled), { keep: 0.95, seed, kind });
  const judge = createTriage(data);
  const judged = future.map(({ features }) => judge(features));
  const p = judged.map(({ probability }) => probability);
  const labels = future.map(({ real }) => (real ? 1 : 0));
  const share = (real: boolean, passed: boolean): number => {
    const part = judged.filter((_, i) => future[i]!.real === real);
    return part.filter((one) => one.passed === passed).length / part.length;
  };
  return {
    auc: auc(p, labels),
    removed95: removedAt(p, future, 0.95),
    removed90: removedAt(p, future, 0.9),
    kept: share(true, true),
    removed: share(false, false),
    brier: brier(p, labels),
    ece: ece(p, labels),
    active: data.active,
  };
}

const percent = (value: number): string => `${(100 * value).toFixed(0)} %`;
const mean = (results: readonly Result[], of: (result: Result) => number): number =>
  results.reduce((sum, result) => sum + of(result), 0) / results.length;

/** Triage on the alerts of single series: verdicts on the first half of time, judged on the second. */
export function runTriage(options: TriageSuiteOptions): string {
  const series = readMetricSet(options.data, 'kpi-train');
  options.progress(`kpi-train: ${series.length} series`);
  const alerts = seriesAlerts(series);
  // Each series has a time of its own: its own middle splits it.
  const middle = series.map(({ time }) => (time[0]! + time[time.length - 1]!) / 2);
  const past = alerts.filter((alert) => alert.time < middle[alert.series]!);
  const future = alerts.filter((alert) => alert.time >= middle[alert.series]!);
  const plain = future.map(({ features }) => features[0]!);
  const labels = future.map(({ real }) => (real ? 1 : 0));
  options.progress(`${past.length} alerts before, ${future.length} after the split`);
  const rows = LABELS.flatMap((count) => {
    const kinds: readonly (TriageKind | 'auto')[] =
      count === 50 ? ['auto', 'logistic', 'gbdt'] : ['auto', 'logistic', 'gbdt', 'dense'];
    return kinds.map((kind) => {
      const results = Array.from({ length: DRAWS }, (_, seed) => trial(past, future, count, kind, seed + 1));
      options.progress(`${count} labels, ${kind}`);
      const speaking = results.filter(({ active }) => active).length;
      return `| ${count}${kind === 'auto' ? '' : `, ${kind}`} | ${percent(mean(results, (r) => r.removed95))} / ${percent(mean(results, (r) => r.removed90))} | ${mean(results, (r) => r.auc).toFixed(3)} | ${mean(results, (r) => r.brier).toFixed(3)} | ${mean(results, (r) => r.ece).toFixed(3)} | ${speaking} of ${DRAWS} | ${percent(mean(results, (r) => r.kept))} / ${percent(mean(results, (r) => r.removed))} |`;
    });
  });
  const base = labels.reduce<number>((a, b) => a + b, 0) / labels.length;
  return [
    '## Triage',
    machineLine(),
    `Alerts of single KPI series (surprise of 2 or more, at most one in five samples), share real ${base.toFixed(2)}. Verdicts on alerts of the first half of each series, drawn by chance (mean of ${DRAWS} draws); everything is judged on the second half. "Removed": false alerts below the score that keeps 95 % / 90 % of the real ones there. "As it runs": with the limit that triage chose from its own labels, real ones kept / false ones held back; while it abstains nothing is.`,
    [
      '| verdicts | removed at 95 % / 90 % kept | AUC | Brier | ECE | speaks | as it runs |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      `| 0 (raise the threshold) | ${percent(removedAt(plain, future, 0.95))} / ${percent(removedAt(plain, future, 0.9))} | ${auc(plain, labels).toFixed(3)} | | | | |`,
      ...rows,
    ].join('\n'),
  ].join('\n\n');
}
