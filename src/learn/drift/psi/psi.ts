/** What the population stability index says. */
export interface PsiResult {
  /** 0 for equal shares; symmetric. */
  readonly statistic: number;
  readonly threshold: number;
  /** Above `watch` but not yet drift. */
  readonly watch: boolean;
  readonly drifted: boolean;
}

const WATCH = 0.1;
const ACT = 0.25;
/** A count added to every bin, so that an empty one is rare, not impossible. */
const PRIOR = 0.5;

/**
 * Population stability index of two histograms over the same bins: sum of (q - p) ln(q / p). Chance alone gives about
 * (bins - 1) (1/n + 1/m): that much is added to both limits, so that small samples are no drift.
 * Siddiqi, "Credit Risk Scorecards" (2006) for the limits; Yurdakul, "Statistical Properties of PSI" (2018) for the noise.
 */
export function psi(before: ArrayLike<number>, after: ArrayLike<number>): PsiResult {
  const bins = before.length;
  let n = 0;
  let m = 0;
  for (let i = 0; i < bins; i++) {
    n += before[i]!;
    m += after[i]!;
  }
  if (n === 0 || m === 0) return { statistic: 0, threshold: ACT, watch: false, drifted: false };
  let statistic = 0;
  for (let i = 0; i < bins; i++) {
    const p = (before[i]! + PRIOR) / (n + PRIOR * bins);
    const q = (after[i]! + PRIOR) / (m + PRIOR * bins);
    statistic += (q - p) * Math.log(q / p);
  }
  const chance = (bins - 1) * (1 / n + 1 / m);
  return { statistic, threshold: ACT + chance, watch: statistic > WATCH + chance, drifted: statistic > ACT + chance };
}
