import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { movingBodies } from '../../../bench/measure.ts';
import { logsPayloads, metricsPayloads, PAYLOAD_TIME } from '../../../bench/payload.ts';
import { ProtoWriter } from '../../ingest/wire/proto-writer.ts';
import { FileSnapshotStore } from '../../store/snapshot/file-snapshot-store.ts';
import { ShardEngine } from '../engine/shard-engine.ts';
import { settingsSchema } from '../settings.ts';
import { DurableShard, hashState } from './durable-shard.ts';

const START = Number(PAYLOAD_TIME / 1_000_000n);
const STEP = 10_000;
let directory: string;
let now: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tocsin-durable-'));
  now = START;
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

const settings = () => settingsSchema.parse({ data_dir: directory, durability: { snapshot_every: '10s' } });
const open = (): Promise<DurableShard> =>
  DurableShard.open({ shard: 0, settings: settings(), clock: { now: () => now }, emit: () => undefined });
const logBytes = (): number => {
  const folder = join(directory, 'input-log', 'shard-0');
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
};

/** One gauge of a service: its version changes with the pass, and a value is missing where `ended`. */
function deployBody(pass: number, ended: boolean): Uint8Array {
  const writer = new ProtoWriter();
  const attribute = (key: string, value: string): void => {
    const start = writer.begin(1);
    writer.string(1, key);
    const inner = writer.begin(2);
    writer.string(1, value);
    writer.end(inner);
    writer.end(start);
  };
  const group = writer.begin(1);
  const resource = writer.begin(1);
  attribute('service.name', 'cart');
  attribute('service.version', pass < 4 ? '1.0' : '1.1');
  writer.end(resource);
  const scope = writer.begin(2);
  const metric = writer.begin(2);
  writer.string(1, 'queue.length');
  const gauge = writer.begin(5);
  const point = writer.begin(1);
  writer.fixed64(3, BigInt(START + pass * STEP) * 1_000_000n);
  writer.double(4, pass);
  if (ended) writer.varint(8, 1);
  writer.end(point);
  writer.end(gauge);
  writer.end(metric);
  writer.end(scope);
  writer.end(group);
  return writer.finish().slice();
}

/** Everything that a shard takes in during eight passes: steady samples, new series, a deploy, an end, logs. */
function* input(
  first = 300,
  later = 500,
): Generator<{ readonly at: number; readonly signal: 'metrics' | 'logs'; readonly body: Uint8Array }> {
  const early = movingBodies(metricsPayloads({ series: first, pointsPerRequest: 100 }));
  const all = movingBodies(metricsPayloads({ series: later, pointsPerRequest: 100 }));
  const logs = logsPayloads({ items: 200 });
  for (let pass = 0; pass < 8; pass++) {
    const at = START + pass * STEP + 50;
    const moving = pass < 5 ? early : all;
    for (let i = 0; i < moving.bodies.length; i++) {
      moving.set(i, pass * STEP, pass);
      yield { at, signal: 'metrics', body: moving.bodies[i]! };
    }
    yield { at, signal: 'metrics', body: deployBody(pass, pass === 6) };
    yield { at, signal: 'logs', body: logs[0]! };
  }
}

describe('a shard that was killed', () => {
  test('comes back, by columns and bodies, to the state of an engine that was handed every body', async () => {
    const reference = new ShardEngine({ shard: 0, settings: settings(), emit: () => undefined });
    reference.resume(now);
    const shard = await open();
    for (const { at, signal, body } of input()) {
      now = at;
      const expected = reference.accept(signal, 'otlp-protobuf', body, 'default', at);
      expect(shard.accept(signal, 'otlp-protobuf', body, 'default')).toEqual(expected);
    }
    expect(shard.stateHash()).toBe(hashState(reference.save()));
    // Killed here: nothing is closed.
    const again = await open();
    reference.resume(now);
    expect(again.stateHash()).toBe(hashState(reference.save()));
    again.close();
  });

  test('comes back from a snapshot and the columns behind it', async () => {
    const shard = await open();
    let taken = 0;
    for (const { at, signal, body } of input()) {
      now = at;
      shard.accept(signal, 'otlp-protobuf', body, 'default');
      if (++taken !== 30) continue;
      shard.acknowledge(Number.MAX_SAFE_INTEGER);
      expect(shard.snapshot()).toBe(true);
    }
    const { series, points } = shard.stats();
    const again = await open();
    expect(again.stats()).toMatchObject({ series });
    expect(points).toBeGreaterThan(0);
    const third = await open();
    expect(third.stats().series).toBe(series);
    again.close();
  });

  test('writes a sixth of the body for samples of known series', async () => {
    const shard = await open();
    const moving = movingBodies(metricsPayloads({ series: 1000 }));
    let before = 0;
    for (let pass = 0; pass < 3; pass++) {
      before = logBytes();
      now = START + pass * STEP + 50;
      moving.set(0, pass * STEP, pass);
      shard.accept('metrics', 'otlp-protobuf', moving.bodies[0]!, 'default');
    }
    expect(logBytes() - before).toBeLessThan(moving.bodies[0]!.length / 6);
    shard.close();
  });

  test('refuses a damaged body without a trace in state or log', async () => {
    const shard = await open();
    const hash = shard.stateHash();
    const bytes = logBytes();
    expect(() => shard.accept('metrics', 'otlp-protobuf', new Uint8Array([0x0a, 0x7f, 0x01]), 'default')).toThrow(/./);
    expect([shard.stateHash(), logBytes()]).toEqual([hash, bytes]);
    shard.close();
  });
});

