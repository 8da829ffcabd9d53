import type { Rng } from '../rng.ts';

/**
 * A tree of random cuts over a changing sample of points (Guha, Mishra, Roy, Schrijvers 2016), kept with its bounding boxes
 * so that points come and go exactly. Inner node i and leaf i are numbered apart: a child c >= 0 is inner node c, a child
 * c < 0 is leaf `~c`. Equal points share a leaf.
 */
export interface RandomCutTree {
  readonly dims: number;
  readonly size: number;
  /** Puts a copy of the point at leaf place `slot` (0 .. capacity - 1), which must be free. */
  insert(slot: number, point: Float64Array, random: Rng): void;
  /** Takes the point put at `slot` away again. */
  remove(slot: number): void;
  /**
   * Expected share of the tree that the point stands apart from: near 0 deep inside, above 1 where nothing is. With `blame`,
   * what each dimension adds to it is added there.
   */
  score(point: Float64Array, blame: Float64Array | null): number;
  state(): TreeState;
}

export interface TreeState {
  readonly links: Int32Array;
  readonly cuts: Float64Array;
  readonly boxes: Float32Array;
  readonly points: Float32Array;
  readonly root: number;
  readonly free: number;
}

const NONE = 0x7fffffff;
/** Columns of `links`: of inner nodes left, right, parent, mass, cut dimension; of leaves parent, mass, leaf of a slot. */
const INNER = 5;
const LEAF = 3;

