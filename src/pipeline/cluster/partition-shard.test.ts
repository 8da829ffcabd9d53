import { describe, expect, test } from 'vitest';
import { movingBodies } from '../../../bench/measure.ts';
import { metricsPayloads, PAYLOAD_TIME } from '../../../bench/payload.ts';
import { traffic } from '../../../test/traffic.ts';
import { decodeReport, encodeReport } from '../../bus/codec/report-record.ts';
import { MemoryBus } from '../../bus/memory/memory-bus.ts';
import type { Signal } from '../../domain/ports.ts';
import type { TickReport } from '../../domain/signal/history.ts';
import { ShardEngine } from '../engine/shard-engine.ts';
import { settingsSchema } from '../settings.ts';
import { hashState } from '../shard/durable-shard.ts';
import { GatewayIntake } from './gateway-intake.ts';
import { PartitionShard } from './partition-shard.ts';

const START = Number(PAYLOAD_TIME / 1_000_000n);
const settings = settingsSchema.parse({});

interface Input {
  readonly at: number;
  readonly signal: Signal;
  readonly body: Uint8Array;
}

/** Metrics with counters and histograms, logs and traces, new series on the way, a fault. */
function* input(): Generator<Input> {
  const early = movingBodies(metricsPayloads({ series: 300, pointsPerRequest: 100 }));
  const all = movingBodies(metricsPayloads({ series: 500, pointsPerRequest: 100 }));
  const requests = traffic({ seed: 3, start: START, steps: 40, fault: [25, 32] });
  for (let step = 0; step < 40; step++) {
    const at = START + step * 10_000 + 50;
    const moving = step < 20 ? early : all;
    for (let i = 0; i < moving.bodies.length; i++) {
      moving.set(i, step * 10_000, step);
      yield { at, signal: 'metrics', body: moving.bodies[i]!.slice() };
    }
    for (const { signal, body } of requests.slice(step * 3, step * 3 + 3)) yield { at, signal, body };
  }
}

async function throughGateway(partitions: number, gateways: number) {
  let now = START;
  const bus = new MemoryBus(() => now);
  await bus.ensureTopics([{ name: 'signals', partitions }]);
  const intakes = Array.from(
    { length: gateways },
    () =>
      new GatewayIntake({
        bus,
        topic: 'signals',
        partitions,
        clock: { now: () => now },
        maxSeriesPerTenant: 1_000_000,
        maxFuture: settings.ingest.event_time.max_future,
      }),
  );
  let i = 0;
  let accepted = 0;
  for (const { at, signal, body } of input()) {
    now = at;
    accepted += (await intakes[i++ % gateways]!.accept(signal, 'otlp-protobuf', body, 'default')).accepted;
  }
  return { bus, intakes, accepted, records: bus.partitions('signals') };
}

describe('a shard whose input log is a partition', () => {
  test('finds, bit by bit, what a shard finds that is handed the bodies', async () => {
    const expected: TickReport[] = [];
    const engine = new ShardEngine({ shard: 0, settings, emit: (report) => expected.push(report) });
    let accepted = 0;
    for (const { at, signal, body } of input())
      accepted += engine.accept(signal, 'otlp-protobuf', body, 'default', at).accepted;

    const run = await throughGateway(1, 1);
    expect(run.accepted).toBe(accepted);
    const { counters } = run.intakes[0]!;
    expect(counters.columns / counters.points).toBeGreaterThan(0.9);
    const reports: TickReport[] = [];
    const shard = new PartitionShard({ partition: 0, settings, emit: (report) => reports.push(report) });
    for (const record of run.records[0]!) shard.apply(record);
    expect(shard.unknown).toBe(0);
    expect(reports.length).toBeGreaterThan(30);
    expect(reports).toEqual(expected);
    expect(shard.stateHash()).toBe(hashState(engine.save()));
  });

  test('several gateways number series each for itself', async () => {
    const run = await throughGateway(4, 3);
    let points = 0;
    let services = 0;
    for (const [partition, records] of run.records.entries()) {
      const shard = new PartitionShard({ partition, settings, emit: () => undefined });
      for (const record of records) shard.apply(record);
      expect(shard.unknown).toBe(0);
      points += shard.stats().points;
      services += shard.stats().services;
    }
    const engine = new ShardEngine({ shard: 0, settings, emit: () => undefined });
    for (const { at, signal, body } of input()) engine.accept(signal, 'otlp-protobuf', body, 'default', at);
    expect(services).toBe(engine.stats().services);
    expect(points).toBeGreaterThan(0.9 * engine.stats().points);
  });

  test('goes on from a snapshot at any record, also when old records come again', async () => {
    const run = await throughGateway(1, 2);
    const records = run.records[0]!;
    const whole = new PartitionShard({ partition: 0, settings, emit: () => undefined });
    for (const record of records) whole.apply(record);
    const cut = Math.floor(records.length / 2);
    const first = new PartitionShard({ partition: 0, settings, emit: () => undefined });
    for (const record of records.slice(0, cut)) first.apply(record);
    const snapshot = structuredClone(first.snapshot(0));
    const second = new PartitionShard({ partition: 0, settings, emit: () => undefined });
    second.restore(snapshot);
    expect(second.next).toBe(cut);
    for (const record of records.slice(cut - 10)) second.apply(record);
    const parts = (shard: PartitionShard) =>
      Object.fromEntries(
        Object.entries(shard.snapshot(0).parts).map(([name, part]) => [name, hashState({ [name]: part })]),
      );
    expect(parts(second)).toEqual(parts(whole));
    expect(second.stateHash()).toBe(whole.stateHash());
    expect(second.sequence).toBe(whole.sequence);
  });

  test('a partition without input closes its ticks with the others', async () => {
    let now = START;
    const bus = new MemoryBus(() => now);
    await bus.ensureTopics([{ name: 'signals', partitions: 8 }]);
    const clock = { now: () => now };
    const options = { bus, topic: 'signals', partitions: 8, clock, maxSeriesPerTenant: 1_000, maxFuture: 5_000 };
    const gateway = new GatewayIntake(options);
    for (const { at, signal, body } of traffic({ seed: 1, start: START, steps: 6, fault: [0, 0] })) {
      now = at;
      await gateway.accept(signal, 'otlp-protobuf', body, 'default');
      await gateway.heartbeat();
    }
    for (const [partition, records] of bus.partitions('signals').entries()) {
      const ticks: number[] = [];
      const shard = new PartitionShard({ partition, settings, emit: ({ at }) => ticks.push(at) });
      for (const record of records) shard.apply(record);
      expect(new Set(ticks).size).toBeGreaterThanOrEqual(4);
    }
  });

  test('a report crosses the bus unchanged', async () => {
    const run = await throughGateway(1, 1);
    const reports: TickReport[] = [];
    const shard = new PartitionShard({ partition: 0, settings, emit: (report) => reports.push(report) });
    for (const record of run.records[0]!) shard.apply(record);
    expect(reports.some(({ windows }) => windows.length > 0)).toBe(true);
    for (const report of reports) {
      const back = decodeReport(encodeReport(report));
      const { windows, ...rest } = back;
      expect(rest).toEqual({ ...report, windows: undefined, ...rest });
      for (const name of ['start', 'series', 'count', 'mean', 'last', 'expected', 'surprise'] as const)
        expect(Array.from(windows[name])).toEqual(Array.from(report.windows[name].subarray(0, report.windows.length)));
    }
  });
});
