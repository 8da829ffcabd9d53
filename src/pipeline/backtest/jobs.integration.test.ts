import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../../config/load.ts';
import { settingsSchema } from '../settings.ts';
import { createBacktests, type RunningBacktests } from './jobs.ts';
import { playLive } from './testing/live.ts';

let directory: string;
let live: Awaited<ReturnType<typeof playLive>>;
let backtests: RunningBacktests;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tocsin-jobs-'));
  live = await playLive({
    directory,
    scenario: `series: [{ service: api, metric: cpu, values: 'normal(1, 0.03)x6m' }]`,
  });
  backtests = createBacktests({
    dataDir: directory,
    control: live.control,
    history: { series: () => Promise.resolve(null) },
    clock: { now: () => live.until },
    loaded: () => parseConfig('', settingsSchema),
  });
});
afterAll(async () => {
  await backtests.close();
  await live.control.close();
  rmSync(directory, { recursive: true });
});

const range = () => ({ from: live.start, to: live.until });

test('a job runs in a thread, is over, and stays to be read', async () => {
  const { id } = backtests.start('backtest', range(), 'mira');
  expect(backtests.job(id)).toMatchObject({ state: 'running', by: 'mira', title: 'as configured' });
  const job = await backtests.wait(id, 60_000);
  expect(job).toMatchObject({ state: 'done', progress: 1, error: null, result: { exact: true, mode: 'ticks' } });
  expect(backtests.jobs()[0]!.id).toBe(id);
  expect(backtests.cancel(id).state).toBe('done');
});

test('one that is cancelled ends, and gives room for another; more than two are refused', async () => {
  const [first, second] = [1, 2].map(() => backtests.start('preview', { ...range(), mode: 'input' }, 'mira'));
  expect(() => backtests.start('backtest', range(), 'mira')).toThrow(/2 replays run already/);
  expect(backtests.cancel(first!.id).state).toBe('cancelled');
  expect((await backtests.wait(first!.id, 60_000)).result).toBeNull();
  expect((await backtests.wait(second!.id, 60_000)).state).toBe('done');
});

test('what cannot be is refused before a thread is started', async () => {
  const change = (text: string) => ({ ...range(), change: { kind: 'config', text, replace: true } as const });
  expect(() => backtests.start('backtest', { from: 2, to: 1 }, 'mira')).toThrow(/end after it starts/);
  expect(() => backtests.start('backtest', change('decide: { page_budget: much }'), 'mira')).toThrow(
    /decide.page_budget/,
  );
  expect(() => backtests.job('none')).toThrow(/no backtest none/);
  await expect(backtests.replayDecision('none')).rejects.toMatchObject({ code: 'not_found' });
  await expect(backtests.explain('nobody', live.until, 60_000)).rejects.toMatchObject({ code: 'not_found' });
});

test('a proposed configuration reads neither environment nor files', async () => {
  process.env['TOCSIN_TEST_SECRET'] = 'swordfish';
  const text = `route: { receiver: "\${TOCSIN_TEST_SECRET}" }
receivers: [{ name: "\${TOCSIN_TEST_SECRET}", slack_configs: [{ webhook_url_file: /etc/hostname }] }]`;
  const { id } = backtests.start('backtest', { ...range(), change: { kind: 'config', text, replace: true } }, 'mira');
  const job = await backtests.wait(id, 60_000);
  expect(JSON.stringify(job)).not.toContain('swordfish');
  expect(job.result?.config.changed.map(({ path, after }) => `${path} ${after}`)).toContain(
    'receivers.0.name "hidden"',
  );
});
