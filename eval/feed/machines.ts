import {
  alwaysOnWeights,
  createAlwaysOn,
  createRowDetector,
  ROW_DETECTORS,
  type RowDetectorName,
} from '../../src/detect/registry.ts';
import type { PointBatch } from '../../src/domain/signal/batch.ts';
import { MINUTE } from '../../src/domain/units.ts';
import { createServiceRows } from '../../src/features/service-row/service-row.ts';
import { createRowFusion } from '../../src/fuse/row-fusion.ts';
import { createSeriesFusion } from '../../src/fuse/series-fusion.ts';
import { createSeriesScores } from '../../src/fuse/series-scores.ts';
import { createServiceFusion } from '../../src/fuse/service/service.ts';
import type { Machine } from '../data/smd.ts';
import { seededRandom } from '../scorers/bootstrap.ts';

/** A method's scores of one machine's rows, both halves, and how much it blames each metric in each row (row x metrics). */
export interface MachineScores {
  readonly score: Float32Array;
  readonly extent: Float32Array;
  readonly blame: Float32Array | null;
  /** CPU time a row (of all metrics). */
  readonly usPerRow: number;
}

export interface MachineMethod {
  readonly name: string;
  run(machine: Machine): MachineScores;
}

const EXTENT_FADE = 0.98;

/** The fading maximum of a score, as the always-on tier keeps it for series. */
function extentOf(score: Float32Array): Float32Array {
  const out = new Float32Array(score.length);
  let held = 0;
  for (let i = 0; i < out.length; i++) {
    held = Math.max(score[i]!, held * EXTENT_FADE);
    out[i] = held;
  }
  return out;
}

function timed(run: () => Omit<MachineScores, 'usPerRow' | 'extent'>): MachineScores {
  const before = process.threadCpuUsage();
  const scores = run();
  const cpu = process.threadCpuUsage(before);
  return { ...scores, extent: extentOf(scores.score), usPerRow: (cpu.user + cpu.system) / scores.score.length };
}

const rowsOf = (machine: Machine): number => machine.columns[0]!.length;

const randomMachine: MachineMethod = {
  name: 'random',
  run: (machine) =>
    timed(() => {
      const random = seededRandom(77);
      return { score: Float32Array.from({ length: rowsOf(machine) }, () => random()), blame: null };
    }),
};

/** Residuals of an exponentially weighted mean of span 20 over their slow scale, a row of all metrics at a time. */
function ewma(name: string, join: (z: Float32Array) => number): MachineMethod {
  return {
    name,
    run: (machine) =>
      timed(() => {
        const rows = rowsOf(machine);
        const metrics = machine.columns.length;
        const score = new Float32Array(rows);
        const blame = new Float32Array(rows * metrics);
        const level = Float64Array.from(machine.columns, (column) => column[0]!);
        const square = new Float64Array(metrics);
        const z = new Float32Array(metrics);
        for (let i = 0; i < rows; i++) {
          for (let m = 0; m < metrics; m++) {
            const e = machine.columns[m]![i]! - level[m]!;
            z[m] = i < 20 ? 0 : Math.abs(e) / Math.sqrt(square[m]! + 1e-6);
            level[m] = level[m]! + (2 / 21) * e;
            square[m] = square[m]! + Math.max(1 / 1000, 1 / (i + 1)) * (e * e - square[m]!);
          }
          blame.set(z, i * metrics);
          score[i] = join(z);
        }
        return { score, blame };
      }),
  };
}

/** Principal components of the first half's standardised metrics; what ten of them leave over, squared. */
const pcaOfTrain: MachineMethod = {
  name: 'PCA of the first half (10 components)',
  run: (machine) =>
    timed(() => {
      const rows = rowsOf(machine);
      const metrics = machine.columns.length;
      const standard = machine.columns.map((column) => {
        const part = column.subarray(0, machine.train);
        const mean = part.reduce((sum, x) => sum + x, 0) / part.length;
        const sd = Math.sqrt(part.reduce((sum, x) => sum + (x - mean) ** 2, 0) / part.length) + 1e-3;
        return column.map((x) => Math.max(-50, Math.min(50, (x - mean) / sd)));
      });
      const basis = topComponents(standard, machine.train, 10);
      const score = new Float32Array(rows);
      const blame = new Float32Array(rows * metrics);
      for (let i = 0; i < rows; i++) {
        const rest = standard.map((column) => column[i]!);
        for (const component of basis) {
          const dot = component.reduce((sum, x, m) => sum + x * standard[m]![i]!, 0);
          for (let m = 0; m < metrics; m++) rest[m] = rest[m]! - dot * component[m]!;
        }
        let sum = 0;
        for (let m = 0; m < metrics; m++) {
          blame[i * metrics + m] = rest[m]! ** 2;
          sum += rest[m]! ** 2;
        }
        score[i] = sum;
      }
      return { score, blame };
    }),
};

/** Power iteration with deflation. */
function topComponents(columns: readonly Float64Array[], rows: number, count: number): number[][] {
  const metrics = columns.length;
  const covariance = columns.map((a) =>
    columns.map((b) => {
      let sum = 0;
      for (let i = 0; i < rows; i++) sum += a[i]! * b[i]!;
      return sum / rows;
    }),
  );
  return Array.from({ length: count }, (_, k) => {
    let v = Array.from({ length: metrics }, (_unused, m) => Math.cos(m * (k + 1)) + 1.1);
    let value = 0;
    for (let round = 0; round < 200; round++) {
      const next = covariance.map((line) => line.reduce((sum, x, m) => sum + x * v[m]!, 0));
      value = Math.hypot(...next);
      v = next.map((x) => x / (value + 1e-12));
    }
    for (let a = 0; a < metrics; a++)
      for (let b = 0; b < metrics; b++) covariance[a]![b] = covariance[a]![b]! - value * v[a]! * v[b]!;
    return v;
  });
}

