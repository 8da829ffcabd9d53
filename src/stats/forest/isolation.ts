import type { Rng } from '../rng.ts';

/**
 * Isolation forest (Liu, Ting, Zhou 2008) for 16-bit features. Every tree is a full binary tree in heap order whose inner
 * nodes are one word, `dimension << 16 | split`; a branch that ended early goes left for nothing. So scoring has no branch,
 * and four points go down a tree side by side (3 to 4 times a loop with branches, `bench/models.ts`).
 */
export interface IsolationForest {
  readonly trees: number;
  readonly depth: number;
  readonly dims: number;
  /** `(1 << depth) - 1` words a tree. */
  readonly nodes: Int32Array;
  /** Path length of each leaf, `1 << depth` a tree, the expected rest of the path of what ended there included. */
  readonly leaves: Float32Array;
  /** Mean path length of an ordinary point: `pathOf(sample)`. */
  readonly usual: number;
}

interface ForestShape {
  readonly trees: number;
  readonly depth: number;
  /** Rows each tree is grown from. */
  readonly sample: number;
}

const EULER = 0.5772156649015329;

/** Mean path length of an unsuccessful search in a binary tree of n points. */
export function pathOf(n: number): number {
  if (n <= 1) return 0;
  return n === 2 ? 1 : 2 * (Math.log(n - 1) + EULER) - (2 * (n - 1)) / n;
}

/** @param rows `count` rows of `dims` values; trees draw theirs with replacement where there are too few. */
export function growForest(
  rows: Uint16Array,
  count: number,
  dims: number,
  shape: ForestShape,
  random: Rng,
): IsolationForest {
  const { trees, depth } = shape;
  const inner = (1 << depth) - 1;
  const nodes = new Int32Array(trees * inner).fill(0xffff);
  const leaves = new Float32Array(trees << depth);
  const sample = Math.min(shape.sample, count);
  const drawn = new Int32Array(sample);
  const order = Int32Array.from({ length: count }, (_, i) => i);
  const dimension = Int32Array.from({ length: dims }, (_, d) => d);

  function draw(): void {
    // The first `sample` places of a partial shuffle: without replacement.
    for (let i = 0; i < sample; i++) {
      const j = i + random.int(count - i);
      const row = order[j]!;
      order[j] = order[i]!;
      order[i] = row;
      drawn[i] = row;
    }
  }

  function end(tree: number, node: number, level: number, from: number, to: number): void {
    const first = ((node + 1) << (depth - level)) - 1 - inner;
    const base = tree << depth;
    leaves.fill(level + pathOf(to - from), base + first, base + first + (1 << (depth - level)));
  }

  function grow(tree: number, node: number, level: number, from: number, to: number): void {
    if (level === depth || to - from <= 1) {
      end(tree, node, level, from, to);
      return;
    }
    // Dimensions in random order until one is found that varies here: most do, so this is mostly one look.
    let left = dims;
    let d = -1;
    let low = 0;
    let high = 0;
    while (left > 0 && d < 0) {
      const j = random.int(left--);
      const tried = dimension[j]!;
      dimension[j] = dimension[left]!;
      dimension[left] = tried;
      low = 65_535;
      high = 0;
      for (let i = from; i < to; i++) {
        const x = rows[drawn[i]! * dims + tried]!;
        if (x < low) low = x;
        if (x > high) high = x;
      }
      if (high > low) d = tried;
    }
    if (d < 0) {
      end(tree, node, level, from, to);
      return;
    }
    const split = low + random.int(high - low);
    nodes[tree * inner + node] = (d << 16) | split;
    let middle = from;
    for (let i = from; i < to; i++) {
      const row = drawn[i]!;
      if (rows[row * dims + d]! > split) continue;
      drawn[i] = drawn[middle]!;
      drawn[middle++] = row;
    }
    grow(tree, 2 * node + 1, level + 1, from, middle);
    grow(tree, 2 * node + 2, level + 1, middle, to);
  }

  for (let tree = 0; tree < trees; tree++) {
    draw();
    grow(tree, 0, 0, 0, sample);
  }
  return { trees, depth, dims, nodes, leaves, usual: pathOf(sample) };
}

/** Mean path length of each of `count` points of `dims` values into `out`. */
export function meanPaths(forest: IsolationForest, points: Uint16Array, count: number, out: Float32Array): void {
  const { trees, depth, dims, nodes, leaves } = forest;
  const inner = (1 << depth) - 1;
  const whole = count & ~3;
  out.fill(0, 0, count);
  for (let tree = 0; tree < trees; tree++) {
    const base = tree * inner;
    const leaf = (tree << depth) - inner;
    for (let p = 0; p < whole; p += 4) {
      const a = p * dims;
      const b = a + dims;
      const c = b + dims;
      const d = c + dims;
      let i = 0;
      let j = 0;
      let k = 0;
      let l = 0;
      for (let level = 0; level < depth; level++) {
        const u = nodes[base + i]!;
        const v = nodes[base + j]!;
        const w = nodes[base + k]!;
        const x = nodes[base + l]!;
        i = 2 * i + 1 + (((u & 0xffff) - points[a + (u >>> 16)]!) >>> 31);
        j = 2 * j + 1 + (((v & 0xffff) - points[b + (v >>> 16)]!) >>> 31);
        k = 2 * k + 1 + (((w & 0xffff) - points[c + (w >>> 16)]!) >>> 31);
        l = 2 * l + 1 + (((x & 0xffff) - points[d + (x >>> 16)]!) >>> 31);
      }
      out[p] = out[p]! + leaves[leaf + i]!;
      out[p + 1] = out[p + 1]! + leaves[leaf + j]!;
      out[p + 2] = out[p + 2]! + leaves[leaf + k]!;
      out[p + 3] = out[p + 3]! + leaves[leaf + l]!;
    }
    for (let p = whole; p < count; p++) {
      let i = 0;
      for (let level = 0; level < depth; level++) {
        const u = nodes[base + i]!;
        i = 2 * i + 1 + (((u & 0xffff) - points[p * dims + (u >>> 16)]!) >>> 31);
      }
      out[p] = out[p]! + leaves[leaf + i]!;
    }
  }
  for (let p = 0; p < count; p++) out[p] = out[p]! / trees;
}
