/** One record to be written. The partition is chosen by the caller: ours follow virtual shards, never a key's hash. */
export interface BusMessage {
  readonly topic: string;
  readonly partition: number;
  readonly value: Uint8Array;
  /** Compacted topics keep the last record of a key. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One record as read. */
export interface BusRecord {
  readonly partition: number;
  /** Position in its partition; counts up, not always by one. */
  readonly offset: number;
  /** When it was written, ms since the epoch. */
  readonly timestamp: number;
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /** Kafka's names: `cleanup.policy`, `retention.ms`, ... */
  readonly config?: Readonly<Record<string, string>>;
}

/** Writes in order, a partition at a time, and never twice (idempotent). */
export interface BusProducer {
  /**
   * Resolves when every record is durable on the bus. Records of one partition keep the order of the calls.
   * @throws TocsinError `unavailable` when the bus does not answer in time, `overloaded` when too much waits to be sent.
   */
  send(messages: readonly BusMessage[]): Promise<void>;
  close(): Promise<void>;
}

/** Reads the partitions that it is told to, each from where it is told. */
export interface BusReader {
  /** Starts (or moves) reading a partition at an offset; what is older than the log's beginning starts there. */
  start(partition: number, offset: number): void;
  stop(partition: number): void;
  close(): Promise<void>;
}

/** Called with records of one partition, in order; the next ones wait until it resolves. */
export type OnRecords = (records: readonly BusRecord[]) => Promise<void> | void;

/** How members share the partitions of a topic: evenly, or all of them to one while the others stand by. */
export type Sharing = 'even' | 'one';

/** Membership of a consumer group. */
export interface BusMember {
  /**
   * Notes that everything below `offset` of a partition is done. Never throws for a partition that was taken away meanwhile:
   * its new owner commits.
   */
  commit(offsets: ReadonlyMap<number, number>): Promise<void>;
  /** Leaves the group at once, so that others take over without waiting for a timeout. */
  leave(): Promise<void>;
}

/**
 * What joins the stages when they run in more than one process: an ordered, durable log of records per partition.
 * `contract.ts` runs on every implementation.
 */
export interface Bus {
  /** Makes topics that are missing; those that are there keep their settings. @throws TocsinError `invalid_config` when a topic has another number of partitions. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<void>;
  producer(): BusProducer;
  reader(topic: string, onRecords: OnRecords, onFailure: (error: Error) => void): BusReader;
  /**
   * Joins a group. `onAssigned` hears the partitions that are this member's from now on, each time they change; the empty list
   * when it has none. Calls do not overlap.
   */
  join(
    group: string,
    topic: string,
    sharing: Sharing,
    onAssigned: (partitions: readonly number[]) => Promise<void>,
  ): Promise<BusMember>;
  /** What a group has committed, by partition; -1 where it has not. */
  committed(group: string, topic: string): Promise<readonly number[]>;
  /** First offset still there, and the one that the next record will get, by partition. */
  ends(topic: string): Promise<readonly { readonly first: number; readonly next: number }[]>;
  close(): Promise<void>;
}
