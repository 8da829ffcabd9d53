import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  damage(files[0]!);
  await expect(store.read(0)).rejects.toMatchObject({ code: 'corrupt' });
});

test('a half-written file is never taken for a snapshot', async () => {
  const store = new FileSnapshotStore(directory);
  await store.write(0, sample(1));
  writeFileSync(join(directory, 'shard-0-0000000000000009.snapshot.writing'), 'half');
  expect((await store.read(0))?.position).toBe(1);
});
