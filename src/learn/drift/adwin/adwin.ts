import type { StateBlob } from '../../../domain/detector.ts';
import { TocsinError } from '../../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../../domain/options.ts';

export const ADWIN_OPTIONS = {
  delta: { type: 'number', default: 0.002, min: 0, max: 1, doc: 'Chance of a false alarm that a check may take.' },
  clock: { type: 'integer', default: 32, min: 1, doc: 'Values from one check to the next.' },
  min_window: { type: 'integer', default: 5, min: 1, doc: 'Values that each side of a cut must have.' },
  grace: { type: 'integer', default: 10, min: 1, doc: 'Values before the first check.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
/** Buckets of one size; one more, and the two oldest become one of the next size. */
const PER_SIZE = 5;
/** Sizes 1, 2, 4, ...: more values than anybody will feed. */
const SIZES = 40;
const SLOTS = PER_SIZE + 1;

/**
 * ADWIN: a window that grows while its mean stays, kept as an exponential histogram; where two parts of it differ by more than
 * chance allows, all of it is forgotten with the next value: kept newer parts would tell one change twice, and be no sooner
 * (measured in `river.test.ts`). Values of any scale (the cut uses their variance), 4 KB, about 10 ns a value and a
 * microsecond a check.
 * Bifet & Gavalda, "Learning from Time-Changing Data with Adaptive Windowing", SDM 2007, the bound with variance.
 */
export function createAdwin(options: Options<typeof ADWIN_OPTIONS> = defaultsOf(ADWIN_OPTIONS)) {
  const { delta, clock, min_window: least, grace } = options;
  /** Oldest first within a size; sum and sum of squared deviations of each bucket. */
  const total = new Float64Array(SIZES * SLOTS);
  const spread = new Float64Array(SIZES * SLOTS);
  const used = new Int32Array(SIZES);
  let sizes = 1;
  let width = 0;
  let sum = 0;
  /** Sum of squared deviations of the whole window. */
  let squares = 0;
  let ticks = 0;
  let statistic = 0;
  let threshold = 0;
  let drifted = false;

  function reset(): void {
    total.fill(0);
    spread.fill(0);
    used.fill(0);
    sizes = 1;
    width = sum = squares = ticks = statistic = threshold = 0;
    drifted = false;
  }

  function insert(x: number): void {
    total[used[0]!] = x;
    spread[used[0]!] = 0;
    used[0]!++;
    if (width > 0) {
      const d = x - sum / width;
      squares += (width * d * d) / (width + 1);
    }
    width++;
    sum += x;
    for (let k = 0; k < SIZES - 1 && used[k]! > PER_SIZE; k++) {
      const n = 2 ** k;
      const at = k * SLOTS;
      const d = (total[at + 1]! - total[at]!) / n;
      const to = (k + 1) * SLOTS + used[k + 1]!;
      total[to] = total[at]! + total[at + 1]!;
      spread[to] = spread[at]! + spread[at + 1]! + (n * d * d) / 2;
      used[k + 1]!++;
      sizes = Math.max(sizes, k + 2);
      drop(k, 2);
    }
  }

  /** Forgets the `n` oldest buckets of a size. */
  function drop(k: number, n: number): void {
    const at = k * SLOTS;
    total.copyWithin(at, at + n, at + SLOTS);
    spread.copyWithin(at, at + n, at + SLOTS);
    used[k]! -= n;
  }

  /** Whether some cut parts two means; leaves how near the clearest one came. */
  function differs(): boolean {
    const log = Math.log((2 * Math.log(width)) / delta);
    const variance = squares / width;
    let n0 = 0;
    let sum0 = 0;
    let nearest = 0;
    statistic = 0;
    threshold = 0;
    for (let k = sizes - 1; k >= 0; k--)
      for (let b = 0; b < used[k]!; b++) {
        n0 += 2 ** k;
        sum0 += total[k * SLOTS + b]!;
        const n1 = width - n0;
        if (n1 < least) return nearest > 1;
        if (n0 < least) continue;
        const m = 1 / (n0 - least + 1) + 1 / (n1 - least + 1);
        const bound = Math.sqrt(2 * m * variance * log) + (2 / 3) * log * m;
        const apart = Math.abs(sum0 / n0 - (sum - sum0) / n1);
        if (apart / bound <= nearest) continue;
        nearest = apart / bound;
        statistic = apart;
        threshold = bound;
      }
    return nearest > 1;
  }

  return {
    get statistic() {
      return statistic;
    },
    get threshold() {
      return threshold;
    },
    /** Values in the window, and their mean. */
    get width() {
      return width;
    },
    get mean() {
      return width === 0 ? 0 : sum / width;
    },
    reset,

    update(x: number): boolean {
      if (!Number.isFinite(x)) return false;
      if (drifted) reset();
      insert(x);
      ticks++;
      if (ticks % clock !== 0) return false;
      drifted = width > grace && differs();
      return drifted;
    },

    save: (): StateBlob => ({
      version: VERSION,
      arrays: { total: total.slice(), spread: spread.slice(), used: used.slice() },
      meta: { sizes, width, sum, squares, ticks, statistic, threshold, drifted },
    }),

    restore(saved: StateBlob): void {
      if (saved.version !== VERSION) throw new TocsinError('state_version', `adwin state ${saved.version}`);
      total.set(saved.arrays['total'] as Float64Array);
      spread.set(saved.arrays['spread'] as Float64Array);
      used.set(saved.arrays['used'] as Int32Array);
      ({ sizes, width, sum, squares, ticks, statistic, threshold, drifted } = saved.meta as {
        sizes: number;
        width: number;
        sum: number;
        squares: number;
        ticks: number;
        statistic: number;
        threshold: number;
        drifted: boolean;
      });
    },
  };
}
