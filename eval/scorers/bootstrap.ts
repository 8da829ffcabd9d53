/** 32-bit xorshift-multiply generator (mulberry32): seeded, so that a report can be repeated exactly. */
export function seededRandom(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Percentile bootstrap over cases: `figure` gets how often each case was drawn. Thresholds stay as they were chosen, so
 * the interval is of the figure at that threshold.
 */
export function bootstrap(
  cases: number,
  figure: (weight: Int32Array) => number,
  options: { rounds?: number; seed?: number } = {},
): Interval {
  const random = seededRandom(options.seed ?? 7);
  const rounds = options.rounds ?? 400;
  const values = new Float64Array(rounds);
  const weight = new Int32Array(cases);
  for (let r = 0; r < rounds; r++) {
    weight.fill(0);
    for (let i = 0; i < cases; i++) weight[Math.floor(random() * cases)]!++;
    values[r] = figure(weight);
  }
  values.sort();
  return { low: values[Math.floor(0.025 * rounds)]!, high: values[Math.min(rounds - 1, Math.floor(0.975 * rounds))]! };
}
