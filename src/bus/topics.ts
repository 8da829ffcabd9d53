import type { TopicSpec } from './bus.ts';

const HOUR_MS = 3_600_000;

/** Names of the topics; the number is the version of what is in them, not of its schema. */
export interface Topics {
  /** What gateways took in, keyed by virtual shard: the input log of each shard. */
  readonly signals: string;
  /** What detectors found, a partition per shard. */
  readonly reports: string;
  /** Snapshots of shards, in pieces. */
  readonly state: string;
  /** Per-service rollups for Flink. */
  readonly rollups: string;
  /** What Flink makes of them. */
  readonly features: string;
  /** Records that could not be read, with the reason. */
  readonly dlq: string;
}

export function topicNames(prefix: string): Topics {
  return {
    signals: `${prefix}signals.v1`,
    reports: `${prefix}reports.v1`,
    state: `${prefix}state.v1`,
    rollups: `${prefix}rollups.v1`,
    features: `${prefix}features.v1`,
    dlq: `${prefix}dlq.v1`,
  };
}

/**
 * @param partitions of everything that is keyed by virtual shard: fixed for the life of the topics, so choose for years.
 * @param retentionMs how long signals stay: several times the snapshot interval, for workers that must catch up.
 */
export function topicSpecs(names: Topics, partitions: number, retentionMs: number): TopicSpec[] {
  const kept = { 'retention.ms': String(Math.max(retentionMs, HOUR_MS)), 'max.message.bytes': String(8 << 20) };
  return [
    { name: names.signals, partitions, config: kept },
    { name: names.reports, partitions, config: kept },
    { name: names.state, partitions, config: { 'cleanup.policy': 'compact', 'max.message.bytes': String(8 << 20) } },
    { name: names.rollups, partitions, config: kept },
    { name: names.features, partitions, config: kept },
    {
      name: names.dlq,
      partitions: 1,
      config: { 'retention.ms': String(14 * 24 * HOUR_MS), 'max.message.bytes': String(8 << 20) },
    },
  ];
}
