import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import type { BusRecord } from '../src/bus/bus.ts';
import { decodeRollups, encodeRollups } from '../src/bus/codec/rollup-record.ts';
import { KafkaBus } from '../src/bus/kafka/kafka-bus.ts';
import { topicNames } from '../src/bus/topics.ts';
import type { Rollup, RollupBatch } from '../src/domain/signal/rollup.ts';
import { pearson, ServiceWindows } from '../src/features/service-window/service-window.ts';
import { addValue } from '../src/features/service-window/value-sketch.ts';
import { FlinkCluster } from '../src/pipeline/flink/gateway.ts';
import { applyPlan, compareState, desiredPlan } from '../src/pipeline/flink/reconcile.ts';
import { compileFlinkPlan } from '../src/pipeline/flink/sql.ts';
import { settingsSchema } from '../src/pipeline/settings.ts';
import { createRng } from '../src/stats/rng.ts';
import { cluster } from './cluster.ts';

const bus = new KafkaBus({
  brokers: [cluster().kafka],
  clientId: 'flink-test',
  replicas: 1,
  tls: null,
  sasl: null,
  sessionTimeoutMs: 10_000,
  maxWaitingBytes: 64 << 20,
});
afterAll(() => bus.close());

const START = Math.floor(1_700_000_000_000 / 3_600_000) * 3_600_000;
const SERVICES = ['front', 'cart', 'ledger'];

/** 70 minutes of three services: large means with small variance among them, negative values, a metric that comes and goes. */
function* rollups(): Generator<RollupBatch> {
  const rng = createRng(11);
  for (let tick = 0; tick < 420; tick++) {
    for (const [i, service] of SERVICES.entries()) {
      const wave = Math.sin(tick / 9);
      const rows: Rollup[] = [
        rollup('latency', [1e6 + wave + 0.1 * rng.normal(), 1e6 + wave + 0.1 * rng.normal()]),
        rollup('balance', [-3 + rng.normal(), 5 * rng.normal()]),
      ];
      if (tick % 50 < 20) rows.push(rollup('queue', [rng.int(9) + i]));
      yield { tenant: 'default', service, tick: START + tick * 10_000, rows };
    }
  }
}

function rollup(metric: string, values: readonly number[]): Rollup {
  const sketch = new Map<number, number>();
  for (const value of values) addValue(sketch, value);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const m2 = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { metric, count: values.length, mean, m2, min: Math.min(...values), max: Math.max(...values), sketch };
}

test('Flink and the embedded engine make the same features of the same rollups, to 1e-9', async () => {
  const run = randomUUID().slice(0, 8);
  const topics = { rollups: `flink-${run}.rollups.v1`, features: `flink-${run}.features.v1` };
  await bus.ensureTopics([
    { name: topics.rollups, partitions: 2 },
    { name: topics.features, partitions: 1 },
  ]);
  const producer = bus.producer();
  const windows = new ServiceWindows();
  const balance = new Map<string, number[]>(SERVICES.map((service) => [service, []]));
  for (const batch of rollups()) {
    const value = encodeRollups(batch);
    expect(decodeRollups(value)).toEqual(batch);
    await producer.send([{ topic: topics.rollups, partition: SERVICES.indexOf(batch.service) % 2, value }]);
    windows.add(batch);
    balance.get(batch.service)!.push(batch.rows[1]!.mean);
  }
  const expected = windows.close();

  const plan = compileFlinkPlan({
    brokers: [cluster().kafka],
    rollups: topics.rollups,
    features: topics.features,
    edges: [{ caller: 'front', callee: 'cart' }],
    correlate: 'balance',
    bounded: true,
    lake: '',
  });
  const flink = new FlinkCluster(cluster().gateway, cluster().flink);
  const job = await flink.run(plan.statements);
  expect(job).not.toBeNull();
  expect(await flink.ended(job!)).toBe('FINISHED');

  const rows = (await read(topics.features)).map(
    ({ value }) => JSON.parse(new TextDecoder().decode(value)) as Record<string, number | string | null>,
  );
  const found = new Map(rows.filter((row) => row['caller'] === null).map((row) => [keyOf(row), row]));
  expect(found.size).toBe(expected.length);
  for (const row of expected) {
    const other = found.get(keyOf({ ...row, start_ms: row.start }));
    expect(other, `${row.service} ${row.metric} ${row.window} ${row.start}`).toBeDefined();
    // A rate is a difference of means: what it can be exact to is what they are.
    for (const name of ['count', 'mean', 'variance', 'min', 'max', 'p50', 'p99', 'rate'] as const)
      near(
        row[name],
        other![name] as number | null,
        `${name} of ${JSON.stringify(row)}`,
        name === 'rate' ? Math.abs(row.mean) : 1,
      );
  }
  const correlations = rows
    .filter((row) => row['caller'] === 'front')
    .sort((a, b) => Number(a['start_ms']) - Number(b['start_ms']));
  expect(correlations).toHaveLength(14);
  for (const [i, row] of correlations.entries()) {
    const part = (service: string): number[] => balance.get(service)!.slice(i * 30, i * 30 + 30);
    near(pearson(part('front'), part('cart')), row['correlation'] as number, `correlation ${i}`);
  }
}, 240_000);

