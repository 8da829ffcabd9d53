import type { StateBlob } from '../../../domain/detector.ts';
import { TocsinError } from '../../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../../domain/options.ts';

export const PAGE_HINKLEY_OPTIONS = {
  delta: {
    type: 'number',
    default: 0.005,
    min: 0,
    doc: 'Deviation from the mean that is no drift, in the unit of the values.',
  },
  lambda: { type: 'number', default: 50, min: 0, doc: 'Sum of deviations that is drift, in the unit of the values.' },
  min_samples: { type: 'integer', default: 30, min: 1, doc: 'Values before anything is said.' },
  alpha: { type: 'number', default: 0.9999, min: 0.5, max: 1, doc: 'How much of the sums is kept, a value.' },
} as const satisfies OptionsSpec;

const VERSION = 1;

/**
 * Page-Hinkley test in both directions: drift where the sum of deviations from the running mean has risen by `lambda` over its
 * lowest, or fallen by it under its highest. Values should have unit scale. 56 bytes, a few ns a value.
 * Page, "Continuous Inspection Schemes", Biometrika 41 (1954); parameters as in the libraries.
 */
export function createPageHinkley(options: Options<typeof PAGE_HINKLEY_OPTIONS> = defaultsOf(PAGE_HINKLEY_OPTIONS)) {
  const { delta, lambda, min_samples: least, alpha } = options;
  /** Count, mean, rising sum, its lowest, falling sum, its highest. */
  const state = new Float64Array(6);
  let statistic = 0;
  let drifted = false;

  function reset(): void {
    state.set([0, 0, 0, Number.POSITIVE_INFINITY, 0, Number.NEGATIVE_INFINITY]);
    statistic = 0;
    drifted = false;
  }
  reset();

  return {
    threshold: lambda,
    get statistic() {
      return statistic;
    },
    reset,

    update(x: number): boolean {
      if (!Number.isFinite(x)) return false;
      if (drifted) reset();
      const n = state[0]! + 1;
      const mean = state[1]! + (x - state[1]!) / n;
      const deviation = x - mean;
      const rising = alpha * state[2]! + deviation - delta;
      const falling = alpha * state[4]! + deviation + delta;
      const lowest = Math.min(state[3]!, rising);
      const highest = Math.max(state[5]!, falling);
      state[0] = n;
      state[1] = mean;
      state[2] = rising;
      state[3] = lowest;
      state[4] = falling;
      state[5] = highest;
      statistic = n < least ? 0 : Math.max(rising - lowest, highest - falling);
      drifted = statistic > lambda;
      return drifted;
    },

    save: (): StateBlob => ({ version: VERSION, arrays: { state: state.slice() }, meta: { statistic, drifted } }),

    restore(saved: StateBlob): void {
      if (saved.version !== VERSION) throw new TocsinError('state_version', `page-hinkley state ${saved.version}`);
      state.set(saved.arrays['state'] as Float64Array);
      ({ statistic, drifted } = saved.meta as { statistic: number; drifted: boolean });
    },
  };
}
