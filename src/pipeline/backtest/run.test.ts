import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Evidence } from '../../domain/anomaly.ts';
import type { BacktestRequest, Comparison } from '../../domain/replay/backtest.ts';
import { explainAt } from '../explain/explain.ts';
import { subjectOf } from '../explain/subject.ts';
import { verifyDecision } from '../explain/verify.ts';
import type { Settings } from '../settings.ts';
import { runBacktest } from './run.ts';
import { storedIncidents } from './stored.ts';
import { playLive } from './testing/live.ts';

const MINUTE = 60_000;
const CONFIG = `
receivers: [{ name: team, webhook_configs: [{ url: 'http://127.0.0.1:1/team' }] }]
route: { receiver: team }
durability: { snapshot_every: 3m }
retention: { snapshot_spacing: 10m }
`;
const SCENARIO = `
series:
  - { service: api, metric: requests, instances: [a, b], values: 'normal(100, 3)x40m normal(400, 3)x5m normal(100, 3)x13m normal(300, 3)x4m normal(100, 3)x6m' }
  - { service: api, metric: cpu, instances: [a, b], values: 'normal(1, 0.03)x40m normal(4, 0.03)x5m normal(1, 0.03)x13m normal(3, 0.03)x4m normal(1, 0.03)x6m' }
  - { service: db, metric: cpu, instances: [a, b], values: 'normal(1, 0.03)x68m' }
logs:
  - { service: api, body: 'request {int} served', per_minute: 30 }
`;

let directory: string;
let live: Awaited<ReturnType<typeof playLive>>;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tocsin-backtest-'));
  live = await playLive({
    directory,
    config: CONFIG,
    scenario: SCENARIO,
    restarts: [{ at: 30 * MINUTE }, { at: 53 * MINUTE + 5_000, kill: true }],
    actions: [
      {
        at: 42 * MINUTE,
        do: (c) => c.act({ kind: 'acknowledge', id: c.incidents()[0]!.id, by: 'mira', at: 1 }),
      },
      { at: 49 * MINUTE, do: (c) => c.setSilences([]) },
    ],
  });
});
afterAll(async () => {
  await live.control.close();
  rmSync(directory, { recursive: true });
});

async function compare(
  request: Partial<BacktestRequest>,
  proposed?: (settings: Settings) => Settings,
): Promise<Comparison> {
  const { from = live.start, to = live.until, ...rest } = request;
  return runBacktest({
    dataDir: directory,
    from,
    to,
    ...rest,
    ...(proposed === undefined ? {} : { proposed: { settings: proposed(live.settings), hash: 'other' } }),
    stored: await storedIncidents(live.control, from, to),
    onProgress: () => undefined,
  });
}

describe('a backtest that changes nothing', () => {
  test.each(['ticks', 'input'] as const)(
    'from %s, it is what live made, bit by bit, over a stop and a kill',
    async (mode) => {
      const result = await compare({ mode });
      expect(result).toMatchObject({
        notes: [],
        exact: true,
        mode,
        reproduced: { stored: 2, identical: 2, different: [] },
      });
      expect(result.incidents.map(({ outcome }) => outcome)).toEqual(['same', 'same']);
      expect(result.totals.after).toEqual(result.totals.before);
      // Opened, acknowledged, resolved; opened, resolved.
      expect(result.totals.before.notifications).toBe(5);
      expect(result.config.changed).toEqual([]);
      // The first start, the one after the stop and the one after the kill: both sides were held to the states of then.
      expect(readdirSync(join(directory, 'ticks'))).toHaveLength(3);
    },
  );

  test('from the middle on, it begins with the state of then', async () => {
    const from = live.start + 55 * MINUTE;
    for (const mode of ['ticks', 'input'] as const) {
      const result = await compare({ mode, from });
      expect(result).toMatchObject({ exact: true, from, reproduced: { stored: 1, identical: 1 } });
      expect(result.incidents.map(({ outcome }) => outcome)).toEqual(['same']);
    }
  });
});

