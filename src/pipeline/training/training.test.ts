import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TrainingJob } from '../../domain/learning/model.ts';
import { createWindowRows } from '../../domain/signal/history.ts';
import { syntheticSeries } from '../../learn/lstm/synthetic.ts';
import { TRIAGE_COLUMNS, TRIAGE_FEATURES_VERSION } from '../../learn/triage/features.ts';
import type { TriageData } from '../../learn/triage/triage.ts';
import { createRng } from '../../stats/rng.ts';
import { openSqliteControlStore } from '../../store/control/sqlite.ts';
import { DuckDbHistoryStore } from '../../store/history/duckdb-history-store.ts';
import { cutSeries } from '../../store/history/training-cut.ts';
import { createTraining, type Training } from './jobs.ts';
import { splitByTime } from './train-lstm.ts';

const START = Date.UTC(2026, 0, 5);
const STEP = 10_000;
const OPTIONS = { steps: 60, batch: 4, length: 8, seed: 3 };

let history = '';

/** Ten series of 400 windows in a Parquet file. */
beforeAll(async () => {
  history = mkdtempSync(join(tmpdir(), 'tocsin-history-'));
  const store = await DuckDbHistoryStore.open({ directory: join(history, 'history') });
  const values = syntheticSeries(10, 400, 5);
  const info = (s: number) => ({
    id: s.toString(16).padStart(16, '0'),
    tenant: 'default',
    service: 'checkout',
    metric: `m${s}`,
    unit: '1',
    kind: 0 as const,
    modality: 'metric' as const,
    labels: {},
    instance: '',
  });
  await store.registerSeries(
    0,
    values.map((_, index) => ({ index, info: info(index + 1) })),
    START,
  );
  const rows = createWindowRows(values.length * 400);
  for (const [s, series] of values.entries()) {
    for (const [t, value] of series.entries()) {
      const i = rows.length++;
      rows.start[i] = START + t * STEP;
      rows.series[i] = s;
      rows.count[i] = 1;
      rows.mean[i] = value;
    }
  }
  await store.append(0, rows);
  await store.compact();
  await store.close();
});
afterAll(() => rmSync(history, { recursive: true }));

type Control = ReturnType<typeof openSqliteControlStore>;
let control: Control;
const open: Training[] = [];
beforeEach(async () => {
  control = openSqliteControlStore(':memory:');
  await control.migrate();
});
afterEach(async () => {
  for (const training of open.splice(0)) await training.close();
  await control.close();
});

let now = 1_000;
function training(share = 1, onChange?: (job: TrainingJob) => void): Training {
  const made = createTraining({
    control,
    directory: history,
    clock: { now: () => now++ },
    code: 'test',
    share,
    checkpointEvery: 100,
    ...(onChange === undefined ? {} : { onChange }),
  });
  open.push(made);
  return made;
}

describe('the cut', () => {
  it('is split at one time: nothing trained on lies after anything validated on', async () => {
    const series = await cutSeries({
      directory: join(history, 'history'),
      from: 0,
      to: 8.64e15,
      series: 4,
      samples: 300,
      seed: 1,
    });
    expect(series).toHaveLength(4);
    expect(series.every(({ start }) => start.length === 300 && start.at(-1) === START + 399 * STEP)).toBe(true);
    const { train, validation, data } = splitByTime(series);
    expect(train.map(({ length }) => length)).toEqual([240, 240, 240, 240]);
    expect(validation.map(({ length }) => length)).toEqual([60, 60, 60, 60]);
    expect(data).toMatchObject({ items: 4, samples: 960, validatedFrom: START + 100 * STEP + 0.8 * 299 * STEP });
  });

  it('ends a sequence at a gap', () => {
    const start = Float64Array.from({ length: 300 }, (_, i) => START + (i < 100 ? i : i + 50) * STEP);
    const { train } = splitByTime([{ id: '1', start, value: new Float64Array(300).fill(1) }]);
    expect(train.map(({ length }) => length)).toEqual([100, 130]);
  });
});

