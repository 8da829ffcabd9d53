import {
  Admin,
  Consumer,
  type GroupPartitionsAssigner,
  ListOffsetTimestamps,
  type SASLOptions,
} from '@platformatic/kafka';
import { TocsinError } from '../../domain/error.ts';
import type { Bus, BusMember, BusProducer, BusReader, OnRecords, Sharing, TopicSpec } from '../bus.ts';
import { shareOut } from '../sharing.ts';
import { KafkaProducer } from './kafka-producer.ts';
import { KafkaReader } from './kafka-reader.ts';

export interface KafkaOptions {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Copies of each partition of topics that we make. */
  readonly replicas: number;
  /** PEM texts; null for plain text. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | null;
  readonly sasl: {
    readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
    readonly username: string;
    readonly password: string;
  } | null;
  /** A member that was not heard of for so long has lost its partitions. */
  readonly sessionTimeoutMs: number;
  /** Most bytes that may wait for the broker; beyond it senders are told to slow down. */
  readonly maxWaitingBytes: number;
}

const REQUEST_TIMEOUT_MS = 10_000;

/** The bus on Apache Kafka. */
export class KafkaBus implements Bus {
  readonly #options: KafkaOptions;
  readonly #base;
  readonly #admin: Admin;
  readonly #closers = new Set<() => Promise<void>>();

  constructor(options: KafkaOptions) {
    this.#options = options;
    const { tls, sasl } = options;
    const secured = tls === null ? {} : { tls: stripped({ ca: tls.ca, cert: tls.cert, key: tls.key }) };
    const known = sasl === null ? {} : { sasl: sasl as SASLOptions };
    this.#base = {
      clientId: options.clientId,
      bootstrapBrokers: [...options.brokers],
      requestTimeout: REQUEST_TIMEOUT_MS,
      ...secured,
      ...known,
    };
    this.#admin = new Admin({ ...this.#base, retries: 5 });
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    await reach(async () => {
      const known = new Set(await this.#admin.listTopics());
      for (const { name, partitions, config } of topics) {
        if (known.has(name)) continue;
        await this.#admin
          .createTopics({
            topics: [name],
            partitions,
            replicas: this.#options.replicas,
            configs: Object.entries(config ?? {}).map(([key, value]) => ({ name: key, value })),
          })
          // Another process may have been quicker.
          .catch((error: unknown) => {
            if (!/TOPIC_ALREADY_EXISTS|already exists/i.test(describe(error))) throw error;
          });
      }
      const metadata = await this.#admin.metadata({ topics: topics.map(({ name }) => name), forceUpdate: true });
      for (const { name, partitions } of topics) {
        const have = metadata.topics.get(name)?.partitionsCount;
        if (have !== partitions)
          throw new TocsinError('invalid_config', `topic ${name} has ${have ?? 'no'} partitions, not ${partitions}`);
      }
    });
  }

