import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { test as runTests } from './test.ts';

const folder = mkdtempSync(join(tmpdir(), 'tocsin-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const quiet = (incidents: string): string =>
  `series: [{ service: api, metric: a, values: 'normal(5, 1)x5m' }]\nexpect: { incidents: { ${incidents} } }\n`;
const put = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

async function run(patterns: readonly string[], form = 'text') {
  const lines: string[] = [];
  const code = await runTests(
    patterns,
    { output: form },
    { line: (text) => lines.push(text), error: (text) => lines.push(`! ${text}`), progress: () => undefined },
  );
  return { code, lines: lines.map((line) => line.replaceAll(/[^\s"]*tocsin-test-[^/]*\//g, '')) };
}

test('0 when all hold, 1 when some do not, 2 when a file is not valid or not there', async () => {
  put('a.yaml', quiet('exactly: 0'));
  const wrong = put('b.yaml', quiet('exactly: 1'));
  const invalid = put('c.yml', `${quiet('exactly: 0')}surprise: 1\n`);
  expect((await run([join(folder, 'a.yaml')])).code).toBe(0);
  expect(await run([join(folder, '*.yaml')])).toEqual({
    code: 1,
    lines: [
      'PASS a.yaml (0 incidents, 0 notifications; 4m50s, 1 series, 30 points, 0 lines, 0 spans)',
      '! FAIL b.yaml: 1 expectation',
      '!   b.yaml:2: expect.incidents.exactly',
      '!     expected: exactly 1 incident',
      '!     got:      0 incidents',
      '!   what happened: no incident',
      '1 of 2 passed',
    ],
  });
  expect(await run([wrong, invalid])).toMatchObject({
    code: 2,
    lines: expect.arrayContaining([
      '! INVALID c.yml: 1 fault',
      expect.stringMatching(/^! {3}c.yml:3: surprise: unknown key/),
    ]),
  });
  expect(await run([join(folder, 'd.yaml')])).toMatchObject({ code: 2, lines: ['! INVALID d.yaml: no such file'] });
  expect((await run([folder])).lines.at(-1)).toBe('1 of 3 passed');
});

test('JSON says the same for machines', async () => {
  const { code, lines } = await run([put('b.yaml', quiet('exactly: 1'))], 'json');
  expect(code).toBe(1);
  expect(JSON.parse(lines.join('\n'))).toMatchObject([
    {
      status: 'failed',
      failures: [{ path: 'expect.incidents.exactly', line: 2, expected: 'exactly 1 incident', got: '0 incidents' }],
      incidents: [],
      notifications: [],
      stats: { points: 30 },
    },
  ]);
});
