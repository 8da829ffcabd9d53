import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { defaultNetwork } from '../../detect/lstm/lstm.ts';
import { TocsinError } from '../../domain/error.ts';
import type { ModelFormat, ModelRecord, TrainingJob } from '../../domain/learning/model.ts';
import type { Clock, ControlStore } from '../../domain/ports.ts';
import { championOf, nameOf, nextVersion } from '../../learn/registry/registry.ts';
import type { SqlControlStore } from '../../store/control/sql-control-store.ts';
import { type Artefacts, openArtefacts } from '../../store/models/artefacts.ts';
import { bytesOf } from './train-lstm.ts';
import { labelledExamples } from './train-triage.ts';
import type { TrainingMessage, TrainingTask } from './train-worker.ts';

/** What can be trained, and what comes of it. */
export const TRAINABLE: Readonly<Record<string, ModelFormat>> = { lstm: 'tocsin-lstm', triage: 'tocsin-triage' };

export interface TrainingOptions {
  readonly control: Pick<ControlStore, 'verdicts'> & Pick<SqlControlStore, 'models'>;
  readonly directory: string;
  readonly clock: Clock;
  /** Version of the program. */
  readonly code: string;
  /** Share of a core that a training thread takes at most. */
  readonly share?: number;
  /** Least time between two checkpoints, ms. */
  readonly checkpointEvery?: number;
  readonly onChange?: (job: TrainingJob) => void;
}

export interface Training {
  readonly artefacts: Artefacts;
  /** @throws TocsinError `invalid_request` for what cannot be trained. */
  start(model: string, options: Readonly<Record<string, unknown>>, by: string): Promise<TrainingJob>;
  jobs(): Promise<readonly TrainingJob[]>;
  /** @throws TocsinError `not_found`, `conflict` when it is over. */
  cancel(id: string): Promise<TrainingJob>;
  /** Takes up what a crash interrupted. @returns how many. */
  resume(): Promise<number>;
  /** The job once it is over. */
  over(id: string): Promise<TrainingJob>;
  /** Ends threads; what was running goes on with `resume`. */
  close(): Promise<void>;
}

const isOver = ({ state }: TrainingJob): boolean => state !== 'queued' && state !== 'running';

interface Running {
  job: TrainingJob;
  readonly ended: PromiseWithResolvers<TrainingJob>;
}