describe('a fault of our own', () => {
  test('is passed over by the replay as it was when the input came: counted, said, and everything else applied', async () => {
    const apply = Reflect.get(ShardEngine.prototype, 'accept') as ShardEngine['accept'];
    vi.spyOn(ShardEngine.prototype, 'accept').mockImplementation(function (this: ShardEngine, ...args) {
      if (args[3] === 'poison') throw new RangeError('a bug');
      return apply.apply(this, args);
    });
    const shard = await open();
    const body = logsPayloads({ items: 50 })[0]!;
    shard.accept('logs', 'otlp-protobuf', body, 'default');
    expect(() => shard.accept('logs', 'otlp-protobuf', body, 'poison')).toThrow(RangeError);
    shard.accept('metrics', 'otlp-protobuf', deployBody(0, false), 'default');
    const before = shard.stats();
    const warnings: string[] = [];
    const again = await DurableShard.open({
      shard: 0,
      settings: settings(),
      clock: { now: () => now },
      emit: () => undefined,
      onWarning: (message) => warnings.push(message),
    });
    const { series, logs, points, replayFaults } = again.stats();
    expect({ series, logs, points, replayFaults }).toEqual({
      series: before.series,
      logs: before.logs,
      points: before.points,
      replayFaults: 1,
    });
    expect(warnings).toEqual([expect.stringContaining('RangeError: a bug')]);
    again.close();
  });

  test('a snapshot that cannot be written is tried again later, and the log keeps everything meanwhile', async () => {
    const shard = await open();
    const body = logsPayloads({ items: 50 })[0]!;
    shard.accept('logs', 'otlp-protobuf', body, 'default');
    const folder = join(directory, 'snapshots');
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'no folder, so nothing can be written there');
    now += 300_000;
    shard.acknowledge(Number.MAX_SAFE_INTEGER);
    expect(() => shard.tick()).toThrow(expect.objectContaining({ code: 'unavailable' }));
    // Not at once again, and requests are taken.
    expect(() => shard.tick()).not.toThrow();
    shard.accept('logs', 'otlp-protobuf', body, 'default');
    rmSync(folder);
    mkdirSync(folder);
    now += 60_000;
    shard.tick();
    expect(readdirSync(folder)).toHaveLength(1);
    const { logs } = shard.stats();
    expect(logs).toBe(100);
    shard.close();
  });
});

describe('a snapshot written piece by piece', () => {
  test('is the state at its beginning, whatever comes in while it is written', async () => {
    const shard = await open();
    // More series than there was room for come while it is written.
    const inputs = [...input(600, 1200)].map(({ at, signal, body }) => ({ at, signal, body: body.slice() }));
    let expected = '';
    let taken = 0;
    let pieces = 0;
    const step = vi.spyOn(performance, 'now');
    let clock = 0;
    // Every look at the clock says that the time of a piece is over.
    step.mockImplementation(() => (clock += 1_000));
    for (const { at, signal, body } of inputs) {
      now = at;
      shard.accept(signal, 'otlp-protobuf', body, 'default');
      if (taken++ === 20) {
        shard.acknowledge(Number.MAX_SAFE_INTEGER);
        shard.tick();
        expected = shard.stateHash();
      }
      if (taken > 30 && taken % 2 === 0 && shard.continueSnapshot()) pieces++;
    }
    expect(pieces).toBeGreaterThan(8);
    while (shard.continueSnapshot());
    const folder = join(directory, 'snapshots');
    await vi.waitFor(() => expect(readdirSync(folder).filter((name) => name.endsWith('.snapshot'))).toHaveLength(1));
    const stored = await new FileSnapshotStore(folder).read(0);
    expect(hashState(stored!.parts)).toBe(expected);
    // Killed here: the snapshot and the log behind it give the state there was.
    const live = shard.stateHash();
    const again = await open();
    expect(again.stateHash()).toBe(live);
    again.close();
  });

  test('is given up for one that must be there at once', async () => {
    const shard = await open();
    const body = logsPayloads({ items: 50 })[0]!;
    shard.accept('logs', 'otlp-protobuf', body, 'default');
    shard.acknowledge(Number.MAX_SAFE_INTEGER);
    now += 3_600_000;
    shard.tick();
    shard.accept('logs', 'otlp-protobuf', body, 'default');
    const hash = shard.stateHash();
    shard.close();
    expect(readdirSync(join(directory, 'snapshots'))).toEqual([expect.stringMatching(/\.snapshot$/)]);
    const again = await open();
    expect(again.stateHash()).toBe(hash);
    again.close();
  });
});
