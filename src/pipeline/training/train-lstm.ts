import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { stableId } from '../../domain/identity.ts';
import type { ModelData } from '../../domain/learning/model.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { evaluateNetwork } from '../../learn/lstm/evaluate.ts';
import { createLstmTrainer, LSTM_TRAINING_OPTIONS } from '../../learn/lstm/trainer.ts';
import { checksumOf, lstmNetwork } from '../../stats/lstm/network.ts';
import { normalised } from '../../stats/lstm/normalise.ts';
import { type CutSeries, cutSeries } from '../../store/history/training-cut.ts';

export const LSTM_JOB_OPTIONS = {
  ...LSTM_TRAINING_OPTIONS,
  from: { type: 'number', default: 0, doc: 'Windows from here on, ms since the epoch.' },
  to: { type: 'number', default: 8.64e15, doc: 'Windows before this.' },
  series: { type: 'integer', default: 1000, min: 1, doc: 'Series taken at most, chosen by seed.' },
  samples: { type: 'integer', default: 5000, min: 200, doc: 'Windows of a series taken at most, the newest.' },
} as const satisfies OptionsSpec;

/** Share of the time, at the end, that is not trained on. */
const VALIDATION = 0.2;
/** A gap of more than so many steps ends a sequence. */
const GAP = 5;

export interface TrainingResult {
  readonly artefact: Uint8Array;
  readonly data: ModelData;
  readonly metrics: Readonly<Record<string, number>>;
}

/** What a job in a thread is given and may do. */
export interface TrainingRun {
  readonly history: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Weights of the version in use, to be compared with; null for none. */
  readonly champion: Uint8Array | null;
  /** State that a crash left, null for none. */
  readonly checkpoint: { readonly fingerprint: string; readonly state: StateBlob } | null;
  progress(share: number): void;
  save(fingerprint: string, state: StateBlob): void;
  /** Called often: gives way to others. */
  rest(): void;
}

interface Sequences {
  readonly train: readonly Float32Array[];
  readonly validation: readonly Float32Array[];
  readonly data: ModelData;
}

/** Cuts series at one point of time: what lies before is trained on, what lies behind never is. */
export function splitByTime(series: readonly CutSeries[]): Sequences {
  let [from, to, samples] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const { start } of series) {
    from = Math.min(from, start[0]!);
    to = Math.max(to, start.at(-1)!);
  }
  const split = from + (1 - VALIDATION) * (to - from);
  const train: Float32Array[] = [];
  const validation: Float32Array[] = [];
  const sums: string[] = [];
  for (const { id, start, value } of series) {
    const step = medianStep(start);
    const inputs = normalised(value);
    sums.push(stableId(id, checksumOf(Float32Array.from(value)), start[0]!, start.length));
    let first = 0;
    for (let i = 1; i <= start.length; i++) {
      const crosses = i < start.length && start[i - 1]! < split && start[i]! >= split;
      if (i < start.length && start[i]! - start[i - 1]! <= GAP * step && !crosses) continue;
      (start[i - 1]! < split ? train : validation).push(inputs.slice(first, i));
      if (start[i - 1]! < split) samples += i - first;
      first = i;
    }
  }
  const fingerprint = stableId('cut', ...sums.sort());
  return { train, validation, data: { from, to, items: series.length, samples, validatedFrom: split, fingerprint } };
}

function medianStep(start: Float64Array): number {
  const steps = Float64Array.from({ length: start.length - 1 }, (_, i) => start[i + 1]! - start[i]!).sort();
  return steps[steps.length >> 1] ?? 0;
}

const EVERY_STEPS = 50;

/** @throws TocsinError `invalid_request` where the history holds too little. */
export async function trainLstm(run: TrainingRun): Promise<TrainingResult> {
  const options: Options<typeof LSTM_JOB_OPTIONS> = { ...defaultsOf(LSTM_JOB_OPTIONS), ...run.options };
  const series = await cutSeries({ directory: run.history, ...options });
  if (series.length === 0)
    throw new TocsinError('invalid_request', 'the history has no series with 200 windows in finished files yet');
  const { train, validation, data } = splitByTime(series);
  const trainer = createLstmTrainer(train, options);
  // A checkpoint of other data would give weights that nobody can make again.
  if (run.checkpoint?.fingerprint === data.fingerprint) trainer.restore(run.checkpoint.state);
  for (let step = 1; !trainer.done; step++) {
    trainer.step();
    run.rest();
    if (step % EVERY_STEPS !== 0) continue;
    run.progress(0.99 * trainer.progress);
    run.save(data.fingerprint, trainer.save());
  }
  const weights = trainer.weights();
  const quality = evaluateNetwork(lstmNetwork(weights), validation);
  const metrics: Record<string, number> = {
    'validation loss': quality.loss,
    'validation error': quality.error,
    'error of last value': quality.errorLast,
    'error of level': quality.errorLevel,
    'validation samples': quality.samples,
  };
  if (run.champion !== null) {
    const before = evaluateNetwork(lstmNetwork(networkOf(run.champion)), validation);
    metrics['champion loss'] = before.loss;
    metrics['champion error'] = before.error;
  }
  // Too little history to validate on gives no figure, which JSON has no word for.
  const known = Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)));
  return { artefact: bytesOf(weights), data, metrics: known };
}

export function bytesOf(weights: Float32Array): Uint8Array {
  const bytes = new Uint8Array(weights.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, weight] of weights.entries()) view.setFloat32(i * 4, weight, true);
  return bytes;
}

/** Little-endian 32-bit floats. */
export function networkOf(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength >> 2 }, (_, i) => view.getFloat32(i * 4, true));
}
