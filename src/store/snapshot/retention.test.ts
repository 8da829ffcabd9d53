import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  chooseSnapshots,
  FileSnapshotStore,
  listSnapshots,
  readSnapshot,
  readSnapshotMeta,
} from './file-snapshot-store.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tocsin-retention-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const MINUTE = 60_000;
const stored = (minute: number, bytes = 10) => ({
  path: `${minute}`,
  position: minute * 100,
  at: minute * MINUTE,
  bytes,
});
const kept = (minutes: readonly number[], spacing: number, maxBytes: number): number[] =>
  chooseSnapshots(
    minutes.map((minute) => stored(minute)),
    { spacing: spacing * MINUTE, maxBytes },
  ).map(({ at }) => at / MINUTE);

test('the two newest stay, of the others one per spacing', () => {
  expect(kept([0, 5, 10, 15, 20, 25], 10, 1e9)).toEqual([0, 10, 20, 25]);
  expect(kept([0, 5, 10, 15, 20, 25], 0, 0)).toEqual([20, 25]);
  expect(kept([7], 10, 0)).toEqual([7]);
});

test('choosing again, as each new one comes, keeps the same ones', () => {
  let held: number[] = [];
  for (let minute = 0; minute <= 120; minute += 5) held = kept([...held, minute], 30, 1e9);
  expect(held).toEqual([0, 30, 60, 90, 115, 120]);
});

test('the oldest go when they and the log from them on are too much', () => {
  // At 25: state 10 bytes each, and 100 bytes of log a minute behind the oldest.
  expect(kept([0, 10, 20, 25], 10, 2_520)).toEqual([0, 10, 20, 25]);
  expect(kept([0, 10, 20, 25], 10, 2_519)).toEqual([10, 20, 25]);
});

test('on disk: by the time that the snapshot bears, and found again with position and meta', async () => {
  const store = new FileSnapshotStore(directory);
  const parts = (n: number) => ({ engine: { version: 1, meta: { sequence: n }, arrays: { a: Float64Array.of(n) } } });
  for (let i = 0; i < 5; i++)
    store.writeSync(0, { at: i * MINUTE, position: i, parts: parts(i) }, { spacing: 2 * MINUTE, maxBytes: 1e9 });
  const list = listSnapshots(directory, 0);
  expect(list.map(({ position, at }) => [position, at])).toEqual([
    [0, 0],
    [2, 2 * MINUTE],
    [3, 3 * MINUTE],
    [4, 4 * MINUTE],
  ]);
  expect(readSnapshotMeta(list[1]!.path, 'engine')).toEqual({ sequence: 2 });
  expect(readSnapshot(list[1]!.path)).toEqual({ at: 2 * MINUTE, position: 2, parts: parts(2) });
  expect((await store.read(0))!.position).toBe(4);
  expect(listSnapshots(directory, 1)).toEqual([]);
});
