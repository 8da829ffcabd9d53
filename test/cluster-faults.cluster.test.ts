import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterEach, expect, test } from 'vitest';
import type { BusRecord } from '../src/bus/bus.ts';
import { decodeReport } from '../src/bus/codec/report-record.ts';
import { KafkaBus } from '../src/bus/kafka/kafka-bus.ts';
import { topicNames, topicSpecs } from '../src/bus/topics.ts';
import { BusSnapshots } from '../src/pipeline/cluster/bus-snapshots.ts';
import { GatewayIntake } from '../src/pipeline/cluster/gateway-intake.ts';
import { PartitionShard } from '../src/pipeline/cluster/partition-shard.ts';
import { settingsSchema } from '../src/pipeline/settings.ts';
import { createRng } from '../src/stats/rng.ts';
import { cluster } from './cluster.ts';
import { Program } from './program.ts';
import { traffic } from './traffic.ts';

/**
 * Real processes on real engines, killed at random: nothing acknowledged may be lost, the state must be that of an undisturbed
 * run, and nobody may be paged twice. TOCSIN_FAULTS sets how many faults there are; the seed is printed.
 */
const FAULTS = Number(process.env['TOCSIN_FAULTS'] ?? 10);
const SEED = Number(process.env['TOCSIN_SEED'] ?? 7);
const PARTITIONS = 4;
const STEPS = 240;

const clean: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of clean.splice(0).reverse()) await step();
});

test(`${FAULTS} faults (seed ${SEED}): nothing acknowledged is lost, the state is that of an undisturbed run, nobody is paged twice`, {
  timeout: 240_000 + FAULTS * 30_000,
}, async () => {
  const rng = createRng(SEED);
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-faults-'));
  clean.push(() => rmSync(folder, { recursive: true, force: true }));
  const pages = await receiver();
  const prefix = `faults-${randomUUID().slice(0, 8)}.`;
  const config = await configuration(folder, prefix, pages.url);
  const settings = settingsSchema.parse({});
  const bus = new KafkaBus({
    brokers: [cluster().kafka],
    clientId: 'test',
    replicas: 1,
    tls: null,
    sasl: null,
    sessionTimeoutMs: 6_000,
    maxWaitingBytes: 64 << 20,
  });
  clean.push(() => bus.close());
  const topics = topicNames(prefix);
  await bus.ensureTopics(topicSpecs(topics, PARTITIONS, settings.bus.retention));

  const workers = ['detector', 'detector', 'correlator'].map(
    (role, i) => new Worker(role, `${role}-${i}`, folder, config),
  );
  clean.push(() => Promise.all(workers.map((worker) => worker.end('SIGKILL'))));
  await Promise.all(workers.map((worker) => worker.start()));

  const gateway = new GatewayIntake({
    bus,
    topic: topics.signals,
    partitions: PARTITIONS,
    clock: { now: () => Date.now() },
    maxSeriesPerTenant: 1_000_000,
    maxFuture: settings.ingest.event_time.max_future,
  });
  let acknowledged = 0;
  const start = Math.floor(Date.now() / 10_000) * 10_000 - STEPS * 10_000;
  const requests = traffic({ seed: SEED, start, steps: STEPS, fault: [STEPS - 60, STEPS - 20] });
  const faultAt = new Set(Array.from({ length: FAULTS }, (_, i) => Math.floor(((i + 0.5) * requests.length) / FAULTS)));
  for (const [i, { signal, body }] of requests.entries()) {
    if (faultAt.has(i)) await fault();
    // As an exporter does it: again until it is taken.
    for (;;) {
      try {
        const { accepted } = await gateway.accept(signal, 'otlp-protobuf', body, 'default');
        if (signal === 'metrics') acknowledged += accepted;
        break;
      } catch (error) {
        expect((error as { code?: string }).code).toMatch(/unavailable|overloaded/);
        await sleep(500);
      }
    }
    if (i % 30 === 0) await gateway.heartbeat().catch(() => undefined);
  }

  async function fault(): Promise<void> {
    const draw = rng.next();
    if (draw < 0.45) await workers[rng.next() < 0.5 ? 0 : 1]!.again('SIGKILL');
    else if (draw < 0.6) await workers[rng.next() < 0.5 ? 0 : 1]!.again('SIGTERM');
    else if (draw < 0.85) await workers[2]!.again('SIGKILL');
    else if (draw < 0.93) engine('kill', 'postgres', 'postgres');
    else engine('kill', 'kafka', 'kafka');
  }

  // The reference: the same records, undisturbed, in this process.
  const records = await read(bus, topics.signals);
  const points = records.flat().length;
  expect(points).toBeGreaterThan(0);
  const expected = records.map((list, partition) => {
    const sequences: string[] = [];
    const shard = new PartitionShard({
      partition,
      settings,
      emit: (report) => sequences.push(`${report.sequence}@${report.at}:${report.services.map((s) => s.p).join()}`),
    });
    for (const record of list) shard.apply(record);
    return { shard, sequences };
  });
  expect(expected.reduce((sum, { shard }) => sum + shard.stats().points, 0)).toBeGreaterThanOrEqual(acknowledged);

  await until('every report is on the bus', 120_000, async () => {
    const reports = await read(bus, topics.reports);
    return reports.every((list, partition) => {
      const found = new Map<number, string>();
      for (const { value, headers } of list) {
        if (headers['kind'] === 'stats') continue;
        const report = decodeReport(value);
        const text = `${report.sequence}@${report.at}:${report.services.map((s) => s.p).join()}`;
        // A report that comes again is the same report.
        if (found.has(report.sequence)) expect(text).toBe(found.get(report.sequence));
        found.set(report.sequence, text);
      }
      const texts = [...found.entries()].toSorted(([a], [b]) => a - b).map(([, text]) => text);
      expect(texts).toEqual(expected[partition]!.sequences.slice(0, texts.length));
      return texts.length === expected[partition]!.sequences.length;
    });
  });
  await until('the fault is an incident', 90_000, async () => (await incidents(workers[2]!)).length > 0);
  await until('the page has left', 90_000, async () => pages.seen.length > 0);

  await Promise.all([workers[0]!.end('SIGTERM'), workers[1]!.end('SIGTERM')]);
  const snapshots = new BusSnapshots(bus, topics.state, join(folder, 'scratch'));
  for (const [partition, { shard }] of expected.entries()) {
    const again = new PartitionShard({ partition, settings, emit: () => undefined });
    again.restore((await snapshots.read(partition))!);
    for (const record of records[partition]!) again.apply(record);
    expect(again.stateHash()).toBe(shard.stateHash());
  }
  const delivered = pages.seen.map(({ id }) => id);
  expect(delivered.length).toBe(new Set(delivered).size);
  console.log(`acknowledged ${acknowledged} points in ${points} records; ${pages.seen.length} pages`);
});

