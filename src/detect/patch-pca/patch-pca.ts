import type { PromotedDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { followSubspace } from '../../stats/linear/subspace.ts';
import { createRows } from '../../stats/rows.ts';

export const PATCH_PCA_OPTIONS = {
  width: { type: 'integer', default: 32, min: 4, max: 64, doc: 'Values of a patch.' },
  rank: { type: 'integer', default: 5, min: 1, max: 16, doc: 'Components kept.' },
  refit: { type: 'integer', default: 64, min: 1, doc: 'New values after which the components are found anew.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
/** Patches that a fit needs. */
const LEAST = 64;
/** State of a slot: fitted, values since, mean squared residual; then mean and components. */
const HEAD = 4;

/** The last patch of values against the principal components of all patches before it: what they leave over, squared. */
export function createPatchPca(
  options: Options<typeof PATCH_PCA_OPTIONS> = defaultsOf(PATCH_PCA_OPTIONS),
): PromotedDetector {
  const { width, rank, refit } = options;
  const rows = createRows(HEAD + width * (rank + 1) + ((width * (rank + 1)) % 2));
  const covariance = new Float64Array(width * width);
  const basis = new Float64Array(rank * width);
  const found = new Float64Array(rank);
  const patch = new Float64Array(width);

  /** What the components leave of the patch ending before `end`, squared. */
  function residual(o: number, values: Float64Array, end: number): number {
    const f = rows.f32;
    for (let i = 0; i < width; i++) patch[i] = values[end - width + i]! - f[o + HEAD + i]!;
    for (let k = 0; k < rank; k++) {
      const at = o + HEAD + (k + 1) * width;
      let dot = 0;
      for (let i = 0; i < width; i++) dot += patch[i]! * f[at + i]!;
      for (let i = 0; i < width; i++) patch[i] = patch[i]! - dot * f[at + i]!;
    }
    let sum = 0;
    for (let i = 0; i < width; i++) sum += patch[i]! * patch[i]!;
    return sum;
  }

  function refitFrom(o: number, values: Float64Array, length: number): void {
    const f = rows.f32;
    // The newest patch is to be judged by the others, so it and what overlaps it most stay out.
    const last = length - (width >> 1);
    const count = last - width + 1;
    covariance.fill(0);
    for (let i = 0; i < width; i++) {
      let sum = 0;
      for (let end = width; end <= last; end++) sum += values[end - width + i]!;
      f[o + HEAD + i] = sum / count;
    }
    for (let end = width; end <= last; end += 2) {
      for (let i = 0; i < width; i++) patch[i] = values[end - width + i]! - f[o + HEAD + i]!;
      for (let i = 0; i < width; i++)
        for (let j = i; j < width; j++) covariance[i * width + j] = covariance[i * width + j]! + patch[i]! * patch[j]!;
    }
    for (let i = 0; i < width; i++) for (let j = 0; j < i; j++) covariance[i * width + j] = covariance[j * width + i]!;
    basis.fill(0);
    followSubspace(covariance, width, basis, rank, found, 8);
    for (let i = 0; i < rank * width; i++) f[o + HEAD + width + i] = basis[i]!;
    let mean = 0;
    let seen = 0;
    for (let end = width; end <= last; end += 4, seen++) mean += residual(o, values, end);
    f[o] = 1;
    f[o + 1] = 0;
    f[o + 2] = mean / seen;
  }

  return {
    name: 'patch-pca',
    bytesPerSlot: rows.bytesPerRow,
    grow: rows.grow,
    score(slot, values, length, fresh) {
      if (length < width + LEAST) return Number.NaN;
      const o = slot * rows.width;
      const f = rows.f32;
      f[o + 1] = f[o + 1]! + fresh;
      if (f[o] === 0 || f[o + 1]! >= refit) refitFrom(o, values, length);
      return Math.sqrt(residual(o, values, length) / (f[o + 2]! + 1e-3));
    },
    reset: rows.reset,
    save: () => rows.save(VERSION),
    restore: (state) => rows.restore(state, VERSION),
  };
}
