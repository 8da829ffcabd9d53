import { expect, test } from 'vitest';
import { movingBodies } from '../../../bench/measure.ts';
import { metricsPayloads, PAYLOAD_TIME } from '../../../bench/payload.ts';
import { PROMOTED_DETECTORS, ROW_DETECTORS } from '../../detect/registry.ts';
import type { TickReport } from '../../domain/signal/history.ts';
import { ShardEngine } from '../engine/shard-engine.ts';
import { settingsSchema } from '../settings.ts';

const START = Number(PAYLOAD_TIME / 1_000_000n);
const STEP = 10_000;
const EVERYTHING = {
  detect: {
    rows: { on: Object.keys(ROW_DETECTORS) },
    promoted: { on: Object.keys(PROMOTED_DETECTORS), looks: 20, important: ['*'] },
  },
};

function engine(config: unknown, emit: (report: TickReport) => void): ShardEngine {
  return new ShardEngine({ shard: 0, settings: settingsSchema.parse(config), emit });
}

function feed(shard: ShardEngine, from: number, to: number): void {
  const moving = movingBodies(metricsPayloads({ series: 60, pointsPerRequest: 60 }));
  for (let pass = from; pass < to; pass++) {
    moving.set(0, pass * STEP, pass);
    shard.accept('metrics', 'otlp-protobuf', moving.bodies[0]!, 'default', START + pass * STEP + 50);
  }
}

test('with every model on: rows reach the services, the budget is reported, and a restart changes nothing', () => {
  const told: TickReport[] = [];
  const whole = engine(EVERYTHING, (report) => told.push(report));
  feed(whole, 0, 190);
  const parts = structuredClone(whole.save());
  const before = told.length;
  feed(whole, 190, 220);
  const again: TickReport[] = [];
  const restarted = engine(EVERYTHING, (report) => again.push(report));
  restarted.restore(parts);
  feed(restarted, 190, 220);
  expect(again.map((report) => report.services)).toEqual(told.slice(before).map((report) => report.services));
  expect(told.at(-1)!.services.some((tick) => tick.extent !== undefined && tick.extent >= 0)).toBe(true);
  const coverage = whole.stats().promoted!;
  expect(coverage.held).toBeGreaterThan(30);
  expect(coverage.dayShare).toBe(1);
  expect(coverage.taken).toBeGreaterThan(1_000);
  // Everything is important, and twenty looks a tick are too few for all.
  expect(coverage.missed).toBeGreaterThan(1_000);
  expect(restarted.stats().promoted!.taken).toBe(coverage.taken);
});

test('off means off, and a name that nobody knows is refused', () => {
  const told: TickReport[] = [];
  const shard = engine({ detect: { rows: { on: [] } } }, (report) => told.push(report));
  feed(shard, 0, 150);
  expect(shard.stats().promoted).toBeNull();
  expect(told.flatMap((report) => report.services).every((tick) => tick.extent === undefined)).toBe(true);
  expect(() => settingsSchema.parse({ detect: { rows: { on: ['oracle'] } } })).toThrow(/oracle/);
  expect(() => settingsSchema.parse({ detect: { promoted: { on: ['oracle'] } } })).toThrow(/oracle/);
});
