import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JournalCheckpoint, JournalEntry } from '../../domain/replay/journal.ts';
import { FileJournal, listJournal, readJournal } from './journal.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tocsin-journal-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const checkpoint = (
  at: number,
  applied: Record<string, number> = {},
  state: string | null = `state of ${at}`,
): JournalCheckpoint => ({
  kind: 'checkpoint',
  at,
  start: false,
  state,
  applied,
  stamp: { modelVersion: 'm', configHash: 'c' },
  externalUrl: '',
  settings: {},
  standing: [],
});
const report = (sequence: number, value = Number.NaN): JournalEntry => ({
  kind: 'report',
  late: false,
  report: {
    shard: 0,
    sequence,
    at: sequence * 10_000,
    provisional: false,
    services: [],
    edges: [
      {
        caller: 'a',
        callee: 'b',
        calls: -0,
        errors: 0,
        serverMs: value,
        gapMs: 0.1 + 0.2,
        gapSurprise: 0,
        serverSurprise: 0,
        errorSurprise: 0,
      },
    ],
    deploys: [],
    decisions: [],
  },
});
const open = (maxBytes = 1e9): FileJournal => new FileJournal({ directory, maxBytes });
const all = (): JournalEntry[] => listJournal(directory).flatMap(({ path }) => [...readJournal(path)]);
const sequences = (): number[] => all().flatMap((entry) => (entry.kind === 'report' ? [entry.report.sequence] : []));

test('reads back bit by bit what it wrote, also after it was packed', async () => {
  const journal = open();
  const entries: JournalEntry[] = [
    checkpoint(0),
    report(0),
    report(1, 4),
    { kind: 'command', command: { method: 'act', args: [1] } },
  ];
  journal.begin(entries[0] as JournalCheckpoint);
  for (const entry of entries.slice(1)) {
    journal.append(entry);
    journal.flush();
  }
  expect(all()).toStrictEqual(entries);
  const before = readFileSync(listJournal(directory)[0]!.path).length;
  journal.begin(checkpoint(20_000, { 0: 1 }));
  await journal.close();
  expect(all()).toStrictEqual([...entries, checkpoint(20_000, { 0: 1 })]);
  expect(readFileSync(listJournal(directory)[0]!.path).length).toBeLessThan(before);
  expect(listJournal(directory).map(({ from }) => from)).toEqual([0, 20_000]);
});

test('what was written ahead of the control store is cut off at the next start', async () => {
  const journal = open();
  journal.begin(checkpoint(0));
  for (let i = 0; i < 5; i++) journal.append(report(i));
  journal.append({ kind: 'command', command: { method: 'act', args: [] } });
  journal.flush();
  await journal.close();
  open().reconcile({ 0: 2 });
  expect(all().map((entry) => entry.kind)).toEqual(['checkpoint', 'report', 'report', 'report']);
  expect(sequences()).toEqual([0, 1, 2]);
});

test('a checkpoint ahead of the control store goes as a whole, and the cut is made in the segment before', async () => {
  const journal = open();
  journal.begin(checkpoint(0));
  for (let i = 0; i < 4; i++) journal.append(report(i));
  journal.begin(checkpoint(30_000, { 0: 3 }));
  journal.append(report(4));
  await journal.close();
  open().reconcile({ 0: 2 });
  expect(listJournal(directory)).toHaveLength(1);
  expect(sequences()).toEqual([0, 1, 2]);
});

test('a block that is torn or damaged ends the segment, and an unfinished file goes', async () => {
  const journal = open();
  journal.begin(checkpoint(0));
  journal.append(report(0));
  await journal.close();
  const { path } = listJournal(directory)[0]!;
  const whole = readFileSync(path);
  appendFileSync(path, Buffer.from([9, 0, 0, 0, 1, 2, 3]));
  expect(sequences()).toEqual([0]);
  const damaged = Buffer.from(whole);
  damaged[damaged.length - 1]! ^= 1;
  writeFileSync(path, damaged);
  expect(all().map((entry) => entry.kind)).toEqual(['checkpoint']);
  writeFileSync(`${path}.writing`, 'half');
  open();
  expect(readdirSync(directory)).toHaveLength(1);
});

test('the oldest segments go by size and by time, never the last', async () => {
  const journal = open(1);
  for (let i = 0; i < 3; i++) journal.begin(checkpoint(i * 1_000));
  expect(listJournal(directory).map(({ from }) => from)).toEqual([2_000]);
  await journal.close();
  rmSync(directory, { recursive: true });
  const roomy = open();
  for (let i = 0; i < 4; i++) roomy.begin(checkpoint(i * 1_000));
  expect(roomy.prune(2_500)).toBe(2);
  expect(listJournal(directory).map(({ from }) => from)).toEqual([2_000, 3_000]);
  expect(roomy.prune(1e9)).toBe(1);
  await roomy.close();
});
