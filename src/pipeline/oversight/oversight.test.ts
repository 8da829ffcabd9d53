import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Notification, NotificationReason } from '../../domain/ports.ts';
import { createWindowRows, type TickReport } from '../../domain/signal/history.ts';
import { SERIES_KIND, type SeriesInfo } from '../../domain/signal/series.ts';
import { DAY, HOUR, MINUTE } from '../../domain/units.ts';
import { createMetrics } from '../../observe/metrics.ts';
import { createRng } from '../../stats/rng.ts';
import { sampleIncident } from '../../store/contract.ts';
import { openSqliteControlStore } from '../../store/control/sqlite.ts';
import { createDriftWatch, type DriftWatch } from './drift-watch.ts';
import { createOversight } from './oversight.ts';

const directory = mkdtempSync(join(tmpdir(), 'tocsin-oversight-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const T0 = Date.UTC(2026, 0, 5);
const SERIES = 60;

const info = (index: number): SeriesInfo => ({
  id: `s${index}`,
  tenant: 'default',
  service: 'checkout',
  metric: 'cpu',
  unit: '1',
  kind: SERIES_KIND.gauge,
  modality: index % 2 === 0 ? 'metric' : 'trace',
  labels: {},
  instance: '',
});

/** Reports of `minutes` whose p-values are uniform to the power of `power`. */
function feed(watch: Pick<DriftWatch, 'observe'>, from: number, minutes: number, power: number, seed: number): void {
  const rng = createRng(seed);
  for (let m = from; m < from + minutes; m++) {
    const windows = createWindowRows(SERIES);
    windows.length = SERIES;
    for (let i = 0; i < SERIES; i++) {
      windows.series[i] = i;
      windows.count[i] = 1;
      windows.surprise[i] = -Math.log10((1 - rng.next()) ** power);
    }
    watch.observe({
      shard: 0,
      sequence: m,
      at: T0 + m * MINUTE,
      provisional: false,
      newSeries: m === 0 ? Array.from({ length: SERIES }, (_, index) => ({ index, info: info(index) })) : [],
      windows,
    } as unknown as TickReport);
  }
}

test('windows are counted by class of series, and drift is found; after a restart it goes on', () => {
  const path = join(directory, 'drift.json');
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);
  const whole = createDriftWatch(null, warn);
  const first = createDriftWatch(path, warn);
  for (const one of [whole, first]) feed(one, 0, 300, 1, 1);
  first.save();
  const second = createDriftWatch(path, warn);
  for (const one of [whole, second]) feed(one, 300, 200, 2.5, 2);
  expect(second.read()).toEqual(whole.read());
  expect(second.read().classes.map((one) => one.class)).toEqual(['metric/gauge', 'trace']);
  expect(second.read().items.map(({ kind }) => kind)).toContain('page-hinkley');
  expect(warnings).toEqual([]);
  writeFileSync(path, '{"version": 1, "mon');
  expect(createDriftWatch(path, warn).read().items).toEqual([]);
  expect(warnings[0]).toContain('begin anew');
});

test('the largest of several p-values of a window is not taken for one of them', () => {
  const watch = createDriftWatch(null, () => undefined);
  const rng = createRng(3);
  for (let m = 0; m < 400; m++) {
    const windows = createWindowRows(SERIES);
    windows.length = SERIES;
    for (let i = 0; i < SERIES; i++) {
      windows.series[i] = i;
      windows.count[i] = 6;
      for (let k = 0; k < 6; k++) windows.surprise[i] = Math.max(windows.surprise[i]!, -Math.log10(1 - rng.next()));
    }
    const newSeries = m === 0 ? Array.from({ length: SERIES }, (_, index) => ({ index, info: info(index) })) : [];
    watch.observe({
      shard: 0,
      sequence: m,
      at: T0 + m * MINUTE,
      provisional: false,
      newSeries,
      windows,
    } as unknown as TickReport);
  }
  for (const { share } of watch.read().classes) expect(share).toBeCloseTo(0.01, 2);
  expect(watch.read().items).toEqual([]);
});

test('the ledger counts what woke somebody once, whoever was told, and metrics say it', async () => {
  const control = openSqliteControlStore(':memory:');
  await control.migrate();
  const now = T0 + 20 * DAY;
  const incident = sampleIncident('i1', now - HOUR, {
    team: 'shop',
    acknowledgedAt: now - HOUR + 2 * MINUTE,
    acknowledgedBy: 'mira',
    verdict: { id: 'v', subject: 'incident', subjectId: 'i1', kind: 'false-alarm', comment: '', by: 'mira', at: now },
  });
  const told = (reason: NotificationReason, receiver: string, at: number) => ({
    id: `${reason}-${receiver}`,
    receiver,
    dedupKey: 'i1',
    payload: { reason, incident } as unknown as Notification,
    createdAt: at,
  });
  await control.commit({
    incidents: [incident, sampleIncident('i2', now - 2 * HOUR)],
    decisions: [],
    outbox: [
      told('opened', 'slack', now - HOUR),
      told('opened', 'pager', now - HOUR),
      told('updated', 'slack', now - HOUR / 2),
      told('escalated', 'pager', now - HOUR / 3),
    ],
    templates: [],
    deploys: [],
    traces: [],
    state: '{}',
    applied: {},
  });
  await control.saveIncident(incident);
  const oversight = createOversight({ directory, control, clock: { now: () => now }, onWarning: () => undefined });
  const report = await oversight.noise(now - 7 * DAY, now);
  expect(report.total).toMatchObject({
    incidents: 2,
    pages: 2,
    pagesPerWeek: 2,
    acknowledged: 1,
    acknowledgedAfter: 2 * MINUTE,
    precision: 0,
  });
  expect(report.team.map(({ name, pages }) => [name, pages])).toEqual([
    ['shop', 2],
    ['', 0],
  ]);
  const metrics = createMetrics('test');
  await oversight.copy(metrics);
  const text = await metrics.registry.metrics();
  expect(text).toContain('tocsin_noise_pages_per_week{by="team",name="shop"} 0.5');
  expect(text).toContain('tocsin_noise_precision{by="team",name="shop"} 0');
  expect(text).toContain('tocsin_noise_acknowledged_share{by="team",name="shop"} 1');
  await control.close();
});
