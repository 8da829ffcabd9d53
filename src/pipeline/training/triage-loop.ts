import { TocsinError } from '../../domain/error.ts';
import type { ModelRecord } from '../../domain/learning/model.ts';
import type { Clock, ControlStore } from '../../domain/ports.ts';
import { championOf, nameOf, promote } from '../../learn/registry/registry.ts';
import type { TriageData } from '../../learn/triage/triage.ts';
import type { SqlControlStore } from '../../store/control/sql-control-store.ts';
import type { Correlator } from '../correlator/correlator.ts';
import { triageOf } from './import-model.ts';
import type { Training } from './jobs.ts';
import { labelledExamples } from './train-triage.ts';

/** Verdicts before the first training, and new ones before the next: a tenth more, at least so many. */
const FIRST = 20;
const MORE = 5;
const MORE_SHARE = 0.1;
/** Who trains by itself, in the record of a model. */
const TRAINER = 'tocsin';

export interface TriageLoopOptions {
  readonly control: Pick<ControlStore, 'verdicts'> & Pick<SqlControlStore, 'models'>;
  readonly correlator: Pick<Correlator, 'setTriage' | 'takeExamples'>;
  readonly training: Training;
  readonly clock: Clock;
  readonly onWarning: (message: string) => void;
}

export interface TriageLoop {
  /** Stores examples, takes up a new champion, trains where enough verdicts came. Call it every second or two. */
  tick(): Promise<void>;
  /** A verdict was given: look at the labels at the next tick. */
  verdictGiven(): void;
}

/**
 * What makes verdicts matter: examples go to the store as incidents open, a model is trained when a tenth more verdicts have
 * come, promoted if it does not abstain, and taken into use. A champion that is pinned stays.
 */
export function createTriageLoop(options: TriageLoopOptions): TriageLoop {
  const { control, correlator, training, clock } = options;
  const store = control.models;
  let look = true;
  let inUse = '';
  /** Labels at the last training; unknown until looked up. */
  let trainedOn: number | null = null;
  let job: string | null = null;
  let running: Promise<void> | null = null;
  let resumed = false;

  async function takeUp(records: readonly ModelRecord[]): Promise<void> {
    const champion = championOf(records, 'triage');
    const key = champion === null ? '' : `${nameOf(champion)} ${champion.checksum}`;
    if (key === inUse) return;
    inUse = key;
    let data: TriageData | null = null;
    try {
      data = champion === null ? null : triageOf(champion.format, training.artefacts.read(champion.checksum));
      correlator.setTriage(data);
    } catch (error) {
      if (!(error instanceof TocsinError)) throw error;
      correlator.setTriage(null);
      options.onWarning(`triage model ${key} cannot be used, incidents pass without: ${error.message}`);
    }
  }

  async function train(records: readonly ModelRecord[]): Promise<void> {
    look = false;
    trainedOn ??= records.reduce((most, record) => Math.max(most, record.metrics['labels'] ?? 0), 0);
    const { rows } = (await labelledExamples(control, store)).table;
    if (rows < Math.max(FIRST, trainedOn + Math.max(MORE, Math.ceil(MORE_SHARE * trainedOn)))) return;
    trainedOn = rows;
    job = (await training.start('triage', {}, TRAINER)).id;
  }

  async function finish(id: string): Promise<void> {
    const found = (await training.jobs()).find((candidate) => candidate.id === id);
    if (found === undefined || found.state === 'queued' || found.state === 'running') return;
    job = null;
    const records = await store.models('triage');
    const made = records.find((record) => record.version === found.result);
    // Too few of one kind is no fault; anything else is worth a word, and the next verdicts try again.
    if (made === undefined) {
      if (!found.error.includes('needs')) options.onWarning(`triage was not trained: ${found.error}`);
      return;
    }
    if (made.metrics['active'] !== 1 || championOf(records, 'triage')?.pinned === true) return;
    await store.saveModels(promote(records, nameOf(made), clock.now()));
  }

  async function step(): Promise<void> {
    await store.addExamples(correlator.takeExamples());
    // A training that a restart interrupted is still ours to finish.
    if (!resumed) {
      resumed = true;
      const open = (await training.jobs()).find(
        ({ model, by, state }) => model === 'triage' && by === TRAINER && (state === 'queued' || state === 'running'),
      );
      job = open?.id ?? null;
    }
    if (job !== null) await finish(job);
    const records = await store.models('triage');
    await takeUp(records);
    if (look && job === null) await train(records);
  }

  return {
    tick() {
      running ??= step().finally(() => {
        running = null;
      });
      return running;
    },
    verdictGiven() {
      look = true;
    },
  };
}
