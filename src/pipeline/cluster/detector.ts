import type { Bus, BusMember, BusMessage, BusProducer, BusReader, BusRecord } from '../../bus/bus.ts';
import { encodeReport } from '../../bus/codec/report-record.ts';
import { encodeRollups } from '../../bus/codec/rollup-record.ts';
import type { Schemas } from '../../bus/registry/schemas.ts';
import type { Topics } from '../../bus/topics.ts';
import type { Clock, SnapshotStore } from '../../domain/ports.ts';
import type { WindowRows } from '../../domain/signal/history.ts';
import type { Settings } from '../settings.ts';
import { PartitionShard } from './partition-shard.ts';

export const DETECTORS = 'tocsin-detectors';
const STATS_EVERY_MS = 1_000;
/** Sends under way at most: beyond it the next records wait, so that a slow broker slows us and not our memory. */
const MOST_SENDING = 16;

export interface DetectorOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly snapshots: SnapshotStore;
  readonly schemas: Schemas;
  readonly onWarning: (message: string) => void;
  /** The process cannot go on: what it had taken in is on the bus still. */
  readonly onFailure: (error: Error) => void;
}

interface Owned {
  readonly shard: PartitionShard;
  /** Reports not sent yet. */
  reports: BusMessage[];
  snapshotAt: number;
  snapshotNext: number;
  statsAt: number;
}

/**
 * Scores the partitions that its consumer group gives it. State is a function of a partition's records: a snapshot carries the
 * offset that comes next, and the group's offset is committed once that snapshot is durable, never before. Whoever owns the
 * partition next goes on from there, and repeats reports under the sequence numbers that they had.
 */
export class Detector {
  readonly #options: DetectorOptions;
  readonly #owned = new Map<number, Owned>();
  readonly #producer: BusProducer;
  readonly #reader: BusReader;
  #member: BusMember | null = null;
  #sending = new Set<Promise<void>>();
  #failed = false;
  unreadable = 0;

