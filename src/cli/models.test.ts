import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { defaultNetwork } from '../detect/lstm/lstm.ts';
import { bytesOf } from '../pipeline/training/train-lstm.ts';
import {
  modelsExport,
  modelsImport,
  modelsList,
  modelsPin,
  modelsPromote,
  modelsRollback,
  modelsShow,
  modelsTrain,
} from './models.ts';
import type { Output } from './output.ts';

let dataDir = '';
const lines: string[] = [];
const output: Output = {
  line: (text) => lines.push(text),
  error: (text) => lines.push(text),
  progress: () => undefined,
};
const options = (): { dataDir: string; by: string } => ({ dataDir, by: 'mira' });
const last = (): string => lines.at(-1) ?? '';

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'tocsin-models-cli-'));
  lines.length = 0;
});
afterEach(() => rmSync(dataDir, { recursive: true }));

it('imports, promotes, pins, rolls back and exports a model', async () => {
  const file = join(dataDir, 'weights.bin');
  writeFileSync(file, bytesOf(defaultNetwork().weights));
  await modelsList(options(), output);
  expect(last()).toContain('no models yet');
  await modelsImport(file, { ...options(), format: 'tocsin-lstm' }, output);
  await modelsImport(file, { ...options(), format: 'tocsin-lstm' }, output);
  await modelsPromote('lstm@1', options(), output);
  await modelsPromote('lstm@2', options(), output);
  await modelsRollback('lstm', options(), output);
  expect(last()).toBe('lstm@1 is the champion');
  await modelsPin('lstm', options(), output);
  await expect(modelsPromote('lstm@2', options(), output)).rejects.toThrow(/pinned/);
  await modelsShow('lstm', options(), output);
  expect(JSON.parse(last())).toMatchObject({ version: 1, state: 'champion', pinned: true, createdBy: 'mira' });
  const bundle = join(dataDir, 'lstm.tocsin');
  await modelsExport('lstm', bundle, options(), output);
  await modelsImport(bundle, options(), output);
  lines.length = 0;
  await modelsList(options(), output);
  expect(lines.map((line) => line.replace(/\s+/g, ' ').split(' ').slice(0, 2).join(' '))).toEqual([
    'lstm@3 candidate',
    'lstm@2 retired',
    'lstm@1 champion',
  ]);
  expect(lines[2]).toContain('* pinned');
});

it('refuses what does not fit, when it is imported', async () => {
  const file = join(dataDir, 'x');
  const fixture = readFileSync(join(import.meta.dirname, '../learn/triage/fixtures/xgboost-model.json'));
  for (const [bytes, format, reason] of [
    [Buffer.from('short'), 'tocsin-lstm', /finite weights/],
    [Buffer.from('{'), 'tocsin-triage', /no JSON/],
    [fixture, 'xgboost-json', /trained on 8 features/],
    [fixture, undefined, /no exported model/],
  ] as const) {
    writeFileSync(file, bytes);
    await expect(
      modelsImport(file, { ...options(), ...(format === undefined ? {} : { format }) }, output),
    ).rejects.toThrow(reason);
  }
});

it('says why a training cannot be', async () => {
  await expect(modelsTrain('lstm', options(), output)).rejects.toThrow(/no series with 200 windows/);
  await expect(modelsTrain('triage', options(), output)).rejects.toThrow(/needs 20 verdicts/);
  await expect(modelsTrain('lstm', { ...options(), set: ['steps'] }, output)).rejects.toThrow(/NAME=VALUE/);
});
