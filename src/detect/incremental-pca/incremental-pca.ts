import { ROW_SLOTS, type RowDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { checkVersion, createBlocks } from '../../stats/blocks.ts';
import { followSubspace } from '../../stats/linear/subspace.ts';

export const INCREMENTAL_PCA_OPTIONS = {
  rank: { type: 'integer', default: 4, min: 1, max: 32, doc: 'Components that are followed.' },
  memory: { type: 'integer', default: 10_000, min: 100, doc: 'Rows that the covariance remembers.' },
  refit: { type: 'integer', default: 16, min: 1, doc: 'Learnt rows after which the components are followed on.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const WARM_UP = 100;
/** A learnt row counts as at most this many usual lengths. */
const CLIP = 4;
/** Share of the mean variance of a signal below which a direction counts as constant. */
const FLOOR = 0.002;
const D = ROW_SLOTS;
const MEAN = 2;
const COVARIANCE = MEAN + D;
const VALUES = COVARIANCE + D * D;

/**
 * Principal components of a service's residuals, from an exponentially weighted covariance. A row is strange by what the
 * components do not explain (squared residual, relative to its mean) and by how far it lies along them (Hotelling's T2).
 */
export function createIncrementalPca(
  options: Options<typeof INCREMENTAL_PCA_OPTIONS> = defaultsOf(INCREMENTAL_PCA_OPTIONS),
): RowDetector {
  const { rank, memory, refit } = options;
  const basisAt = VALUES + rank;
  const blocks = createBlocks(Float64Array, basisAt + rank * D);
  const off = new Float64Array(D);
  const rest = new Float64Array(D);
  const along = new Float64Array(rank);

  /** Fills `off`, `along`, `rest`; @returns [squared residual, T2], each over its mean. */
  function project(state: Float64Array, row: Float64Array): readonly [number, number] {
    let trace = 0;
    let live = 0;
    for (let d = 0; d < D; d++) {
      off[d] = rest[d] = row[d]! - state[MEAN + d]!;
      const variance = state[COVARIANCE + d * D + d]!;
      trace += variance;
      if (variance > 0) live++;
    }
    const floor = (FLOOR * trace) / Math.max(1, live) + 1e-9;
    let explained = 0;
    let t2 = 0;
    for (let k = 0; k < rank; k++) {
      const at = basisAt + k * D;
      let dot = 0;
      for (let d = 0; d < D; d++) dot += state[at + d]! * off[d]!;
      along[k] = dot / (state[VALUES + k]! + floor);
      explained += Math.max(0, state[VALUES + k]!);
      t2 += dot * along[k]!;
      for (let d = 0; d < D; d++) rest[d] = rest[d]! - dot * state[at + d]!;
    }
    let square = 0;
    for (let d = 0; d < D; d++) square += rest[d]! * rest[d]!;
    return [square / (Math.max(0, trace - explained) + floor), t2 / Math.min(rank, Math.max(1, live))];
  }

  return {
    name: 'incremental-pca',
    bytesPerService: blocks.width * 8,
    score(service, row) {
      if (!blocks.has(service)) return Number.NaN;
      const state = blocks.get(service);
      if (state[0]! < WARM_UP) return Number.NaN;
      const [square, t2] = project(state, row);
      return Math.sqrt(square) + Math.sqrt(t2);
    },
    blame(service, row, out) {
      out.fill(0);
      if (!blocks.has(service)) return;
      const state = blocks.get(service);
      const [square, t2] = project(state, row);
      let whole = 0;
      for (let d = 0; d < D; d++) whole += rest[d]! * rest[d]!;
      for (let d = 0; d < D; d++) {
        let pull = 0;
        for (let k = 0; k < rank; k++) pull += along[k]! * state[basisAt + k * D + d]!;
        const share = whole > 0 ? (rest[d]! * rest[d]!) / whole : 0;
        out[d] = square * share + Math.max(0, pull * off[d]!) * (t2 > 0 ? 1 / rank : 0);
      }
    },
    learn(service, row) {
      const state = blocks.get(service);
      const n = state[0]! + 1;
      state[0] = n;
      const rate = Math.max(1 / memory, 1 / n);
      let square = 0;
      let trace = 0;
      for (let d = 0; d < D; d++) {
        off[d] = row[d]! - state[MEAN + d]!;
        square += off[d]! * off[d]!;
        trace += state[COVARIANCE + d * D + d]!;
      }
      const clip = n > WARM_UP && square > CLIP * CLIP * trace ? CLIP * Math.sqrt(trace / square) : 1;
      for (let d = 0; d < D; d++) {
        off[d] = off[d]! * clip;
        state[MEAN + d] = state[MEAN + d]! + rate * off[d]!;
      }
      for (let i = 0; i < D; i++) {
        const at = COVARIANCE + i * D;
        const x = rate * off[i]!;
        for (let j = 0; j < D; j++) state[at + j] = (1 - rate) * (state[at + j]! + x * off[j]!);
      }
      if (n % refit !== 0 && n !== WARM_UP) return;
      const covariance = state.subarray(COVARIANCE, VALUES);
      const rounds = n <= 4 * WARM_UP ? 6 : 2;
      followSubspace(covariance, D, state.subarray(basisAt), rank, state.subarray(VALUES, basisAt), rounds);
    },
    reset: (service) => blocks.delete(service),
    save: () => ({ version: VERSION, arrays: blocks.save('blocks'), meta: null }),
    restore(state) {
      checkVersion(state, VERSION, 'incremental-pca');
      blocks.restore('blocks', state);
    },
  };
}
