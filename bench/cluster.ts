import { pathToFileURL } from 'node:url';
import { compressionsAlgorithms } from '@platformatic/kafka';
import type { Bus, BusMessage, BusRecord } from '../src/bus/bus.ts';
import { MemoryBus } from '../src/bus/memory/memory-bus.ts';
import { GatewayIntake } from '../src/pipeline/cluster/gateway-intake.ts';
import { PartitionShard } from '../src/pipeline/cluster/partition-shard.ts';
import { ShardEngine } from '../src/pipeline/engine/shard-engine.ts';
import { settingsSchema } from '../src/pipeline/settings.ts';
import { cpuSeconds, median, movingBodies, reportBar } from './measure.ts';
import { metricsPayloads, PAYLOAD_TIME } from './payload.ts';

/**
 * What the bus costs, without a broker: `node bench/cluster.ts [series]`. Gateway: OTLP bytes to records, CPU time. Worker: records to
 * p-values, against an embedded shard that is handed the same bodies, in alternating passes of one run. Compression and its
 * undoing are part of both; the broker and the network are not.
 */
const STEP_MS = 10_000;
const START_MS = Number(PAYLOAD_TIME / 1_000_000n);
const PASSES = 12;
const WARM = 4;
const { lz4 } = compressionsAlgorithms;
const settings = settingsSchema.parse({ ingest: { max_series_per_tenant: 2_000_000 } });

/** Takes records over and keeps those of the last pass. */
class Keeper extends MemoryBus {
  records: BusRecord[] = [];
  raw = 0;
  override producer(): ReturnType<Bus['producer']> {
    return {
      send: async (messages: readonly BusMessage[]) => {
        for (const { partition, value, headers } of messages) {
          this.raw += value.length;
          const packed = lz4.compressSync(Buffer.from(value.buffer, value.byteOffset, value.length));
          this.records.push({
            partition,
            offset: this.#next++,
            timestamp: 0,
            key: '',
            value: packed,
            headers: headers ?? {},
          });
        }
      },
      close: async () => undefined,
    };
  }
  #next = 0;
}

async function main(series: number): Promise<void> {
  const moving = movingBodies(metricsPayloads({ series, pointsPerRequest: 1_000 }));
  const bus = new Keeper();
  let now = START_MS;
  const gateway = new GatewayIntake({
    bus,
    topic: 'signals',
    partitions: 1,
    clock: { now: () => now },
    maxSeriesPerTenant: 2_000_000,
    maxFuture: settings.ingest.event_time.max_future,
  });
  const worker = new PartitionShard({ partition: 0, settings, emit: () => undefined });
  const embedded = new ShardEngine({ shard: 0, settings, emit: () => undefined });
  const spent = { gateway: [] as number[], worker: [] as number[], embedded: [] as number[] };
  let raw = 0;
  let packed = 0;
  for (let pass = 0; pass < WARM + PASSES; pass++) {
    bus.records = [];
    bus.raw = 0;
    const times = { gateway: 0, worker: 0, embedded: 0 };
    for (let i = 0; i < moving.bodies.length; i++) {
      const ms = pass * STEP_MS + (i / moving.bodies.length) * STEP_MS * 0.9;
      moving.set(i, ms, pass);
      now = START_MS + ms + 100;
      let from = cpuSeconds();
      await gateway.accept('metrics', 'otlp-protobuf', moving.bodies[i]!, 'default');
      times.gateway += cpuSeconds() - from;
      from = cpuSeconds();
      embedded.accept('metrics', 'otlp-protobuf', moving.bodies[i]!, 'default', now);
      times.embedded += cpuSeconds() - from;
    }
    for (const record of bus.records) {
      const from = cpuSeconds();
      worker.apply({ ...record, value: new Uint8Array(lz4.decompressSync(record.value as Buffer)) });
      times.worker += cpuSeconds() - from;
    }
    if (pass < WARM) continue;
    for (const name of ['gateway', 'worker', 'embedded'] as const) spent[name].push(times[name]);
    raw = bus.raw;
    packed = bus.records.reduce((sum, { value }) => sum + value.length, 0);
  }
  const rate = (name: keyof typeof spent): number => moving.points / median(spent[name]) / 1e6;
  const ratios = spent.worker.map((seconds, i) => spent.embedded[i]! / seconds);
  const share = median(ratios);
  console.log(
    `${series} series: gateway ${rate('gateway').toFixed(2)}, worker ${rate('worker').toFixed(2)}, embedded ${rate('embedded').toFixed(2)} M points/s`,
  );
  reportBar(
    'gateway',
    rate('gateway'),
    `${series / 1_000} k series; ${(counted(gateway) * 100).toFixed(1)} % of points as columns`,
  );
  reportBar('worker-share', share, `worker ${rate('worker').toFixed(2)} M points/s; broker and network left out`);
  reportBar(
    'bus-bytes',
    packed / moving.points,
    `${(raw / moving.points).toFixed(1)} before lz4, 10 % histograms of 15 buckets`,
  );
}

const counted = ({ counters }: GatewayIntake): number => counters.columns / counters.points;

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(Number(process.argv[2] ?? 100_000));
