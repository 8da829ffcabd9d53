import type { PromotedDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { createRows } from '../../stats/rows.ts';

export const LEFT_MATRIX_PROFILE_OPTIONS = {
  width: { type: 'integer', default: 24, min: 4, max: 128, doc: 'Values of the shape that is looked for in the past.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const LEAST = 64;
/** Shapes flatter than this are not blown up to full size: a flat line is like any other flat line. */
const FLATTEST = 0.15;

/**
 * Distance of the newest shape to the most similar shape before it (left matrix profile; Lu et al., DAMP, 2022), both
 * standardised, over its running mean. What never looked like this before is a discord.
 */
export function createLeftMatrixProfile(
  options: Options<typeof LEFT_MATRIX_PROFILE_OPTIONS> = defaultsOf(LEFT_MATRIX_PROFILE_OPTIONS),
): PromotedDetector {
  const { width } = options;
  /** Mean distance so far, and of how many. */
  const rows = createRows(2);

  function nearest(values: Float64Array, length: number): number {
    const from = length - width;
    let sum = 0;
    let squares = 0;
    for (let i = from; i < length; i++) {
      sum += values[i]!;
      squares += values[i]! * values[i]!;
    }
    const mean = sum / width;
    const sd = Math.max(FLATTEST, Math.sqrt(Math.max(0, squares / width - mean * mean)));
    let best = Number.POSITIVE_INFINITY;
    let slidSum = 0;
    let slidSquares = 0;
    for (let end = 0; end <= from; end++) {
      if (end >= width) {
        const start = end - width;
        const slidMean = slidSum / width;
        const slidSd = Math.max(FLATTEST, Math.sqrt(Math.max(0, slidSquares / width - slidMean * slidMean)));
        let far = 0;
        for (let i = 0; i < width && far < best; i++) {
          const x = (values[from + i]! - mean) / sd - (values[start + i]! - slidMean) / slidSd;
          far += x * x;
        }
        if (far < best) best = far;
        slidSum -= values[start]!;
        slidSquares -= values[start]! * values[start]!;
      }
      slidSum += values[end]!;
      slidSquares += values[end]! * values[end]!;
    }
    return Math.sqrt(best);
  }

  return {
    name: 'left-matrix-profile',
    bytesPerSlot: rows.bytesPerRow,
    grow: rows.grow,
    score(slot, values, length) {
      if (length < 2 * width + LEAST) return Number.NaN;
      const far = nearest(values, length);
      const f = rows.f32;
      const mean = f[slot * 2]!;
      const n = f[slot * 2 + 1]!;
      const raw = n < 4 ? Number.NaN : far / (mean + 0.05);
      const learnt = n < 4 ? far : Math.min(far, 3 * mean);
      f[slot * 2] = mean + Math.max(0.02, 1 / (n + 1)) * (learnt - mean);
      f[slot * 2 + 1] = n + 1;
      return raw;
    },
    reset: rows.reset,
    save: () => rows.save(VERSION),
    restore: (state) => rows.restore(state, VERSION),
  };
}
