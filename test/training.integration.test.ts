import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ModelRecord, TrainingJob } from '../src/domain/learning/model.ts';
import { createWindowRows } from '../src/domain/signal/history.ts';
import { syntheticSeries } from '../src/learn/lstm/synthetic.ts';
import { DuckDbHistoryStore } from '../src/store/history/duckdb-history-store.ts';
import { Program } from './program.ts';

const folder = mkdtempSync(join(tmpdir(), 'tocsin-training-'));
const data = join(folder, 'data');
const CONFIG = `data_dir: ${data}
log_level: error
ingest: {grpc: "off", http: 127.0.0.1:0, shards: 1}
api: {listen: 127.0.0.1:0}
`;
/** Long enough to be killed more than once on the way. */
const OPTIONS = { steps: 3000, batch: 8, length: 16, seed: 9 };

beforeAll(async () => {
  const store = await DuckDbHistoryStore.open({ directory: join(data, 'history') });
  const values = syntheticSeries(12, 500, 3);
  await store.registerSeries(
    0,
    values.map((_, index) => ({
      index,
      info: {
        id: (index + 1).toString(16).padStart(16, '0'),
        tenant: 'default',
        service: 'shop',
        metric: `m${index}`,
        unit: '1',
        kind: 0 as const,
        modality: 'metric' as const,
        labels: {},
        instance: '',
      },
    })),
    0,
  );
  const rows = createWindowRows(values.length * 500);
  for (const [s, series] of values.entries())
    for (const [t, value] of series.entries()) {
      const i = rows.length++;
      rows.start[i] = Date.now() - (500 - t) * 10_000;
      rows.series[i] = s;
      rows.count[i] = 1;
      rows.mean[i] = value;
    }
  await store.append(0, rows);
  await store.compact();
  await store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Listed {
  readonly items: readonly ModelRecord[];
  readonly jobs: readonly TrainingJob[];
}

const list = async (api: string): Promise<Listed> => (await (await fetch(`${api}/api/v1/models`)).json()) as Listed;

async function train(api: string): Promise<TrainingJob> {
  const response = await fetch(`${api}/api/v1/models/lstm/train`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-tocsin-request': '1' },
    body: JSON.stringify({ options: OPTIONS }),
  });
  expect(response.status).toBe(202);
  return (await response.json()) as TrainingJob;
}

async function until<T>(what: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const found = await what();
    if (found !== null) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

it('goes on after kill -9 in the middle of a training, and ends with the same weights as one that nothing disturbed', async () => {
  let program = Program.serve(folder, CONFIG);
  let { api } = await program.listening();
  const { id } = await train(api);
  for (const past of [0.2, 0.5]) {
    await until(async () => {
      const job = (await list(api)).jobs.find((one) => one.id === id)!;
      expect(job.error).toBe('');
      return job.progress >= past && readdirSync(join(data, 'training')).some((f) => f.endsWith('.checkpoint'))
        ? job
        : null;
    });
    await program.kill();
    program = Program.serve(folder, CONFIG);
    ({ api } = await program.listening());
  }
  const job = await until(
    async () => (await list(api)).jobs.find((one) => one.id === id && one.state === 'done') ?? null,
  );
  expect(job).toMatchObject({ starts: 3, result: 1, error: '' });
  const again = await train(api);
  await until(async () => (await list(api)).jobs.find((one) => one.id === again.id && one.state === 'done') ?? null);
  const { items } = await list(api);
  expect(items.map(({ version, state }) => [version, state])).toEqual([
    [2, 'candidate'],
    [1, 'candidate'],
  ]);
  expect(items[0]!.checksum).toBe(items[1]!.checksum);
  // Nothing half-made is left.
  expect(readdirSync(join(data, 'models'))).toEqual([items[0]!.checksum]);
  expect(readdirSync(join(data, 'training'))).toEqual([]);
  program.signal('SIGTERM');
  expect(await program.ended).toBe(0);
});