describe('a backtest of a change', () => {
  test('of a silence: the same incidents, of which nobody is told', async () => {
    const matchers = [{ name: 'service', value: 'api', isRegex: false, isEqual: true }];
    const result = await compare({ change: { kind: 'silence', matchers } });
    expect(result).toMatchObject({ mode: 'ticks', exact: true });
    expect(result.incidents.map(({ outcome, after }) => [outcome, after?.heldBy])).toEqual([
      ['muted', 'silence: silence preview by preview: proposed'],
      ['muted', 'silence: silence preview by preview: proposed'],
    ]);
    expect(result.totals.after).toMatchObject({ incidents: 2, notifications: 0 });
  });

  test('of a maintenance window that is to begin later: at its occurrences, as if it had recurred before', async () => {
    const recurrences = [
      {
        start: new Date(live.start + 40 * MINUTE + 7 * 86_400_000).toISOString().slice(0, 19),
        durationMs: 14 * MINUTE,
        zone: 'UTC',
        rrule: 'FREQ=WEEKLY',
        rdates: [],
        exdates: [],
      },
    ];
    const result = await compare({ change: { kind: 'maintenance', matchers: [], spans: [], recurrences } });
    expect(result.incidents.map(({ outcome }) => outcome)).toEqual(['muted', 'same']);
    expect(result.notes).toEqual(['as if the window had recurred before its first start as well']);
  });

  test('of the decision: runs on ticks, names the keys, and says what is lost', async () => {
    const result = await compare({}, (settings) => ({
      ...settings,
      decide: { ...settings.decide, pageBudget: 0.001, needed: 3, extremeP: 0 },
      route: { ...settings.route, min_severity: 'critical' },
    }));
    expect(result.mode).toBe('ticks');
    expect(result.config.changed).toEqual([
      { path: 'decide.extreme_p', before: '0.00001', after: '0' },
      { path: 'decide.needed', before: '2', after: '3' },
      { path: 'decide.page_budget', before: '0.5', after: '0.001' },
      { path: 'route.min_severity', before: expect.any(String) as string, after: '"critical"' },
    ]);
    expect(result.totals.after.notifications).toBeLessThan(result.totals.before.notifications);
    expect(result.exact).toBe(true);
  });

  test('of grouping: a message of a group counts for each incident in it', async () => {
    const result = await compare({}, (settings) => ({
      ...settings,
      route: { ...settings.route, group_by: ['service'], group_wait: 10_000 },
    }));
    expect(result.incidents.map(({ outcome }) => outcome)).not.toContain('muted');
    expect(result.incidents.every(({ after }) => (after?.notifications.length ?? 0) > 0)).toBe(true);
  });

  test('of detection: runs on the input that is kept, with what the detectors had learnt', async () => {
    const result = await compare(
      {},
      (settings) => ({ ...settings, detect: { ...settings.detect, off: ['ewma'] } }) as Settings,
    );
    expect(result).toMatchObject({ mode: 'input', exact: true });
    expect(result.totals.before.incidents).toBe(2);
    expect(result.totals.after.incidents).toBeGreaterThan(0);
  });

  test('verdicts tell what is kept and lost', async () => {
    const [first] = await storedIncidents(live.control, live.start, live.until);
    const request = { dataDir: directory, from: live.start, to: live.until, onProgress: () => undefined };
    const stored = (await storedIncidents(live.control, live.start, live.until)).map((incident) => ({
      ...incident,
      verdict: incident.id === first!.id ? ('real' as const) : ('false-alarm' as const),
    }));
    const matchers = [{ name: 'service', value: 'api', isRegex: false, isEqual: true }];
    expect(runBacktest({ ...request, stored }).labelled).toEqual({ kept: { real: 1, 'false-alarm': 1 }, lost: {} });
    const muted = runBacktest({ ...request, stored, change: { kind: 'silence', matchers } });
    expect(muted.labelled).toEqual({ kept: {}, lost: { real: 1, 'false-alarm': 1 } });
  });
});

