import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Snapshot } from '../../domain/ports.ts';
import { FileSnapshotStore } from './file-snapshot-store.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tocsin-snapshot-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const sample = (position: number): Snapshot => ({
  at: 1_700_000_000_000 + position,
  position,
  parts: {
    a: {
      version: 3,
      meta: { names: ['x', 'ü'] },
      arrays: { f: Float64Array.of(1.5, Number.NaN, -0, position), u: Uint8Array.of(1, 2, 3) },
    },
    b: {
      version: 1,
      meta: null,
      arrays: { i: Int32Array.of(-1, 2 ** 31 - 1), s: Uint16Array.of(65535), empty: new Float32Array(0) },
    },
  },
});

test('reads back bit by bit what it wrote', async () => {
  const store = new FileSnapshotStore(directory);
  await store.write(0, sample(42));
  expect(await store.read(0)).toEqual(sample(42));
  expect(await store.read(1)).toBeNull();
});

test('falls back to the one before when the newest is damaged, and says so when none is left', async () => {
  const store = new FileSnapshotStore(directory);
  for (const position of [1, 2, 3]) await store.write(0, sample(position));
  const files = readdirSync(directory).sort();
  expect(files).toHaveLength(2);
  const damage = (name: string) => {
    const data = readFileSync(join(directory, name));
    data[data.length - 16]! ^= 1;
    writeFileSync(join(directory, name), data);
  };
  damage(files[1]!);
  expect((await store.read(0))?.position).toBe(2);
  // The damaged one is out of the way: the next write keeps the intact one.
  await store.write(0, sample(4));
  expect(readdirSync(directory).sort()).toEqual([files[0], `${files[1]}.damaged`, 'shard-0-0000000000000004.snapshot']);
  damage(files[0]!);
  damage('shard-0-0000000000000004.snapshot');
  await expect(store.read(0)).rejects.toMatchObject({ code: 'corrupt' });
});

test('a half-written file is never taken for a snapshot', async () => {
  const store = new FileSnapshotStore(directory);
  await store.write(0, sample(1));
  writeFileSync(join(directory, 'shard-0-0000000000000009.snapshot.writing'), 'half');
  writeFileSync(
    join(directory, 'shard-1-0000000000000009.snapshot.writing'),
    'of another shard, perhaps being written',
  );
  expect((await store.read(0))?.position).toBe(1);
  expect(readdirSync(directory).sort()).toEqual([
    'shard-0-0000000000000001.snapshot',
    'shard-1-0000000000000009.snapshot.writing',
  ]);
});

test('a write that fails is said to pass, leaves the ones before and nothing half written', async () => {
  const store = new FileSnapshotStore(directory);
  await store.write(0, sample(1));
  const full = { ...sample(2), parts: { a: { version: 1, meta: null, arrays: { x: new Float64Array(4) } } } };
  // A folder of that name: the file cannot be renamed to it.
  mkdirSync(join(directory, 'shard-0-0000000000000002.snapshot', 'x'), { recursive: true });
  expect(() => store.writeSync(0, full)).toThrow(expect.objectContaining({ code: 'unavailable', retryable: true }));
  rmSync(join(directory, 'shard-0-0000000000000002.snapshot'), { recursive: true });
  expect(readdirSync(directory)).toEqual(['shard-0-0000000000000001.snapshot']);
});
