import type { Bus, BusMember, BusReader, BusRecord } from '../../bus/bus.ts';
import { TocsinError } from '../../domain/error.ts';
import type { Signal, SignalIntake } from '../../domain/ports.ts';

const GROUP = 'tocsin-collector-input';
const RETRY_MS = 500;

export interface CollectorInputOptions {
  readonly bus: Bus;
  readonly intake: SignalIntake;
  readonly topic: string;
  readonly signal: Signal;
  readonly tenant: string;
  /** Where records go that are no OTLP. */
  readonly onUnreadable: (record: BusRecord, reason: string) => Promise<void>;
  readonly onFailure: (error: Error) => void;
}

/**
 * Reads what a Collector's Kafka exporter wrote (`otlp_metrics`, `otlp_logs`, `otlp_spans`, encoding `otlp_proto`) and takes it
 * in as if it had been sent to us: those topics are not keyed by service, so that everything is keyed anew. An offset is
 * committed when the record is on our topics: after a crash a record may come twice, never not at all.
 */
export class CollectorInput {
  readonly #options: CollectorInputOptions;
  readonly #reader: BusReader;
  #member: BusMember | null = null;
  #owned: readonly number[] = [];
  #closed = false;
  taken = 0;

  private constructor(options: CollectorInputOptions) {
    this.#options = options;
    this.#reader = options.bus.reader(options.topic, (records) => this.#take(records), options.onFailure);
  }

  static async start(options: CollectorInputOptions): Promise<CollectorInput> {
    const input = new CollectorInput(options);
    input.#member = await options.bus.join(GROUP, options.topic, 'even', (partitions) => input.#assign(partitions));
    return input;
  }

  async #assign(partitions: readonly number[]): Promise<void> {
    const { bus, topic } = this.#options;
    for (const partition of this.#owned) if (!partitions.includes(partition)) this.#reader.stop(partition);
    const fresh = partitions.filter((partition) => !this.#owned.includes(partition));
    this.#owned = partitions;
    if (fresh.length === 0) return;
    const committed = await bus.committed(GROUP, topic);
    const ends = await bus.ends(topic);
    // A new installation starts with what comes now: a backlog of days is not what it was set up for.
    for (const partition of fresh)
      this.#reader.start(partition, committed[partition]! >= 0 ? committed[partition]! : ends[partition]!.next);
  }

  async #take(records: readonly BusRecord[]): Promise<void> {
    for (const record of records) {
      await this.#accept(record);
      if (this.#closed) return;
    }
    const { partition, offset } = records.at(-1)!;
    await this.#member?.commit(new Map([[partition, offset + 1]]));
  }

  /** Until it is taken: when our topics are behind, the Collector's wait. */
  async #accept(record: BusRecord): Promise<void> {
    const { intake, signal, tenant, onUnreadable } = this.#options;
    while (!this.#closed) {
      try {
        await intake.accept(signal, 'otlp-protobuf', record.value, tenant);
        this.taken++;
        return;
      } catch (error) {
        if (!(error instanceof TocsinError)) throw error;
        if (!error.retryable) {
          await onUnreadable(record, error.message);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async stop(): Promise<void> {
    this.#closed = true;
    await this.#reader.close();
    await this.#member?.leave();
  }
}
