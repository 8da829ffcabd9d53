import { type BaseOptions, Producer } from '@platformatic/kafka';
import { TocsinError } from '../../domain/error.ts';
import type { BusMessage, BusProducer } from '../bus.ts';

/** How long a record waits for others before it leaves: about what a request takes anyhow. */
const LINGER_MS = 2;
/** Most bytes of one request to the broker. */
const MAX_BATCH = 4 << 20;

interface Waiting {
  readonly messages: readonly BusMessage[];
  readonly bytes: number;
  readonly done: PromiseWithResolvers<void>;
}

/**
 * Gathers what is sent while a request is under way into the next one, so that many small sends cost few requests. One request
 * at a time keeps the order; idempotence keeps a retry from writing twice.
 */
export class KafkaProducer implements BusProducer {
  readonly #producer: Producer<Buffer, Buffer, Buffer, Buffer>;
  readonly #maxWaitingBytes: number;
  #queue: Waiting[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | null = null;
  #closed = false;

  constructor(base: BaseOptions, maxWaitingBytes: number) {
    this.#maxWaitingBytes = maxWaitingBytes;
    this.#producer = new Producer({
      ...base,
      idempotent: true,
      acks: -1,
      compression: 'lz4',
      retries: 8,
      retryDelay: 250,
    });
  }

  send(messages: readonly BusMessage[]): Promise<void> {
    if (messages.length === 0) return Promise.resolve();
    if (this.#closed) return Promise.reject(new TocsinError('unavailable', 'stopping', { retryAfterMs: 1_000 }));
    const bytes = messages.reduce((sum, { value }) => sum + value.length, 0);
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#maxWaitingBytes)
      return Promise.reject(new TocsinError('overloaded', 'Kafka is behind; try again', { retryAfterMs: 1_000 }));
    const done = Promise.withResolvers<void>();
    this.#queue.push({ messages, bytes, done });
    this.#waitingBytes += bytes;
    this.#running ??= this.#run();
    return done.promise;
  }

  async #run(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
    while (this.#queue.length > 0) {
      let bytes = 0;
      let count = 0;
      while (count < this.#queue.length && (count === 0 || bytes + this.#queue[count]!.bytes <= MAX_BATCH))
        bytes += this.#queue[count++]!.bytes;
      const batch = this.#queue.splice(0, count);
      await this.#deliver(batch);
      this.#waitingBytes -= bytes;
    }
    this.#running = null;
  }

  async #deliver(batch: readonly Waiting[]): Promise<void> {
    try {
      await this.#producer.send({ messages: batch.flatMap(({ messages }) => messages.map(toKafka)) });
      for (const { done } of batch) done.resolve();
    } catch (cause) {
      const error = new TocsinError('unavailable', `Kafka did not take the records: ${(cause as Error).message}`, {
        cause,
        retryAfterMs: 1_000,
      });
      for (const { done } of batch) done.reject(error);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#running;
    await this.#producer.close();
  }
}

function toKafka({ topic, partition, value, key, headers }: BusMessage) {
  return {
    topic,
    partition,
    value: Buffer.from(value.buffer, value.byteOffset, value.length),
    ...(key === undefined ? {} : { key: Buffer.from(key) }),
    ...(headers === undefined
      ? {}
      : { headers: new Map(Object.entries(headers).map(([name, text]) => [Buffer.from(name), Buffer.from(text)])) }),
  };
}
