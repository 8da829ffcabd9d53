import { afterEach, describe, expect, test } from 'vitest';
import { TocsinError } from '../../domain/error.ts';
import type { BacktestJob, BacktestRequest, Backtests, Comparison, Explanation } from '../../domain/replay/backtest.ts';
import type { App } from '../app.ts';
import { backtestJob, decisionReplay, explanation } from '../schemas/backtest.ts';
import { MEANT, NOW, serveFixture } from '../testing/harness.ts';

const TOTALS = { incidents: 1, notifications: 1, critical: 1, warning: 0, info: 0 };
const INCIDENT = {
  id: 'i1',
  title: 'checkout is slow',
  severity: 'critical',
  score: 1,
  confidence: 0.9,
  services: ['checkout'],
  cause: 'checkout',
  openedAt: NOW - 1_000,
  closedAt: null,
  heldBy: null,
  notifications: [{ at: NOW, receiver: 'team', reason: 'opened' }],
} as const;
const RESULT: Comparison = {
  from: NOW - 2_000,
  to: NOW,
  mode: 'ticks',
  exact: true,
  notes: [],
  config: { before: 'a', after: 'b', changed: [{ path: 'decide.pageBudget', before: '0.5', after: '1' }] },
  reproduced: { stored: 1, identical: 1, different: [] },
  totals: { before: TOTALS, after: TOTALS },
  labelled: { kept: { real: 1 }, lost: {} },
  incidents: [{ outcome: 'muted', verdict: 'real', before: INCIDENT, after: INCIDENT, differences: [] }],
  truncated: false,
};
const EXPLANATION: Explanation = {
  subject: 'checkout',
  kind: 'service',
  service: 'checkout',
  at: NOW,
  tick: {
    at: NOW,
    p: 1e-5,
    pByModality: { metric: 1e-5, log: 1, trace: 1 },
    learning: false,
    seriesSeen: 4,
    seriesStrange: 2,
    evidence: [],
  },
  outcome: 'suppressed',
  stages: [
    { stage: 'service-p', outcome: 'passed', reason: 'strange', value: 1e-5, limit: 1e-3, at: NOW, decision: null },
  ],
  changes: [
    { what: 'decide.pageBudget', before: '0.5', after: '2', text: 'At 2 it would have alerted.', verified: true },
  ],
  unsearched: [],
  summary: 'checkout was strange',
  source: 'replayed',
  incident: null,
};

/** Backtests that note what they are asked, and are done after as many looks as told. */
function fake(looks = 0) {
  const asked: { kind: string; request: BacktestRequest; by: string }[] = [];
  const jobs = new Map<string, BacktestJob>();
  const find = (id: string): BacktestJob => {
    const job = jobs.get(id);
    if (job === undefined) throw new TocsinError('not_found', `there is no backtest ${id}`);
    return job;
  };
  const backtests: Backtests = {
    start(kind, request, by) {
      asked.push({ kind, request, by });
      const { from, to } = request;
      const job: BacktestJob = {
        id: `job-${asked.length}`,
        kind,
        state: 'running',
        progress: 0,
        createdAt: NOW,
        by,
        title: 'a change',
        from,
        to,
        error: null,
        result: null,
      };
      jobs.set(job.id, job);
      return job;
    },
    jobs: () => [...jobs.values()],
    job: find,
    cancel(id) {
      const job = { ...find(id), state: 'cancelled' as const };
      jobs.set(id, job);
      return job;
    },
    async wait(id) {
      if (looks > 0) return find(id);
      const job = { ...find(id), state: 'done' as const, progress: 1, result: RESULT };
      jobs.set(id, job);
      return job;
    },
    explain: async (subject, at, window) => ({ ...EXPLANATION, subject, at: Number.isNaN(at) ? 0 : at + window }),
    replayDecision: async (id) => {
      if (id !== 'd1') throw new TocsinError('not_found', 'no such decision');
      const decision = {
        id,
        at: NOW,
        tenant: 'default',
        service: 'checkout',
        subject: 's',
        stage: 'group',
        outcome: 'passed',
        reason: '',
        value: null,
        limit: null,
        modelVersion: 'm',
        configHash: 'c',
      } as const;
      return {
        decision,
        levels: [{ level: 'ticks', available: true, identical: true, text: 'same', differences: [] }],
      };
    },
  };
  return { asked, backtests };
}

let app: App;
afterEach(() => app.close());
async function serve(looks = 0) {
  const { asked, backtests } = fake(looks);
  ({ app } = await serveFixture({ backtests }));
  const post = (url: string, payload: object) => app.inject({ method: 'POST', url, headers: MEANT, payload });
  return { asked, post };
}

