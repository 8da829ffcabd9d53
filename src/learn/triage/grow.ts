import type { Rng } from '../../stats/rng.ts';
import type { Table } from './table.ts';

/** Most bins of values: with that of missing values they fit a byte. */
const MOST_BINS = 255;
/** Rows a bin should hold, so that few rows do not cost as much as many. */
const ROWS_PER_BIN = 8;
const FEWEST_BINS = 32;
/** Largest 32-bit float. */
const LARGEST = 3.4028234663852886e38;

/** Features cut into at most 255 bins each, fewer for few rows, by quantile: column by column, a byte a value. */
export interface Binned {
  readonly rows: number;
  readonly columns: number;
  readonly bins: Uint8Array;
  /** Bins there may be, and one for what is missing. */
  readonly width: number;
  /** Cuts of each column in order: bin b holds values from cut b - 1 on and below cut b. */
  readonly cuts: readonly Float32Array[];
}

export function bin({ rows, columns, values }: Table): Binned {
  const bins = new Uint8Array(rows * columns);
  const cuts: Float32Array[] = [];
  const most = Math.min(MOST_BINS, Math.max(FEWEST_BINS, Math.ceil(rows / ROWS_PER_BIN)));
  for (let c = 0; c < columns; c++) {
    const column = Float32Array.from({ length: rows }, (_, i) => values[i * columns + c]!);
    const present = column.filter((v) => !Number.isNaN(v)).sort();
    const cut = cutsOf(present, present.length < rows, most);
    cuts.push(cut);
    for (let i = 0; i < rows; i++) bins[c * rows + i] = Number.isNaN(column[i]!) ? most : binOf(cut, column[i]!);
  }
  return { rows, columns, bins, cuts, width: most + 1 };
}

/** @param missing Then the last cut has all values below it, so that a split can be "there or not". */
function cutsOf(sorted: Float32Array, missing: boolean, most: number): Float32Array {
  const cuts: number[] = [];
  const distinct = sorted.reduce((n, v, i) => n + (i === 0 || v !== sorted[i - 1] ? 1 : 0), 0);
  const share = distinct <= most ? 1 : sorted.length / most;
  let next = share;
  for (let i = 1; i < sorted.length && cuts.length < most - 2; i++) {
    if (sorted[i] === sorted[i - 1] || i < next) continue;
    const middle = Math.fround((sorted[i]! + sorted[i - 1]!) / 2);
    cuts.push(middle > sorted[i - 1]! ? middle : sorted[i]!);
    next = i + share;
  }
  if (missing) cuts.push(LARGEST);
  return Float32Array.from(cuts);
}