export function createRandomCutTree(capacity: number, dims: number, saved?: TreeState): RandomCutTree {
  const links = new Int32Array(capacity * (INNER + LEAF));
  const cuts = new Float64Array(capacity);
  const boxes = new Float32Array(capacity * dims * 2);
  const points = new Float32Array(capacity * dims);
  let root = NONE;
  /** Head of the chain of free inner nodes, through `left`. */
  let free = 0;
  if (saved === undefined) {
    for (let i = 0; i < capacity; i++) links[i * INNER] = i + 1;
    for (let i = 0; i < capacity; i++) links[capacity * INNER + i * LEAF + 2] = NONE;
  } else {
    links.set(saved.links);
    cuts.set(saved.cuts);
    boxes.set(saved.boxes);
    points.set(saved.points);
    root = saved.root;
    free = saved.free;
  }

  const leafAt = (leaf: number): number => capacity * INNER + leaf * LEAF;
  const massOf = (node: number): number => (node < 0 ? links[leafAt(~node) + 1]! : links[node * INNER + 3]!);
  const parentOf = (node: number): number => (node < 0 ? links[leafAt(~node)]! : links[node * INNER + 2]!);
  const lowOf = (node: number, d: number): number =>
    node < 0 ? points[~node * dims + d]! : boxes[node * dims * 2 + d]!;
  const highOf = (node: number, d: number): number =>
    node < 0 ? points[~node * dims + d]! : boxes[node * dims * 2 + dims + d]!;
  function setParent(node: number, parent: number): void {
    links[node < 0 ? leafAt(~node) : node * INNER + 2] = parent;
  }

  function span(node: number, point: Float32Array, at: number): number {
    let sum = 0;
    for (let d = 0; d < dims; d++) {
      const x = point[at + d]!;
      sum += Math.max(highOf(node, d), x) - Math.min(lowOf(node, d), x);
    }
    return sum;
  }

  function replaceChild(parent: number, child: number, by: number): void {
    if (parent === NONE) root = by;
    else links[parent * INNER + (links[parent * INNER] === child ? 0 : 1)] = by;
    setParent(by, parent);
  }

  function cover(node: number, point: Float32Array, at: number): void {
    const low = node * dims * 2;
    for (let d = 0; d < dims; d++) {
      const x = point[at + d]!;
      if (x < boxes[low + d]!) boxes[low + d] = x;
      if (x > boxes[low + dims + d]!) boxes[low + dims + d] = x;
    }
  }

  /** Box of an inner node anew from its children. */
  function rebox(node: number): void {
    const left = links[node * INNER]!;
    const right = links[node * INNER + 1]!;
    const low = node * dims * 2;
    for (let d = 0; d < dims; d++) {
      boxes[low + d] = Math.min(lowOf(left, d), lowOf(right, d));
      boxes[low + dims + d] = Math.max(highOf(left, d), highOf(right, d));
    }
  }

  function insert(slot: number, point: Float64Array, random: Rng): void {
    const at = slot * dims;
    for (let d = 0; d < dims; d++) points[at + d] = point[d]!;
    links[leafAt(slot) + 1] = 1;
    links[leafAt(slot) + 2] = slot;
    if (root === NONE) {
      root = ~slot;
      setParent(root, NONE);
      return;
    }
    let node = root;
    for (;;) {
      const total = span(node, points, at);
      if (node < 0 && total === 0) {
        links[leafAt(~node) + 1] = links[leafAt(~node) + 1]! + 1;
        links[leafAt(slot) + 2] = ~node;
        lift(parentOf(node), at);
        return;
      }
      let r = random.next() * total;
      let d = 0;
      let low = 0;
      let high = 0;
      for (; d < dims; d++) {
        low = Math.min(lowOf(node, d), points[at + d]!);
        high = Math.max(highOf(node, d), points[at + d]!);
        if (r < high - low || d === dims - 1) break;
        r -= high - low;
      }
      const cut = Math.min(low + r, high);
      const isLeft = points[at + d]! <= cut && cut < lowOf(node, d);
      const isRight = cut < points[at + d]! && cut >= highOf(node, d);
      if (isLeft || isRight) {
        split(node, slot, d, cut, isLeft);
        return;
      }
      if (node < 0) {
        // Rounding put the cut onto the leaf itself: cut halfway in the widest dimension.
        const widest = widestOf(node, at);
        const x = points[at + widest]!;
        const y = points[~node * dims + widest]!;
        split(node, slot, widest, Math.min(x, y), x < y);
        return;
      }
      node = points[at + links[node * INNER + 4]!]! <= cuts[node]! ? links[node * INNER]! : links[node * INNER + 1]!;
    }
  }

  function widestOf(leaf: number, at: number): number {
    let widest = 0;
    let most = -1;
    for (let d = 0; d < dims; d++) {
      const gap = Math.abs(points[at + d]! - points[~leaf * dims + d]!);
      if (gap > most) {
        most = gap;
        widest = d;
      }
    }
    return widest;
  }

  function split(node: number, slot: number, dim: number, cut: number, isLeft: boolean): void {
    const made = free;
    free = links[made * INNER]!;
    const parent = parentOf(node);
    replaceChild(parent, node, made);
    links[made * INNER] = isLeft ? ~slot : node;
    links[made * INNER + 1] = isLeft ? node : ~slot;
    links[made * INNER + 3] = massOf(node) + 1;
    links[made * INNER + 4] = dim;
    cuts[made] = cut;
    setParent(node, made);
    setParent(~slot, made);
    rebox(made);
    lift(parent, slot * dims);
  }

  /** One point more below all of these. */
  function lift(from: number, at: number): void {
    for (let node = from; node !== NONE; node = links[node * INNER + 2]!) {
      links[node * INNER + 3] = links[node * INNER + 3]! + 1;
      cover(node, points, at);
    }
  }

  function remove(slot: number): void {
    const leaf = links[leafAt(slot) + 2]!;
    links[leafAt(slot) + 2] = NONE;
    if (links[leafAt(leaf) + 1]! > 1) {
      links[leafAt(leaf) + 1] = links[leafAt(leaf) + 1]! - 1;
      if (leaf === slot) handOver(leaf);
      const stays = leaf === slot ? movedTo : leaf;
      for (let node = parentOf(~stays); node !== NONE; node = links[node * INNER + 2]!)
        links[node * INNER + 3] = links[node * INNER + 3]! - 1;
      return;
    }
    const parent = parentOf(~leaf);
    if (parent === NONE) {
      root = NONE;
      return;
    }
    const sibling = links[parent * INNER] === ~leaf ? links[parent * INNER + 1]! : links[parent * INNER]!;
    const above = links[parent * INNER + 2]!;
    replaceChild(above, parent, sibling);
    links[parent * INNER] = free;
    free = parent;
    for (let node = above; node !== NONE; node = links[node * INNER + 2]!) {
      links[node * INNER + 3] = links[node * INNER + 3]! - 1;
      rebox(node);
    }
  }

  let movedTo = 0;

  /** The slot that a shared leaf is named after is taken away: another slot of the same point gives its name. */
  function handOver(leaf: number): void {
    let heir = -1;
    for (let s = 0; s < capacity; s++) {
      if (links[leafAt(s) + 2] !== leaf) continue;
      if (heir < 0) {
        heir = s;
        links[leafAt(s) + 1] = links[leafAt(leaf) + 1]!;
        const parent = links[leafAt(leaf)]!;
        replaceChild(parent, ~leaf, ~s);
      }
      links[leafAt(s) + 2] = heir;
    }
    movedTo = heir;
  }

  function score(point: Float64Array, blame: Float64Array | null): number {
    if (root === NONE) return 0;
    const total = massOf(root);
    const scale = Math.log2(total + 1);
    let remaining = 1;
    let sum = 0;
    let node = root;
    for (let depth = 0; ; depth++) {
      let gaps = 0;
      let whole = 0;
      for (let d = 0; d < dims; d++) {
        const x = point[d]!;
        const low = lowOf(node, d);
        const high = highOf(node, d);
        const gap = x < low ? low - x : x > high ? x - high : 0;
        gaps += gap;
        whole += gap + high - low;
      }
      const apart = whole > 0 ? gaps / whole : 0;
      const worth = (remaining * scale) / (depth + 1);
      sum += apart * worth;
      if (blame !== null && gaps > 0) {
        for (let d = 0; d < dims; d++) {
          const x = point[d]!;
          const gap = Math.max(0, lowOf(node, d) - x, x - highOf(node, d));
          blame[d] = blame[d]! + (gap / gaps) * apart * worth;
        }
      }
      remaining *= 1 - apart;
      if (node < 0) return sum + (remaining * scale) / (depth + 1 + Math.log2(massOf(node) + 1));
      if (remaining < 1e-6) return sum;
      node = point[links[node * INNER + 4]!]! <= cuts[node]! ? links[node * INNER]! : links[node * INNER + 1]!;
    }
  }

  return {
    dims,
    get size() {
      return root === NONE ? 0 : massOf(root);
    },
    insert,
    remove,
    score,
    state: () => ({ links, cuts, boxes, points, root, free }),
  };
}