describe('an explanation', () => {
  let strongest: Evidence;
  const explain = async (subject: string, offset: number, window = 2 * MINUTE) => {
    const history = { series: () => Promise.resolve(null) };
    const found = await subjectOf(subject, live.start + offset, window, { control: live.control, history });
    return explainAt({ dataDir: directory, ...found, onProgress: () => undefined });
  };

  test('of what alerted: every stage with its numbers, and what would have kept it quiet', async () => {
    const result = await explain('api', 41 * MINUTE);
    expect(result).toMatchObject({ kind: 'service', outcome: 'alerted', source: 'replayed' });
    const stages = Object.fromEntries(result.stages.map(({ stage, outcome }) => [stage, outcome]));
    expect(stages).toMatchObject({
      'service-p': 'passed',
      persistence: 'passed',
      group: 'passed',
      route: 'passed',
      notify: 'passed',
    });
    expect(result.changes.length).toBeGreaterThan(0);
    expect(result.changes.every(({ verified }) => verified)).toBe(true);
    const value = result.changes.find(({ what }) => what.startsWith('value of '))!;
    expect(value.text).toMatch(/would have been ordinary/);
    const p = result.changes.find(({ what }) => what === 'service p')!;
    expect(Number(p.after)).toBeGreaterThan(result.tick!.p);
    strongest = result.tick!.evidence[0]!;
  });

  test('of what did not: where it was stopped, and what would have alerted, as a backtest confirms', async () => {
    const result = await explain('db', 49 * MINUTE);
    expect(result.outcome).toBe('quiet');
    expect(result.stages.find(({ stage }) => stage === 'service-p')).toMatchObject({
      outcome: 'suppressed',
      limit: 1e-3,
    });
    expect(result.stages.at(-1)).toMatchObject({ stage: 'notify', outcome: 'not-reached' });
    for (const change of result.changes) expect(change.verified).toBe(true);
    expect(result.summary).toMatch(/^db was ordinary/);
  });

  test('of a series: the value from which on it would have been strange', async () => {
    const summary = {
      ...strongest,
      id: strongest.series,
      tenant: 'default',
      kind: 0,
      firstSeen: 0,
      lastSeen: 0,
    } as const;
    const history = { series: () => Promise.resolve(summary) };
    const at = live.start + 38 * MINUTE;
    const found = await subjectOf(summary.id, at, 10_000, { control: live.control, history });
    const result = explainAt({ dataDir: directory, ...found, onProgress: () => undefined });
    expect(result).toMatchObject({ kind: 'series', service: 'api', outcome: 'quiet' });
    expect(result.stages[0]).toMatchObject({ stage: 'series-p', outcome: 'suppressed' });
    const [change] = result.changes;
    expect(change).toMatchObject({ what: `value of ${summary.metric}`, verified: true });
    expect(change!.text).toMatch(/or more .* would have been strange/);
    expect(Number(change!.after)).toBeGreaterThan(Number(change!.before));
    expect(Number(change!.after)).toBeLessThan(2 * Number(change!.before));
  });

  test('within a budget: what is found was run, what is not tried is named, and nothing else is said', async () => {
    const history = { series: () => Promise.resolve(null) };
    const found = await subjectOf('api', live.start + 41 * MINUTE, 2 * MINUTE, { control: live.control, history });
    const afterRuns = (runs: number) => {
      let asked = 0;
      const search = { spent: () => asked++ >= runs, unsearched: [] as string[] };
      return explainAt({ dataDir: directory, ...found, onProgress: () => undefined }, search);
    };
    const whole = afterRuns(Number.POSITIVE_INFINITY);
    expect(whole.unsearched).toEqual([]);
    const none = afterRuns(0);
    expect(none).toMatchObject({ outcome: whole.outcome, stages: whole.stages, changes: [] });
    expect(none.unsearched).toEqual(
      expect.arrayContaining(['service p', 'decide.page_budget', 'decide.needed', 'route.min_confidence']),
    );
    const some = afterRuns(8);
    expect(some.changes.map(({ what }) => what)).toEqual(['service p']);
    expect(some.changes[0]).toMatchObject({ verified: true });
    expect(some.changes[0]!.text).toMatch(/a smaller change may be enough/);
    expect(Number(some.changes[0]!.after)).toBeGreaterThanOrEqual(
      Number(whole.changes.find(({ what }) => what === 'service p')!.after),
    );
    expect(some.unsearched).not.toContain('service p');
    expect(some.unsearched).toContain('decide.page_budget');
  });

  test('of a service that nobody knows', async () => {
    await expect(explain('nobody', 49 * MINUTE)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('any past decision', () => {
  test('is made again bit by bit, from ticks and from input', async () => {
    const decisions = await live.control.decisions({ limit: 5_000 });
    const stages = new Set(decisions.map(({ stage }) => stage));
    expect(stages.size).toBeGreaterThan(4);
    for (const stage of ['false-discovery', 'persistence', 'route'] as const) {
      const decision = decisions.find((candidate) => candidate.stage === stage)!;
      const levels = verifyDecision({ dataDir: directory, decision, onProgress: () => undefined });
      expect(levels.map(({ level, identical, text }) => [level, identical, text.slice(0, 32)])).toEqual([
        ['ticks', true, 'the same decision, bit by bit'],
        ['input', true, 'the same decision, bit by bit, a'],
      ]);
    }
  });

  test('one with other numbers is told apart', async () => {
    const [decision] = await live.control.decisions({ stage: 'persistence', limit: 1 });
    const forged = { ...decision!, value: decision!.value! * (1 + Number.EPSILON) };
    const [ticks] = verifyDecision({ dataDir: directory, decision: forged, onProgress: () => undefined });
    expect(ticks).toMatchObject({ identical: false, differences: [{ field: 'value' }] });
  });

  test('whose time is no longer kept says so', () => {
    const decision = { id: 'x', at: -1 } as never;
    const levels = verifyDecision({ dataDir: directory, decision, onProgress: () => undefined });
    expect(levels.map(({ available }) => available)).toEqual([false, false]);
    expect(levels[0]!.text).toMatch(/retention.ticks/);
  });
});

test('without ticks there is nothing to replay', () => {
  const empty = mkdtempSync(join(tmpdir(), 'tocsin-empty-'));
  const run = () => runBacktest({ dataDir: empty, from: 0, to: 1, stored: [], onProgress: () => undefined });
  expect(run).toThrow(/keeps no ticks/);
  rmSync(empty, { recursive: true });
});
