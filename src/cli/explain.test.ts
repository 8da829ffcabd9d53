import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { DecisionRecord } from '../domain/decision.ts';
import { explain } from './explain.ts';

const AT = Date.UTC(2026, 10, 20, 12, 0, 0);
const record = (over: Partial<DecisionRecord>): DecisionRecord => ({
  id: 'd',
  at: AT,
  tenant: 'default',
  service: 'checkout',
  subject: 'default/checkout',
  stage: 'service-p',
  outcome: 'passed',
  reason: 'strange',
  value: null,
  limit: null,
  modelVersion: '',
  configHash: '',
  ...over,
});

/** An API that answers `decisions` by subject and by service, and notes what it was asked. */
const held = { subject: [] as DecisionRecord[], service: [] as DecisionRecord[] };
const asked: { path: string; query: Record<string, string>; headers: IncomingHttpHeaders }[] = [];
let server: Server;
let api = '';
beforeAll(async () => {
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
    const query = Object.fromEntries(searchParams);
    asked.push({ path: pathname, query, headers: request.headers });
    if (request.headers.authorization === 'Bearer wrong') response.writeHead(401).end('who are you');
    else response.end(JSON.stringify({ items: query['subject'] === undefined ? held.service : held.subject }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => {
  Object.assign(held, { subject: [], service: [] });
  asked.length = 0;
});

async function run(subject: string, options: { token?: string; window?: string; api?: string } = {}) {
  const lines: string[] = [];
  const output = { line: (text: string) => lines.push(text), error: () => undefined, progress: () => undefined };
  const code = await explain(subject, { api, window: '10m', ...options }, output);
  return { code, lines };
}

test('asks for the subject, then for the service, around the time, with the token', async () => {
  expect(await run('checkout@2026-11-20T12:00:00Z', { token: 'secret' })).toEqual({
    code: 0,
    lines: ['checkout: nothing was strange enough to be decided within 10m of 2026-11-20T12:00:00.000Z.'],
  });
  const range = { from: String(AT - 600_000), to: String(AT + 600_000), limit: '1000' };
  expect(asked.map(({ path, query }) => [path, query])).toEqual([
    ['/api/v1/decisions', { ...range, subject: 'checkout' }],
    ['/api/v1/decisions', { ...range, service: 'checkout' }],
  ]);
  expect(asked[0]!.headers.authorization).toBe('Bearer secret');
});

test('prints what each stage said in order of time and flow, and what came nearest to passing', async () => {
  held.service = [
    record({ at: AT + 10_000, stage: 'group', reason: 'opened' }),
    record({ stage: 'persistence', outcome: 'suppressed', reason: 'too short', value: 0.5, limit: 0.0001 }),
    record({ stage: 'false-discovery', outcome: 'suppressed', reason: 'not enough', value: 0.0002, limit: 0.0001 }),
  ];
  expect((await run(`checkout@${AT}`)).lines).toEqual([
    '2026-11-20T12:00:00.000Z  stopped  false-discovery checkout: not enough (0.0002 against 0.0001)',
    '2026-11-20T12:00:00.000Z  stopped  persistence     checkout: too short (0.5 against 0.0001)',
    '2026-11-20T12:00:10.000Z  passed   group           checkout: opened',
    '\nnearest to passing: false-discovery at 2026-11-20T12:00:00.000Z: 0.0002 against a limit of 0.0001',
  ]);
});

test('the records of an incident or anomaly are not widened to those of a service', async () => {
  held.subject = [record({ subject: 'abc', stage: 'route', reason: 'to team' })];
  held.service = [record({ reason: 'another' })];
  expect((await run(`abc@${AT}`)).lines).toEqual([
    '2026-11-20T12:00:00.000Z  passed   route           checkout: to team',
  ]);
});

test('faults are said plainly', async () => {
  await expect(run('checkout@yesterday')).rejects.toThrow(/SERVICE@TIME/);
  await expect(run('checkout@now', { window: 'long' })).rejects.toThrow(/--window/);
  await expect(run('checkout', { token: 'wrong' })).rejects.toThrow('decisions: 401 who are you');
  await expect(run('checkout', { api: 'http://127.0.0.1:1' })).rejects.toMatchObject({ code: 'unavailable' });
});
