import { shareOut } from '../../bus/sharing.ts';
import { VIRTUAL_SHARDS } from '../../domain/units.ts';
import { shardOf, virtualShardOf } from '../../ingest/shard-router.ts';
import { createRng } from '../../stats/rng.ts';
import type { Output } from '../output.ts';

export interface Load {
  /** Samples a second. */
  readonly points: number;
  readonly series: number;
  /** Log lines and spans a second. */
  readonly logs: number;
  readonly spans: number;
  /** Of signals on the bus, hours. */
  readonly retentionHours: number;
  readonly services: number;
  readonly replicas: number;
}

/**
 * What one core or one broker takes, as `tocsin bench` measured it on 2 cores of an AMD EPYC (bench/results.md), used at half: the
 * other half is for bursts, catching up and neighbours.
 */
const MEASURED = {
  gatewayPoints: 2.0e6,
  detectorPoints: 1.0e6,
  logs: 3.0e6,
  spans: 1.5e6,
  bytesPerSeries: 1_200,
  bytesPerPoint: 10,
  /** Logs and spans cross as they came, compressed. */
  bytesPerLog: 60,
  bytesPerSpan: 70,
};
const USED = 0.5;
/** Written by one broker, replicas included. */
const BROKER_BYTES = 100e6;
/** Rollup rows that one Flink slot takes, the low end of published figures. */
const SLOT_ROWS = 25_000;
/** Series behind a rollup row, and seconds between two. */
const SERIES_PER_ROLLUP = 100;
const TICK_SECONDS = 10;
/** Series that a worker should hold, so that a restore is a matter of seconds. */
const SERIES_PER_WORKER = 1e6;

export interface Capacity {
  readonly gatewayCores: number;
  readonly detectorCores: number;
  readonly detectorMemoryGb: number;
  readonly partitions: number;
  readonly brokers: number;
  readonly busMbPerSecond: number;
  readonly busGb: number;
  readonly flinkSlots: number;
}

/** What a load needs. Figures are rounded up; none is below what a highly available installation wants. */
export function capacityFor(load: Load): Capacity {
  const cores = (perSecond: number, perCore: number): number => perSecond / (perCore * USED);
  const gatewayCores =
    cores(load.points, MEASURED.gatewayPoints) + cores(load.logs, MEASURED.logs) + cores(load.spans, MEASURED.spans);
  const detectorCores = Math.max(
    cores(load.points, MEASURED.detectorPoints) + cores(load.logs, MEASURED.logs) + cores(load.spans, MEASURED.spans),
    load.series / SERIES_PER_WORKER,
  );
  const bytes =
    load.points * MEASURED.bytesPerPoint + load.logs * MEASURED.bytesPerLog + load.spans * MEASURED.bytesPerSpan;
  // Twice the workers, so that there is room to grow: a partition is never split.
  const partitions = Math.min(VIRTUAL_SHARDS, Math.max(16, 2 ** Math.ceil(Math.log2(detectorCores * 4))));
  return {
    gatewayCores: Math.max(2, Math.ceil(gatewayCores)),
    detectorCores: Math.max(2, Math.ceil(detectorCores)),
    detectorMemoryGb: Math.ceil((load.series * MEASURED.bytesPerSeries * 2) / 1e9),
    partitions,
    brokers: Math.max(3, Math.ceil((bytes * load.replicas) / BROKER_BYTES)),
    busMbPerSecond: bytes / 1e6,
    busGb: (bytes * load.replicas * load.retentionHours * 3_600) / 1e9,
    flinkSlots: Math.max(1, Math.ceil(load.series / SERIES_PER_ROLLUP / TICK_SECONDS / SLOT_ROWS)),
  };
}

export interface Skew {
  /** Load of the fullest worker over the mean. */
  readonly fullest: number;
  /** Share of the partitions that change hands when one worker leaves, and one is added. */
  readonly movedOnLeave: number;
  readonly movedOnJoin: number;
}

/**
 * How evenly services spread over workers, and what a rebalance moves: services of very different size (Zipf), hashed to virtual
 * shards as they really are, partitions given out as the consumer group does it.
 */
export function simulateSkew(services: number, partitions: number, workers: number, seed = 1): Skew {
  const rng = createRng(seed);
  const load = new Float64Array(partitions);
  for (let i = 0; i < services; i++) {
    const weight = 1 / (1 + i) ** 0.8;
    load[shardOf(virtualShardOf('default', `service-${rng.int(1e9)}`), partitions)]! += weight;
  }
  const owners = (count: number): string[] =>
    shareOut(
      partitions,
      Array.from({ length: count }, (_, worker) => `worker-${worker}`),
    );
  const now = owners(workers);
  const perWorker = new Map<string, number>();
  for (let p = 0; p < partitions; p++) perWorker.set(now[p]!, (perWorker.get(now[p]!) ?? 0) + load[p]!);
  const mean = [...perWorker.values()].reduce((sum, value) => sum + value, 0) / workers;
  const moved = (to: number): number => {
    const then = owners(to);
    return now.filter((worker, p) => worker !== then[p]).length / partitions;
  };
  return {
    fullest: Math.max(...perWorker.values()) / mean,
    movedOnLeave: workers > 1 ? moved(workers - 1) : 0,
    movedOnJoin: moved(workers + 1),
  };
}

/** Prints what a load needs, and how even it will be. */
export function capacity(load: Load, output: Output): number {
  const need = capacityFor(load);
  const workers = Math.min(need.partitions, need.detectorCores);
  const skew = simulateSkew(load.services, need.partitions, workers);
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  const rows: [string, string][] = [
    ['gateways', `${need.gatewayCores} cores`],
    ['detectors', `${need.detectorCores} cores (one process each), ${need.detectorMemoryGb} GB of memory together`],
    ['partitions', `${need.partitions} (bus.partitions; fixed once the topics are made)`],
    ['brokers', `${need.brokers}`],
    [
      'bus',
      `${need.busMbPerSecond.toFixed(1)} MB/s in, ${need.busGb.toFixed(0)} GB kept with ${load.replicas} replicas`,
    ],
    ['Flink', `${need.flinkSlots} slots`],
    ['correlator', '1 core, and one that stands by; PostgreSQL 2 cores'],
    [
      'skew',
      `${workers} workers, ${load.services} services: the fullest has ${skew.fullest.toFixed(1)} times the mean`,
    ],
    [
      'rebalance',
      `a worker that leaves moves ${percent(skew.movedOnLeave)} of the partitions, one that joins ${percent(skew.movedOnJoin)}`,
    ],
  ];
  for (const [name, text] of rows) output.line(`${name.padEnd(12)} ${text}`);
  return 0;
}
