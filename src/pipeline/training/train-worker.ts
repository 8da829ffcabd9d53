import { existsSync, readFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import type { ErrorCode } from '../../domain/error.ts';
import { TocsinError } from '../../domain/error.ts';
import { writeAtomically } from '../../store/models/artefacts.ts';
import { type TrainingResult, type TrainingRun, trainLstm } from './train-lstm.ts';
import { type Labelled, runTriageTraining } from './train-triage.ts';

/** What a training thread is told. */
export interface TrainingTask {
  readonly model: string;
  readonly history: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly champion: Uint8Array | null;
  /** File of the checkpoint. */
  readonly checkpoint: string;
  /** For triage. */
  readonly labelled: Labelled | null;
  /** Share of a core that the thread takes at most: detection keeps its latency. */
  readonly share: number;
  /** Least time between two checkpoints, ms. */
  readonly checkpointEvery: number;
}

export type TrainingMessage =
  | { readonly type: 'progress'; readonly share: number }
  | { readonly type: 'done'; readonly result: TrainingResult }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string };

const SLICE_MS = 20;

const task = workerData as TrainingTask;
const port = parentPort!;
const post = (message: TrainingMessage): void => port.postMessage(message);
const asleep = new Int32Array(new SharedArrayBuffer(4));
let saved = performance.now();
let slice = performance.now();

/** What a crash left; what cannot be read is as good as none. */
function checkpointOf(): TrainingRun['checkpoint'] {
  if (!existsSync(task.checkpoint)) return null;
  try {
    return deserialize(readFileSync(task.checkpoint)) as TrainingRun['checkpoint'];
  } catch {
    return null;
  }
}

const run: TrainingRun = {
  history: task.history,
  options: task.options,
  champion: task.champion,
  checkpoint: checkpointOf(),
  progress: (share) => post({ type: 'progress', share }),
  save(fingerprint, state) {
    if (performance.now() - saved < task.checkpointEvery) return;
    saved = performance.now();
    writeAtomically(task.checkpoint, serialize({ fingerprint, state }));
  },
  rest() {
    const spent = performance.now() - slice;
    if (spent < SLICE_MS || task.share >= 1) return;
    Atomics.wait(asleep, 0, 0, spent * (1 / task.share - 1));
    slice = performance.now();
  },
};

try {
  const result = task.labelled === null ? await trainLstm(run) : runTriageTraining(task.labelled, task.options);
  post({ type: 'done', result });
} catch (error) {
  const code = error instanceof TocsinError ? error.code : 'internal';
  post({ type: 'failed', code, message: error instanceof Error ? error.message : String(error) });
}
