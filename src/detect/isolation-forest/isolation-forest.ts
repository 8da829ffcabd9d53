import { ROW_SLOTS, type RowDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { checkVersion, createBlocks } from '../../stats/blocks.ts';
import { growForest, type IsolationForest, meanPaths, pathOf } from '../../stats/forest/isolation.ts';
import { createRng } from '../../stats/rng.ts';

export const ISOLATION_FOREST_OPTIONS = {
  trees: { type: 'integer', default: 32, min: 8, max: 200, doc: 'Trees of a forest.' },
  depth: { type: 'integer', default: 8, min: 4, max: 12, doc: 'Levels of a tree; it sees 2 to this power rows.' },
  refit: { type: 'integer', default: 128, min: 16, doc: 'Quiet rows after which the forest is grown anew.' },
  memory: { type: 'integer', default: 2048, min: 256, doc: 'Quiet rows after which a row is probably forgotten.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
/** Residuals beyond this are as strange as can be. */
const RANGE = 16;
const LEVELS = 65_535;

/** One isolation forest a service, grown from a reservoir of its quiet rows. */
export function createIsolationForest(
  options: Options<typeof ISOLATION_FOREST_OPTIONS> = defaultsOf(ISOLATION_FOREST_OPTIONS),
): RowDetector {
  const { trees, depth, refit, memory } = options;
  const sample = 1 << depth;
  const heads = createBlocks(Float64Array, 2);
  const reservoirs = createBlocks(Uint16Array, sample * ROW_SLOTS);
  const nodes = createBlocks(Int32Array, trees * (sample - 1));
  const leaves = createBlocks(Float32Array, trees * sample);
  const point = new Uint16Array(ROW_SLOTS);
  const path = new Float32Array(1);

  function forestOf(service: number): IsolationForest | null {
    if (!nodes.has(service)) return null;
    const usual = pathOf(Math.min(sample, heads.get(service)[1]!));
    return { trees, depth, dims: ROW_SLOTS, nodes: nodes.get(service), leaves: leaves.get(service), usual };
  }

  function strangeness(forest: IsolationForest): number {
    meanPaths(forest, point, 1, path);
    return forest.usual / Math.max(0.5, path[0]!);
  }

  return {
    name: 'isolation-forest',
    bytesPerService: sample * ROW_SLOTS * 2 + trees * (sample * 8 - 4) + 16,
    score(service, row) {
      const forest = forestOf(service);
      if (forest === null) return Number.NaN;
      quantise(row, point);
      return strangeness(forest);
    },
    blame(service, row, out) {
      const forest = forestOf(service);
      out.fill(0);
      if (forest === null) return;
      quantise(row, point);
      const all = strangeness(forest);
      for (let d = 0; d < ROW_SLOTS; d++) {
        const kept = point[d]!;
        point[d] = LEVELS >> 1;
        if (point[d] !== kept) out[d] = Math.max(0, all - strangeness(forest));
        point[d] = kept;
      }
    },
    learn(service, row) {
      const head = heads.get(service);
      const seen = head[0]! + 1;
      head[0] = seen;
      const random = createRng(service * 7919 + seen);
      const reservoir = reservoirs.get(service);
      let place = seen - 1;
      if (seen > sample) place = random.int(Math.min(seen, memory));
      if (place < sample) {
        quantise(row, point);
        reservoir.set(point, place * ROW_SLOTS);
      }
      if (seen % refit !== 0) return;
      const rows = Math.min(seen, sample);
      const grown = growForest(reservoir, rows, ROW_SLOTS, { trees, depth, sample: Math.min(sample, rows) }, random);
      head[1] = rows;
      nodes.get(service).set(grown.nodes);
      leaves.get(service).set(grown.leaves);
    },
    reset(service) {
      for (const part of [heads, reservoirs, nodes, leaves]) part.delete(service);
    },
    save: () => ({
      version: VERSION,
      arrays: {
        ...heads.save('heads'),
        ...reservoirs.save('reservoirs'),
        ...nodes.save('nodes'),
        ...leaves.save('leaves'),
      },
      meta: null,
    }),
    restore(state) {
      checkVersion(state, VERSION, 'isolation-forest');
      heads.restore('heads', state);
      reservoirs.restore('reservoirs', state);
      nodes.restore('nodes', state);
      leaves.restore('leaves', state);
    },
  };
}

function quantise(row: Float64Array, out: Uint16Array): void {
  for (let d = 0; d < ROW_SLOTS; d++) {
    const x = Math.max(-RANGE, Math.min(RANGE, row[d]!));
    out[d] = ((x + RANGE) / (2 * RANGE)) * LEVELS;
  }
}
