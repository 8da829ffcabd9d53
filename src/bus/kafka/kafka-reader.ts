import { type Consumer, FetchIsolationLevels, protocolErrors } from '@platformatic/kafka';
import type { BusReader, BusRecord, OnRecords } from '../bus.ts';

type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>;

const WAIT_MS = 100;
const RETRY_MS = 250;
const MAX_BYTES = 16 << 20;
const MAX_PARTITION_BYTES = 8 << 20;
/** Failures in a row before somebody is told: a broker that restarts is away for seconds. */
const PATIENCE = 240;
const OFFSET_OUT_OF_RANGE = protocolErrors['OFFSET_OUT_OF_RANGE']!.code;
/** Bit of a record batch: written by a transaction's end, not by anybody's data. */
const CONTROL = 0x20;

/**
 * Fetches with positions of our own. The client's streams take theirs from the group and move them by themselves during a
 * rebalance; a worker that restores a snapshot has to say exactly from where it goes on.
 */
export class KafkaReader implements BusReader {
  readonly #consumer: Consumer;
  readonly #topic: string;
  readonly #onRecords: OnRecords;
  readonly #onFailure: (error: Error) => void;
  readonly #next = new Map<number, bigint>();
  /** Grows whenever a partition's position is set: records fetched before are not for now. */
  readonly #moved = new Map<number, number>();
  #wake = Promise.withResolvers<void>();
  #closed = false;
  readonly #running: Promise<void>;

  constructor(consumer: Consumer, topic: string, onRecords: OnRecords, onFailure: (error: Error) => void) {
    this.#consumer = consumer;
    this.#topic = topic;
    this.#onRecords = onRecords;
    this.#onFailure = onFailure;
    this.#running = this.#run();
  }

  start(partition: number, offset: number): void {
    this.#next.set(partition, BigInt(offset));
    this.#moved.set(partition, (this.#moved.get(partition) ?? 0) + 1);
    this.#wake.resolve();
  }

  stop(partition: number): void {
    this.#next.delete(partition);
    this.#moved.set(partition, (this.#moved.get(partition) ?? 0) + 1);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake.resolve();
    await this.#running;
    await this.#consumer.close(true).catch(() => undefined);
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#closed) {
      if (this.#next.size === 0) {
        this.#wake = Promise.withResolvers();
        if (this.#next.size === 0 && !this.#closed) await this.#wake.promise;
        continue;
      }
      try {
        await this.#round(failures > 0);
        failures = 0;
      } catch (error) {
        if (error instanceof HandlerError) {
          this.#onFailure(error.cause as Error);
          return;
        }
        if (++failures >= PATIENCE) {
          this.#onFailure(error as Error);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  /** One fetch from every broker that leads a partition of ours. */
  async #round(forceUpdate: boolean): Promise<void> {
    const metadata = await this.#consumer.metadata({ topics: [this.#topic], forceUpdate });
    const topic = metadata.topics.get(this.#topic);
    if (topic === undefined) throw new Error(`no topic ${this.#topic}`);
    const byNode = new Map<number, number[]>();
    for (const partition of this.#next.keys()) {
      const node = topic.partitions[partition]?.leader ?? -1;
      if (node < 0) throw new Error(`partition ${partition} of ${this.#topic} has no leader now`);
      byNode.set(node, [...(byNode.get(node) ?? []), partition]);
    }
    await Promise.all([...byNode].map(([node, partitions]) => this.#fetch(node, topic.id, partitions)));
  }

  async #fetch(node: number, topicId: string, partitions: readonly number[]): Promise<void> {
    const moved = new Map(partitions.map((partition) => [partition, this.#moved.get(partition)]));
    const response = await this.#consumer
      .fetch({
        node,
        minBytes: 1,
        maxBytes: MAX_BYTES,
        maxWaitTime: WAIT_MS,
        isolationLevel: FetchIsolationLevels.READ_UNCOMMITTED,
        topics: [
          {
            topicId,
            partitions: partitions.map((partition) => ({
              partition,
              fetchOffset: this.#next.get(partition) ?? 0n,
              currentLeaderEpoch: -1,
              lastFetchedEpoch: -1,
              partitionMaxBytes: MAX_PARTITION_BYTES,
            })),
          },
        ],
      })
      .catch((error: unknown) => partial(error));
    for (const { partitionIndex, errorCode, logStartOffset, highWatermark, records } of response.responses.flatMap(
      (entry) => entry.partitions,
    )) {
      // A partition that was asked for earlier lingers in the broker's memory of us.
      if (!moved.has(partitionIndex) || this.#moved.get(partitionIndex) !== moved.get(partitionIndex)) continue;
      if (errorCode === OFFSET_OUT_OF_RANGE) {
        // Older than what is kept, or beyond the end after a broker lost its log: go on with what there is.
        const from = this.#next.get(partitionIndex) ?? 0n;
        this.#next.set(partitionIndex, from < logStartOffset ? logStartOffset : highWatermark);
      } else if (errorCode !== 0) throw new Error(`fetching partition ${partitionIndex}: error ${errorCode}`);
      else if (records !== null && records !== undefined)
        await this.#deliver(partitionIndex, records, moved.get(partitionIndex));
    }
  }

  async #deliver(
    partition: number,
    batches: NonNullable<FetchResponse['responses'][number]['partitions'][number]['records']>,
    moved: number | undefined,
  ): Promise<void> {
    const from = this.#next.get(partition) ?? 0n;
    const out: BusRecord[] = [];
    let next = from;
    for (const batch of batches) {
      next = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
      if ((batch.attributes & CONTROL) !== 0) continue;
      for (const record of batch.records) {
        const offset = batch.firstOffset + BigInt(record.offsetDelta);
        // A batch is fetched whole, also for an offset in its middle.
        if (offset < from || record.value === null) continue;
        out.push({
          partition,
          offset: Number(offset),
          timestamp: Number(batch.firstTimestamp + record.timestampDelta),
          key: record.key?.toString() ?? '',
          // Not a Buffer, whose `slice` does not copy.
          value: new Uint8Array(record.value.buffer, record.value.byteOffset, record.value.length),
          headers: Object.fromEntries(record.headers.map(([name, value]) => [String(name), String(value)])),
        });
      }
    }
    if (out.length > 0) {
      try {
        await this.#onRecords(out);
      } catch (cause) {
        throw new HandlerError('the records could not be taken in', { cause });
      }
    }
    if (this.#moved.get(partition) === moved && next > from) this.#next.set(partition, next);
  }
}

class HandlerError extends Error {}

/** A fetch in which one partition failed is thrown as a whole; the answer for the others is inside. */
function partial(error: unknown): FetchResponse {
  let inner = error as {
    readonly response?: FetchResponse;
    readonly errors?: readonly unknown[];
    readonly cause?: unknown;
  };
  for (let depth = 0; depth < 8 && inner !== undefined && inner !== null; depth++) {
    if (inner.response?.responses !== undefined && inner.response.errorCode === 0) return inner.response;
    inner = (inner.errors?.[0] ?? inner.cause) as typeof inner;
  }
  throw error;
}
