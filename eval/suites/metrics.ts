import type { LabelledSeries } from '../data/metric-sets.ts';
import { readMetricSet } from '../data/metric-sets.ts';
import { BASELINES } from '../feed/baselines.ts';
import type { Method, MethodScores } from '../feed/method.ts';
import { ablations, product, singles } from '../feed/product.ts';
import { withPromoted } from '../feed/promoted.ts';
import { machineLine } from '../report.ts';
import { eventTable, kpiTable, nabTable, vusTable } from './metric-tables.ts';

export interface MetricsOptions {
  readonly data: string;
  /** Which sets: any of nab, kpi, ms. */
  readonly sets: readonly string[];
  /** Adds rows for the product without each detector, and for each detector alone, and with each detector of the promoted tier. */
  readonly ablation: boolean;
  /** Adds a table per set with one row a series, for the product. */
  readonly verbose: boolean;
  /** Leaves the baselines out, for quick tuning runs. */
  readonly productOnly: boolean;
  readonly progress: (line: string) => void;
}

/** A method's scores on one set. */
export interface Run {
  readonly method: Method;
  readonly scores: MethodScores;
}

export const METRIC_SETS: Readonly<Record<string, string>> = {
  nab: 'nab',
  kpi: 'kpi-train',
  ms: 'msft-cloud-monitoring',
};

/** Runs the metric suites and returns the report as Markdown. */
export function runMetrics(options: MetricsOptions): string {
  const methods: Method[] = [
    ...(options.productOnly ? [] : BASELINES),
    product(),
    ...(options.ablation ? [...ablations(), ...singles(), ...withPromoted()] : []),
  ];
  const parts: string[] = [];
  for (const set of options.sets) {
    const name = METRIC_SETS[set];
    if (name === undefined) throw new RangeError(`unknown set ${set}: one of ${Object.keys(METRIC_SETS).join(', ')}`);
    const series = readMetricSet(options.data, name);
    const points = series.reduce((sum, s) => sum + s.value.length, 0);
    options.progress(`${name}: ${series.length} series, ${points} points`);
    const runs = methods.map((method) => {
      const started = Date.now();
      const scores = method.run(series);
      options.progress(`  ${method.name}: ${((Date.now() - started) / 1000).toFixed(1)} s`);
      return { method, scores };
    });
    parts.push(...tablesOf(set, series, runs, options.verbose));
    options.progress(`  scored`);
  }
  return [`## Metrics`, machineLine(), ...parts].join('\n\n');
}

function tablesOf(set: string, series: readonly LabelledSeries[], runs: readonly Run[], verbose: boolean): string[] {
  switch (set) {
    case 'nab':
      return nabTable(series, runs, verbose);
    case 'kpi':
      return [
        ...kpiTable(series, runs, verbose),
        ...eventTable('KPI', series, runs, verbose),
        ...vusTable('KPI', series, runs),
      ];
    default:
      return [
        ...eventTable('Microsoft cloud monitoring', series, runs, verbose),
        ...vusTable('Microsoft cloud monitoring', series, runs),
      ];
  }
}