describe('training jobs', () => {
  it('train in a thread from the history: same data and seed, same checksum; the parent is named', async () => {
    const jobs = training();
    const first = await jobs.over((await jobs.start('lstm', OPTIONS, 'mira')).id);
    const second = await jobs.over((await jobs.start('lstm', OPTIONS, 'mira')).id);
    for (const job of [first, second]) expect(job).toMatchObject({ state: 'done', error: '' });
    const [b, a] = await control.models.models('lstm');
    expect([a!.version, b!.version]).toEqual([1, 2]);
    expect(a!.checksum).toBe(b!.checksum);
    expect(a!.data!.fingerprint).toBe(b!.data!.fingerprint);
    expect(Object.keys(a!.metrics)).toContain('champion loss');
    expect(jobs.artefacts.read(a!.checksum)).toHaveLength(a!.bytes);
    expect(a!.state).toBe('candidate');
    // A crash between the model and the word that it is done makes no second version.
    await control.models.saveJob({ ...second, state: 'running', result: null });
    const again = training();
    await again.resume();
    expect(await again.over(second.id)).toMatchObject({ state: 'done', result: 2 });
    expect(await control.models.models('lstm')).toHaveLength(2);
  });

  it('go on after a crash from the checkpoint and end with the same weights', async () => {
    const whole = training();
    await whole.over((await whole.start('lstm', { ...OPTIONS, steps: 800 }, 'mira')).id);
    // Slow enough to be stopped between a checkpoint and the end.
    const under = Promise.withResolvers<void>();
    const crashed = training(0.5, (job) => {
      if (job.progress > 0 && readdirSync(join(history, 'training')).length > 0) under.resolve();
    });
    const { id } = await crashed.start('lstm', { ...OPTIONS, steps: 800 }, 'mira');
    await under.promise;
    await crashed.close();
    expect((await control.models.jobs()).find((job) => job.id === id)?.state).toBe('running');
    const after = training();
    expect(await after.resume()).toBe(1);
    expect(await after.over(id)).toMatchObject({ state: 'done', starts: 2 });
    const [resumed, uninterrupted] = await control.models.models('lstm');
    expect(resumed!.checksum).toBe(uninterrupted!.checksum);
    expect(readdirSync(join(history, 'training'))).toEqual([]);
  });

  it('can be cancelled, waiting or running, and say why they failed', async () => {
    const jobs = training(0.2);
    const running = await jobs.start('lstm', { ...OPTIONS, steps: 1_000_000 }, 'mira');
    const waiting = await jobs.start('lstm', OPTIONS, 'mira');
    await jobs.cancel(waiting.id);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await jobs.cancel(running.id);
    expect((await jobs.over(running.id)).state).toBe('cancelled');
    await expect(jobs.cancel(running.id)).rejects.toMatchObject({ code: 'conflict' });
    const failed = await jobs.over((await jobs.start('lstm', { ...OPTIONS, from: 8e15 }, 'mira')).id);
    expect(failed).toMatchObject({ state: 'failed', error: expect.stringContaining('no series') });
    expect((await control.models.jobs()).map(({ state }) => state)).toEqual(['cancelled', 'cancelled', 'failed']);
    await expect(jobs.start('oracle', {}, 'mira')).rejects.toThrow(/these can: lstm, triage/);
  });

  it('train triage on verdicts joined with what was seen when incidents opened', async () => {
    const rng = createRng(1);
    for (let i = 0; i < 60; i++) {
      const real = i % 3 === 0;
      const values = Array.from({ length: TRIAGE_COLUMNS }, (_, c) =>
        c === 16 ? null : rng.normal() + (c === 4 && real ? 2 : 0),
      );
      await control.models.addExamples([
        { incident: `i${i}`, openedAt: i, features: TRIAGE_FEATURES_VERSION, values },
        { incident: `old${i}`, openedAt: i, features: TRIAGE_FEATURES_VERSION - 1, values },
      ]);
      const verdict = { subject: 'incident', subjectId: `i${i}`, comment: '', by: 'mira' } as const;
      await control.addVerdict({ ...verdict, id: `a${i}`, kind: real ? 'false-alarm' : 'real', at: i });
      await control.addVerdict({ ...verdict, id: `b${i}`, kind: real ? 'real' : 'expected', at: i + 1 });
    }
    const jobs = training();
    const job = await jobs.over((await jobs.start('triage', {}, 'mira')).id);
    expect(job).toMatchObject({ state: 'done', error: '' });
    const [record] = await control.models.models('triage');
    expect(record!.metrics).toMatchObject({ labels: 60, real: 20 });
    const data = JSON.parse(new TextDecoder().decode(jobs.artefacts.read(record!.checksum))) as TriageData;
    expect(data.kind).toBe('forest');
  });
});