  producer(): BusProducer {
    const producer = new KafkaProducer(this.#base, this.#options.maxWaitingBytes);
    this.#closers.add(() => producer.close());
    return producer;
  }

  reader(topic: string, onRecords: OnRecords, onFailure: (error: Error) => void): BusReader {
    const consumer = this.#consumer(`${this.#options.clientId}-reader`);
    const reader = new KafkaReader(consumer, topic, onRecords, onFailure);
    this.#closers.add(() => reader.close());
    return reader;
  }

  async join(
    group: string,
    topic: string,
    sharing: Sharing,
    onAssigned: (partitions: readonly number[]) => Promise<void>,
  ): Promise<BusMember> {
    const consumer = this.#consumer(group, sharing);
    let told = Promise.resolve();
    consumer.topics.track(topic);
    consumer.on('consumer:group:join', ({ assignments }) => {
      const mine = (assignments ?? []).filter((entry) => entry.topic === topic).flatMap((entry) => entry.partitions);
      told = told.then(() => onAssigned(mine.toSorted((a, b) => a - b)));
    });
    // A member that was thrown out joins again by itself; what went wrong shows in its next fetch or commit.
    consumer.on('consumer:heartbeat:error', () => undefined);
    await reach(() => consumer.joinGroup({}));
    const leave = async (): Promise<void> => {
      this.#closers.delete(leave);
      await quiet(() => consumer.leaveGroup(true));
      await quiet(() => consumer.close(true));
      await told;
    };
    this.#closers.add(leave);
    return {
      commit: async (offsets) => {
        const owned = new Set((consumer.assignments ?? []).flatMap((entry) => entry.partitions));
        const mine = [...offsets].filter(([partition]) => owned.has(partition));
        if (mine.length === 0) return;
        const entries = mine.map(([partition, offset]) => ({
          topic,
          partition,
          offset: BigInt(offset),
          leaderEpoch: -1,
        }));
        // The generation may end at any moment: whoever owns the partition then commits.
        await consumer.commit({ offsets: entries }).catch(() => undefined);
      },
      leave,
    };
  }

  async committed(group: string, topic: string): Promise<readonly number[]> {
    const count = (await this.ends(topic)).length;
    const partitions = Array.from({ length: count }, (_, partition) => partition);
    const consumer = this.#consumer(group);
    try {
      const found = await reach(() => consumer.listCommittedOffsets({ topics: [{ topic, partitions }] }));
      return partitions.map((partition) => Number(found.get(topic)?.[partition] ?? -1n));
    } finally {
      await consumer.close(true).catch(() => undefined);
    }
  }

  async ends(topic: string): Promise<readonly { first: number; next: number }[]> {
    return reach(async () => {
      const metadata = await this.#admin.metadata({ topics: [topic], forceUpdate: true });
      const count = metadata.topics.get(topic)?.partitionsCount ?? 0;
      const list = async (timestamp: bigint): Promise<Map<number, number>> => {
        const partitions = Array.from({ length: count }, (_, partitionIndex) => ({ partitionIndex, timestamp }));
        const [found] = await this.#admin.listOffsets({ topics: [{ name: topic, partitions }] });
        return new Map(found?.partitions.map((entry) => [entry.partitionIndex, Number(entry.offset)]));
      };
      const first = await list(ListOffsetTimestamps.EARLIEST);
      const next = await list(ListOffsetTimestamps.LATEST);
      return Array.from({ length: count }, (_, partition) => ({
        first: first.get(partition) ?? 0,
        next: next.get(partition) ?? 0,
      }));
    });
  }

  async close(): Promise<void> {
    // A closer takes itself out of the set.
    for (const close of Array.from(this.#closers)) await close();
    await this.#admin.close();
  }

  #consumer(groupId: string, sharing: Sharing = 'even'): Consumer {
    const { sessionTimeoutMs } = this.#options;
    return new Consumer({
      ...this.#base,
      groupId,
      retries: 5,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: Math.max(sessionTimeoutMs, 10_000),
      heartbeatInterval: Math.max(200, Math.floor(sessionTimeoutMs / 10)),
      partitionAssigner: sharing === 'one' ? oneOwner : even,
    });
  }
}

/** See `shareOut`; by the ids of members, which they keep while they live. */
const even: GroupPartitionsAssigner = (_current, members, topics, metadata) => {
  const ids = [...members.keys()];
  const owners = new Map(
    [...topics].map((topic) => [topic, shareOut(metadata.topics.get(topic)!.partitionsCount, ids)]),
  );
  return ids.map((memberId) => ({
    memberId,
    assignments: new Map(
      [...owners].map(([topic, owner]) => {
        const partitions = owner.flatMap((id, partition) => (id === memberId ? [partition] : []));
        return [topic, { topic, partitions }];
      }),
    ),
  }));
};

/** Everything to one member; the others stand by. */
const oneOwner: GroupPartitionsAssigner = (_current, members, topics, metadata) => {
  const ids = [...members.keys()].toSorted();
  return ids.map((memberId, index) => ({
    memberId,
    assignments: new Map(
      [...topics].map((topic) => {
        const count = index === 0 ? metadata.topics.get(topic)!.partitionsCount : 0;
        return [topic, { topic, partitions: Array.from({ length: count }, (_, p) => p) }];
      }),
    ),
  }));
};

/** Errors of the client as ours, so that callers know that trying again helps. */
async function reach<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TocsinError) throw error;
    throw new TocsinError('unavailable', `Kafka: ${describe(error)}`, { cause: error, retryAfterMs: 1_000 });
  }
}

/** What the client wraps in several layers, in one line. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = 'errors' in error ? (error.errors as unknown[]) : [error.cause].filter((cause) => cause !== undefined);
  return [error.message, ...inner.map(describe)].join(': ');
}

const stripped = <T extends Record<string, string>>(options: T): Partial<T> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== '')) as Partial<T>;

/** For the way out: what cannot be said any more need not be. */
async function quiet(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch {
    // The broker notices by itself.
  }
}
