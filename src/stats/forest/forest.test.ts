import { expect, test } from 'vitest';
import { createRng } from '../rng.ts';
import { growForest, type IsolationForest, meanPaths, pathOf } from './isolation.ts';
import { createRandomCutTree, type TreeState } from './random-cut.ts';

const random = createRng(5);

/** The same walk with a branch a node, tree by tree. */
function slowPath(forest: IsolationForest, points: Uint16Array, p: number): number {
  const inner = (1 << forest.depth) - 1;
  let sum = 0;
  for (let tree = 0; tree < forest.trees; tree++) {
    let node = 0;
    while (node < inner) {
      const word = forest.nodes[tree * inner + node]!;
      node = points[p * forest.dims + (word >>> 16)]! > (word & 0xffff) ? 2 * node + 2 : 2 * node + 1;
    }
    sum += forest.leaves[(tree << forest.depth) + node - inner]!;
  }
  return sum / forest.trees;
}

test.each([1, 3, 4, 7, 64])('%i points go down an isolation forest as the slow twin says', (count) => {
  const dims = 5;
  const rows = Uint16Array.from({ length: 200 * dims }, () => 20_000 + random.int(4_000));
  const forest = growForest(rows, 200, dims, { trees: 16, depth: 7, sample: 128 }, createRng(1));
  const points = Uint16Array.from({ length: count * dims }, () => random.int(65_536));
  const paths = new Float32Array(count);
  meanPaths(forest, points, count, paths);
  for (let p = 0; p < count; p++) expect(paths[p]).toBeCloseTo(slowPath(forest, points, p), 4);
});

test('an isolation forest cuts what is alone off sooner, and is usual for its own rows', () => {
  const dims = 4;
  const rows = Uint16Array.from({ length: 256 * dims }, () => 30_000 + random.int(2_000));
  const forest = growForest(rows, 256, dims, { trees: 64, depth: 8, sample: 256 }, createRng(2));
  const paths = new Float32Array(256);
  meanPaths(forest, rows, 256, paths);
  const mean = paths.reduce((sum, x) => sum + x, 0) / 256;
  expect(mean / forest.usual).toBeGreaterThan(0.85);
  expect(mean / forest.usual).toBeLessThan(1.15);
  meanPaths(forest, Uint16Array.of(60_000, 60_000, 2_000, 60_000), 1, paths);
  expect(paths[0]).toBeLessThan(0.8 * mean);
  expect(pathOf(256)).toBeCloseTo(10.24, 1);
});

test('rows that are all equal grow a forest that says nothing', () => {
  const forest = growForest(new Uint16Array(300).fill(7), 100, 3, { trees: 4, depth: 5, sample: 64 }, createRng(3));
  const paths = new Float32Array(1);
  meanPaths(forest, Uint16Array.of(1, 60_000, 7), 1, paths);
  expect(paths[0]).toBeCloseTo(pathOf(64), 4);
});

interface Node {
  readonly points: readonly number[];
  readonly box: readonly (readonly [number, number])[];
  readonly children: readonly [Node, Node, number, number] | null;
}

/** The tree as objects, every box and mass made anew from the leaves. */
function read(state: TreeState, capacity: number, dims: number, alive: ReadonlyMap<number, Float64Array>): Node {
  const leafOf = (slot: number): number => state.links[capacity * 5 + slot * 3 + 2]!;
  const walk = (node: number): Node => {
    if (node < 0) {
      const points = [...alive.keys()].filter((slot) => leafOf(slot) === ~node);
      expect(points.length).toBe(state.links[capacity * 5 + ~node * 3 + 1]);
      const place = Array.from(
        { length: dims },
        (_, d) => [state.points[~node * dims + d]!, state.points[~node * dims + d]!] as const,
      );
      return { points, box: place, children: null };
    }
    const left = walk(state.links[node * 5]!);
    const right = walk(state.links[node * 5 + 1]!);
    const dim = state.links[node * 5 + 4]!;
    const cut = state.cuts[node]!;
    const box = Array.from(
      { length: dims },
      (_, d) => [Math.min(left.box[d]![0], right.box[d]![0]), Math.max(left.box[d]![1], right.box[d]![1])] as const,
    );
    box.forEach(([low, high], d) => {
      expect(state.boxes[node * dims * 2 + d]).toBe(low);
      expect(state.boxes[node * dims * 2 + dims + d]).toBe(high);
    });
    expect(state.links[node * 5 + 3]).toBe(left.points.length + right.points.length);
    expect(left.box[dim]![1]).toBeLessThanOrEqual(cut);
    expect(right.box[dim]![0]).toBeGreaterThan(cut);
    return { points: [...left.points, ...right.points], box, children: [left, right, dim, cut] };
  };
  return walk(state.root);
}

function slowScore(node: Node, point: Float64Array, depth: number, scale: number): number {
  const gaps = node.box.map(([low, high], d) => Math.max(0, low - point[d]!, point[d]! - high));
  const gap = gaps.reduce((a, b) => a + b, 0);
  const whole = gap + node.box.reduce((sum, [low, high]) => sum + high - low, 0);
  const apart = whole > 0 ? gap / whole : 0;
  const stays =
    node.children === null
      ? scale / (depth + 1 + Math.log2(node.points.length + 1))
      : slowScore(
          point[node.children[2]]! <= node.children[3] ? node.children[0] : node.children[1],
          point,
          depth + 1,
          scale,
        );
  return (apart * scale) / (depth + 1) + (1 - apart) * stays;
}

test('random cut trees stay whole through inserts and removals, doubles included, and score as the slow twin', () => {
  const capacity = 40;
  const dims = 3;
  const tree = createRandomCutTree(capacity, dims);
  const cuts = createRng(11);
  const alive = new Map<number, Float64Array>();
  for (let step = 0; step < 600; step++) {
    const slot = random.int(capacity);
    if (alive.has(slot)) {
      tree.remove(slot);
      alive.delete(slot);
    } else {
      // Few places, so that many points are equal.
      const point = Float64Array.from({ length: dims }, () => random.int(4));
      tree.insert(slot, point, cuts);
      alive.set(slot, point);
    }
    expect(tree.size).toBe(alive.size);
    if (alive.size === 0 || step % 7 !== 0) continue;
    const root = read(tree.state(), capacity, dims, alive);
    expect([...root.points].sort((a, b) => a - b)).toEqual([...alive.keys()].sort((a, b) => a - b));
    const point = Float64Array.from({ length: dims }, () => 8 * random.next() - 2);
    expect(tree.score(point, null)).toBeCloseTo(slowScore(root, point, 0, Math.log2(alive.size + 1)), 3);
  }
});
