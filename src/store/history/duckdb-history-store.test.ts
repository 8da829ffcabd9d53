import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createWindowRows, type WindowRows } from '../../domain/signal/history.ts';
import type { SeriesInfo } from '../../domain/signal/series.ts';
import { DuckDbHistoryStore } from './duckdb-history-store.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tocsin-history-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const info = (id: string, over: Partial<SeriesInfo> = {}): SeriesInfo => ({
  id,
  tenant: 'default',
  service: 'checkout',
  metric: 'http.server.duration',
  unit: 'ms',
  kind: 0,
  modality: 'metric',
  labels: { route: '/pay' },
  instance: 'pod-1',
  ...over,
});
const A = 'fedcba9876543210';
const B = '0000000000000001';

function rows(start: number, entries: readonly (readonly [series: number, mean: number])[]): WindowRows {
  const out = createWindowRows(entries.length);
  for (const [series, mean] of entries) {
    const i = out.length++;
    out.start[i] = start;
    out.series[i] = series;
    out.count[i] = 2;
    out.mean[i] = mean;
    out.min[i] = mean - 1;
    out.max[i] = mean + 1;
    out.last[i] = mean;
    out.expected[i] = series === 1 ? Number.NaN : mean;
    out.lower[i] = series === 1 ? Number.NaN : mean - 2;
    out.upper[i] = series === 1 ? Number.NaN : mean + 2;
    out.surprise[i] = 0.5;
  }
  return out;
}

async function filled(rowsPerFile?: number): Promise<DuckDbHistoryStore> {
  const store = await DuckDbHistoryStore.open({ directory, ...(rowsPerFile === undefined ? {} : { rowsPerFile }) });
  await store.registerSeries(
    0,
    [
      { index: 0, info: info(A) },
      { index: 1, info: info(B, { service: 'cart', labels: {} }) },
    ],
    1_000,
  );
  for (let t = 0; t < 30; t++) {
    await store.append(
      0,
      rows(t * 10_000, [
        [0, t],
        [1, 100 + t],
      ]),
    );
    await store.flush();
  }
  return store;
}

test('a range comes back in order, merged into steps, whether in the table or in files', async () => {
  for (const rowsPerFile of [undefined, 8]) {
    rmSync(directory, { recursive: true });
    const store = await filled(rowsPerFile);
    const minute = await store.range(A, 60_000, 180_000, 60_000);
    expect(minute).toEqual([
      {
        at: 60_000,
        count: 12,
        mean: 8.5,
        min: 5,
        max: 12,
        last: 11,
        expected: 8.5,
        lower: 6.5,
        upper: 10.5,
        surprise: 0.5,
      },
      {
        at: 120_000,
        count: 12,
        mean: 14.5,
        min: 11,
        max: 18,
        last: 17,
        expected: 14.5,
        lower: 12.5,
        upper: 16.5,
        surprise: 0.5,
      },
    ]);
    expect((await store.range(B, 0, 20_000, 1)).map((p) => [p.at, p.mean, p.expected])).toEqual([
      [0, 100, null],
      [10_000, 101, null],
    ]);
    await store.close();
  }
});

test('rows delivered twice count once', async () => {
  const store = await filled(8);
  await store.append(0, rows(50_000, [[0, 5]]));
  expect((await store.range(A, 50_000, 60_000, 10_000))[0]!.count).toBe(2);
  await store.close();
});

test('survives closing: ranges, catalogue and the index of each series', async () => {
  await (await filled(8)).close();
  const store = await DuckDbHistoryStore.open({ directory });
  expect(await store.range(A, 0, 1e9, 1)).toHaveLength(30);
  await store.append(0, rows(300_000, [[1, 7]]));
  expect((await store.range(B, 300_000, 310_000, 1))[0]!.mean).toBe(7);
  expect(await store.series(A)).toEqual({ ...info(A), firstSeen: 1_000, lastSeen: expect.any(Number) });
  await store.close();
});

test('search by words, service and metric; services with their sizes', async () => {
  const store = await filled();
  const ids = async (query: Parameters<typeof store.searchSeries>[0]) =>
    (await store.searchSeries(query)).map((s) => s.id);
  expect(await ids({ text: 'PAY http' })).toEqual([A]);
  expect(await ids({ service: 'cart' })).toEqual([B]);
  expect(await ids({ metric: 'nope' })).toEqual([]);
  expect(await store.services()).toEqual([
    { service: 'cart', series: 1, lastSeen: 290_000 },
    { service: 'checkout', series: 1, lastSeen: 290_000 },
  ]);
  await store.close();
});

test('a series registered again keeps its first sight and takes its newest instance', async () => {
  const store = await filled();
  await store.registerSeries(0, [{ index: 5, info: info(A, { instance: 'pod-2' }) }], 9_000);
  expect(await store.series(A)).toMatchObject({ instance: 'pod-2', firstSeen: 1_000 });
  await store.close();
});

test('retention drops whole files that are too old', async () => {
  const store = await filled(8);
  const before = readdirSync(join(directory, 'windows')).length;
  expect(await store.prune(150_000)).toBeGreaterThan(1);
  expect(readdirSync(join(directory, 'windows')).length).toBeLessThan(before);
  expect(await store.range(A, 0, 100_000, 1)).toHaveLength(0);
  expect((await store.range(A, 200_000, 300_000, 1)).length).toBe(10);
  await store.close();
});

test('rows of a series that is not described yet are left out, and kept from then on', async () => {
  const store = await filled();
  await store.append(
    0,
    rows(400_000, [
      [0, 7],
      [2, 8],
      [1, 9],
    ]),
  );
  const C = '00000000000000cc';
  await store.registerSeries(0, [{ index: 2, info: info(C) }], 410_000);
  await store.append(0, rows(410_000, [[2, 10]]));
  await store.flush();
  const means = async (id: string) => (await store.range(id, 400_000, 420_000, 1)).map((point) => point.mean);
  expect([await means(A), await means(B), await means(C), await means('0000000000000000')]).toEqual([
    [7],
    [9],
    [10],
    [],
  ]);
  await store.close();
});
