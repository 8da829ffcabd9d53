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

/** Adds the summary at `from` of `source` to the one at `at` of `target`. */
export function mergeTo(target: Float32Array, at: number, source: Float32Array, from: number): void {
  const n = source[from] as number;
  const count = target[at] as number;
  if (n === 0) return;
  if (count === 0) {
    move(target, at, source, from);
    return;
  }
  const mean = target[at + 1] as number;
  const d = (source[from + 1] as number) - mean;
  const share = n / (count + n);
  target[at] = count + n;
  target[at + 1] = mean + d * share;
  target[at + 2] = (target[at + 2] as number) + (source[from + 2] as number) + d * d * count * share;
  if ((source[from + 3] as number) < (target[at + 3] as number)) target[at + 3] = source[from + 3] as number;
  if ((source[from + 4] as number) > (target[at + 4] as number)) target[at + 4] = source[from + 4] as number;
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

/** Copies a summary; slot by slot, because a call of `copyWithin` costs more than five stores. */
export function move(target: Float32Array, at: number, source: Float32Array, from: number): void {
  target[at] = source[from] as number;
  target[at + 1] = source[from + 1] as number;
  target[at + 2] = source[from + 2] as number;
  target[at + 3] = source[from + 3] as number;
  target[at + 4] = source[from + 4] as number;
}

/** Takes `by` away from every value of the summary at `at`. */
export function shift(target: Float32Array, at: number, by: number): void {
  target[at + 1] = (target[at + 1] as number) - by;
  target[at + 3] = (target[at + 3] as number) - by;
  target[at + 4] = (target[at + 4] as number) - by;
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
