import { ROW_DETECTORS, type RowDetectorName } from '../../src/detect/registry.ts';
import { type Machine, readMachines, readPublished } from '../data/smd.ts';
import { MACHINE_BASELINES, type MachineMethod, type MachineScores, machineProduct } from '../feed/machines.ts';
import { fixed, machineLine, table, withInterval } from '../report.ts';
import { bootstrap } from '../scorers/bootstrap.ts';
import { eventCountsAt, figuresOf } from '../scorers/event-f1.ts';
import { vusPr } from '../scorers/vus-pr.ts';

export interface SmdOptions {
  readonly data: string;
  /** Adds the product with each detector of service rows alone, and with each one more than by default. */
  readonly ablation: boolean;
  /** Detectors that the ablation is about; undefined: all. */
  readonly rows: readonly string[] | undefined;
  readonly verbose: boolean;
  readonly productOnly: boolean;
  readonly progress: (line: string) => void;
}

const STEP_MS = 60_000;
/** False alarm runs a day that the threshold, set on the unlabelled half, allows there. */
const ALLOWED_A_DAY = 1;

/** Detectors of service rows that are on by default. */
const DEFAULT_ROWS = (Object.keys(ROW_DETECTORS) as RowDetectorName[]).filter((name) => ROW_DETECTORS[name].weight > 0);

/** Eight servers, 38 metrics each, as one service each: how well the service's p covers the labelled events. */
export function runSmd(options: SmdOptions): string {
  const machines = readMachines(options.data);
  const published = readPublished(options.data);
  const all = (Object.keys(ROW_DETECTORS) as RowDetectorName[]).filter((name) => options.rows?.includes(name) ?? true);
  const methods: MachineMethod[] = [
    ...(options.productOnly ? [] : MACHINE_BASELINES),
    machineProduct('Tocsin, series only', []),
    machineProduct('Tocsin', DEFAULT_ROWS),
    ...(options.ablation
      ? [
          ...all.map((name) => machineProduct(`Tocsin, of rows only ${name}`, [name])),
          ...all
            .filter((name) => !DEFAULT_ROWS.includes(name))
            .map((name) => machineProduct(`Tocsin and ${name}`, [...DEFAULT_ROWS, name])),
        ]
      : []),
  ];
  const details: string[] = [];
  const windows = machines.map((machine) => vusWindow(machine.columns[0]!.subarray(machine.train)));
  const rows = methods.map((method) => {
    const runs = machines.map((machine) => method.run(machine));
    options.progress(`${method.name}: ${fixed(mean(runs.map((run) => run.usPerRow)), 0)} us a row`);
    return rowOf(method.name, machines, windows, runs, published.machines, options.verbose ? details : null);
  });
  const best = [...published.methods]
    .map(([name, values]) => [name, mean(values)] as const)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 4)
    .map(([name, value]) => `${name} ${fixed(value, 3)}`);
  return [
    '## Servers of many metrics (SMD)',
    machineLine(),
    `${machines.length} machines, 38 metrics a minute, ${machines.reduce((n, m) => n + m.events.length, 0)} events; the unlabelled half is learnt first. VUS-PR over the labelled half, six machines as published and all eight; "extent" is what covers an incident: the product's own extent score (\`ServiceTick.extent\`), for what has none the fading maximum of the score. Event F1 with delay limit 7 at the threshold that gives ${ALLOWED_A_DAY} alarm a day on the unlabelled half. Blame: share of events whose three most blamed metrics contain a labelled one.`,
    table(
      [
        'method',
        'VUS-PR, six machines',
        'extent',
        'extent, every rank',
        'extent, all eight',
        'event F1',
        'precision / recall',
        'false alarms a day',
        'blame',
        'us a row',
      ],
      rows,
    ),
    `Published on the six (trained on a part of the labelled file): ${best.join(', ')}.`,
    ...details,
  ].join('\n\n');
}

