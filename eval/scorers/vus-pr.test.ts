import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseColumns, readBytes } from '../data/csv.ts';
import { runsOf } from '../data/metric-sets.ts';
import { seededRandom } from './bootstrap.ts';
import { vusPr } from './vus-pr.ts';

/** The reference's loops (TSB-AD `RangeAUC_volume_opt`), threshold by threshold. */
function vusSlowly(score: readonly number[], label: Uint8Array, windowSize: number, thre: number): number {
  const n = score.length;
  const seq = runsOf(label);
  const sorted = [...score].sort((a, b) => b - a);
  const positives = label.reduce((a, b) => a + b, 0);
  const segments = (window: number): [number, number][] => {
    const half = Math.floor(window / 2);
    const out: [number, number][] = [];
    let a = Math.max(seq[0]![0] - half, 0);
    for (let i = 0; i < seq.length - 1; i++) {
      if (seq[i]![1] + half < seq[i + 1]![0] - half) {
        out.push([a, seq[i]![1] + half]);
        a = seq[i + 1]![0] - half;
      }
    }
    out.push([a, Math.min(seq.at(-1)![1] + half, n - 1)]);
    return out;
  };
  let volume = 0;
  for (let window = 0; window <= windowSize; window++) {
    const extended = Array.from(label, Number);
    for (const [s, e] of seq) {
      const half = Math.floor(window / 2);
      for (let x = e + 1; x < Math.min(e + half + 1, n); x++) extended[x]! += Math.sqrt(1 - (x - e) / window);
      for (let x = Math.max(s - half, 0); x < s; x++) extended[x]! += Math.sqrt(1 - (s - x) / window);
    }
    const l = segments(window);
    let before = 0;
    for (let k = 0; k < thre; k++) {
      const threshold = sorted[Math.floor((k * (n - 1)) / (thre - 1))]!;
      const pred = score.map((x) => (x >= threshold ? 1 : 0));
      const labels = extended.map((x, i) => Math.min(1, x) * pred[i]!);
      let existence = 0;
      for (const [a, b] of l) if (pred.slice(a, b + 1).includes(1)) existence++;
      for (const [a, b] of seq) for (let i = a; i <= b; i++) labels[i] = 1;
      let tp = 0;
      let sum = 0;
      for (const [a, b] of segments(windowSize)) {
        for (let i = a; i <= b; i++) {
          tp += labels[i]! * pred[i]!;
          sum += labels[i]!;
        }
      }
      const recall = Math.min(tp / ((positives + sum) / 2), 1) * (existence / l.length);
      volume += (recall - before) * (tp / pred.reduce<number>((a, b) => a + b, 0));
      before = recall;
    }
  }
  return volume / (windowSize + 1);
}

describe('VUS-PR', () => {
  it('agrees with the loops of the reference', () => {
    const random = seededRandom(2);
    for (let round = 0; round < 20; round++) {
      const n = 120;
      const label = new Uint8Array(n);
      for (let e = 0; e < 3; e++) label.fill(1, Math.floor(random() * n), Math.floor(random() * n));
      label[40] = 1;
      const score = Array.from(label, (x) => Math.round(10 * (random() + 0.5 * x)));
      expect(vusPr(score, label, 12, 25)).toBeCloseTo(vusSlowly(score, label, 12, 25), 9);
    }
  });

  it('is near 1 for the labels themselves, near the share of anomalies for noise, and not a number without events', () => {
    const random = seededRandom(4);
    const label = new Uint8Array(5000);
    for (let at = 200; at < 5000; at += 500) label.fill(1, at, at + 50);
    expect(vusPr(label, label, 0)).toBeCloseTo(1, 1);
    expect(vusPr(Array.from(label, random), label, 20)).toBeLessThan(0.25);
    expect(vusPr([1, 2], new Uint8Array(2), 4)).toBeNaN();
  });
});

/** COPOD (Li et al., ICDM 2020) as in PyOD: the published figure's detector. */
function copod(columns: readonly Float64Array[]): Float64Array {
  const n = columns[0]!.length;
  const out = new Float64Array(n);
  const tail = (x: Float64Array, sign: number): Float64Array => {
    const order = Uint32Array.from(x.keys()).sort((a, b) => sign * (x[a]! - x[b]!));
    const p = new Float64Array(n);
    for (let i = n - 1; i >= 0; i--)
      p[order[i]!] = i + 1 < n && x[order[i]!] === x[order[i + 1]!] ? p[order[i + 1]!]! : -Math.log((i + 1) / n);
    return p;
  };
  for (const x of columns) {
    const mean = x.reduce((a, b) => a + b, 0) / n;
    const third = x.reduce((a, b) => a + (b - mean) ** 3, 0);
    const skew = x.every((v) => v === x[0]) ? 0 : Math.sign(third);
    const left = tail(x, 1);
    const right = tail(x, -1);
    for (let i = 0; i < n; i++)
      out[i]! += Math.max((skew <= 0 ? left[i]! : 0) + (skew >= 0 ? right[i]! : 0), (left[i]! + right[i]!) / 2);
  }
  return out;
}

/** HBOS (Goldstein & Dengel, 2012) as in PyOD, 30 bins, tolerance 0.5, values inside the training range. */
function hbos(columns: readonly Float64Array[]): Float64Array {
  const n = columns[0]!.length;
  const out = new Float64Array(n);
  for (const x of columns) {
    const low = x.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    const width = (x.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY) - low) / 30;
    const bin = x.map((v) => Math.min(29, Math.floor((v - low) / width)));
    const count = new Float64Array(30);
    for (const b of bin) count[b]!++;
    for (let i = 0; i < n; i++) out[i]! -= Math.log2(count[bin[i]!]! / n / width + 0.1);
  }
  return out;
}

/** TSB-AD standardises each row across the metrics before these two detectors. */
function standardiseRows(columns: readonly Float64Array[]): void {
  for (let i = 0; i < columns[0]!.length; i++) {
    let mean = 0;
    for (const x of columns) mean += x[i]! / columns.length;
    let variance = 0;
    for (const x of columns) variance += (x[i]! - mean) ** 2 / (columns.length - 1);
    for (const x of columns) x[i] = (x[i]! - mean) / Math.sqrt(variance);
  }
}

const data = process.env['TOCSIN_DATA'];
describe.skipIf(data === undefined)('VUS-PR against published results', () => {
  it.each([
    ['machine-2-8', 9, 0.8367, 0.8922],
    ['machine-3-4', 21, 0.1879, 0.3787],
  ])('COPOD and HBOS on %s', (machine, window, ofCopod, ofHbos) => {
    const columns = parseColumns(readBytes(join(data!, 'metrics/smd', `${machine}.test.csv.gz`)), 40);
    const values = columns.slice(1, 39);
    const label = Uint8Array.from(columns[39]!);
    standardiseRows(values);
    expect(vusPr(copod(values), label, window)).toBeCloseTo(ofCopod, 4);
    expect(vusPr(hbos(values), label, window)).toBeCloseTo(ofHbos, 4);
  });
});
