import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { clipNorm, createAdam } from '../../stats/adam.ts';
import { GATES, HIDDEN, PART, WEIGHTS } from '../../stats/lstm/network.ts';
import { createRng, type Rng } from '../../stats/rng.ts';
import { createLstmGradient } from './gradient.ts';

export const LSTM_TRAINING_OPTIONS = {
  steps: { type: 'integer', default: 2000, min: 1, doc: 'Steps of the optimiser, each over batch x length samples.' },
  batch: { type: 'integer', default: 32, min: 4, doc: 'Streams trained side by side, a multiple of 4.' },
  length: { type: 'integer', default: 32, min: 2, doc: 'Samples that backpropagation goes back (truncation).' },
  rate: { type: 'number', default: 0.003, min: 0, doc: 'Learning rate at the start; falls linearly to a tenth.' },
  clip: { type: 'number', default: 1, min: 0, doc: 'Longest gradient.' },
  seed: { type: 'integer', default: 1, doc: 'Same data and seed, same weights bit by bit.' },
} as const satisfies OptionsSpec;

export type LstmTrainingOptions = Options<typeof LSTM_TRAINING_OPTIONS>;

const VERSION = 1;

export interface LstmTrainer {
  readonly done: boolean;
  readonly progress: number;
  /** One step of the optimiser. @returns the mean loss a sample before it. */
  step(): number;
  /** The weights so far, as the kernel wants them. */
  weights(): Float32Array;
  /** Everything that is needed to go on; a trainer of the same data and options restored from it ends with the same weights. */
  save(): StateBlob;
  /** @throws TocsinError `state_version`. */
  restore(state: StateBlob): void;
}

/**
 * Trains the forecaster by truncated backpropagation through time: streams run through whole series and keep their state
 * from stretch to stretch, as in service. Sequences are normalised inputs (`stats/lstm/normalise.ts`).
 *
 * @throws TocsinError `invalid_request` where no sequence is long enough.
 */
export function createLstmTrainer(
  sequences: readonly Float32Array[],
  options: LstmTrainingOptions = defaultsOf(LSTM_TRAINING_OPTIONS),
): LstmTrainer {
  const { batch, length, steps } = options;
  const usable = sequences.filter((sequence) => sequence.length > length);
  if (usable.length === 0)
    throw new TocsinError('invalid_request', `no series has more than ${length} samples to train on`);
  if (batch % 4 !== 0) throw new TocsinError('invalid_request', 'the batch must be a multiple of 4');
  let rng = createRng(options.seed);
  const weights = initial(rng);
  const adam = createAdam(WEIGHTS);
  const { gradient, run } = createLstmGradient(batch, length);
  const inputs = new Float64Array(batch * (length + 1));
  const h = new Float64Array(batch * HIDDEN);
  const c = new Float64Array(batch * HIDDEN);
  /** Sequence and place of every stream. */
  const streams = new Int32Array(batch * 2).fill(-1);
  let done = 0;

  function fill(): void {
    for (let b = 0; b < batch; b++) {
      let sequence = streams[b * 2]!;
      let at = streams[b * 2 + 1]!;
      if (sequence < 0 || at + length + 1 > usable[sequence]!.length) {
        sequence = rng.int(usable.length);
        // The first stream of a batch starts anywhere, so that they do not all change at once.
        const room = usable[sequence]!.length - length;
        at = streams[b * 2]! < 0 ? rng.int(room) : 0;
        h.fill(0, b * HIDDEN, (b + 1) * HIDDEN);
        c.fill(0, b * HIDDEN, (b + 1) * HIDDEN);
      }
      const values = usable[sequence]!;
      for (let i = 0; i <= length; i++) inputs[b * (length + 1) + i] = values[at + i]!;
      streams[b * 2] = sequence;
      streams[b * 2 + 1] = at + length;
    }
  }

  return {
    get done() {
      return done >= steps;
    },
    get progress() {
      return done / steps;
    },
    step() {
      fill();
      const loss = run(weights, { batch, length, inputs, h, c });
      clipNorm(gradient, options.clip);
      done++;
      adam.step(weights, gradient, done, options.rate * (1 - (0.9 * done) / steps));
      return loss;
    },
    weights: () => Float32Array.from(weights),
    save: () => ({
      version: VERSION,
      arrays: {
        weights: weights.slice(),
        mean: adam.mean.slice(),
        square: adam.square.slice(),
        h: h.slice(),
        c: c.slice(),
        streams: streams.slice(),
      },
      meta: { done, rng: rng.state() },
    }),
    restore({ version, arrays, meta }) {
      const parts = { weights, mean: adam.mean, square: adam.square, h, c, streams };
      const misfit = Object.entries(parts).some(([name, part]) => arrays[name]?.length !== part.length);
      if (version !== VERSION || misfit)
        throw new TocsinError('state_version', 'the checkpoint is of another version or of other options');
      for (const [name, part] of Object.entries(parts)) part.set(arrays[name] as never);
      const saved = meta as { readonly done: number; readonly rng: readonly number[] };
      done = saved.done;
      rng = createRng(0, saved.rng);
    },
  };
}

/** Uniform within 1/sqrt(hidden); forget gates start open, so that memory is learnt at all (Jozefowicz et al. 2015). */
function initial(rng: Rng): Float64Array {
  const reach = 1 / Math.sqrt(HIDDEN);
  const weights = Float64Array.from({ length: WEIGHTS }, () => (2 * rng.next() - 1) * reach);
  for (let j = 0; j < GATES; j++) weights[PART.bias + j] = j >= HIDDEN && j < 2 * HIDDEN ? 1 : 0;
  weights[WEIGHTS - 2] = 0;
  weights[WEIGHTS - 1] = 0;
  return weights;
}
