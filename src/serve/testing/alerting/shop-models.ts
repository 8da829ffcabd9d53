import { TocsinError } from '../../../domain/error.ts';
import type { ModelDesk, ModelRecord, TrainingJob } from '../../../domain/learning/model.ts';
import type { Clock } from '../../../domain/ports.ts';
import { DAY, MINUTE } from '../../../domain/units.ts';

/** How long a training of the fixture takes. */
const JOB_MS = 4_000;

/** Two models with their versions; a training runs by the clock and leaves a candidate. */
export function createShopModels(clock: Clock): ModelDesk {
  const start = clock.now();
  let models: ModelRecord[] = [
    recordOf('triage', 3, 'candidate', start - 3 * 60 * MINUTE, { brier: 0.081, 'labelled kept': 1 }),
    recordOf('triage', 2, 'champion', start - 6 * DAY, { brier: 0.094, 'labelled kept': 1 }),
    recordOf('triage', 1, 'retired', start - 20 * DAY, { brier: 0.127, 'labelled kept': 0.96 }),
    recordOf('lstm', 1, 'champion', start - 12 * DAY, { 'validation loss': 0.214 }),
  ];
  const jobs: TrainingJob[] = [];

  const find = (reference: string): ModelRecord => {
    const found = models.find(({ name, version }) => `${name}@${version}` === reference);
    if (found === undefined) throw new TocsinError('not_found', `there is no model ${reference}`);
    return found;
  };
  const put = (changed: readonly ModelRecord[]): readonly ModelRecord[] => {
    const same = (a: ModelRecord, b: ModelRecord): boolean => a.name === b.name && a.version === b.version;
    models = models.map((model) => changed.find((one) => same(one, model)) ?? model);
    return changed;
  };
  const championOf = (name: string) => models.find((model) => model.name === name && model.state === 'champion');
  const promote = (next: ModelRecord): readonly ModelRecord[] => {
    const before = championOf(next.name);
    if (before?.pinned === true) throw new TocsinError('conflict', `${next.name}@${before.version} is pinned`);
    const promoted = { ...next, state: 'champion' as const, promotions: [...next.promotions, clock.now()] };
    return put([...(before === undefined ? [] : [{ ...before, state: 'retired' as const }]), promoted]);
  };

  return {
    trainable: ['lstm', 'triage'],
    models: async () => models,
    jobs: async () =>
      jobs.map((job) => {
        const progress = job.state === 'cancelled' ? job.progress : Math.min(1, (clock.now() - job.at) / JOB_MS);
        return progress < 1 || job.state === 'cancelled'
          ? { ...job, progress }
          : { ...job, progress, state: 'done', endedAt: job.at + JOB_MS };
      }),
    async train(model, options, { by }) {
      const id = `job-${jobs.length + 1}`;
      const base = { id, model, options, by, at: clock.now(), progress: 0, starts: 1, error: '', result: null };
      const job: TrainingJob = { ...base, state: 'running', endedAt: null };
      jobs.push(job);
      return job;
    },
    async cancel(id) {
      const at = jobs.findIndex((job) => job.id === id);
      const job = jobs[at];
      if (job === undefined) throw new TocsinError('not_found', `there is no job ${id}`);
      const ended: TrainingJob = { ...job, state: 'cancelled', endedAt: clock.now() };
      jobs[at] = ended;
      return ended;
    },
    promote: async (reference) => promote(find(reference)),
    async rollback(name) {
      const before = models.find((model) => model.name === name && model.state === 'retired');
      if (before === undefined) throw new TocsinError('conflict', `${name} has no version that was in use before`);
      return promote(before);
    },
    pin: async (reference, pinned) => put([{ ...find(reference), pinned }]),
  };
}

function recordOf(
  name: 'lstm' | 'triage',
  version: number,
  state: ModelRecord['state'],
  createdAt: number,
  metrics: ModelRecord['metrics'],
): ModelRecord {
  const lstm = name === 'lstm';
  return {
    name,
    version,
    format: lstm ? 'tocsin-lstm' : 'tocsin-triage',
    state,
    pinned: false,
    createdAt,
    createdBy: version === 1 ? 'mira' : 'schedule',
    promotions: state === 'candidate' ? [] : [createdAt + DAY],
    data: {
      from: createdAt - 30 * DAY,
      to: createdAt,
      items: lstm ? 70 : 40 + 31 * version,
      samples: lstm ? 1_209_600 : 40 + 31 * version,
      validatedFrom: createdAt - 6 * DAY,
      fingerprint: `${name}-${version}`,
    },
    config: {},
    code: '0.1.0',
    metrics,
    bytes: lstm ? 84_112 : 21_344,
    checksum: `${version}b6f2c41d`,
    parents: version === 1 ? [] : [`${name}@${version - 1}`],
    note: '',
  };
}
