/** Buckets of one interval, ascending: bounds as in `HistogramBatch`, populations not negative. Reused between calls. */
export interface Buckets {
  length: number;
  /** Place of the first one's bounds; populations begin at 0. */
  first: number;
  lower: Float64Array;
  upper: Float64Array;
  count: Float64Array;
  total: number;
}

export function createBuckets(capacity: number): Buckets {
  return {
    length: 0,
    first: 0,
    lower: new Float64Array(capacity),
    upper: new Float64Array(capacity),
    count: new Float64Array(capacity),
    total: 0,
  };
}

/**
 * The value at rank q * total. Within a bucket: geometric where the bounds are positive and at most a factor of two
 * apart (exponential and native histograms), else linear. An open bucket answers with its finite bound, as Prometheus'
 * histogram_quantile does; a first bucket open below starts at 0 if its upper bound is positive. NaN when empty.
 */
export function bucketQuantile(buckets: Buckets, q: number): number {
  if (!(buckets.total > 0)) return Number.NaN;
  const { lower: lowers, upper: uppers, count: counts, first, length } = buckets;
  const rank = q * buckets.total;
  let below = 0;
  let bucket = 0;
  let last = -1;
  for (; bucket < length; bucket++) {
    const count = counts[bucket] as number;
    if (count <= 0) continue;
    last = bucket;
    if (below + count >= rank) break;
    below += count;
  }
  if (bucket === length) return uppers[first + last] as number;
  const upper = uppers[first + bucket] as number;
  let lower = lowers[first + bucket] as number;
  if (lower === Number.NEGATIVE_INFINITY) {
    if (!(upper > 0) || upper === Number.POSITIVE_INFINITY) return upper === Number.POSITIVE_INFINITY ? 0 : upper;
    lower = 0;
  }
  if (upper === Number.POSITIVE_INFINITY) return lower;
  const share = Math.min(1, Math.max(0, (rank - below) / (counts[bucket] as number)));
  if (lower > 0 && upper <= lower * 2.000001) return lower * (upper / lower) ** share;
  return lower + (upper - lower) * share;
}
