import type { PromotedDetector, StateBlob } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { checkVersion } from '../../stats/blocks.ts';

export const PATCH_KNN_OPTIONS = {
  width: { type: 'integer', default: 32, min: 8, max: 128, doc: 'Values of a patch.' },
  parts: { type: 'integer', default: 8, min: 2, max: 32, doc: 'Means that a patch is reduced to.' },
  neighbours: { type: 'integer', default: 3, min: 1, max: 16, doc: 'The distance to this nearest patch counts.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const LEAST = 64;
/** Earlier patches are looked at this many values apart, and this many of them are asked what is usual. */
const STRIDE = 4;
const ASKED = 12;

/**
 * The last patch against all patches before it in a small embedding (means of its parts), by the distance to the k-th
 * nearest over what is usual among the others. Without state: the ring is the dictionary.
 */
export function createPatchKnn(
  options: Options<typeof PATCH_KNN_OPTIONS> = defaultsOf(PATCH_KNN_OPTIONS),
): PromotedDetector {
  const { width, parts, neighbours } = options;
  const part = Math.max(1, Math.floor(width / parts));
  let points = new Float64Array(0);
  const nearest = new Float64Array(neighbours);

  function embed(values: Float64Array, end: number, at: number): void {
    for (let p = 0; p < parts; p++) {
      let sum = 0;
      const from = end - (parts - p) * part;
      for (let i = from; i < from + part; i++) sum += values[i]!;
      points[at + p] = sum / part;
    }
  }

  /** Distance of point `q` to the k-th nearest of `count` points that are at least `apart` places away. */
  function distance(q: number, count: number, apart: number): number {
    nearest.fill(Number.POSITIVE_INFINITY);
    for (let i = 0; i < count; i++) {
      if (Math.abs(i - q) < apart) continue;
      let sum = 0;
      for (let p = 0; p < parts; p++) sum += (points[q * parts + p]! - points[i * parts + p]!) ** 2;
      if (sum >= nearest[neighbours - 1]!) continue;
      let k = neighbours - 1;
      for (; k > 0 && nearest[k - 1]! > sum; k--) nearest[k] = nearest[k - 1]!;
      nearest[k] = sum;
    }
    return Math.sqrt(nearest[neighbours - 1]!);
  }

  return {
    name: 'patch-knn',
    bytesPerSlot: 0,
    grow() {},
    score(_slot, values, length) {
      if (length < width + LEAST) return Number.NaN;
      const count = Math.floor((length - width) / STRIDE) + 1;
      if (points.length < count * parts) points = new Float64Array(count * parts * 2);
      for (let i = 0; i < count; i++) embed(values, length - (count - 1 - i) * STRIDE, i * parts);
      const apart = Math.ceil(width / STRIDE);
      const own = distance(count - 1, count, apart);
      let usual = 0;
      let asked = 0;
      for (let k = 1; k <= ASKED; k++) {
        const q = Math.floor(((count - 1 - apart) * k) / (ASKED + 1));
        const far = distance(q, count - apart, apart);
        if (!Number.isFinite(far)) continue;
        usual += far;
        asked++;
      }
      return Number.isFinite(own) && asked > 0 ? own / (usual / asked + 0.05) : Number.NaN;
    },
    reset() {},
    save: (): StateBlob => ({ version: VERSION, arrays: {}, meta: null }),
    restore: (state) => checkVersion(state, VERSION, 'patch-knn'),
  };
}
