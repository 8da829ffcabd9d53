import type { PromotedDetector, StateBlob } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { checkVersion } from '../../stats/blocks.ts';
import { lnGamma } from '../../stats/tails/count-tails.ts';

export const BOCPD_OPTIONS = {
  expected: { type: 'integer', default: 250, min: 10, doc: 'Values between changes that are expected.' },
  longest: { type: 'integer', default: 64, min: 16, max: 512, doc: 'Run lengths that are told apart.' },
  recent: { type: 'integer', default: 8, min: 1, max: 64, doc: 'A change counts as news for this many values.' },
} as const satisfies OptionsSpec;

/** Bayesian online change-point detection also says since when. */
export interface ChangePoints extends PromotedDetector {
  /** Values since the most probable change, `longest` or more when there was none. */
  sinceChange(values: Float64Array, length: number): number;
}

const VERSION = 1;
/** Values that are gone through: enough for every run length to settle. */
const LOOKED_AT = 160;
/** Prior of level and spread of a run: standardised values around 0. */
const KAPPA = 0.2;
const ALPHA = 1;
const BETA = 0.5;

/**
 * Adams and MacKay 2007 with a normal of unknown level and spread and a constant hazard, run anew over the end of the ring:
 * the odds that a change lies within the last few values.
 */
export function createBocpd(options: Options<typeof BOCPD_OPTIONS> = defaultsOf(BOCPD_OPTIONS)): ChangePoints {
  const { longest, recent } = options;
  const hazard = 1 / options.expected;
  let weight = new Float64Array(longest + 1);
  let next = new Float64Array(longest + 1);
  const mean = new Float64Array(longest + 1);
  const beta = new Float64Array(longest + 1);
  /** log of the constant of Student's t with 2 (ALPHA + n / 2) degrees of freedom. */
  const constant = Float64Array.from({ length: longest + 1 }, (_, n) => {
    const alpha = ALPHA + n / 2;
    return lnGamma(alpha + 0.5) - lnGamma(alpha) - 0.5 * Math.log(2 * Math.PI);
  });

  /** Leaves the probability of each run length behind the last value in `weight`. */
  function run(values: Float64Array, length: number): void {
    weight.fill(0);
    weight[0] = 1;
    mean[0] = 0;
    beta[0] = BETA;
    for (let i = Math.max(0, length - LOOKED_AT); i < length; i++) {
      const x = Math.max(-12, Math.min(12, values[i]!));
      let changed = 0;
      let total = 0;
      next.fill(0);
      for (let n = longest; n >= 0; n--) {
        const w = weight[n]!;
        const kappa = KAPPA + n;
        const off = x - mean[n]!;
        const to = Math.min(longest, n + 1);
        if (w > 1e-12) {
          const alpha = ALPHA + n / 2;
          const scale = (beta[n]! * (kappa + 1)) / kappa;
          const density = Math.exp(
            constant[n]! - 0.5 * Math.log(scale) - (alpha + 0.5) * Math.log1p((off * off) / (2 * scale)),
          );
          changed += w * density * hazard;
          next[to] = next[to]! + w * density * (1 - hazard);
          total += w * density;
        }
        // The longest run stands for all longer ones and knows its last values only.
        if (n < longest) {
          mean[to] = mean[n]! + off / (kappa + 1);
          beta[to] = beta[n]! + (kappa * off * off) / (2 * (kappa + 1));
        }
      }
      next[0] = changed;
      mean[0] = 0;
      beta[0] = BETA;
      const scale = total > 0 ? 1 / total : 0;
      for (let n = 0; n <= longest; n++) next[n] = scale > 0 ? next[n]! * scale : Number(n === 0);
      const before = weight;
      weight = next;
      next = before;
    }
  }

  return {
    name: 'bocpd',
    bytesPerSlot: 0,
    grow() {},
    score(_slot, values, length) {
      if (length < longest) return Number.NaN;
      run(values, length);
      let young = 0;
      for (let n = 1; n <= recent; n++) young += weight[n]!;
      // Odds against the hazard's own, in powers of ten: 1 is what is expected anyway.
      return 1 + Math.max(0, Math.log10((young + 1e-9) / (1 - Math.min(young, 1 - 1e-6)) / (hazard * recent)));
    },
    sinceChange(values, length) {
      run(values, length);
      let best = 1;
      for (let n = 1; n <= longest; n++) if (weight[n]! > weight[best]!) best = n;
      return best;
    },
    reset() {},
    save: (): StateBlob => ({ version: VERSION, arrays: {}, meta: null }),
    restore: (state) => checkVersion(state, VERSION, 'bocpd'),
  };
}
