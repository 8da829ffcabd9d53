import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ConfigError, formatFault } from '../../config/load.ts';
import { checkScenario } from './check.ts';
import { parseScenario } from './load.ts';
import { runScenario } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'scenario-'));
afterAll(() => rmSync(folder, { recursive: true }));

const faultsOf = (work: () => unknown): string[] => {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(formatFault);
    throw error;
  }
  return [];
};

const SPIKE = `
series:
  - { service: api, metric: requests, instances: [a, b], values: 'normal(100, 3)x40m normal(400, 3)x5m normal(100, 3)x15m' }
  - { service: api, metric: cpu, instances: [a, b], values: 'normal(1, 0.03)x40m normal(4, 0.03)x5m normal(1, 0.03)x15m' }
  - { service: db, metric: cpu, values: 'normal(1, 0.03)x1h' }
`;

test('every fault of a file is told with its line', () => {
  const text = `
interval: often
series:
  - service: api
    metric: requests
    values: 5y10
    colour: red
expect:
  incidents:
    exactly: 0
    none: [1h-2h]
    include:
      - { kind: explosion }
config:
  decide: { page_budjet: 1 }
`;
  const faults = faultsOf(() => parseScenario(text, 'a.yaml'));
  expect(faults).toEqual(
    expect.arrayContaining([
      "a.yaml:2: interval: 'often' is not a duration; write it as 30s, 5m, 1h30m or 1d",
      expect.stringMatching(/^a.yaml:6: series.0.values: '5y10' is not a value/),
      "a.yaml:7: series.0.colour: unknown key; see docs/testing-detectors.md for the keys of 'series.0'",
      "a.yaml:11: expect.incidents.none.0: '1h-2h' is not a range of time; write it as 2h..2h10m, ..10m or 2h..",
      expect.stringMatching(/^a.yaml:13: expect.incidents.include.0.kind: /),
      "a.yaml:15: config.decide.page_budjet: unknown key; see docs/configuration.md for the keys of 'config.decide'",
    ]),
  );
  expect(faults).toHaveLength(6);
});

test('a scenario without signals or expectations is refused', () => {
  expect(faultsOf(() => parseScenario('expect: {}', 'a.yaml')).join()).toMatch(/no signals.*nothing is expected/);
});

test('the same file gives the same outcome, and another seed other noise', () => {
  const outcome = (seed: number) =>
    runScenario(parseScenario(`seed: ${seed}\n${SPIKE}\nexpect: { incidents: { exactly: 1 } }`, 'a.yaml'));
  const first = outcome(1);
  expect(first.incidents).toHaveLength(1);
  expect(JSON.stringify(outcome(1))).toBe(JSON.stringify(first));
  expect(JSON.stringify(outcome(2))).not.toBe(JSON.stringify(first));
});

