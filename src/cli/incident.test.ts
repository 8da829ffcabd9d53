import type { AddressInfo } from 'node:net';
import { Command } from 'commander';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { App } from '../serve/app.ts';
import { serveFixture } from '../serve/testing/harness.ts';
import { incidentCommands } from './incident.ts';

let app: App;
let api = '';

beforeAll(async () => {
  ({ app } = await serveFixture());
  await app.listen({ port: 0, host: '127.0.0.1' });
  api = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
});
afterAll(() => app.close());

async function run(...args: string[]): Promise<string[]> {
  const lines: string[] = [];
  const output = { line: (text: string) => void lines.push(text), error: () => undefined, progress: () => undefined };
  const program = new Command().exitOverride();
  incidentCommands(program, output, () => undefined);
  await program.parseAsync(['node', 'tocsin', 'incident', ...args, '--api', api, '--by', 'mira']);
  return lines;
}

test('lists, shows and acts; the audit log says that it was the command line', async () => {
  const listed = await run('list');
  const id = listed[0]!.split(' ')[0]!;
  expect(listed[0]).toContain('open');
  expect((await run('ack', id))[0]).toContain('acknowledged by');
  expect((await run('assign', id, 'ben'))[0]).toContain('assigned to ben');
  expect((await run('snooze', id, '2h'))[0]).toContain('snoozed until');
  expect((await run('snooze', id, 'off'))[0]).not.toContain('snoozed');
  await run('comment', id, 'looking', 'at', 'it');
  expect((await run('show', id)).join('\n')).toContain('commented: mira: looking at it');
  expect((await run('close', id, '--comment', 'over'))[0]).toContain('closed');
  expect((await run('reopen', id))[0]).toContain('open');
  const ids = (await run('list', '--status', 'all')).map((line) => line.split(' ')[0]!);
  const kept = (await run('merge', ids[0]!, ids[1]!))[0]!.split(' ')[0]!;
  const whole = JSON.parse((await run('show', kept, '--output', 'json')).join('')) as { services: string[] };
  expect(await run('split', kept, '--service', whole.services[0]!)).toHaveLength(2);
  const { items } = (await (await fetch(`${api}/api/v1/audit`)).json()) as { items: { by: string; from: string }[] };
  expect(items.every(({ by, from }) => by === 'mira' && from === 'cli 127.0.0.1')).toBe(true);
});

test('says what is wrong in words', async () => {
  await expect(run('show', 'none')).rejects.toThrow('there is no incident none');
  await expect(run('snooze', 'x', 'soon')).rejects.toThrow("'soon' is not 30m, 2h, 1d or off");
});
