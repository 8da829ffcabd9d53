/** Area under the ROC curve: the share of pairs (real, not) that the scores order rightly, ties count half. NaN without both. */
export function auc(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let ranks = 0;
  let positives = 0;
  for (let i = 0; i < order.length; ) {
    let end = i;
    while (end < order.length && scores[order[end]!] === scores[order[i]!]) end++;
    for (let k = i; k < end; k++) {
      if (labels[order[k]!] !== 1) continue;
      ranks += (i + 1 + end) / 2;
      positives++;
    }
    i = end;
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * (order.length - positives));
}

/** Mean squared distance of probabilities from what happened. */
export function brier(p: ArrayLike<number>, labels: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += (p[i]! - labels[i]!) ** 2;
  return sum / p.length;
}

export interface ReliabilityBin {
  readonly count: number;
  /** Mean probability claimed, and share that came true. */
  readonly claimed: number;
  readonly observed: number;
}

/** Bins of equal mass, in order of the probability. */
export function reliability(p: ArrayLike<number>, labels: ArrayLike<number>, bins = 10): readonly ReliabilityBin[] {
  const order = Array.from({ length: p.length }, (_, i) => i).sort((a, b) => p[a]! - p[b]!);
  return Array.from({ length: Math.min(bins, order.length) }, (_, b) => {
    const count = Math.min(bins, order.length);
    const part = order.slice(Math.floor((b * order.length) / count), Math.floor(((b + 1) * order.length) / count));
    const mean = (of: (i: number) => number): number => part.reduce((sum, i) => sum + of(i), 0) / part.length;
    return { count: part.length, claimed: mean((i) => p[i]!), observed: mean((i) => labels[i]!) };
  });
}

/** Expected calibration error over bins of equal mass. */
export function ece(p: ArrayLike<number>, labels: ArrayLike<number>, bins = 10): number {
  return reliability(p, labels, bins).reduce(
    (sum, { count, claimed, observed }) => sum + (count / p.length) * Math.abs(claimed - observed),
    0,
  );
}
