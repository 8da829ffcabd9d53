import type { PromotedDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { expOf } from '../../stats/lstm/activation.ts';
import { CELL, createLstmCells } from '../../stats/lstm/cells.ts';
import { LOG_SCALE, type LstmNetwork } from '../../stats/lstm/network.ts';
import { defaultNetwork } from './lstm.ts';

export const PROMOTED_LSTM_OPTIONS = {
  warmup: { type: 'integer', default: 32, min: 2, doc: 'Values of a slot before scores may be used.' },
  most: { type: 'integer', default: 128, min: 1, doc: 'Values taken in at one look, the newest; bounds its cost.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const LARGEST_INPUT = 8;
/** Values taken in so far, behind the cell. */
const COUNT = CELL.own;

/**
 * The forecaster for promoted series: takes in what came since the last look, standardised by the tier, and scores the newest
 * value by its distance from the forecast in units of the scale that the network expected.
 */
export function createPromotedLstm(
  options: Options<typeof PROMOTED_LSTM_OPTIONS> = defaultsOf(PROMOTED_LSTM_OPTIONS),
  network: LstmNetwork = defaultNetwork(),
): PromotedDetector {
  const cells = createLstmCells(network, 1);
  cells.reserve(1);

  return {
    name: 'lstm',
    bytesPerSlot: cells.bytesPerRow,
    grow: cells.grow,
    score(slot, values, length, fresh) {
      const o = slot * cells.width;
      const f = cells.f32;
      let raw = Number.NaN;
      for (let i = length - Math.min(fresh, length, options.most); i < length; i++) {
        const x = Math.max(-LARGEST_INPUT, Math.min(LARGEST_INPUT, values[i]!));
        if (i === length - 1 && f[o + COUNT]! >= options.warmup) {
          const s = Math.max(LOG_SCALE.lowest, Math.min(LOG_SCALE.highest, f[o + CELL.logScale]!));
          // Not the cut input: how far out it really lies.
          raw = Math.abs(values[i]! - f[o + CELL.mean]!) * expOf(-s);
        }
        cells.series[0] = slot;
        cells.inputs[0] = x;
        cells.step(1);
        f[o + COUNT] = f[o + COUNT]! + 1;
      }
      return raw;
    },
    reset: cells.reset,
    save: () => cells.save(VERSION),
    restore(state) {
      if (cells.fits(state)) {
        cells.restore(state, VERSION);
        return;
      }
      // Another network was promoted meanwhile: its slots begin again, everything else of the snapshot stands.
      const rows = state.arrays['rows'];
      if (rows !== undefined) cells.grow(Math.floor(rows.length / cells.width));
      for (let slot = 0; slot * cells.width < cells.f32.length; slot++) cells.reset(slot);
    },
  };
}
