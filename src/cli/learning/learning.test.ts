import type { AddressInfo } from 'node:net';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { DAY } from '../../domain/units.ts';
import { noiseLedger } from '../../learn/noise/noise.ts';
import { serveFixture } from '../../serve/testing/harness.ts';
import { noiseCommand } from './noise.ts';
import { selfTestCommand } from './self-test.ts';

async function run(...args: string[]): Promise<{ lines: string[]; errors: string[]; code: number }> {
  const lines: string[] = [];
  const errors: string[] = [];
  let code = -1;
  const output = {
    line: (text: string) => void lines.push(text),
    error: (text: string) => void errors.push(text),
    progress: () => undefined,
  };
  const program = new Command().exitOverride();
  noiseCommand(program, output, (given) => (code = given));
  selfTestCommand(program, output, (given) => (code = given));
  await program.parseAsync(['node', 'tocsin', ...args]);
  return { lines, errors, code };
}

test('noise prints a table of what the server answers', async () => {
  const verdict = {
    id: 'v',
    subject: 'incident',
    subjectId: 'i',
    kind: 'real',
    comment: '',
    by: 'mira',
    at: 1,
  } as const;
  const incident = {
    openedAt: 0,
    services: ['checkout'],
    causes: [],
    evidence: [],
    team: 'shop',
    acknowledgedAt: 90_000,
    verdict,
  };
  const { app } = await serveFixture({
    noise: (from, to) => Promise.resolve(noiseLedger([{ incident, pages: [from] }], from, to, false)),
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const api = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const { lines, code } = await run('noise', '--last', '7d', '--api', api);
  expect(code).toBe(0);
  expect(lines.find((line) => line.includes('checkout'))).toMatch(
    /1 +1 +1\.0 +100 % +1\.5 min +100 % of 1 \(21 % to 100 %\)/,
  );
  expect(lines).toContain('only the newest incidents were read');
  const team = await run('noise', '--last', '7d', '--dimension', 'team', '--api', api);
  expect(team.lines.join('\n')).toContain('shop');
  expect(team.lines.join('\n')).not.toContain('checkout');
  const json = JSON.parse((await run('noise', '--last', '7d', '--output', 'json', '--api', api)).lines.join('')) as {
    from: number;
    to: number;
  };
  expect(json.to - json.from).toBe(7 * DAY);
  await expect(run('noise', '--last', 'soon', '--api', api)).rejects.toThrow('soon');
  await app.close();
});

test('self-test says what is wrong with a floor', async () => {
  await expect(run('self-test', '--floor', 'spike=2')).rejects.toThrow('KIND=SHARE');
  await expect(run('self-test', '--floor', 'nonsense=0.5')).rejects.toThrow('no kind nonsense');
  await expect(run('self-test', '--backgrounds', '0')).rejects.toThrow('--backgrounds');
});
