import { createRng } from '../../stats/rng.ts';
import { bin, type Grown, growTree } from './grow.ts';
import { logistic, logOdds, type Table } from './table.ts';
import type { TreesData } from './trees.ts';

export interface GbdtOptions {
  readonly trees: number;
  readonly leaves: number;
  readonly depth: number;
  readonly rate: number;
  readonly lambda: number;
  readonly minChild: number;
  /** By column, see `GrowOptions`. */
  readonly monotone?: readonly number[];
}

/** 80 trees of 7 leaves: reference/methods section 6, from 50 to 4500 labels. */
export const GBDT: GbdtOptions = { trees: 80, leaves: 7, depth: 6, rate: 0.1, lambda: 1, minChild: 1 };

/** Gradient-boosted trees for the logistic loss, by histograms and second order. Deterministic: no sampling. */
export function trainGbdt(table: Table, options: GbdtOptions = GBDT): TreesData {
  const data = bin(table);
  const rows = Int32Array.from({ length: table.rows }, (_, i) => i);
  const g = new Float64Array(table.rows);
  const h = new Float64Array(table.rows);
  let total = 0;
  let positive = 0;
  for (let i = 0; i < table.rows; i++) {
    total += table.weights?.[i] ?? 1;
    positive += (table.weights?.[i] ?? 1) * table.labels[i]!;
  }
  const base = logOdds(positive / total);
  const margin = new Float64Array(table.rows).fill(base);
  const forest = empty(table.columns, 'sum', base);
  for (let t = 0; t < options.trees; t++) {
    for (let i = 0; i < table.rows; i++) {
      const p = logistic(margin[i]!);
      const weight = table.weights?.[i] ?? 1;
      g[i] = weight * (p - table.labels[i]!);
      h[i] = weight * Math.max(p * (1 - p), 1e-16);
    }
    const tree = growTree(data, rows, g, h, options);
    for (let n = 0; n < tree.leaf.length; n++) tree.leaf[n] = Math.fround(tree.leaf[n]! * options.rate);
    for (let i = 0; i < table.rows; i++) margin[i] = margin[i]! + tree.leaf[tree.leafOf[i]!]!;
    append(forest, tree);
    if (tree.leaf.length === 1) break;
  }
  return forest;
}

export interface ForestOptions {
  readonly trees: number;
  readonly leaves: number;
  readonly depth: number;
  readonly minChild: number;
  readonly seed: number;
}

export const FOREST: ForestOptions = { trees: 100, leaves: 128, depth: 12, minChild: 4, seed: 1 };

/** Random forest (Breiman 2001): bootstrap by seed, sqrt(columns) tried a split, leaves hold shares, their mean is the score. */
export function trainForest(table: Table, options: ForestOptions = FOREST): TreesData {
  const data = bin(table);
  const rng = createRng(options.seed);
  const forest = empty(table.columns, 'mean', 0);
  const tryColumns = Math.max(1, Math.round(Math.sqrt(table.columns)));
  for (let t = 0; t < options.trees; t++) {
    const drawn = new Float64Array(table.rows);
    for (let i = 0; i < table.rows; i++) {
      const row = rng.int(table.rows);
      drawn[row] = drawn[row]! + (table.weights?.[row] ?? 1);
    }
    const rows = Int32Array.from({ length: table.rows }, (_, i) => i).filter((i) => drawn[i]! > 0);
    const g = drawn.map((weight, i) => -weight * table.labels[i]!);
    append(forest, growTree(data, rows, g, drawn, { ...options, lambda: 0, tryColumns, rng }));
  }
  return forest;
}

interface Growing extends TreesData {
  readonly roots: number[];
  readonly feature: number[];
  readonly threshold: number[];
  readonly left: number[];
  readonly right: number[];
  readonly missingLeft: number[];
  readonly leaf: number[];
}

function empty(columns: number, combine: TreesData['combine'], base: number): Growing {
  return {
    kind: 'trees',
    columns,
    combine,
    base,
    roots: [],
    feature: [],
    threshold: [],
    left: [],
    right: [],
    missingLeft: [],
    leaf: [],
  };
}

function append(forest: Growing, tree: Grown): void {
  const first = forest.feature.length;
  forest.roots.push(first);
  for (let n = 0; n < tree.feature.length; n++) {
    forest.feature.push(tree.feature[n]!);
    forest.threshold.push(tree.threshold[n]!);
    forest.left.push(tree.left[n]! + first);
    forest.right.push(tree.right[n]! + first);
    forest.missingLeft.push(tree.missingLeft[n]!);
    forest.leaf.push(tree.leaf[n]!);
  }
}