test('what does not hold is told with the nearest thing that happened', () => {
  const loaded = parseScenario(
    `${SPIKE}
expect:
  incidents:
    exactly: 2
    none: [30m..42m]
    include:
      - { service: api, opened: 40m..42m, closed: 45m..1h, cause: api }
      - { service: api }
  anomalies:
    include:
      - { service: api, opened: 10m..20m, evidence: [{ metric: disk }] }
  notifications:
    at_most: 0
    include:
      - { receiver: pager, reason: opened }
`,
    'a.yaml',
  );
  const failures = checkScenario(loaded.scenario.expect, runScenario(loaded)).map((failure) => ({
    key: failure.path.join('.'),
    line: loaded.lineOf(failure.path),
    expected: failure.expected,
    got: failure.got,
    differs: failure.differs.map((facet) => `${facet.name}: ${facet.expected}`),
  }));
  expect(failures).toEqual([
    { key: 'expect.incidents.exactly', line: 9, expected: 'exactly 2 incidents', got: '1 incident', differs: [] },
    {
      key: 'expect.incidents.none.0',
      line: 10,
      expected: 'no incident in 30m..42m',
      got: expect.stringMatching(/^opened at 40m\d*s?: ".*api/),
      differs: [],
    },
    { key: 'expect.incidents.include.1', line: 13, expected: 'service api', got: 'no other incident', differs: [] },
    {
      key: 'expect.anomalies.include.0',
      line: 16,
      expected: 'service api, opened 10m..20m',
      got: expect.stringMatching(/ of api \(opened 40m/),
      differs: ['opened: 10m..20m', 'evidence: metric disk'],
    },
    {
      key: 'expect.notifications.at_most',
      line: 18,
      expected: 'at most 0 notifications',
      got: expect.stringMatching(/^\d notifications$/),
      differs: [],
    },
    {
      key: 'expect.notifications.include.0',
      line: 20,
      expected: 'receiver pager, reason opened',
      got: expect.stringMatching(/^default told opened at 40m/),
      differs: ['receiver: pager'],
    },
  ]);
});

test('receivers, routes and options of the configuration count', () => {
  const told = (config: string) => {
    const loaded = parseScenario(`${config}\n${SPIKE}\nexpect: { incidents: { exactly: 1 } }`, 'a.yaml');
    return runScenario(loaded).notifications.map(
      ({ notification }) => `${notification.receiver} ${notification.reason}`,
    );
  };
  expect(told('')).toContain('default opened');
  expect(told('config: { receivers: [{ name: pager }, { name: mail }], route: { receivers: [mail] } }')).toEqual([
    'mail opened',
    'mail resolved',
  ]);
  expect(told('config: { receivers: [{ name: pager }], route: { min_confidence: 1 } }')).toEqual([]);
});

test('CSV and recorded OTLP are played at their own times', () => {
  const start = Date.UTC(2026, 4, 1);
  const rows = Array.from(
    { length: 400 },
    (_, i) =>
      `${new Date(start + i * 10_000).toISOString()},${100 + (i % 7) + (i >= 340 && i < 370 ? 300 : 0)},${i % 5}`,
  );
  writeFileSync(join(folder, 'a.csv'), `when,req,err\n${rows.join('\n')}\n`);
  const line = (i: number) =>
    JSON.stringify({
      resourceMetrics: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'db' } }] },
          scopeMetrics: [
            {
              metrics: [
                {
                  name: 'cpu',
                  gauge: { dataPoints: [{ timeUnixNano: `${start + i * 10_000}000000`, asDouble: i % 3 }] },
                },
              ],
            },
          ],
        },
      ],
    });
  writeFileSync(join(folder, 'metrics.jsonl'), Array.from({ length: 400 }, (_, i) => line(i)).join('\n'));
  const text =
    'csv: [{ file: a.csv, service: api, time: when, metrics: { req: requests, err: errors } }]\nreplay: [metrics.jsonl]\nexpect: { incidents: { at_most: 9 } }';
  const outcome = runScenario(parseScenario(text, join(folder, 's.yaml')));
  expect(outcome.start).toBe(start);
  expect(outcome.stats).toMatchObject({ series: 3, services: 2, points: 1200 });

  const wrong = (csv: string) =>
    faultsOf(() =>
      runScenario(parseScenario(`csv: [${csv}]\nexpect: { incidents: { exactly: 0 } }`, join(folder, 's.yaml'))),
    ).map((fault) => fault.replace(folder, ''));
  expect(wrong('{ file: b.csv, service: api, time: when, metrics: { req: r } }')).toEqual([
    '/s.yaml:1: csv.0.file: cannot read b.csv',
  ]);
  expect(wrong('{ file: a.csv, service: api, time: t, metrics: { req: r } }')).toEqual([
    "/s.yaml:1: csv.0.time: a.csv has no column 't'; there are when, req, err",
  ]);
  expect(wrong('{ file: a.csv, service: api, time: req, metrics: { req: r } }')).toEqual([]);
});

test('late, doubled and future samples, outages and deploys reach the pipeline as such', () => {
  const outcome = runScenario(
    parseScenario(
      `
series:
  - { service: api, metric: a, values: 'normal(1, 0.1)x20m', delivery: [{ during: 5m..6m, twice: true }, { during: 10m..11m, ahead: 2h }, { during: 15m..16m, delay: 40s }] }
  - { service: gone, metric: b, values: 'normal(1, 0.1)x20m' }
  - { service: gone, metric: ended, values: 'normal(1, 0.1)x10m stale' }
outages: [{ service: gone, during: 10m..20m }]
calls: [{ per_second: 1, root: { service: api, operation: get, calls: [{ service: gone, operation: q }] } }]
expect: { incidents: { exactly: 0 } }
`,
      'a.yaml',
    ),
  );
  expect(outcome.stats.duplicates).toBe(6);
  expect(outcome.stats.future).toBe(6);
  expect(outcome.stats.late).toBeGreaterThan(0);
});
