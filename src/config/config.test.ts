import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { formatDuration, parseBytes, parseDuration } from './duration.ts';
import { address, bytes, duration, sectionOf } from './fields.ts';
import { ConfigError, formatFault, loadConfig, parseConfig } from './load.ts';

const schema = z.strictObject({
  listen: address().prefault('127.0.0.1:4318'),
  max: bytes().prefault('1MiB'),
  idle: duration({ min: 1_000 }).prefault('5m'),
  token: z.string().default(''),
  ewma: sectionOf({
    alpha: { type: 'number', default: 0.1, min: 0, max: 1, doc: 'weight of the newest sample' },
    memory: { type: 'duration', default: 60_000, doc: 'how long' },
    mode: { type: 'enum', values: ['a', 'b'], default: 'a', doc: 'which' },
  }),
});

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tocsin-config-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const faultsOf = (run: () => unknown): string[] => {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(formatFault);
    throw error;
  }
  return [];
};

test('nothing configured means every default', () => {
  expect(loadConfig(null, schema, {}).config).toEqual({
    listen: { host: '127.0.0.1', port: 4318 },
    max: 1_048_576,
    idle: 300_000,
    token: '',
    ewma: { alpha: 0.1, memory: 60_000, mode: 'a' },
  });
});

test('all faults are reported at once, each with file, line, path and remedy', () => {
  const text = 'listen: nowhere\nidle: soon\newma:\n  alpha: 3\n  alhpa: 1\n  mode: c\nport: ${PORT}\n';
  expect(faultsOf(() => parseConfig(text, schema, {}, 'tocsin.yaml'))).toEqual([
    'tocsin.yaml:7: port: environment variable PORT is not set; set it or write ${PORT:-default}',
    "tocsin.yaml:1: listen: 'nowhere' is not an address; write host:port, :port for all interfaces, or off",
    "tocsin.yaml:2: idle: 'soon' is not a duration; write it as 30s, 5m, 1h30m or 1d",
    expect.stringMatching(/^tocsin.yaml:4: ewma.alpha: .*<=1/),
    expect.stringMatching(/^tocsin.yaml:6: ewma.mode: .*"a"\|"b"/),
    "tocsin.yaml:5: ewma.alhpa: unknown key; see docs/configuration.md for the keys of 'ewma'",
    'tocsin.yaml:7: port: unknown key; see docs/configuration.md for the keys of the file',
  ]);
});

test('variables, defaults, the dollar escape and types', () => {
  const { config } = parseConfig('token: "$$x ${A} ${env:B} ${C:-d}"\newma: { alpha: "${ALPHA}" }\n', schema, {
    A: '1',
    B: '2',
    ALPHA: '0.5',
  });
  expect(config.token).toBe('$x 1 2 d');
  expect(config.ewma.alpha).toBe(0.5);
});

test('a folder is merged in name order, secrets come from files beside it', () => {
  mkdirSync(join(directory, 'conf'));
  writeFileSync(join(directory, 'conf', '10-a.yaml'), 'idle: 1m\newma: { alpha: 0.2, mode: b }\n');
  writeFileSync(join(directory, 'conf', '20-b.yml'), 'ewma: { alpha: 0.3 }\ntoken_file: ../secret\n');
  writeFileSync(join(directory, 'secret'), 's3cret\n');
  const { config, files } = loadConfig(join(directory, 'conf'), schema, {});
  expect(config).toMatchObject({ idle: 60_000, ewma: { alpha: 0.3, mode: 'b' }, token: 's3cret' });
  expect(files).toHaveLength(2);
});

test('the hash follows the effective configuration, not its spelling', () => {
  const hash = (text: string) => parseConfig(text, schema).hash;
  expect(hash('idle: 5m')).toBe(hash(''));
  expect(hash('idle: 300s')).toBe(hash('idle: 5m'));
  expect(hash('idle: 6m')).not.toBe(hash('idle: 5m'));
});

test('broken YAML and a missing file are faults too', () => {
  expect(faultsOf(() => parseConfig('a: [1\n', schema))[0]).toMatch(/^<input>:\d+: /);
  expect(faultsOf(() => loadConfig(join(directory, 'none.yaml'), schema, {}))[0]).toMatch(/no such file/);
});

test('durations and sizes round-trip', () => {
  fc.assert(fc.property(fc.nat(10 ** 10), (ms) => parseDuration(formatDuration(ms)) === ms));
  expect(parseDuration('1h30m')).toBe(5_400_000);
  expect(parseDuration('5 m')).toBeNull();
  expect(parseBytes('64MiB')).toBe(67_108_864);
  expect(parseBytes('x')).toBeNull();
});
