/** What a two-sample Kolmogorov-Smirnov test says. */
export interface KsResult {
  /** Largest distance of the two empirical distributions, 0-1. */
  readonly statistic: number;
  /** Distance that chance exceeds with probability `alpha`, and at least the smallest that matters. */
  readonly threshold: number;
  readonly drifted: boolean;
}

/** With thousands of values every difference is significant: less than this is none that matters. */
const LEAST_DISTANCE = 0.1;

/**
 * Two-sample Kolmogorov-Smirnov test of two samples in ascending order, of any lengths; empty ones say nothing. Drift where the
 * distance is significant and large enough to matter. O(n + m), no allocation.
 * Smirnov, "Table for Estimating the Goodness of Fit of Empirical Distributions", Ann. Math. Statist. 19 (1948).
 */
export function ksTest(a: Float64Array, b: Float64Array, alpha = 0.001): KsResult {
  const n = a.length;
  const m = b.length;
  if (n === 0 || m === 0) return { statistic: 0, threshold: 1, drifted: false };
  let i = 0;
  let j = 0;
  let statistic = 0;
  while (i < n && j < m) {
    const x = Math.min(a[i]!, b[j]!);
    while (i < n && a[i]! <= x) i++;
    while (j < m && b[j]! <= x) j++;
    statistic = Math.max(statistic, Math.abs(i / n - j / m));
  }
  const critical = Math.sqrt((-Math.log(alpha / 2) / 2) * ((n + m) / (n * m)));
  const threshold = Math.max(LEAST_DISTANCE, critical);
  return { statistic, threshold, drifted: statistic > threshold };
}
