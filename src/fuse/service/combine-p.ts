/**
 * Combination of dependent p-values (methods page 1.6): Cauchy / ACAT (Liu and Xie 2020) and a count test. The Cauchy weight
 * of a p-value is cot(pi p); its mean over any number of p-values, however dependent, is again about Cauchy in the tail.
 */

const STEPS = 32;
const MAX_SURPRISE = 8;
/** p-values near 1 have weight near -infinity and would cancel real evidence: the usual truncation. */
const LARGEST_P = 0.99;

/** Strangeness at which a series counts as strange: p < 1e-3. */
export const STRANGE = 3;
export const SMALLEST_P = 1e-6;

/** Cauchy weight of p. */
export function cauchyWeight(p: number): number {
  return 1 / Math.tan(Math.PI * Math.min(LARGEST_P, Math.max(p, 1e-15)));
}

/** p-value of a mean Cauchy weight; exact for every finite mean, without cancellation in the tail. */
export function cauchyP(mean: number): number {
  return Math.atan2(1, mean) / Math.PI;
}

/** Cauchy weight by surprise (-log10 p) in steps of 1/32, so that a point costs a table read; error below 4 % of p. */
export const WEIGHT_OF_SURPRISE: Float64Array = Float64Array.from({ length: STEPS * MAX_SURPRISE }, (_, i) =>
  cauchyWeight(10 ** (-(i + 0.5) / STEPS)),
);
export const WEIGHT_STEPS = STEPS;
export const WEIGHT_LAST = STEPS * MAX_SURPRISE - 1;

/** ACAT with equal weights; 1 for an empty list. */
export function acat(ps: readonly number[]): number {
  if (ps.length === 0) return 1;
  let sum = 0;
  for (const p of ps) sum += cauchyWeight(p);
  return cauchyP(sum / ps.length);
}

/** log Gamma(x) for x > 0 (Lanczos, g = 7). */
export function logGamma(x: number): number {
  const c = [
    676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
    -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
  ];
  let sum = 0.9999999999998099;
  for (let i = 0; i < c.length; i += 1) sum += (c[i] ?? 0) / (x + i);
  const t = x + c.length - 1.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

/**
 * P(Poisson(rate) >= count) for real count > 0: the regularised lower incomplete gamma P(count, rate). With rare events
 * it equals the binomial tail, and it takes the fractional counts that an effective number of series gives.
 */
export function poissonTail(count: number, rate: number): number {
  if (count <= 0) return 1;
  if (rate <= 0) return 0;
  if (rate > count + 12 * Math.sqrt(count) + 20) return 1;
  let term = 1 / count;
  let sum = term;
  for (let n = 1; n < 2000; n += 1) {
    term *= rate / (count + n);
    sum += term;
    if (term < sum * 1e-14) break;
  }
  return Math.min(1, sum * Math.exp(count * Math.log(rate) - rate - logGamma(count)));
}

/**
 * p-value of `strange` of `seen` series lying below p = 1e-3, when they are worth `ratio * seen` independent ones: both
 * shrink alike, so ten copies of one strange series count as one.
 */
export function countP(strange: number, seen: number, ratio: number): number {
  if (strange <= 0) return 1;
  return poissonTail(Math.max(1, strange * ratio), Math.max(1, seen * ratio) * 10 ** -STRANGE);
}

/**
 * Modalities agreeing: the second smallest of m p-values. Independent, two of m lie below q with C(m, 2) q^2; modalities
 * of one service are dependent, hence the exponent 1.5.
 */
export function agreementP(ps: readonly number[]): number {
  if (ps.length < 2) return 1;
  const second = ps.toSorted((a, b) => a - b)[1] ?? 1;
  return Math.min(1, ((ps.length * (ps.length - 1)) / 2) * second ** 1.5);
}
