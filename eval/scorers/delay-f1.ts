import { runsOf } from '../data/metric-sets.ts';

/** Scores and labels of one series, row by row. */
export interface ScoredSeries {
  readonly score: Float32Array;
  readonly label: Uint8Array;
  readonly stepMs: number;
}

/** AIOps challenge 2018: the delay that is still in time, in rows. */
export const KPI_DELAY = 7;

/**
 * Delay-limited F1 as sums: a labelled run [a, b) is found when an alarm lies in [a, min(a + k, b - 1)]; then the whole
 * run counts as predicted, else none of it. Alarms outside runs stay. No point adjustment beyond that.
 */
export interface DelayCounts {
  tp: number;
  fp: number;
  fn: number;
}

interface Prepared {
  /** Per run: largest score within the delay, and its length. */
  readonly keys: Float32Array;
  readonly lengths: Int32Array;
  /** Scores outside runs, ascending. */
  readonly outside: Float32Array;
}

function prepare(series: readonly ScoredSeries[], k: number): Prepared {
  const keys: number[] = [];
  const lengths: number[] = [];
  let negatives = 0;
  for (const s of series) for (let i = 0; i < s.label.length; i++) if (s.label[i] === 0) negatives++;
  const outside = new Float32Array(negatives);
  let n = 0;
  for (const s of series) {
    for (let i = 0; i < s.label.length; i++) if (s.label[i] === 0) outside[n++] = s.score[i]!;
    for (const [a, last] of runsOf(s.label)) {
      let key = Number.NEGATIVE_INFINITY;
      for (let i = a; i <= Math.min(a + k, last); i++) if (s.score[i]! > key) key = s.score[i]!;
      keys.push(key);
      lengths.push(last - a + 1);
    }
  }
  return { keys: Float32Array.from(keys), lengths: Int32Array.from(lengths), outside: outside.sort() };
}

/** How many of the ascending values are >= limit. */
function countFrom(ascending: Float32Array, limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (ascending[mid]! >= limit) high = mid;
    else low = mid + 1;
  }
  return ascending.length - low;
}

export function f1Of(counts: Readonly<DelayCounts>): number {
  const denominator = 2 * counts.tp + counts.fp + counts.fn;
  return denominator === 0 ? 0 : (2 * counts.tp) / denominator;
}

/**
 * The threshold with the best F1, pooled over the series. Only run keys need trying: between two keys, lowering the
 * threshold can add false alarms only.
 */
export function bestDelayThreshold(series: readonly ScoredSeries[], k = KPI_DELAY): { threshold: number; f1: number } {
  const data = prepare(series, k);
  const order = Array.from(data.keys.keys()).sort((a, b) => data.keys[b]! - data.keys[a]!);
  let labelled = 0;
  for (const length of data.lengths) labelled += length;
  let tp = 0;
  let best = { threshold: Number.POSITIVE_INFINITY, f1: 0 };
  for (let i = 0; i < order.length; i++) {
    tp += data.lengths[order[i]!]!;
    const threshold = data.keys[order[i]!]!;
    if (i + 1 < order.length && data.keys[order[i + 1]!] === threshold) continue;
    const f1 = f1Of({ tp, fp: countFrom(data.outside, threshold), fn: labelled - tp });
    if (f1 > best.f1) best = { threshold, f1 };
  }
  return best;
}

export function delayCounts(series: ScoredSeries, threshold: number, k = KPI_DELAY): DelayCounts {
  const counts = { tp: 0, fp: 0, fn: 0 };
  for (let i = 0; i < series.label.length; i++) if (series.label[i] === 0 && series.score[i]! >= threshold) counts.fp++;
  for (const [a, last] of runsOf(series.label)) {
    let found = false;
    for (let i = a; i <= Math.min(a + k, last); i++) if (series.score[i]! >= threshold) found = true;
    if (found) counts.tp += last - a + 1;
    else counts.fn += last - a + 1;
  }
  return counts;
}

export function sumCounts(all: readonly DelayCounts[], weight?: ArrayLike<number>): DelayCounts {
  const sum = { tp: 0, fp: 0, fn: 0 };
  all.forEach((counts, i) => {
    const w = weight === undefined ? 1 : weight[i]!;
    sum.tp += w * counts.tp;
    sum.fp += w * counts.fp;
    sum.fn += w * counts.fn;
  });
  return sum;
}
