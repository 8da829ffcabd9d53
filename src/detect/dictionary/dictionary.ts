import { ROW_SLOTS, type RowDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { checkVersion, createBlocks } from '../../stats/blocks.ts';

export const DICTIONARY_OPTIONS = {
  size: { type: 'integer', default: 32, min: 4, max: 256, doc: 'Prototypes a service has.' },
  support: { type: 'integer', default: 3, min: 1, doc: 'Rows that a prototype must stand for to count as normal.' },
  memory: { type: 'integer', default: 2000, min: 100, doc: 'Rows after which the weight of a prototype has halved.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const D = ROW_SLOTS;
const WARM_UP = 100;
/** A row farther than this many usual distances from every prototype becomes one of its own. */
const NEW_AT = 4;
/** A prototype moves by at least this share towards a row that it wins. */
const SLOWEST = 0.02;
/** Residuals are cut here: how far out a single signal is, is for others to say. */
const CLIP = 8;
/** Row of a prototype: weight, then its place. */
const WIDTH = D + 1;

/**
 * Online k-means over the rows of a service (sequential, with forgetting): the usual joint states as at most `size`
 * prototypes. A row is strange by its distance to the nearest prototype with support, over the usual distance.
 */
export function createDictionary(
  options: Options<typeof DICTIONARY_OPTIONS> = defaultsOf(DICTIONARY_OPTIONS),
): RowDetector {
  const { size, support } = options;
  const keep = 0.5 ** (1 / options.memory);
  const blocks = createBlocks(Float64Array, 2 + size * WIDTH);
  const point = new Float64Array(D);

  function place(row: Float64Array): void {
    for (let d = 0; d < D; d++) point[d] = Math.max(-CLIP, Math.min(CLIP, row[d]!));
  }

  function distance(state: Float64Array, prototype: number, limit: number): number {
    const at = 2 + prototype * WIDTH + 1;
    let sum = 0;
    for (let d = 0; d < D && sum < limit; d++) {
      const x = point[d]! - state[at + d]!;
      sum += x * x;
    }
    return sum;
  }

  /** Nearest prototype of at least this weight, -1 without one, and the squared distance in `nearestAt`. */
  let nearestAt = 0;
  function nearest(state: Float64Array, weight: number): number {
    let best = -1;
    nearestAt = Number.POSITIVE_INFINITY;
    for (let k = 0; k < size; k++) {
      const own = state[2 + k * WIDTH]!;
      if (own < weight || own === 0) continue;
      const far = distance(state, k, nearestAt);
      if (far < nearestAt) {
        nearestAt = far;
        best = k;
      }
    }
    return best;
  }

  function replaceWeakest(state: Float64Array): void {
    let weakest = 0;
    for (let k = 1; k < size; k++) if (state[2 + k * WIDTH]! < state[2 + weakest * WIDTH]!) weakest = k;
    state[2 + weakest * WIDTH] = 1;
    state.set(point, 2 + weakest * WIDTH + 1);
  }

  return {
    name: 'dictionary',
    bytesPerService: blocks.width * 8,
    score(service, row) {
      if (!blocks.has(service)) return Number.NaN;
      const state = blocks.get(service);
      if (state[0]! < WARM_UP) return Number.NaN;
      place(row);
      return nearest(state, support) < 0 ? Number.NaN : Math.sqrt(nearestAt) / (state[1]! + 1e-6);
    },
    blame(service, row, out) {
      out.fill(0);
      if (!blocks.has(service)) return;
      const state = blocks.get(service);
      place(row);
      const best = nearest(state, support);
      if (best < 0) return;
      for (let d = 0; d < D; d++) out[d] = (point[d]! - state[2 + best * WIDTH + 1 + d]!) ** 2;
    },
    learn(service, row) {
      const state = blocks.get(service);
      const n = state[0]! + 1;
      state[0] = n;
      place(row);
      for (let k = 0; k < size; k++) state[2 + k * WIDTH] = state[2 + k * WIDTH]! * keep;
      const best = nearest(state, 0);
      const far = Math.sqrt(nearestAt);
      // The first rows are the first prototypes; what is usual is known when they are told apart.
      if (n <= size || far > NEW_AT * state[1]!) replaceWeakest(state);
      else {
        const at = 2 + best * WIDTH;
        const weight = state[at]! + 1;
        state[at] = weight;
        const share = Math.max(SLOWEST, 1 / (weight + 1));
        for (let d = 0; d < D; d++) state[at + 1 + d] = state[at + 1 + d]! + share * (point[d]! - state[at + 1 + d]!);
      }
      if (n <= size) return;
      const young = n - size < WARM_UP;
      const seen = young ? far : Math.min(far, 4 * state[1]!);
      state[1] = state[1]! + Math.max(0.01, 1 / (n - size)) * (seen - state[1]!);
    },
    reset: (service) => blocks.delete(service),
    save: () => ({ version: VERSION, arrays: blocks.save('blocks'), meta: null }),
    restore(state) {
      checkVersion(state, VERSION, 'dictionary');
      blocks.restore('blocks', state);
    },
  };
}