function rowOf(
  name: string,
  machines: readonly Machine[],
  windows: readonly number[],
  runs: readonly MachineScores[],
  six: readonly string[],
  details: string[] | null,
): string[] {
  const tests = machines.map((machine, i) => ({
    score: runs[i]!.score.subarray(machine.train),
    extent: runs[i]!.extent.subarray(machine.train),
  }));
  const chosen = machines.flatMap((machine, i) => (six.includes(machine.id) ? [i] : []));
  const of = (i: number, which: 'score' | 'extent', thresholds?: number): number =>
    vusPr(tests[i]![which], machines[i]!.label, windows[i]!, thresholds);
  const extents = machines.map((_, i) => of(i, 'extent'));
  const sixth = chosen.map((i) => extents[i]!);
  const counts = machines.map((machine, i) => {
    const threshold = thresholdOf(runs[i]!.score.subarray(0, machine.train));
    return eventCountsAt([{ score: tests[i]!.score, label: machine.label, stepMs: STEP_MS }], threshold)[0]!;
  });
  const figures = figuresOf(counts, 0);
  if (details !== null)
    details.push(
      `#### ${name}\n\n${table(
        ['machine', 'window', 'VUS-PR', 'extent', 'events', 'caught', 'false alarms', 'blame'],
        machines.map((machine, i) => [
          machine.id,
          String(windows[i]),
          fixed(of(i, 'score'), 3),
          fixed(extents[i]!, 3),
          String(counts[i]!.events),
          String(counts[i]!.caught),
          String(counts[i]!.falseAlarms),
          fixed(hitRate([machine], [runs[i]!]), 2),
        ]),
      )}`,
    );
  return [
    name,
    fixed(mean(chosen.map((i) => of(i, 'score'))), 3),
    withInterval(
      mean(sixth),
      bootstrap(sixth.length, (w) => sixth.reduce((sum, x, i) => sum + x * w[i]!, 0) / sixth.length),
      3,
    ),
    fixed(mean(chosen.map((i) => of(i, 'extent', Number.POSITIVE_INFINITY))), 3),
    fixed(mean(extents), 3),
    withInterval(
      figures.f1,
      bootstrap(counts.length, (w) => figuresOf(counts, 0, w).f1),
      3,
    ),
    `${fixed(figures.precision, 2)} / ${fixed(figures.recall, 2)}`,
    fixed(figures.falseAlarmsPerDay, 2),
    fixed(hitRate(machines, runs), 2),
    fixed(mean(runs.map((run) => run.usPerRow)), 0),
  ];
}

/** The level that gives so many alarm runs in the second part of the unlabelled half (the first is warm-up). */
function thresholdOf(train: Float32Array): number {
  const late = train.subarray(train.length >> 1);
  const allowed = Math.max(1, Math.floor((ALLOWED_A_DAY * late.length * STEP_MS) / 86_400_000));
  const none = new Uint8Array(late.length);
  const levels = [...late].sort((a, b) => b - a);
  let low = 0;
  let high = Math.floor(levels.length * 0.05);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const runs = eventCountsAt([{ score: late, label: none, stepMs: STEP_MS }], levels[middle]!)[0]!.falseAlarms;
    if (runs <= allowed) low = middle;
    else high = middle - 1;
  }
  return levels[low]! + 1e-6;
}

function hitRate(machines: readonly Machine[], runs: readonly MachineScores[]): number {
  let events = 0;
  let hits = 0;
  machines.forEach((machine, i) => {
    const { blame, score } = runs[i]!;
    if (blame === null) return;
    const metrics = machine.columns.length;
    for (const { from, to, blamed } of machine.events) {
      if (blamed.size === 0) continue;
      events++;
      const sums = new Float64Array(metrics);
      for (let row = machine.train + from; row <= machine.train + to; row++)
        for (let m = 0; m < metrics; m++) sums[m] = sums[m]! + score[row]! * blame[row * metrics + m]!;
      const top = Array.from(sums.keys())
        .sort((a, b) => sums[b]! - sums[a]! || a - b)
        .slice(0, 3);
      if (top.some((m) => sums[m]! > 0 && blamed.has(m))) hits++;
    }
  });
  return events === 0 ? Number.NaN : hits / events;
}

/** Window of VUS as TSB-AD takes it: the highest local maximum of the autocorrelation at 3 .. 400 rows, 125 without a good one. */
export function vusWindow(values: Float64Array): number {
  const x = values.subarray(0, 20_000);
  const mean = x.reduce((sum, v) => sum + v, 0) / x.length;
  const base = 3;
  const lags = Array.from({ length: 401 - base }, (_, k) => {
    let sum = 0;
    for (let i = 0; i + k + base < x.length; i++) sum += (x[i]! - mean) * (x[i + k + base]! - mean);
    return sum;
  });
  let best = -1;
  for (let k = 1; k + 1 < lags.length; k++)
    if (lags[k]! > lags[k - 1]! && lags[k]! > lags[k + 1]! && (best < 0 || lags[k]! > lags[best]!)) best = k;
  return best < 3 || best > 300 ? 125 : best + base;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}
