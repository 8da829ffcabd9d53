import { expOf } from '../../stats/lstm/activation.ts';
import { CELL, createLstmCells } from '../../stats/lstm/cells.ts';
import { LOG_SCALE, type LstmNetwork } from '../../stats/lstm/network.ts';

export interface ForecastQuality {
  /** Mean of |r| / b + log b: smaller is better. */
  readonly loss: number;
  /** Mean absolute error in scales of the series; of the last value and of the level for comparison. */
  readonly error: number;
  readonly errorLast: number;
  readonly errorLevel: number;
  readonly samples: number;
}

/** Samples of a sequence that only warm the state up. */
const WARM = 64;

/** How a network forecasts sequences of normalised inputs, as it would in service. */
export function evaluateNetwork(network: LstmNetwork, sequences: readonly Float32Array[]): ForecastQuality {
  const cells = createLstmCells(network, 0);
  cells.grow(1);
  cells.reserve(1);
  let [loss, error, errorLast, errorLevel, samples] = [0, 0, 0, 0, 0];
  for (const values of sequences) {
    cells.reset(0);
    for (let t = 0; t + 1 < values.length; t++) {
      cells.series[0] = 0;
      cells.inputs[0] = values[t]!;
      cells.step(1);
      if (t < WARM) continue;
      const next = values[t + 1]!;
      const size = Math.abs(next - cells.f32[CELL.mean]!);
      const s = Math.max(LOG_SCALE.lowest, Math.min(LOG_SCALE.highest, cells.f32[CELL.logScale]!));
      loss += size * expOf(-s) + s;
      error += size;
      errorLast += Math.abs(next - values[t]!);
      errorLevel += Math.abs(next);
      samples++;
    }
  }
  const mean = (sum: number): number => (samples === 0 ? Number.NaN : sum / samples);
  return {
    loss: mean(loss),
    error: mean(error),
    errorLast: mean(errorLast),
    errorLevel: mean(errorLevel),
    samples,
  };
}
