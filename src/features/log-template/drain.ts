/**
 * Drain's fixed-depth prefix tree over masked tokens (He et al., "Drain: an online log parsing approach with fixed depth
 * tree", ICWS 2017): service, number of tokens, first token, then the most similar cluster of that leaf. Differences:
 * a masked token equals `<*>` of a template and counts as similar (else every line of a numeric log becomes a cluster),
 * runs of masked tokens are one, so that lists of any length meet.
 *
 * Runs on cache misses only (about 2 us each); objects are fine here.
 */
export const WILDCARD = '<*>';

export interface DrainOptions {
  /** Share of equal tokens from which a line belongs to a cluster, 0-1. */
  readonly similarity: number;
  /** Clusters in one leaf from which on lines join more easily: capitals may differ, and 0.6 of `similarity` is enough. */
  readonly crowd: number;
  /** Children of a length node; further first tokens share a wildcard child. */
  readonly maxChildren: number;
  /** Clusters compared in one leaf; the oldest match wins ties. */
  readonly maxLeaf: number;
}

/** One cluster: `tokens` are generalised in place as lines differ. */
export interface Cluster {
  readonly template: number;
  tokens: string[];
}

/** A leaf also holds the cap on clusters, so that one odd prefix cannot make a miss slow. */
interface LengthNode {
  readonly children: Map<string, Cluster[]>;
}

export class Drain {
  readonly #options: DrainOptions;
  readonly #byLength = new Map<number, LengthNode>();

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /** The cluster of these tokens, generalised by them; null when none is similar enough. */
  find(tokens: readonly string[]): Cluster | null {
    const leaf = this.#leaf(tokens, false);
    if (leaf === null) return null;
    const best = this.#best(leaf, tokens);
    if (best !== null) generalise(best, tokens);
    return best;
  }

  insert(template: number, tokens: string[]): Cluster {
    const leaf = this.#leaf(tokens, true) as Cluster[];
    const cluster = { template, tokens };
    leaf.push(cluster);
    if (leaf.length > this.#options.maxLeaf) leaf.shift();
    return cluster;
  }

  /** Forgets clusters of templates for which `keep` is false. */
  prune(keep: (template: number) => boolean): void {
    for (const [length, node] of this.#byLength) {
      for (const [token, leaf] of node.children) {
        const kept = leaf.filter((cluster) => keep(cluster.template));
        if (kept.length === 0) node.children.delete(token);
        else if (kept.length < leaf.length) node.children.set(token, kept);
      }
      if (node.children.size === 0) this.#byLength.delete(length);
    }
  }

  /** Every cluster with the key of its leaf, in tree order; `adopt` rebuilds the same tree from it. */
  *clusters(): Iterable<{ readonly key: string; readonly cluster: Cluster; readonly length: number }> {
    for (const [length, node] of this.#byLength) {
      for (const [key, leaf] of node.children) for (const cluster of leaf) yield { key, cluster, length };
    }
  }

  adopt(length: number, key: string, cluster: Cluster): void {
    const node = this.#node(length);
    const leaf = node.children.get(key);
    if (leaf === undefined) node.children.set(key, [cluster]);
    else leaf.push(cluster);
  }

  #node(length: number): LengthNode {
    let node = this.#byLength.get(length);
    if (node === undefined) {
      node = { children: new Map() };
      this.#byLength.set(length, node);
    }
    return node;
  }

  #leaf(tokens: readonly string[], make: boolean): Cluster[] | null {
    if (!make && !this.#byLength.has(tokens.length)) return null;
    const { children } = this.#node(tokens.length);
    const first = tokens[0] ?? '';
    let leaf = children.get(first);
    if (leaf === undefined) {
      const key = make && children.size < this.#options.maxChildren ? first : WILDCARD;
      leaf = children.get(key);
      if (leaf === undefined) {
        if (!make) return null;
        leaf = [];
        children.set(key, leaf);
      }
    }
    return leaf;
  }

  #best(leaf: readonly Cluster[], tokens: readonly string[]): Cluster | null {
    let best: Cluster | null = null;
    let bestSame = -1;
    let bestWild = -1;
    const { similarity, crowd } = this.#options;
    const crowded = leaf.length >= crowd;
    const needed = (crowded ? similarity * 0.6 : similarity) * tokens.length;
    for (const cluster of leaf) {
      let same = 0;
      let wild = 0;
      const own = cluster.tokens;
      for (let i = 0; i < tokens.length; i += 1) {
        const token = own[i];
        const other = tokens[i] as string;
        if (token === other) same += 1;
        else if (token === WILDCARD) wild += 1;
        else if (!crowded && (isCapitals(token as string) || isCapitals(other))) {
          same = -1;
          break;
        }
      }
      if (same < needed || same < bestSame || (same === bestSame && wild <= bestWild)) continue;
      best = cluster;
      bestSame = same;
      bestWild = wild;
    }
    return best;
  }
}

/**
 * Words in capitals are states and methods (GET, FAILED, LOOKING), seldom variables: lines that differ in one belong to
 * different templates. Punctuation around the word does not matter.
 */
function isCapitals(token: string): boolean {
  let capitals = 0;
  for (let i = 0; i < token.length; i += 1) {
    const code = token.charCodeAt(i);
    if (code >= 97 && code <= 122) return false;
    if (code >= 65 && code <= 90) capitals += 1;
  }
  return capitals >= 2;
}

function generalise(cluster: Cluster, tokens: readonly string[]): void {
  const own = cluster.tokens;
  for (let i = 0; i < tokens.length; i += 1) if (own[i] !== tokens[i]) own[i] = WILDCARD;
}