/** A process of the cluster, started again whenever it ends by itself, as a supervisor would. */
class Worker {
  readonly #role: string;
  readonly #name: string;
  readonly #folder: string;
  readonly #config: string;
  #program: Program | null = null;
  #wanted = true;
  api = '';

  constructor(role: string, name: string, folder: string, config: string) {
    this.#role = role;
    this.#name = name;
    this.#folder = folder;
    this.#config = config;
  }

  async start(): Promise<void> {
    this.#wanted = true;
    const data = join(this.#folder, this.#name);
    const program = new Program(['serve', '--config', this.#config, '--role', this.#role, '--data-dir', data]);
    this.#program = program;
    void program.ended.then(() => {
      if (this.#wanted && this.#program === program) void this.start();
    });
    while (this.#program === program && !/roles {6}/.test(program.stdout)) await sleep(50);
    this.api = /page and API\s+(\S+)/.exec(program.stdout)?.[1] ?? this.api;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#wanted = false;
    const program = this.#program;
    this.#program = null;
    if (program === null || program.child.exitCode !== null) return;
    program.child.kill(signal);
    await program.ended;
  }

  async again(signal: NodeJS.Signals): Promise<void> {
    await this.end(signal);
    void this.start();
  }
}

function engine(command: 'kill', name: string, up: string): void {
  const main = join(import.meta.dirname, '..', 'scripts', 'cluster', 'main.ts');
  execFileSync(process.execPath, [main, command, name], { stdio: 'ignore' });
  execFileSync(process.execPath, [main, 'up', up], { stdio: 'ignore' });
}

/** Everything on a topic, by partition. */
async function read(bus: KafkaBus, topic: string): Promise<BusRecord[][]> {
  const ends = await bus.ends(topic);
  const out: BusRecord[][] = ends.map(() => []);
  const left = new Set(ends.flatMap(({ first, next }, partition) => (next > first ? [partition] : [])));
  const done = Promise.withResolvers<void>();
  if (left.size === 0) return out;
  const reader = bus.reader(
    topic,
    (records) => {
      const { partition, offset } = records.at(-1)!;
      out[partition]!.push(...records.filter((record) => record.offset < ends[partition]!.next));
      if (offset >= ends[partition]!.next - 1) left.delete(partition);
      if (left.size === 0) done.resolve();
    },
    (error) => done.reject(error),
  );
  for (const partition of left) reader.start(partition, ends[partition]!.first);
  await done.promise;
  await reader.close();
  return out;
}

async function incidents(worker: Worker): Promise<readonly unknown[]> {
  const answer = await fetch(`${worker.api}/api/v1/incidents`).catch(() => null);
  return answer?.ok === true ? ((await answer.json()) as { items: unknown[] }).items : [];
}

async function until(what: string, patience: number, done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + patience;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await sleep(500);
  }
}

/** A webhook receiver that remembers what it was sent. */
async function receiver(): Promise<{ readonly url: string; readonly seen: { readonly id: string }[] }> {
  const seen: { id: string }[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString();
      seen.push({ id: `${String(request.headers['idempotency-key'] ?? '')}${body}` });
      response.writeHead(200).end();
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  clean.push(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, seen };
}

async function configuration(folder: string, prefix: string, webhook: string): Promise<string> {
  const name = `faults_${randomUUID().replaceAll('-', '')}`;
  const client = new Client({ connectionString: cluster().postgres });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  clean.push(async () => {
    const dropper = new Client({ connectionString: cluster().postgres });
    await dropper.connect();
    await dropper.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await dropper.end();
  });
  const url = new URL(cluster().postgres);
  url.pathname = `/${name}`;
  const file = join(folder, 'tocsin.yaml');
  writeFileSync(
    file,
    `ingest: { grpc: "off", http: "off" }
api:
  listen: 127.0.0.1:0
store:
  postgres: ${url.href}
bus:
  brokers: ["${cluster().kafka}"]
  partitions: ${PARTITIONS}
  replicas: 1
  topic_prefix: ${prefix}
  session_timeout: 6s
durability:
  snapshot_every: 3s
receivers:
  - name: hook
    webhook_configs:
      - url: ${webhook}
route:
  receiver: hook
  group_wait: 0s
`,
  );
  return file;
}
