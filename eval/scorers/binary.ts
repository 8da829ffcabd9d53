/** Findings against labels, per case. */
export interface BinaryScore {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Matthews correlation: 0 for any constant answer. */
  readonly mcc: number;
  /** False findings for 10,000 cases. */
  readonly falsePer10k: number;
}

export function scoreBinary(labels: ReadonlyMap<string, boolean>, named: ReadonlySet<string>): BinaryScore {
  let tp = 0;
  let fp = 0;
  let fn = 0;
  let tn = 0;
  for (const [id, anomalous] of labels) {
    const positive = named.has(id);
    if (positive && anomalous) tp++;
    else if (positive) fp++;
    else if (anomalous) fn++;
    else tn++;
  }
  const product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn);
  return {
    precision: tp + fp === 0 ? 0 : tp / (tp + fp),
    recall: tp + fn === 0 ? 0 : tp / (tp + fn),
    f1: tp === 0 ? 0 : (2 * tp) / (2 * tp + fp + fn),
    mcc: product === 0 ? 0 : (tp * tn - fp * fn) / Math.sqrt(product),
    falsePer10k: labels.size === 0 ? 0 : (fp * 10_000) / labels.size,
  };
}
