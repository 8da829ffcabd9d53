import { describe, expect, it } from 'vitest';
import { TocsinError } from '../../domain/error.ts';
import type { ModelDesk, ModelRecord, TrainingJob } from '../../domain/learning/model.ts';
import { MEANT, NOW, serveFixture } from '../testing/harness.ts';
import { modelChange, modelRecord, trainingJob } from './schema.ts';

const RECORD: ModelRecord = {
  name: 'lstm',
  version: 2,
  format: 'tocsin-lstm',
  state: 'champion',
  pinned: false,
  createdAt: NOW,
  createdBy: 'mira',
  promotions: [NOW],
  data: { from: 1, to: 2, items: 3, samples: 4, validatedFrom: 2, fingerprint: 'f' },
  config: { steps: 10, job: 'j1' },
  code: '1',
  metrics: { 'validation loss': 0.1 },
  bytes: 10,
  checksum: 'c',
  parents: ['lstm@1'],
  note: '',
};
const JOB: TrainingJob = {
  id: 'j1',
  model: 'lstm',
  state: 'running',
  at: NOW,
  by: 'mira',
  options: { steps: 10 },
  progress: 0.5,
  starts: 1,
  error: '',
  result: null,
  endedAt: null,
};

function desk(calls: unknown[]): ModelDesk {
  const called =
    <T>(name: string, result: T) =>
    (...args: readonly unknown[]): Promise<T> => {
      calls.push([name, ...args]);
      return Promise.resolve(result);
    };
  return {
    trainable: ['lstm'],
    models: () => Promise.resolve([RECORD]),
    jobs: () => Promise.resolve([JOB]),
    train: called('train', JOB),
    cancel: called('cancel', JOB),
    promote: (reference) =>
      reference === 'lstm@2'
        ? called('promote', [RECORD])(reference)
        : Promise.reject(new TocsinError('conflict', 'lstm@2 is pinned')),
    rollback: called('rollback', [RECORD]),
    pin: called('pin', [RECORD]),
  };
}

describe('models', () => {
  it('are listed with their training jobs', async () => {
    const { app } = await serveFixture({ models: desk([]) });
    const body = (await app.inject('/api/v1/models')).json() as { items: unknown[]; jobs: unknown[] };
    expect(modelRecord.strict().parse(body.items[0])).toEqual(RECORD);
    expect(trainingJob.strict().parse(body.jobs[0])).toEqual(JOB);
    await app.close();
  });

  it('are trained, cancelled, promoted, rolled back and pinned by whoever asks', async () => {
    const calls: unknown[] = [];
    const { app } = await serveFixture({ models: desk(calls) });
    const send = (method: 'POST' | 'DELETE', url: string, payload?: object) =>
      app.inject({
        method,
        url: `/api/v1/models/${url}`,
        headers: MEANT,
        ...(payload === undefined ? {} : { payload }),
      });
    const who = { by: 'anonymous', from: '127.0.0.1' };
    expect((await send('POST', 'lstm/train', { options: { steps: 10 } })).statusCode).toBe(202);
    expect((await send('DELETE', 'jobs/j1')).statusCode).toBe(200);
    modelChange.parse((await send('POST', 'lstm/2/promote')).json());
    expect((await send('POST', 'lstm/3/promote')).statusCode).toBe(409);
    await send('POST', 'lstm/rollback');
    await send('POST', 'lstm/2/pin');
    await send('POST', 'lstm/2/unpin');
    expect(calls).toEqual([
      ['train', 'lstm', { steps: 10 }, who],
      ['cancel', 'j1', who],
      ['promote', 'lstm@2'],
      ['rollback', 'lstm', who],
      ['pin', 'lstm@2', true, who],
      ['pin', 'lstm@2', false, who],
    ]);
    expect((await send('POST', '..%2Fx/train', {})).statusCode).toBe(400);
    await app.close();
  });

  it('are not there where nothing is learnt', async () => {
    const { app } = await serveFixture();
    expect((await app.inject('/api/v1/models')).statusCode).toBe(404);
    await app.close();
  });
});
