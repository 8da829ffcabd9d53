import { z } from 'zod';
import { bytes, duration } from '../../config/fields.ts';
import { VIRTUAL_SHARDS } from '../../domain/units.ts';

const doc = <T extends z.ZodType>(field: T, description: string): T => field.meta({ ...field.meta(), description });

/** What joins the roles when they are processes of their own. */
export const busSchema = z
  .strictObject({
    brokers: doc(
      z.array(z.string().regex(/^[^:\s]+:\d+$/, 'must be host:port')).default([]),
      'Kafka brokers, host:port each; none: everything in one process.',
    ),
    topic_prefix: doc(z.string().default('tocsin.'), 'In front of the name of every topic.'),
    partitions: doc(
      z.int().min(1).max(VIRTUAL_SHARDS).default(16),
      'Partitions of topics that are keyed by service; fixed once the topics are made, so choose for years.',
    ),
    replicas: doc(z.int().min(1).max(9).default(3), 'Copies of each partition of topics that we make.'),
    retention: doc(
      duration({ min: 60_000 }).prefault('6h'),
      'How long signals stay on the bus; several times durability.snapshot_every.',
    ),
    session_timeout: doc(
      duration({ min: 2_000 }).prefault('10s'),
      'A worker not heard of for so long has lost its partitions.',
    ),
    max_waiting: doc(
      bytes().prefault('64MiB'),
      'Most that may wait for Kafka in a process; then senders are told to slow down.',
    ),
    snapshots: doc(
      z.enum(['files', 'bus']).default('bus'),
      'Where detectors keep state: in a compacted topic, or as files below data_dir (then shared by all of them).',
    ),
    rollups: doc(
      z.boolean().default(false),
      'Detectors also publish rollups per service and metric, which Flink makes features of (tocsin flink).',
    ),
    flink: z
      .strictObject({
        gateway: doc(z.string().default('http://127.0.0.1:8083'), 'URL of Flink’s SQL Gateway.'),
        jobmanager: doc(z.string().default('http://127.0.0.1:8081'), 'URL of Flink’s JobManager.'),
        lake: doc(
          z.string().default(''),
          'Where rollups are kept as Parquet, e.g. s3://bucket/tocsin; empty: nowhere.',
        ),
        correlate: doc(z.string().default('span.p99'), 'Metric that is correlated along calls.'),
        edges: doc(
          z.array(z.string().regex(/^.+ -> .+$/, 'must be "caller -> callee"')).default([]),
          'Calls along which services are correlated; none: no correlation.',
        ),
      })
      .prefault({} as never),
    schema_registry: doc(
      z.string().default(''),
      'URL of a registry with Confluent’s API, e.g. http://registry:8080/apis/ccompat/v7; empty: none.',
    ),
    collector: z
      .strictObject({
        metrics: doc(
          z.string().default(''),
          'Topic that a Collector’s Kafka exporter writes metrics to, e.g. otlp_metrics; empty: none.',
        ),
        logs: doc(z.string().default(''), 'The same for logs, e.g. otlp_logs.'),
        traces: doc(z.string().default(''), 'The same for traces, e.g. otlp_spans.'),
      })
      .prefault({} as never),
    tls: z
      .strictObject({
        on: doc(z.boolean().default(false), 'Encrypt connections to Kafka.'),
        ca: doc(
          z.string().default(''),
          'PEM of the authority that signed the brokers; also ca_file; empty: the system’s.',
        ),
        cert: doc(z.string().default(''), 'PEM of our own certificate; also cert_file.'),
        key: doc(z.string().default(''), 'PEM of its key; also key_file.'),
      })
      .prefault({} as never),
    sasl: z
      .strictObject({
        mechanism: doc(
          z.enum(['none', 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']).default('none'),
          'How to log in to Kafka.',
        ),
        username: doc(z.string().default(''), 'Name to log in with.'),
        password: doc(z.string().default(''), 'Password; also password_file.'),
      })
      .prefault({} as never),
  })
  .prefault({} as never);
