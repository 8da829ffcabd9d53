import { runsOf } from '../data/metric-sets.ts';

/**
 * Volume under the range precision-recall surface (Paparrizos et al., VLDB 2022), as TSB-AD computes it: labels get sloping
 * shoulders of up to half a window on each side, for every window 0 .. `window`; the mean of the average precisions.
 *
 * The reference loops over thresholds for every window. Here each sample is put once into the bucket of the first threshold
 * that raises it, and running sums over buckets give all thresholds: cost is windows times labelled neighbourhood.
 * `thresholds` 250 is the reference's grid of ranks; Infinity tries every rank.
 */
export function vusPr(score: ArrayLike<number>, label: Uint8Array, window: number, thresholds = 250): number {
  const n = score.length;
  const runs = runsOf(label);
  if (runs.length === 0 || n === 0) return Number.NaN;
  const steps = Math.min(thresholds, n);
  const sorted = Float64Array.from(score).sort().reverse();
  const limits = new Float64Array(steps);
  const predicted = new Float64Array(steps);
  for (let k = 0; k < steps; k++) limits[k] = sorted[steps === 1 ? 0 : Math.floor((k * (n - 1)) / (steps - 1))]!;
  for (let k = 0, at = 0; k < steps; k++) {
    while (at < n && sorted[at]! >= limits[k]!) at++;
    predicted[k] = at;
  }
  let positives = 0;
  for (const x of label) positives += x;

  // The neighbourhood of the runs for the widest window, with everything per sample that does not depend on the window.
  const reach = window >> 1;
  const members: number[] = [];
  let last = -1;
  for (const [a, b] of runs) {
    for (let i = Math.max(last + 1, a - reach, 0); i <= Math.min(n - 1, b + reach); i++) members.push(i);
    last = Math.max(last, members.at(-1) ?? -1);
  }
  const bucket = Int32Array.from(members, (i) => firstAtMost(limits, score[i]!));
  const place = new Map<number, number>();
  members.forEach((i, m) => {
    place.set(i, m);
  });

  let volume = 0;
  const core = new Float64Array(steps + 1);
  for (let m = 0; m < members.length; m++) if (label[members[m]!] === 1) core[bucket[m]!]!++;
  for (let w = 0; w <= window; w++) {
    const half = w >> 1;
    const slope = new Float64Array(members.length);
    for (const [a, b] of runs) {
      for (let i = b + 1; i <= Math.min(n - 1, b + half); i++) slope[place.get(i)!]! += Math.sqrt(1 - (i - b) / w);
      for (let i = Math.max(0, a - half); i < a; i++) slope[place.get(i)!]! += Math.sqrt(1 - (a - i) / w);
    }
    const shoulder = new Float64Array(steps + 1);
    for (let m = 0; m < members.length; m++)
      if (label[members[m]!] === 0 && slope[m]! > 0) shoulder[bucket[m]!]! += Math.min(1, slope[m]!);
    const segments = segmentsOf(runs, half, n);
    const firstHit = new Int32Array(steps + 1);
    for (const [a, b] of segments) {
      let earliest = steps;
      for (let i = a; i <= b; i++) earliest = Math.min(earliest, bucket[place.get(i)!]!);
      firstHit[earliest]!++;
    }
    let raisedCore = 0;
    let raisedShoulder = 0;
    let existing = 0;
    let before = 0;
    for (let k = 0; k < steps; k++) {
      raisedCore += core[k]!;
      raisedShoulder += shoulder[k]!;
      existing += firstHit[k]!;
      const tp = raisedCore + raisedShoulder;
      const recall = Math.min(1, tp / ((positives + positives + raisedShoulder) / 2)) * (existing / segments.length);
      volume += (recall - before) * (tp / predicted[k]!);
      before = recall;
    }
  }
  return volume / (window + 1);
}

/** Index of the first (largest) limit that is <= value. */
function firstAtMost(descending: Float64Array, value: number): number {
  let low = 0;
  let high = descending.length;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (descending[mid]! <= value) high = mid;
    else low = mid + 1;
  }
  return low;
}

/** Runs widened by `half` on each side; those that touch are one. */
function segmentsOf(runs: readonly (readonly [number, number])[], half: number, n: number): [number, number][] {
  const out: [number, number][] = [];
  let from = Math.max(0, runs[0]![0] - half);
  for (let i = 0; i + 1 < runs.length; i++) {
    if (runs[i]![1] + half < runs[i + 1]![0] - half) {
      out.push([from, runs[i]![1] + half]);
      from = runs[i + 1]![0] - half;
    }
  }
  out.push([from, Math.min(n - 1, runs.at(-1)![1] + half)]);
  return out;
}