  private constructor(options: DetectorOptions) {
    this.#options = options;
    this.#producer = options.bus.producer();
    this.#reader = options.bus.reader(
      options.topics.signals,
      (records) => this.#take(records),
      (error) => this.#fail(error),
    );
  }

  static async start(options: DetectorOptions): Promise<Detector> {
    const detector = new Detector(options);
    detector.#member = await options.bus.join(DETECTORS, options.topics.signals, 'even', (partitions) =>
      detector.#assign(partitions).catch((error: unknown) => detector.#fail(error as Error)),
    );
    return detector;
  }

  get partitions(): readonly number[] {
    return [...this.#owned.keys()].toSorted((a, b) => a - b);
  }

  async #assign(partitions: readonly number[]): Promise<void> {
    for (const partition of this.#owned.keys()) {
      if (partitions.includes(partition)) continue;
      this.#reader.stop(partition);
      this.#owned.delete(partition);
    }
    const fresh = partitions.filter((partition) => !this.#owned.has(partition));
    if (fresh.length === 0) return;
    const ends = await this.#options.bus.ends(this.#options.topics.signals);
    for (const partition of fresh) await this.#open(partition, ends[partition]!.first);
  }

  async #open(partition: number, first: number): Promise<void> {
    const { settings, snapshots, schemas, clock, topics, onWarning } = this.#options;
    const { headers } = schemas.reports;
    const owned: Owned = {
      shard: new PartitionShard({
        partition,
        settings,
        emit: (report) => {
          owned.reports.push({ topic: topics.reports, partition, value: encodeReport(report), headers });
          if (settings.bus.rollups) owned.reports.push(...this.#rollups(owned, partition, report.windows));
        },
      }),
      reports: [],
      // Not all at once: each partition has its own place in the interval.
      snapshotAt: clock.now() - (partition % 8) * (settings.durability.snapshot_every / 8),
      snapshotNext: 0,
      statsAt: 0,
    };
    const snapshot = await snapshots.read(partition);
    if (snapshot !== null) owned.shard.restore(snapshot);
    if (snapshot !== null && owned.shard.next < first)
      onWarning(
        `partition ${partition}: records ${owned.shard.next} to ${first} are gone; keep them longer than a worker may be away`,
      );
    owned.snapshotNext = owned.shard.next;
    this.#owned.set(partition, owned);
    this.#reader.start(partition, Math.max(first, owned.shard.next));
  }

  async #take(records: readonly BusRecord[]): Promise<void> {
    const owned = this.#owned.get(records[0]!.partition);
    if (owned === undefined || this.#failed) return;
    for (const record of records) {
      // Waits only for an id that nobody here has seen.
      const known = this.#options.schemas.signals.accepts(record.headers);
      if (known === true || (await known)) this.#apply(owned, record);
      else this.#setAside(owned, record, 'its schema is none of the topic’s');
    }
    const now = this.#options.clock.now();
    if (now - owned.statsAt >= STATS_EVERY_MS) {
      owned.statsAt = now;
      owned.reports.push(this.#stats(owned, records.at(-1)!));
    }
    this.#send(owned);
    if (this.#sending.size >= MOST_SENDING) await Promise.race(this.#sending);
    if (now - owned.snapshotAt >= this.#options.settings.durability.snapshot_every) await this.#snapshot(owned);
  }

  #apply(owned: Owned, record: BusRecord): void {
    try {
      owned.shard.apply(record);
    } catch (error) {
      this.#setAside(owned, record, String((error as Error).message));
    }
  }

  /** Passed over, by every worker alike, and kept with the reason for a person to look at. */
  #setAside(owned: Owned, { partition, offset, value, headers }: BusRecord, reason: string): void {
    this.unreadable++;
    owned.shard.passOver(offset);
    owned.reports.push({
      topic: this.#options.topics.dlq,
      partition: 0,
      value,
      headers: {
        ...headers,
        reason: reason.slice(0, 500),
        topic: this.#options.topics.signals,
        partition: String(partition),
        offset: String(offset),
      },
    });
  }

  #rollups({ shard }: Owned, partition: number, windows: WindowRows): BusMessage[] {
    const { topics, schemas } = this.#options;
    return shard.rollups.of(windows).map((batch) => ({
      topic: topics.rollups,
      partition,
      value: encodeRollups(batch),
      headers: schemas.rollups.headers,
    }));
  }

  #stats({ shard }: Owned, last: BusRecord): BusMessage {
    const stats = { ...shard.stats(), logPosition: shard.next, replayFaults: this.unreadable, at: last.timestamp };
    const value = new TextEncoder().encode(JSON.stringify(stats));
    return { topic: this.#options.topics.reports, partition: last.partition, value, headers: { kind: 'stats' } };
  }

  #send(owned: Owned): void {
    if (owned.reports.length === 0) return;
    const sent = this.#producer
      .send(owned.reports)
      .catch((error: unknown) => this.#fail(error as Error))
      .finally(() => this.#sending.delete(sent));
    owned.reports = [];
    this.#sending.add(sent);
  }

  /** Saves a partition's state, and then says that what came before is done with. */
  async #snapshot(owned: Owned): Promise<void> {
    const now = this.#options.clock.now();
    owned.snapshotAt = now;
    if (owned.shard.next === owned.snapshotNext) return;
    this.#send(owned);
    // What the state says was reported must be on the bus before the state is.
    await Promise.all(this.#sending);
    if (this.#failed) return;
    const snapshot = owned.shard.snapshot(now);
    const partition = [...this.#owned].find(([, other]) => other === owned)?.[0];
    if (partition === undefined) return;
    await this.#options.snapshots.write(partition, snapshot);
    owned.snapshotNext = snapshot.position;
    await this.#member?.commit(new Map([[partition, snapshot.position]]));
  }

  #fail(error: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#options.onFailure(error);
  }

  /** Fingerprints of the states by partition, for tests. */
  hashes(): Record<number, string> {
    return Object.fromEntries([...this.#owned].map(([partition, { shard }]) => [partition, shard.stateHash()]));
  }

  figures(): {
    readonly partition: number;
    readonly stats: ReturnType<PartitionShard['stats']>;
    readonly unknown: number;
  }[] {
    return [...this.#owned].map(([partition, { shard }]) => ({
      partition,
      stats: shard.stats(),
      unknown: shard.unknown,
    }));
  }

  /** Saves what it has and leaves, so that others go on at once. */
  async stop(): Promise<void> {
    await this.#reader.close();
    for (const owned of this.#owned.values()) await this.#snapshot(owned);
    await this.#member?.leave();
    await this.#producer.close();
  }
}
