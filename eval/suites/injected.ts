import { SERIES_DETECTORS } from '../../src/detect/registry.ts';
import { type Background, DAY_ROWS, syntheticBackgrounds } from '../../src/learn/self-test/backgrounds.ts';
import { ANOMALY_KINDS, ORDINARY_KINDS } from '../../src/learn/self-test/inject.ts';
import {
  delayOf,
  figuresOf,
  type Scored,
  type Scorer,
  scoreAll,
  thresholdAt,
} from '../../src/pipeline/self-test/measure.ts';
import { scoreThroughShard } from '../../src/pipeline/self-test/tier.ts';
import { settingsSchema } from '../../src/pipeline/settings.ts';
import { readMetricSet } from '../data/metric-sets.ts';
import { ewma20, randomScores, seasonalNaive } from '../feed/baselines.ts';
import type { Method } from '../feed/method.ts';
import { fixed, machineLine, table, withInterval } from '../report.ts';
import { bootstrap } from '../scorers/bootstrap.ts';

/** False alarms a series-week at which recall is read. */
const BUDGET = 3;
const ROWS = 14 * DAY_ROWS;
const STEP_MS = 60_000;

export interface InjectedOptions {
  /** Recorded backgrounds from here as well; null: synthetic ones only. */
  readonly data: string | null;
  readonly seed: number;
  /** Synthetic backgrounds, and as many recorded ones at most. */
  readonly backgrounds: number;
  readonly ablation: boolean;
  readonly productOnly: boolean;
  readonly progress: (line: string) => void;
}

interface Run {
  readonly name: string;
  readonly scored: Scored;
  readonly threshold: number;
}

/** Every anomaly kind in five sizes in series in which nothing is wrong; returns the report as Markdown. */
export function runInjected(options: InjectedOptions): string {
  const groups: [string, readonly Background[]][] = [
    [`synthetic backgrounds, seed ${options.seed}`, syntheticBackgrounds(options.backgrounds, ROWS, options.seed)],
  ];
  if (options.data !== null) groups.push(['recorded backgrounds (KPI)', recorded(options.data, options.backgrounds)]);
  const parts = ['## Injected anomalies', machineLine()];
  for (const [title, backgrounds] of groups) {
    options.progress(`${title}: ${backgrounds.length}`);
    const run = (name: string, scorer: Scorer): Run => {
      const before = process.threadCpuUsage();
      const scored = scoreAll(backgrounds, scorer, options.seed);
      const cpu = process.threadCpuUsage(before);
      options.progress(`  ${name}: ${((cpu.user + cpu.system) / 1e6).toFixed(1)} s CPU`);
      return { name, scored, threshold: thresholdAt(scored.quiet, BUDGET) };
    };
    const runs = [
      run('Tocsin', through([])),
      ...(options.productOnly
        ? []
        : [ewma20, seasonalNaive, randomScores].map((method) => run(method.name, baseline(method)))),
    ];
    parts.push(`### ${title}: ${backgrounds.length}, 14 days of a minute each`, ...report(runs, backgrounds.length));
    if (options.ablation) {
      const without = Object.keys(SERIES_DETECTORS).map((name) => run(`without ${name}`, through([name])));
      parts.push(
        table(
          ['tier', 'mean recall over kinds'],
          [runs[0]!, ...without].map((one) => [one.name, fixed(meanRecall(one), 3)]),
        ),
      );
    }
  }
  return parts.join('\n\n');
}

function through(off: readonly string[]): Scorer {
  const settings = settingsSchema.parse({ detect: { off } });
  return (series) => scoreThroughShard(series, settings);
}

/** Baselines get values on the grid of minutes, and running totals as rates with restarts seen: nothing arrives late for them. */
function baseline(method: Method): Scorer {
  return (series) =>
    method.run(
      series.map(({ value, counter }) => ({
        time: Float64Array.from(value, (_, i) => i * STEP_MS),
        value: counter
          ? value.map((x, i) => (i === 0 ? Number.NaN : x < value[i - 1]! ? x : x - value[i - 1]!) / 60)
          : value,
        stepMs: STEP_MS,
      })),
    ).surprise;
}

