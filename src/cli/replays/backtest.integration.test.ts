import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Comparison } from '../../domain/replay/backtest.ts';
import { playLive } from '../../pipeline/backtest/testing/live.ts';
import { backtest } from './backtest.ts';
import { explain, verifyDecision } from './explain.ts';

const MINUTE = 60_000;
const CONFIG = `
receivers: [{ name: team, webhook_configs: [{ url: 'http://127.0.0.1:1/team' }] }]
route: { receiver: team }
`;
let directory: string;
let live: Awaited<ReturnType<typeof playLive>>;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tocsin-cli-backtest-'));
  live = await playLive({
    directory,
    config: CONFIG,
    scenario: `
series:
  - { service: api, metric: requests, instances: [a, b], values: 'normal(100, 3)x40m normal(400, 3)x5m normal(100, 3)x8m' }
  - { service: api, metric: cpu, instances: [a, b], values: 'normal(1, 0.03)x40m normal(4, 0.03)x5m normal(1, 0.03)x8m' }
`,
  });
  await live.control.close();
});
afterAll(() => rmSync(directory, { recursive: true }));

async function run(work: (output: { lines: string[] } & Parameters<typeof backtest>[1]) => Promise<number>) {
  const lines: string[] = [];
  const code = await work({
    lines,
    line: (text) => lines.push(text),
    error: () => undefined,
    progress: () => undefined,
  });
  return { code, lines };
}
const times = () => ({ from: String(live.start), to: String(live.until) });
const base = { mode: 'auto', api: '', output: 'text' } as const;

describe('over a data folder, without a server, in threads of their own', () => {
  test('a backtest of nothing is what happened, and one of a configuration says what it changes', async () => {
    const options = { ...base, ...times(), dataDir: directory, all: true };
    const same = await run((output) => backtest(options, output));
    expect(same.code).toBe(0);
    expect(same.lines[0]).toMatch(/from stored ticks; what happened was reproduced bit by bit$/);
    expect(same.lines.at(-1)).toMatch(/^same /);
    const file = join(directory, 'new.yaml');
    writeFileSync(file, `${CONFIG.replace('receiver: team }', 'receiver: team, min_confidence: 1 }')}\n`);
    const other = await run((output) => backtest({ ...options, config: file, output: 'json' }, output));
    const result = JSON.parse(other.lines.join('\n')) as Comparison;
    expect(result).toMatchObject({
      exact: true,
      mode: 'ticks',
      totals: { before: { incidents: 1 }, after: { notifications: 0 } },
    });
    expect(result.config.changed.map(({ path }) => path)).toEqual(['route.min_confidence']);
  });

  test('a configuration that is wrong is refused with its faults', async () => {
    const file = join(directory, 'wrong.yaml');
    writeFileSync(file, 'decide: { page_budjet: 1 }\n');
    const refused = run((output) => backtest({ ...base, ...times(), dataDir: directory, config: file }, output));
    await expect(refused).rejects.toThrow(/decide.page_budjet: unknown key/);
  });

  test('explanations name the stages, and their decisions are made again', async () => {
    const at = new Date(live.start + 41 * MINUTE).toISOString();
    const options = { api: '', dataDir: directory, window: '2m', budget: '10m' };
    const { code, lines } = await run((output) => explain(`api@${at}`, { ...options, verify: true }, output));
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^api alerted at .* would (not have alerted|have been ordinary .*)\.$/);
    // Asked for as an incident, it is the same tick.
    const incident = /opened incident ([0-9a-f]{16})/.exec(lines.join())![1]!;
    expect((await run((output) => explain(incident, options, output))).lines[0]).toBe(lines[0]);
    const again = lines.filter((line) => line.includes('identical'));
    expect(again.length).toBeGreaterThan(4);
    await expect(run((output) => verifyDecision('none', options, output))).rejects.toMatchObject({ code: 'not_found' });
  });
});