test('apply starts what is asked for and stops what is not, with a savepoint; windows come while it runs', async () => {
  const prefix = `flink-${randomUUID().slice(0, 8)}.`;
  const settings = (edges: readonly string[]) =>
    settingsSchema.parse({ bus: { brokers: [cluster().kafka], topic_prefix: prefix, flink: { edges } } });
  const topics = topicNames(prefix);
  await bus.ensureTopics([
    { name: topics.rollups, partitions: 1 },
    { name: topics.features, partitions: 1 },
  ]);
  const flink = new FlinkCluster(cluster().gateway, cluster().flink);
  const steps: string[] = [];
  const first = desiredPlan(settings([]));
  const { job } = await applyPlan(flink, first, (text) => steps.push(text));
  expect((await applyPlan(flink, first, (text) => steps.push(text))).job).toBe(job);

  const producer = bus.producer();
  for (let tick = 0; tick < 20; tick++)
    await producer.send([
      {
        topic: topics.rollups,
        partition: 0,
        value: encodeRollups({ tenant: 't', service: 's', tick: START + tick * 10_000, rows: [rollup('m', [tick])] }),
      },
    ]);
  await until(async () => (await bus.ends(topics.features))[0]!.next >= 3);

  const second = desiredPlan(settings(['a -> b']));
  expect(second.name).not.toBe(first.name);
  const { savepoints } = await applyPlan(flink, second, (text) => steps.push(text));
  expect(savepoints).toHaveLength(1);
  const { current, others } = await compareState(flink, second);
  expect(current?.state).toBe('RUNNING');
  expect(others).toEqual([]);
  await flink.stop(current!.id);
}, 180_000);

async function until(done: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 240 && !(await done()); i++) await new Promise((resolve) => setTimeout(resolve, 250));
  expect(await done()).toBe(true);
}

const keyOf = (row: Readonly<Record<string, unknown>>): string =>
  [row['tenant'], row['service'], row['metric'], row['window'], row['start_ms']].join(' ');

function near(ours: number | null, theirs: number | null, what: string, scale = 1): void {
  if (ours === null || theirs === null) expect(theirs, what).toBe(ours);
  else
    expect(Math.abs(ours - theirs), `${what}: ${ours} and ${theirs}`).toBeLessThanOrEqual(
      1e-9 * Math.max(1, scale, Math.abs(ours)),
    );
}

async function read(topic: string): Promise<BusRecord[]> {
  const [end] = await bus.ends(topic);
  const out: BusRecord[] = [];
  const done = Promise.withResolvers<void>();
  const reader = bus.reader(
    topic,
    (records) => {
      out.push(...records);
      if (out.at(-1)!.offset >= end!.next - 1) done.resolve();
    },
    (error) => done.reject(error),
  );
  reader.start(0, end!.first);
  await done.promise;
  await reader.close();
  return out;
}
