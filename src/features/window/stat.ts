/**
 * A summary of values in five float32 slots: count, mean, sum of squared deviations (M2), minimum, maximum. Merging is
 * Chan, Golub, LeVeque 1979: no cancellation. Where the count is 0 the rest is meaningless.
 */
export const STAT_SLOTS = 5;

/** The same as an object of doubles, for reading. */
export interface Stat {
  count: number;
  mean: number;
  m2: number;
  min: number;
  max: number;
}

/** Adds one value to the summary at `at`. */
export function addValue(target: Float32Array, at: number, value: number): void {
  const count = target[at] as number;
  target[at] = count + 1;
  if (count === 0) {
    target[at + 1] = value;
    target[at + 2] = 0;
    target[at + 3] = value;
    target[at + 4] = value;
    return;
  }
  const mean = target[at + 1] as number;
  const off = value - mean;
  const next = mean + off / (count + 1);
  target[at + 1] = next;
  target[at + 2] = (target[at + 2] as number) + off * (value - next);
  if (value < (target[at + 3] as number)) target[at + 3] = value;
  if (value > (target[at + 4] as number)) target[at + 4] = value;
}

/** Adds the summary at `from` to `stat`, its samples counted `share` times. */
export function addTo(stat: Stat, source: Float32Array, from: number, share: number): void {
  const n = Math.abs(source[from] as number) * share;
  if (n === 0) return;
  const d = (source[from + 1] as number) - stat.mean;
  const part = n / (stat.count + n);
  stat.m2 += (source[from + 2] as number) * share + d * d * stat.count * part;
  stat.mean += d * part;
  stat.count += n;
  stat.min = Math.min(stat.min, source[from + 3] as number);
  stat.max = Math.max(stat.max, source[from + 4] as number);
}