describe('backtests', () => {
  test('start, list without results, be read and cancelled', async () => {
    const { asked, post } = await serve();
    const started = await post('/api/v1/backtests', { from: NOW - 2_000, to: '2026-11-20T12:00:00Z', config: 'a: 1' });
    expect(started.statusCode).toBe(202);
    const { id } = backtestJob.parse(started.json());
    expect(asked).toEqual([
      {
        kind: 'backtest',
        by: 'anonymous',
        request: { from: NOW - 2_000, to: NOW, change: { kind: 'config', text: 'a: 1', replace: true } },
      },
    ]);
    expect((await app.inject('/api/v1/backtests')).json()).toMatchObject({ items: [{ id, result: null }] });
    expect((await app.inject(`/api/v1/backtests/${id}`)).json()).toMatchObject({ id, state: 'running' });
    const ended = await app.inject({ method: 'DELETE', url: `/api/v1/backtests/${id}`, headers: MEANT });
    expect(ended.json()).toMatchObject({ state: 'cancelled' });
    expect((await app.inject('/api/v1/backtests/none')).statusCode).toBe(404);
  });

  test.each([{}, { from: 1 }, { from: 1, to: 2, mode: 'guess' }, { from: 1, to: 2, colour: 'red' }])(
    'refuse %j',
    async (payload) => {
      const { asked, post } = await serve();
      expect((await post('/api/v1/backtests', payload)).statusCode).toBe(400);
      expect(asked).toEqual([]);
    },
  );
});

describe('a preview', () => {
  const matchers = [{ name: 'service', value: 'pay', isRegex: false, isEqual: true }];
  test.each([
    [
      { kind: 'silence', matchers: 'service="pay"' },
      { kind: 'silence', matchers },
    ],
    [
      { kind: 'maintenance', matchers: 'service="pay"', spans: [{ startsAt: 1, endsAt: 2 }] },
      { kind: 'maintenance', matchers, spans: [{ startsAt: 1, endsAt: 2 }], recurrences: [] },
    ],
    [
      { kind: 'inhibition', source_matchers: 'service="pay"', target_matchers: matchers, equal: ['tenant'] },
      { kind: 'inhibition', source_matchers: matchers, target_matchers: matchers, equal: ['tenant'] },
    ],
    [
      { kind: 'policy', config: 'decide: { pageBudget: 1 }' },
      { kind: 'config', text: 'decide: { pageBudget: 1 }', replace: false },
    ],
  ])('of %j runs over the last 30 days', async (payload, change) => {
    const { asked, post } = await serve();
    const response = await post('/api/v1/preview', payload);
    expect(response.statusCode).toBe(200);
    expect(backtestJob.parse(response.json()).result).toEqual(RESULT);
    expect(asked[0]).toMatchObject({ kind: 'preview', request: { from: NOW - 30 * 86_400_000, to: NOW, change } });
  });

  test('that takes long is answered as it stands', async () => {
    const { post } = await serve(1);
    const response = await post('/api/v1/preview', { kind: 'silence', matchers: 'service="pay"' });
    expect([response.statusCode, backtestJob.parse(response.json()).state]).toEqual([202, 'running']);
  });

  test.each([{ kind: 'silence' }, { kind: 'wish' }, { kind: 'silence', matchers: 'service=~"("' }])(
    'refuses %j',
    async (payload) => {
      const { post } = await serve();
      expect((await post('/api/v1/preview', payload)).statusCode).toBe(400);
    },
  );
});

test('explains with and without a time, and makes decisions again', async () => {
  await serve();
  const response = await app.inject(`/api/v1/explain?subject=checkout&at=${NOW}&window=5m`);
  expect(explanation.parse(response.json())).toEqual({ ...EXPLANATION, at: NOW + 300_000 });
  expect((await app.inject('/api/v1/explain?subject=i1')).json()).toMatchObject({ subject: 'i1', at: 0 });
  expect((await app.inject('/api/v1/explain')).statusCode).toBe(400);
  expect(decisionReplay.parse((await app.inject('/api/v1/decisions/d1/replay')).json()).levels).toHaveLength(1);
  expect((await app.inject('/api/v1/decisions/d2/replay')).statusCode).toBe(404);
});

test('without replays the routes are not there', async () => {
  ({ app } = await serveFixture());
  expect((await app.inject('/api/v1/backtests')).statusCode).toBe(404);
});