/** Training jobs, one after another, each in a thread. A job is in the store before it starts and is taken up again after a crash. */
export function createTraining(options: TrainingOptions): Training {
  const { control, directory, clock } = options;
  const store = control.models;
  const artefacts = openArtefacts(join(directory, 'models'));
  const work = join(directory, 'training');
  mkdirSync(work, { recursive: true });
  const queue: Running[] = [];
  const known = new Map<string, Running>();
  let current: { readonly entry: Running; readonly worker: Worker } | null = null;
  let closing = false;
  let pumping: Promise<void> = Promise.resolve();

  async function change(entry: Running, changes: Partial<TrainingJob>): Promise<void> {
    entry.job = { ...entry.job, ...changes };
    await store.saveJob(entry.job);
    options.onChange?.(entry.job);
    if (isOver(entry.job)) {
      rmSync(checkpointOf(entry.job.id), { force: true });
      entry.ended.resolve(entry.job);
    }
  }

  const checkpointOf = (id: string): string => join(work, `${id}.checkpoint`);

  function enqueue(job: TrainingJob): Running {
    const entry: Running = { job, ended: Promise.withResolvers() };
    known.set(job.id, entry);
    queue.push(entry);
    pumping = pumping.then(pump);
    return entry;
  }

  async function pump(): Promise<void> {
    const entry = queue.shift();
    if (entry === undefined || closing || isOver(entry.job)) return;
    try {
      await runOne(entry);
    } catch (error) {
      await change(entry, { state: 'failed', error: String(error), endedAt: clock.now() });
    }
  }

  async function runOne(entry: Running): Promise<void> {
    const { id, model } = entry.job;
    const records = await store.models(model);
    const made = records.find((record) => record.config['job'] === id);
    if (made !== undefined) {
      // The crash came between the model and the word that the job is done.
      await change(entry, { state: 'done', progress: 1, result: made.version, endedAt: clock.now() });
      return;
    }
    await change(entry, { state: 'running', starts: entry.job.starts + 1 });
    const champion = championOf(records, model);
    const task: TrainingTask = {
      model,
      history: join(directory, 'history'),
      options: entry.job.options,
      champion: champion !== null ? artefacts.read(champion.checksum) : beginning(model),
      checkpoint: checkpointOf(id),
      labelled: model === 'triage' ? await labelledExamples(control, store) : null,
      share: options.share ?? 0.5,
      checkpointEvery: options.checkpointEvery ?? 2_000,
    };
    const message = await inThread(entry, task);
    if (message === null) return;
    if (message.type !== 'done') {
      const error = message.type === 'failed' ? message.message : 'the thread ended without a result';
      await change(entry, { state: 'failed', error, endedAt: clock.now() });
      return;
    }
    const { artefact, data, metrics } = message.result;
    const all = await store.models(model);
    const record: ModelRecord = {
      name: model,
      version: nextVersion(all, model),
      format: TRAINABLE[model]!,
      state: 'candidate',
      pinned: false,
      createdAt: clock.now(),
      createdBy: entry.job.by,
      promotions: [],
      data,
      config: { ...entry.job.options, job: id },
      code: options.code,
      metrics,
      bytes: artefact.length,
      // The file first: a record always has its artefact.
      checksum: artefacts.write(artefact),
      parents: champion === null ? [] : [nameOf(champion)],
      note: '',
    };
    await store.saveModels([record]);
    await change(entry, { state: 'done', progress: 1, result: record.version, endedAt: clock.now() });
  }

  /** The last word of the thread; null when it was cancelled or closed. */
  async function inThread(entry: Running, task: TrainingTask): Promise<TrainingMessage | null> {
    const worker = new Worker(workerFile(), { workerData: task });
    current = { entry, worker };
    const last = Promise.withResolvers<TrainingMessage | null>();
    worker.on('message', (message: TrainingMessage) => {
      if (message.type !== 'progress') last.resolve(message);
      else {
        entry.job = { ...entry.job, progress: message.share };
        options.onChange?.(entry.job);
      }
    });
    worker.on('error', (error) => last.resolve({ type: 'failed', code: 'internal', message: String(error) }));
    worker.on('exit', () =>
      last.resolve(
        closing || isOver(entry.job)
          ? null
          : { type: 'failed', code: 'internal', message: 'the training thread ended by itself' },
      ),
    );
    const message = await last.promise;
    await worker.terminate();
    current = null;
    return closing || isOver(entry.job) ? null : message;
  }

  return {
    artefacts,
    async start(model, given, by) {
      if (!(model in TRAINABLE))
        throw new TocsinError(
          'invalid_request',
          `'${model}' cannot be trained; these can: ${Object.keys(TRAINABLE).join(', ')}`,
        );
      const job: TrainingJob = {
        id: randomUUID(),
        model,
        state: 'queued',
        at: clock.now(),
        by,
        options: given,
        progress: 0,
        starts: 0,
        error: '',
        result: null,
        endedAt: null,
      };
      await store.saveJob(job);
      enqueue(job);
      return job;
    },
    async jobs() {
      return (await store.jobs()).map((job) => known.get(job.id)?.job ?? job);
    },
    async cancel(id) {
      const entry = known.get(id);
      const job = entry?.job ?? (await store.jobs()).find((candidate) => candidate.id === id);
      if (job === undefined) throw new TocsinError('not_found', `there is no training job ${id}`);
      if (isOver(job)) throw new TocsinError('conflict', `training job ${id} is ${job.state}`);
      const target = entry ?? { job, ended: Promise.withResolvers<TrainingJob>() };
      await change(target, { state: 'cancelled', endedAt: clock.now() });
      if (current?.entry === target) await current.worker.terminate();
      return target.job;
    },
    async resume() {
      const open = (await store.jobs()).filter((job) => !isOver(job) && !known.has(job.id));
      for (const job of open) enqueue(job);
      return open.length;
    },
    async over(id) {
      const entry = known.get(id);
      if (entry === undefined) throw new TocsinError('not_found', `there is no training job ${id} here`);
      return entry.ended.promise;
    },
    async close() {
      closing = true;
      await current?.worker.terminate();
      await pumping;
    },
  };
}

/** What comes with the program, to be compared with while nothing was trained. */
function beginning(model: string): Uint8Array | null {
  return model === 'lstm' ? bytesOf(defaultNetwork().weights) : null;
}

/** Beside the bundle in production, the source when run from sources. */
function workerFile(): URL {
  const built = ['./train-worker.js', '../train-worker.js'].map((path) => new URL(path, import.meta.url));
  return built.find((url) => existsSync(url)) ?? new URL('./train-worker.ts', import.meta.url);
}