function binOf(cuts: Float32Array, value: number): number {
  let low = 0;
  let high = cuts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cuts[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface GrowOptions {
  readonly leaves: number;
  readonly depth: number;
  /** L2 penalty on leaves. */
  readonly lambda: number;
  /** Least curvature in a leaf. */
  readonly minChild: number;
  /** Columns tried a split; all without it. */
  readonly tryColumns?: number;
  readonly rng?: Rng;
  /** By column: 1 where the score may only grow with the feature, -1 where it may only fall. */
  readonly monotone?: readonly number[];
}

interface Split {
  readonly gain: number;
  readonly column: number;
  readonly bin: number;
  readonly missingLeft: boolean;
}

interface Part {
  readonly from: number;
  readonly to: number;
  readonly depth: number;
  readonly g: number;
  readonly h: number;
  readonly histogram: Float64Array;
  /** What its value may be (monotone constraints). */
  readonly low: number;
  readonly high: number;
}

interface Leaf extends Part {
  readonly node: number;
  readonly split: Split | null;
}

/** Nodes of one tree, to be appended to others. */
export interface Grown {
  readonly feature: number[];
  readonly threshold: number[];
  readonly left: number[];
  readonly right: number[];
  readonly missingLeft: number[];
  readonly leaf: number[];
  /** Leaf of every row given; -1 for others. */
  readonly leafOf: Int32Array;
}

/**
 * Grows one tree, the best leaf first, on slopes `g` and curvatures `h` of the loss (second order; XGBoost, Chen & Guestrin
 * 2016). A histogram of the larger child is the parent's less the smaller's. With g = -y and h = 1 a leaf's value is the mean
 * of y and the gain that of Gini: the trees of a forest.
 */
export function growTree(
  data: Binned,
  rows: Int32Array,
  g: Float64Array,
  h: Float64Array,
  options: GrowOptions,
): Grown {
  const { lambda, minChild, monotone } = options;
  const order = rows.slice();
  const scratch = new Int32Array(order.length);
  const tree: Grown = {
    feature: [],
    threshold: [],
    left: [],
    right: [],
    missingLeft: [],
    leaf: [],
    leafOf: new Int32Array(data.rows).fill(-1),
  };
  const leafValue = (sumG: number, sumH: number, low: number, high: number): number =>
    Math.max(low, Math.min(high, -sumG / (sumH + lambda)));
  /** Loss that a leaf of this value takes away, twice. */
  const worth = (sumG: number, sumH: number, value: number): number =>
    -(2 * sumG * value + (sumH + lambda) * value * value);

  function addNode(value: number): number {
    tree.feature.push(-1);
    tree.threshold.push(0);
    tree.left.push(0);
    tree.right.push(0);
    tree.missingLeft.push(0);
    tree.leaf.push(value);
    return tree.feature.length - 1;
  }

  const every = Array.from({ length: data.columns }, (_, c) => c);
  const stride = data.width * 2;
  const missing = data.width - 1;
  /** Where columns are drawn anew for every leaf, nothing can be had by subtraction: one histogram serves all. */
  const drawn = options.tryColumns === undefined ? null : new Float64Array(data.columns * stride);

  function count(histogram: Float64Array, columns: readonly number[], from: number, to: number): void {
    for (const c of columns) {
      const base = c * data.rows;
      const start = c * stride;
      histogram.fill(0, start, start + stride);
      for (let i = from; i < to; i++) {
        const row = order[i]!;
        const at = start + data.bins[base + row]! * 2;
        histogram[at] = histogram[at]! + g[row]!;
        histogram[at + 1] = histogram[at + 1]! + h[row]!;
      }
    }
  }

  function histogramOf(from: number, to: number): Float64Array {
    if (drawn !== null) return drawn;
    const histogram = new Float64Array(data.columns * stride);
    count(histogram, every, from, to);
    return histogram;
  }

  function bestSplit({ histogram, from, to, g: sumG, h: sumH, low, high }: Part): Split | null {
    const own = worth(sumG, sumH, leafValue(sumG, sumH, low, high));
    let best: Split | null = null;
    if (sumH < 2 * minChild) return null;
    const columns = columnsToTry();
    if (drawn !== null) count(drawn, columns, from, to);
    for (const column of columns) {
      const start = column * stride;
      const missingG = histogram[start + missing * 2]!;
      const missingH = histogram[start + missing * 2 + 1]!;
      const cuts = data.cuts[column]!.length;
      let leftG = 0;
      let leftH = 0;
      for (let b = 0; b < cuts; b++) {
        leftG += histogram[start + b * 2]!;
        leftH += histogram[start + b * 2 + 1]!;
        for (let side = missingH > 0 ? 1 : 0; side >= 0; side--) {
          const lg = side === 1 ? leftG + missingG : leftG;
          const lh = side === 1 ? leftH + missingH : leftH;
          const rh = sumH - lh;
          if (lh < minChild || rh < minChild) continue;
          const lv = leafValue(lg, lh, low, high);
          const rv = leafValue(sumG - lg, rh, low, high);
          if (monotone !== undefined && (rv - lv) * (monotone[column] ?? 0) < 0) continue;
          const gain = worth(lg, lh, lv) + worth(sumG - lg, rh, rv) - own;
          if (gain > 1e-9 && gain > (best?.gain ?? 0)) best = { gain, column, bin: b, missingLeft: side === 1 };
        }
      }
    }
    return best;
  }

  function columnsToTry(): readonly number[] {
    const { tryColumns, rng } = options;
    if (tryColumns === undefined || rng === undefined || tryColumns >= every.length) return every;
    const all = every.slice();
    for (let i = 0; i < tryColumns; i++) {
      const j = i + rng.int(all.length - i);
      [all[i], all[j]] = [all[j]!, all[i]!];
    }
    return all.slice(0, tryColumns);
  }

  function leafAt(part: Part): Leaf {
    const split = part.depth < options.depth ? bestSplit(part) : null;
    return { ...part, node: addNode(leafValue(part.g, part.h, part.low, part.high)), split };
  }

  /** Moves rows of the left child to the front, keeping their order. @returns where the right child starts. */
  function partition({ from, to }: Leaf, split: Split): number {
    let at = from;
    let rest = 0;
    for (let i = from; i < to; i++) {
      const row = order[i]!;
      const b = data.bins[split.column * data.rows + row]!;
      if (b === missing ? split.missingLeft : b <= split.bin) order[at++] = row;
      else scratch[rest++] = row;
    }
    order.set(scratch.subarray(0, rest), at);
    return at;
  }

  function divide(leaf: Leaf, split: Split): readonly [Leaf, Leaf] {
    const middle = partition(leaf, split);
    const smallIsLeft = middle - leaf.from < leaf.to - middle;
    const small = smallIsLeft ? histogramOf(leaf.from, middle) : histogramOf(middle, leaf.to);
    const large = leaf.histogram;
    if (drawn === null) for (let i = 0; i < large.length; i++) large[i] = large[i]! - small[i]!;
    let lg = 0;
    let lh = 0;
    for (let i = leaf.from; i < middle; i++) {
      lg += g[order[i]!]!;
      lh += h[order[i]!]!;
    }
    const direction = monotone?.[split.column] ?? 0;
    const between =
      (leafValue(lg, lh, leaf.low, leaf.high) + leafValue(leaf.g - lg, leaf.h - lh, leaf.low, leaf.high)) / 2;
    const depth = leaf.depth + 1;
    const left = leafAt({
      from: leaf.from,
      to: middle,
      depth,
      g: lg,
      h: lh,
      histogram: smallIsLeft ? small : large,
      low: direction < 0 ? between : leaf.low,
      high: direction > 0 ? between : leaf.high,
    });
    const right = leafAt({
      from: middle,
      to: leaf.to,
      depth,
      g: leaf.g - lg,
      h: leaf.h - lh,
      histogram: smallIsLeft ? large : small,
      low: direction > 0 ? between : leaf.low,
      high: direction < 0 ? between : leaf.high,
    });
    tree.feature[leaf.node] = split.column;
    tree.threshold[leaf.node] = data.cuts[split.column]![split.bin]!;
    tree.left[leaf.node] = left.node;
    tree.right[leaf.node] = right.node;
    tree.missingLeft[leaf.node] = split.missingLeft ? 1 : 0;
    return [left, right];
  }

  let sumG = 0;
  let sumH = 0;
  for (const row of order) {
    sumG += g[row]!;
    sumH += h[row]!;
  }
  let leaves = [
    leafAt({
      from: 0,
      to: order.length,
      depth: 0,
      g: sumG,
      h: sumH,
      histogram: histogramOf(0, order.length),
      low: -Infinity,
      high: Infinity,
    }),
  ];
  while (leaves.length < options.leaves) {
    const best = leaves.reduce((a, b) => ((b.split?.gain ?? 0) > (a.split?.gain ?? 0) ? b : a));
    if (best.split === null) break;
    const children = divide(best, best.split);
    leaves = [...leaves.filter((leaf) => leaf !== best), ...children];
  }
  for (const leaf of leaves) for (let i = leaf.from; i < leaf.to; i++) tree.leafOf[order[i]!] = leaf.node;
  return tree;
}
