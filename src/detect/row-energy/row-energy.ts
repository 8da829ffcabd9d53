import { ROW_SLOTS, type RowDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { checkVersion, createBlocks } from '../../stats/blocks.ts';

export const ROW_ENERGY_OPTIONS = {
  live: { type: 'integer', default: 500, min: 10, doc: 'Rows after which a signal that stays at 0 counts as absent.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const WARM_UP = 60;

/** Root mean square of a row over the signals that the service has: how far everything together is from its usual level. */
export function createRowEnergy(
  options: Options<typeof ROW_ENERGY_OPTIONS> = defaultsOf(ROW_ENERGY_OPTIONS),
): RowDetector {
  /** Rows learnt, then of each slot the row at which it last was not 0 (counted from 1). */
  const blocks = createBlocks(Float64Array, 1 + ROW_SLOTS);

  function square(row: Float64Array): number {
    let sum = 0;
    for (let d = 0; d < ROW_SLOTS; d++) sum += row[d]! * row[d]!;
    return sum;
  }

  return {
    name: 'row-energy',
    bytesPerService: blocks.width * 8,
    score(service, row) {
      if (!blocks.has(service)) return Number.NaN;
      const state = blocks.get(service);
      if (state[0]! < WARM_UP) return Number.NaN;
      let live = 0;
      for (let d = 1; d <= ROW_SLOTS; d++) if (state[d]! > 0 && state[0]! - state[d]! <= options.live) live++;
      return Math.sqrt(square(row) / Math.max(1, live));
    },
    blame(_service, row, out) {
      for (let d = 0; d < ROW_SLOTS; d++) out[d] = row[d]! * row[d]!;
    },
    learn(service, row) {
      const state = blocks.get(service);
      state[0] = state[0]! + 1;
      for (let d = 0; d < ROW_SLOTS; d++) if (row[d] !== 0) state[d + 1] = state[0]!;
    },
    reset: (service) => blocks.delete(service),
    save: () => ({ version: VERSION, arrays: blocks.save('blocks'), meta: null }),
    restore(state) {
      checkVersion(state, VERSION, 'row-energy');
      blocks.restore('blocks', state);
    },
  };
}
