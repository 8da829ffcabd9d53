import type { Classifier } from './table.ts';
import { logOdds } from './table.ts';

/** Decision trees in flat arrays, as data. Node n: `feature[n]` -1 for a leaf; left where the value is below `threshold[n]`. */
export interface TreesData {
  readonly kind: 'trees';
  readonly columns: number;
  /** `sum`: log-odds from `base` on, leaf by leaf (boosting); `mean`: mean of the leaves' probabilities (forest). */
  readonly combine: 'sum' | 'mean';
  readonly base: number;
  /** First node of every tree. */
  readonly roots: readonly number[];
  readonly feature: readonly number[];
  readonly threshold: readonly number[];
  readonly left: readonly number[];
  readonly right: readonly number[];
  /** 1 where a missing value goes left. */
  readonly missingLeft: readonly number[];
  /** Value of a leaf. */
  readonly leaf: readonly number[];
}

/** Sums in 32 bits, in order, as XGBoost does. */
export function treesModel(data: TreesData): Classifier {
  const feature = Int32Array.from(data.feature);
  const threshold = Float32Array.from(data.threshold);
  const left = Int32Array.from(data.left);
  const right = Int32Array.from(data.right);
  const missingLeft = Uint8Array.from(data.missingLeft);
  const leaf = Float32Array.from(data.leaf);
  const { roots } = data;
  return {
    columns: data.columns,
    score(values, at) {
      let sum = data.combine === 'sum' ? Math.fround(data.base) : 0;
      for (const root of roots) {
        let n = root;
        while (feature[n]! >= 0) {
          const v = values[at + feature[n]!]!;
          const goesLeft = Number.isNaN(v) ? missingLeft[n] === 1 : v < threshold[n]!;
          n = goesLeft ? left[n]! : right[n]!;
        }
        sum = Math.fround(sum + leaf[n]!);
      }
      return data.combine === 'sum' ? sum : logOdds(sum / roots.length);
    },
  };
}
