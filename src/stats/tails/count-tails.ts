/**
 * Tail probabilities of counts: binomial, Poisson, negative binomial, exact through the incomplete beta and gamma
 * functions (Lentz continued fractions, as in Numerical Recipes 6.2 and 6.4). Relative error below 1e-9 where p > 1e-280.
 */
const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;
const TINY = 1e-300;
const EPSILON = 1e-14;
const MAX_STEPS = 500;

/** ln Gamma(x) for x > 0 (Lanczos, g = 7). */
export function lnGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - lnGamma(1 - x);
  const y = x - 1;
  let sum = 0.99999999999980993;
  for (let i = 0; i < LANCZOS.length; i += 1) sum += (LANCZOS[i] as number) / (y + i + 1);
  const t = y + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (y + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Regularised incomplete beta I_x(a, b), a, b > 0, x in 0..1. */
export function incompleteBeta(a: number, b: number, x: number): number {
  if (!(x > 0)) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return Math.min(1, (front * betaFraction(a, b, x)) / a);
  return Math.max(0, 1 - (front * betaFraction(b, a, 1 - x)) / b);
}

function betaFraction(a: number, b: number, x: number): number {
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m <= MAX_STEPS; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < EPSILON) break;
  }
  return h;
}

/** Regularised lower incomplete gamma P(a, x), a > 0, x >= 0. */
export function incompleteGamma(a: number, x: number): number {
  if (!(x > 0)) return 0;
  const front = Math.exp(a * Math.log(x) - x - lnGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < MAX_STEPS * 4; n += 1) {
      term *= x / (a + n);
      sum += term;
      if (term < sum * EPSILON) break;
    }
    return Math.min(1, sum * front);
  }
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / away(b);
  let h = d;
  for (let i = 1; i < MAX_STEPS * 4; i += 1) {
    const an = -i * (i - a);
    b += 2;
    d = 1 / away(an * d + b);
    c = away(b + an / c);
    const step = d * c;
    h *= step;
    if (Math.abs(step - 1) < EPSILON) break;
  }
  return Math.max(0, 1 - front * h);
}

/** P(X >= k) for X ~ Binomial(n, p). */
export function binomialAtLeast(k: number, n: number, p: number): number {
  if (k <= 0) return 1;
  if (k > n) return 0;
  return incompleteBeta(k, n - k + 1, p);
}

/** P(X <= k) for X ~ Binomial(n, p). */
export function binomialAtMost(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return incompleteBeta(n - k, k + 1, 1 - p);
}

/** P(X >= k) for X ~ Poisson(mean). */
export function poissonAtLeast(k: number, mean: number): number {
  return k <= 0 ? 1 : incompleteGamma(k, mean);
}

/** P(X >= k) for a negative binomial of the given mean and size (variance = mean + mean^2 / size); k may be fractional. */
export function negativeBinomialAtLeast(k: number, mean: number, size: number): number {
  if (k <= 0) return 1;
  if (!(mean > 0)) return 0;
  return size > 1e6 ? poissonAtLeast(k, mean) : incompleteBeta(k, size, mean / (mean + size));
}

/** P(X <= k) for the same. */
export function negativeBinomialAtMost(k: number, mean: number, size: number): number {
  if (k < 0) return 0;
  if (!(mean > 0)) return 1;
  if (size > 1e6) return Math.max(0, 1 - incompleteGamma(k + 1, mean));
  return incompleteBeta(size, k + 1, size / (size + mean));
}

/** p of the smallest of `tests` independent p-values (Sidak). */
export function smallestOf(p: number, tests: number): number {
  return tests <= 1 ? p : -Math.expm1(tests * Math.log1p(-Math.min(p, 1 - 1e-16)));
}

function away(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}
