import { ROW_SLOTS, type RowDetector, type StateArray } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { checkVersion } from '../../stats/blocks.ts';
import { createRandomCutTree, type RandomCutTree } from '../../stats/forest/random-cut.ts';
import { createRng, type Rng } from '../../stats/rng.ts';

export const RANDOM_CUT_FOREST_OPTIONS = {
  trees: { type: 'integer', default: 20, min: 4, max: 100, doc: 'Trees of a forest.' },
  sample: { type: 'integer', default: 128, min: 16, max: 1024, doc: 'Rows a tree holds.' },
  memory: { type: 'integer', default: 1024, min: 64, doc: 'Quiet rows after which a row is probably forgotten.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const WARM_UP = 64;

interface Forest {
  /** Signals it looks at: all that the service has, a multiple of 8. */
  readonly dims: number;
  readonly trees: readonly RandomCutTree[];
  readonly random: Rng;
  seen: number;
}

interface SavedForest {
  readonly service: number;
  readonly dims: number;
  readonly seen: number;
  readonly random: readonly number[];
  readonly tops: readonly (readonly [number, number])[];
}

/** One robust random cut forest a service, its trees over independent samples that forget exponentially. */
export function createRandomCutForest(
  options: Options<typeof RANDOM_CUT_FOREST_OPTIONS> = defaultsOf(RANDOM_CUT_FOREST_OPTIONS),
): RowDetector {
  const { trees, sample, memory } = options;
  const forests = new Map<number, Forest>();

  /** The forest of a service; a new one when the row has signals that the old one does not know. */
  function forestFor(service: number, row: Float64Array): Forest {
    let dims = 8;
    for (let d = 8; d < ROW_SLOTS; d++) if (row[d] !== 0) dims = 8 * (1 + (d >> 3));
    let forest = forests.get(service);
    if (forest === undefined || forest.dims < dims) {
      forest = {
        dims,
        trees: Array.from({ length: trees }, () => createRandomCutTree(sample, dims)),
        random: createRng(service * 104_729 + dims),
        seen: 0,
      };
      forests.set(service, forest);
    }
    return forest;
  }

  function total(forest: Forest, row: Float64Array, blame: Float64Array | null): number {
    let sum = 0;
    for (const tree of forest.trees) sum += tree.score(row, blame);
    return sum / trees;
  }

  return {
    name: 'random-cut-forest',
    bytesPerService: trees * sample * (8 * 4 + 8 + 3 * ROW_SLOTS * 4),
    score(service, row) {
      const forest = forests.get(service);
      return forest === undefined || forest.seen < WARM_UP ? Number.NaN : total(forest, row, null);
    },
    blame(service, row, out) {
      out.fill(0);
      const forest = forests.get(service);
      if (forest !== undefined) total(forest, row, out);
    },
    learn(service, row) {
      const forest = forestFor(service, row);
      const place = forest.seen++;
      for (const tree of forest.trees) {
        if (place < sample) {
          tree.insert(place, row, forest.random);
          continue;
        }
        const slot = forest.random.int(Math.min(place, memory));
        if (slot >= sample) continue;
        tree.remove(slot);
        tree.insert(slot, row, forest.random);
      }
    },
    reset(service) {
      forests.delete(service);
    },
    save() {
      const arrays: Record<string, StateArray> = {};
      const meta: SavedForest[] = [];
      for (const [service, forest] of forests) {
        const tops = forest.trees.map((tree, t) => {
          const { links, cuts, boxes, points, root, free } = tree.state();
          arrays[`${service}.${t}.links`] = links.slice();
          arrays[`${service}.${t}.cuts`] = cuts.slice();
          arrays[`${service}.${t}.boxes`] = boxes.slice();
          arrays[`${service}.${t}.points`] = points.slice();
          return [root, free] as const;
        });
        meta.push({ service, dims: forest.dims, seen: forest.seen, random: forest.random.state(), tops });
      }
      return { version: VERSION, arrays, meta };
    },
    restore(state) {
      checkVersion(state, VERSION, 'random-cut-forest');
      forests.clear();
      for (const { service, dims, seen, random, tops } of state.meta as SavedForest[]) {
        const grown = tops.map(([root, free], t) => {
          const part = (name: string): StateArray => state.arrays[`${service}.${t}.${name}`]!;
          return createRandomCutTree(sample, dims, {
            links: part('links') as Int32Array,
            cuts: part('cuts') as Float64Array,
            boxes: part('boxes') as Float32Array,
            points: part('points') as Float32Array,
            root,
            free,
          });
        });
        forests.set(service, { dims, trees: grown, random: createRng(0, random), seen });
      }
    },
  };
}
