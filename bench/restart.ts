import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProtoWriter } from '../src/ingest/wire/proto-writer.ts';
import { settingsSchema } from '../src/pipeline/settings.ts';
import { DurableShard } from '../src/pipeline/shard/durable-shard.ts';
import { cpuSeconds, movingBodies, quantile, reportBar } from './measure.ts';
import { metricsBody, PAYLOAD_TIME } from './payload.ts';

/**
 * Time from the start of a process to a shard that takes requests, with 1 M series in the last snapshot and a pass of all
 * of them in the log behind it: `node bench/restart.ts [series]`. Also how long saving state holds up the shard.
 */
const ROWS_PER_POINT = 1.4;
const STEP_MS = 10_000;
const START = Number(PAYLOAD_TIME / 1_000_000n);

const child = process.argv[2] === 'child';
const directory = child ? process.argv[3]! : mkdtempSync(join(tmpdir(), 'tocsin-restart-'));
const settings = settingsSchema.parse({
  data_dir: directory,
  ingest: { max_series_per_tenant: 2_000_000 },
  durability: { snapshot_every: '1s' },
});
let now = START;
let shard: DurableShard | undefined;
const open = async (): Promise<DurableShard> =>
  DurableShard.open({
    shard: 0,
    settings,
    clock: { now: () => now },
    emit: ({ sequence }) => shard?.acknowledge(sequence + 1),
  });

if (child) {
  shard = await open();
  const { series } = shard.stats();
  console.log(JSON.stringify({ series, wall: performance.now() / 1000, cpu: cpuSeconds() }));
  process.exit(0);
}

const bodies = Math.round(Number(process.argv[2] ?? 1_000_000) / ROWS_PER_POINT / 1000);
const writer = new ProtoWriter();
shard = await open();
for (let pass = 0; pass < 4; pass++) {
  if (pass === 2) {
    const started = performance.now();
    const cpu = cpuSeconds();
    if (!shard.snapshot()) throw new Error('no snapshot was taken');
    console.log(
      `saving ${shard.stats().series} series at once: ${((performance.now() - started) / 1000).toFixed(2)} s wall, ${(cpuSeconds() - cpu).toFixed(2)} s CPU`,
    );
  }
  // Piece by piece, a piece and four requests in turn, as the shard's thread does it.
  const pauses: number[] = [];
  const memory = process.memoryUsage().rss;
  let peak = 0;
  const pause = (work: () => unknown): boolean => {
    const started = performance.now();
    const result = work();
    pauses.push(performance.now() - started);
    return result === true;
  };
  let isSaving = false;
  if (pass === 3) {
    pause(() => shard!.tick());
    console.log(`a snapshot begins: ${pauses[0]!.toFixed(0)} ms`);
    isSaving = true;
  }
  for (let i = 0; i < bodies; i++) {
    const ms = pass * STEP_MS + (i / bodies) * STEP_MS * 0.9;
    now = START + ms + 100;
    const moving = movingBodies([metricsBody(writer, i * 1000, 1000)]);
    moving.set(0, ms, pass);
    shard.accept('metrics', 'otlp-protobuf', moving.bodies[0]!, 'default');
    if (!isSaving || i % 4 !== 0) continue;
    isSaving = pause(() => shard!.continueSnapshot());
    peak = Math.max(peak, process.memoryUsage().rss);
  }
  while (isSaving) isSaving = pause(() => shard!.continueSnapshot());
  if (pass < 3) continue;
  pauses.shift();
  console.log(
    `piece by piece: ${pauses.length} pieces of ${quantile(pauses, 0.5).toFixed(1)} ms, p99 ${quantile(pauses, 0.99).toFixed(1)} ms, longest ${Math.max(...pauses).toFixed(1)} ms, ` +
      `${(pauses.reduce((sum, ms) => sum + ms, 0) / 1000).toFixed(2)} s in all; ${((peak - memory) / 2 ** 20).toFixed(0)} MiB more while it lasted`,
  );
  // Until it is safe on disk.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
}
const size = (folder: string): string =>
  `${(readdirSync(join(directory, folder), { recursive: true, encoding: 'utf8' }).reduce((sum, name) => sum + statSync(join(directory, folder, name)).size, 0) / 2 ** 20).toFixed(0)} MiB`;
console.log(`snapshots ${size('snapshots')}, log ${size('input-log')}`);
// Not closed: the process that comes next finds what a kill leaves.
const done = spawnSync(process.execPath, [import.meta.filename, 'child', directory], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
rmSync(directory, { recursive: true, force: true });
const { series, wall, cpu } = JSON.parse(done.stdout) as { series: number; wall: number; cpu: number };
console.log(
  `ready with ${series} series after ${wall.toFixed(2)} s wall, ${cpu.toFixed(2)} s CPU, a pass of all series replayed`,
);
reportBar('restart', wall, `${cpu.toFixed(1)} s CPU`);
process.exit(0);