/** Trivial and classic methods beside the product. */
export const MACHINE_BASELINES: readonly MachineMethod[] = [
  randomMachine,
  ewma('EWMA(20) residual, largest', (z) => z.reduce((most, x) => Math.max(most, x), 0)),
  ewma('EWMA(20) residual, mean', (z) => z.reduce((sum, x) => sum + x, 0) / z.length),
  pcaOfTrain,
];

interface SeriesStage {
  /** What each sample is worth as evidence, row by row. */
  readonly evidence: Float32Array;
  readonly usPerRow: number;
}

const stages = new WeakMap<Machine, SeriesStage>();

/** The always-on tier over the metrics of a machine; the same for every choice of row detectors. */
function seriesStage(machine: Machine): SeriesStage {
  const known = stages.get(machine);
  if (known !== undefined) return known;
  const rows = rowsOf(machine);
  const metrics = machine.columns.length;
  const fusion = createSeriesFusion(createAlwaysOn(), { weights: alwaysOnWeights() });
  fusion.grow(metrics);
  const batch = emptyBatch(metrics);
  const scores = createSeriesScores(metrics);
  const evidence = new Float32Array(rows * metrics);
  const before = process.threadCpuUsage();
  for (let i = 0; i < rows; i++) {
    fill(batch, machine, i);
    fusion.observe(batch, scores);
    evidence.set(scores.evidence.subarray(0, metrics), i * metrics);
  }
  const cpu = process.threadCpuUsage(before);
  const stage = { evidence, usPerRow: (cpu.user + cpu.system) / rows };
  stages.set(machine, stage);
  return stage;
}

function emptyBatch(metrics: number): PointBatch {
  return {
    length: metrics,
    series: Int32Array.from({ length: metrics }, (_, m) => m),
    time: new Float64Array(metrics),
    value: new Float64Array(metrics),
  };
}

function fill(batch: PointBatch, machine: Machine, i: number): void {
  batch.time.fill(Date.UTC(2026, 0, 5) + i * MINUTE);
  for (let m = 0; m < machine.columns.length; m++) batch.value[m] = machine.columns[m]![i]!;
}

/** Worth of a blamed signal of a row beside the evidence of its series, a decade of the row's p. */
const BLAME = 6;

/**
 * The product as the shard runs it: the always-on tier on every metric, service rows and their detectors, service fusion;
 * one machine is one service, a row of samples a minute, a tick a row. With detectors of rows its extent is theirs.
 */
export function machineProduct(name: string, detectors: readonly RowDetectorName[]): MachineMethod {
  return {
    name,
    run(machine) {
      const { evidence, usPerRow } = seriesStage(machine);
      const extent = new Float32Array(rowsOf(machine));
      const scores = timed(() => behindTicks(machine, evidence, detectors, extent));
      return {
        ...scores,
        usPerRow: usPerRow + scores.usPerRow,
        extent: detectors.length > 0 ? extent : scores.extent,
      };
    },
  };
}

function behindTicks(
  machine: Machine,
  evidence: Float32Array,
  detectors: readonly RowDetectorName[],
  extent: Float32Array,
): Omit<MachineScores, 'usPerRow' | 'extent'> {
  const rows = rowsOf(machine);
  const metrics = machine.columns.length;
  const service = createServiceFusion(() => ({ tenant: '', service: 'machine' }));
  const serviceRows = createServiceRows();
  const rowFusion = createRowFusion(
    detectors.map((detector) => createRowDetector(detector)),
    Object.fromEntries(detectors.map((detector) => [detector, ROW_DETECTORS[detector].weight || 1])),
  );
  serviceRows.grow(metrics);
  for (let m = 0; m < metrics; m++) serviceRows.assign(m, 0, `m${m}`);
  const batch = emptyBatch(metrics);
  const serviceOf = new Int32Array(metrics);
  const modalityOf = new Uint8Array(metrics);
  const interval = new Float64Array(metrics).fill(MINUTE);
  const score = new Float32Array(rows);
  const blame = evidence.slice();
  for (let i = 0; i < rows; i++) {
    fill(batch, machine, i);
    const at = batch.time[0]!;
    service.observe(batch.series, evidence.subarray(i * metrics, (i + 1) * metrics), metrics, serviceOf, modalityOf);
    if (detectors.length > 0) {
      serviceRows.add({ length: metrics, series: batch.series, mean: batch.value }, at, interval);
      serviceRows.close(at, (index, row) => {
        const verdict = rowFusion.observe(index, row, at, false);
        if (verdict === null) return;
        service.addVoice(index, 'metric', verdict.p, null);
        const surprise = -Math.log10(verdict.p);
        if (surprise < 1) return;
        const shares = rowFusion.blame(index, row);
        for (let m = 0; m < metrics; m++)
          blame[i * metrics + m] = blame[i * metrics + m]! + BLAME * surprise * shares[m]!;
      });
    }
    const tick = service.close(at, () => null)[0];
    score[i] = -Math.log10(tick?.p ?? 1);
    extent[i] = tick?.extent ?? 0;
  }
  return { score, blame };
}