const KINDS = Object.keys(ANOMALY_KINDS) as (keyof typeof ANOMALY_KINDS)[];

/** Mean over kinds of the share found, with the cases of a background counted as often as `weight` says. */
function meanRecall({ scored, threshold }: Run, weight?: ArrayLike<number>): number {
  let sum = 0;
  let kinds = 0;
  for (const kind of KINDS) {
    let cases = 0;
    let found = 0;
    for (const one of scored.cases) {
      if (one.kind !== kind) continue;
      const w = weight === undefined ? 1 : weight[one.background]!;
      cases += w;
      if (w > 0 && delayOf(one, threshold) >= 0) found += w;
    }
    if (cases === 0) continue;
    sum += found / cases;
    kinds++;
  }
  return kinds === 0 ? 0 : sum / kinds;
}

function report(runs: readonly Run[], backgrounds: number): string[] {
  const [product, ...others] = runs as [Run, ...Run[]];
  const rows = KINDS.map((kind) => {
    const own = figuresOf(product.scored.cases, kind, product.threshold);
    const { sizes, unit } = ANOMALY_KINDS[kind];
    return [
      kind,
      `${own.cases}`,
      `${sizes.join(' / ')} ${unit}`,
      own.byGrade.map((x) => fixed(x, 2)).join(' '),
      fixed(own.delay, 0),
      fixed(own.found / own.cases, 3),
      ...others.map((one) => {
        const figures = figuresOf(one.scored.cases, kind, one.threshold);
        return fixed(figures.found / figures.cases, 3);
      }),
    ];
  });
  const mean = [
    '**mean**',
    '',
    '',
    '',
    '',
    ...runs.map((run) =>
      withInterval(
        meanRecall(run),
        bootstrap(backgrounds, (weight) => meanRecall(run, weight), { rounds: 200 }),
        3,
      ),
    ),
  ];
  const names = runs.map(({ name }) => name);
  const quiet = (Object.keys(ORDINARY_KINDS) as (keyof typeof ORDINARY_KINDS)[]).map((kind) => {
    const { sizes, unit } = ORDINARY_KINDS[kind];
    const alarms = runs.map((run) => figuresOf(run.scored.cases, kind, run.threshold));
    return [kind, `${alarms[0]!.cases}`, `${sizes.join(' / ')} ${unit}`, ...alarms.map(({ found }) => `${found}`)];
  });
  return [
    `Share found at ${BUDGET} false alarms a series-week; threshold from the untouched copies, one a method (Tocsin: -log10 p of ${fixed(product.threshold, 2)}). Found: an alarm within the injection, or 7 min behind it, that the untouched copy does not raise within 5 min. Delay: median min of those found. Intervals: bootstrap over backgrounds.`,
    table(['kind', 'cases', 'sizes', 'found by size', 'delay', ...names], [...rows, mean]),
    'No anomalies: cases that raised an alarm at the same threshold that the untouched copy does not raise.',
    table(['kind', 'cases', 'sizes', ...names], quiet),
  ];
}

/** The first two weeks of minute series of the KPI set, on the grid of minutes, where labels say nothing for half of them. */
function recorded(data: string, most: number): Background[] {
  const found: Background[] = [];
  for (const { id, stepMs, time, value, label } of readMetricSet(data, 'kpi-train')) {
    if (stepMs !== STEP_MS || found.length === most) continue;
    const onGrid = new Float64Array(ROWS).fill(Number.NaN);
    const unfit = new Uint8Array(ROWS);
    for (let i = 0; i < time.length; i++) {
      const row = Math.round((time[i]! - time[0]!) / STEP_MS);
      if (row >= ROWS) break;
      onGrid[row] = value[i]!;
      if (label[i] === 1) unfit.fill(1, Math.max(0, row - 10), Math.min(ROWS, row + 10));
    }
    found.push({ name: id, value: onGrid, unfit });
  }
  return found;
}
