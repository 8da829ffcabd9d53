import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Explanation } from '../../domain/replay/backtest.ts';
import { explain, verifyDecision } from './explain.ts';

const AT = Date.UTC(2026, 10, 20, 12, 0, 0);
const answer: Explanation = {
  subject: 'checkout',
  kind: 'service',
  service: 'checkout',
  at: AT,
  tick: null,
  outcome: 'suppressed',
  stages: [
    { stage: 'service-p', outcome: 'passed', reason: 'strange', value: 0.0003, limit: 0.001, at: AT, decision: null },
    {
      stage: 'false-discovery',
      outcome: 'suppressed',
      reason: 'not enough',
      value: 0.0003,
      limit: 0.0001,
      at: AT,
      decision: 'd1',
    },
    { stage: 'notify', outcome: 'not-reached', reason: '', value: null, limit: null, at: AT, decision: null },
  ],
  changes: [
    {
      what: 'decide.pageBudget',
      before: '0.5',
      after: '2',
      text: 'At a budget of 2 it would have alerted.',
      verified: true,
    },
  ],
  unsearched: ['value of cpu'],
  summary: 'checkout was strange and did not alert.',
  source: 'replayed',
  incident: null,
};
const decision = {
  id: 'd1',
  at: AT,
  stage: 'false-discovery',
  outcome: 'suppressed',
  service: 'checkout',
  reason: 'not enough',
  modelVersion: 'm',
  configHash: 'c',
};
let identical: boolean | null = true;
const asked: { path: string; query: Record<string, string>; headers: IncomingHttpHeaders }[] = [];
let server: Server;
let api = '';
beforeAll(async () => {
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
    asked.push({ path: pathname, query: Object.fromEntries(searchParams), headers: request.headers });
    if (request.headers.authorization === 'Bearer wrong') response.writeHead(401).end('{"detail":"who are you"}');
    else if (pathname.endsWith('/replay'))
      response.end(
        JSON.stringify({
          decision,
          levels: [{ level: 'ticks', available: identical !== null, identical, text: 'as told', differences: [] }],
        }),
      );
    else response.end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(() => {
  asked.length = 0;
  identical = true;
});

const sink = (lines: string[]) => ({
  line: (text: string) => lines.push(text),
  error: () => undefined,
  progress: () => undefined,
});
async function run(subject: string, options: { token?: string; window?: string; api?: string; verify?: boolean } = {}) {
  const lines: string[] = [];
  const code = await explain(subject, { api, window: '2m', ...options }, sink(lines));
  return { code, lines };
}

test('asks for the subject around the time, with the token, and prints stages and changes', async () => {
  expect(await run('checkout@2026-11-20T12:00:00Z', { token: 'secret' })).toEqual({
    code: 0,
    lines: [
      'checkout was strange and did not alert.',
      '',
      '2026-11-20T12:00:00.000Z  passed   service-p       strange (0.0003 against 0.001)',
      '2026-11-20T12:00:00.000Z  stopped  false-discovery not enough (0.0003 against 0.0001)',
      '2026-11-20T12:00:00.000Z  -        notify',
      '',
      'At a budget of 2 it would have alerted.',
      'Not tried within --budget: value of cpu.',
    ],
  });
  expect(asked.map(({ path, query }) => [path, query])).toEqual([
    ['/api/v1/explain', { subject: 'checkout', at: String(AT), window: '120000' }],
  ]);
  expect(asked[0]!.headers.authorization).toBe('Bearer secret');
});

test('an incident needs no time', async () => {
  await run('0123456789abcdef');
  expect(asked[0]!.query).toEqual({ subject: '0123456789abcdef', window: '120000' });
});

test('decisions are made again on demand: 0 identical, 1 different, 3 not kept', async () => {
  const { code, lines } = await run('checkout@now', { verify: true });
  expect(code).toBe(0);
  expect(lines.at(-1)).toBe('  identical  from ticks: as told');
  const options = { api };
  identical = false;
  expect(await verifyDecision('d1', options, sink([]))).toBe(1);
  identical = null;
  expect(await verifyDecision('d1', options, sink([]))).toBe(3);
});

test('faults are said plainly', async () => {
  await expect(run('checkout@yesterday')).rejects.toThrow(/SERVICE@TIME/);
  await expect(run('checkout@now', { window: 'long' })).rejects.toThrow(/--window/);
  await expect(run('checkout', { token: 'wrong' })).rejects.toThrow('explain: 401 who are you');
  await expect(run('checkout', { api: 'http://127.0.0.1:1' })).rejects.toMatchObject({ code: 'unavailable' });
});
