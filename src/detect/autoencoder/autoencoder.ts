import { ROW_SLOTS, type RowDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { checkVersion, createBlocks } from '../../stats/blocks.ts';
import { createRng } from '../../stats/rng.ts';

export const AUTOENCODER_OPTIONS = {
  hidden: { type: 'integer', default: 10, min: 2, max: 48, doc: 'Units of the narrow layer.' },
  rate: { type: 'number', default: 0.01, min: 1e-5, max: 0.3, doc: 'Learning rate.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const D = ROW_SLOTS;
const WARM_UP = 300;
/** Residuals are squeezed into tanh(x / SQUEEZE): one huge value must not rule the weights. */
const SQUEEZE = 4;
const ERROR_MEMORY = 1000;
const ERROR_FLOOR = 1e-3;

/**
 * A small dense autoencoder a service, trained row by row: tanh into a narrow layer and back, plain gradient steps whose
 * length is normalised by the input (NLMS). A row is strange by its reconstruction error relative to that of each signal.
 */
export function createAutoencoder(
  options: Options<typeof AUTOENCODER_OPTIONS> = defaultsOf(AUTOENCODER_OPTIONS),
): RowDetector {
  const { hidden, rate } = options;
  const encode = 1;
  const encodeBias = encode + hidden * D;
  const decode = encodeBias + hidden;
  const decodeBias = decode + hidden * D;
  const errors = decodeBias + D;
  const blocks = createBlocks(Float64Array, errors + D);
  const input = new Float64Array(D);
  const code = new Float64Array(hidden);
  const off = new Float64Array(D);

  function stateOf(service: number): Float64Array {
    if (blocks.has(service)) return blocks.get(service);
    const state = blocks.get(service);
    const random = createRng(service * 31_337 + 5);
    for (let i = 0; i < hidden * D; i++) {
      state[encode + i] = random.normal() / Math.sqrt(D);
      state[decode + i] = random.normal() / Math.sqrt(4 * hidden);
    }
    return state;
  }

  /** Fills `input`, `code` and `off` (input minus its reconstruction). */
  function forward(state: Float64Array, row: Float64Array): void {
    for (let d = 0; d < D; d++) input[d] = Math.tanh(row[d]! / SQUEEZE);
    for (let h = 0; h < hidden; h++) {
      let sum = state[encodeBias + h]!;
      const at = encode + h * D;
      for (let d = 0; d < D; d++) sum += state[at + d]! * input[d]!;
      code[h] = Math.tanh(sum);
    }
    for (let d = 0; d < D; d++) {
      let sum = state[decodeBias + d]!;
      const at = decode + d * hidden;
      for (let h = 0; h < hidden; h++) sum += state[at + h]! * code[h]!;
      off[d] = input[d]! - sum;
    }
  }

  return {
    name: 'autoencoder',
    bytesPerService: blocks.width * 8,
    score(service, row) {
      if (!blocks.has(service)) return Number.NaN;
      const state = blocks.get(service);
      if (state[0]! < WARM_UP) return Number.NaN;
      forward(state, row);
      let sum = 0;
      for (let d = 0; d < D; d++) sum += (off[d]! * off[d]!) / (state[errors + d]! + ERROR_FLOOR);
      return Math.sqrt(sum / D);
    },
    blame(service, row, out) {
      out.fill(0);
      if (!blocks.has(service)) return;
      const state = blocks.get(service);
      forward(state, row);
      for (let d = 0; d < D; d++) out[d] = (off[d]! * off[d]!) / (state[errors + d]! + ERROR_FLOOR);
    },
    learn(service, row) {
      const state = stateOf(service);
      const n = state[0]! + 1;
      state[0] = n;
      forward(state, row);
      let energy = 1;
      for (let h = 0; h < hidden; h++) energy += code[h]! * code[h]!;
      let inputEnergy = 1;
      for (let d = 0; d < D; d++) inputEnergy += input[d]! * input[d]!;
      const step = (rate * 4) / energy;
      const inputStep = (rate * 4) / inputEnergy;
      for (let h = 0; h < hidden; h++) {
        let back = 0;
        for (let d = 0; d < D; d++) back += off[d]! * state[decode + d * hidden + h]!;
        back *= (1 - code[h]! * code[h]!) * inputStep;
        const at = encode + h * D;
        for (let d = 0; d < D; d++) state[at + d] = state[at + d]! + back * input[d]!;
        state[encodeBias + h] = state[encodeBias + h]! + back;
      }
      const share = Math.max(1 / ERROR_MEMORY, 1 / n);
      for (let d = 0; d < D; d++) {
        const e = off[d]!;
        const at = decode + d * hidden;
        for (let h = 0; h < hidden; h++) state[at + h] = state[at + h]! + step * e * code[h]!;
        state[decodeBias + d] = state[decodeBias + d]! + step * e;
        state[errors + d] = state[errors + d]! + share * (e * e - state[errors + d]!);
      }
    },
    reset: (service) => blocks.delete(service),
    save: () => ({ version: VERSION, arrays: blocks.save('blocks'), meta: null }),
    restore(state) {
      checkVersion(state, VERSION, 'autoencoder');
      blocks.restore('blocks', state);
    },
  };
}
