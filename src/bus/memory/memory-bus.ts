import { TocsinError } from '../../domain/error.ts';
import type {
  Bus,
  BusMember,
  BusMessage,
  BusProducer,
  BusReader,
  BusRecord,
  OnRecords,
  Sharing,
  TopicSpec,
} from '../bus.ts';
import { shareOut } from '../sharing.ts';

const MOST_AT_ONCE = 500;

interface Member {
  readonly name: string;
  readonly onAssigned: (partitions: readonly number[]) => Promise<void>;
  assigned: string;
  /** The calls so far, one after another. */
  told: Promise<void>;
}
interface Group {
  readonly topic: string;
  readonly sharing: Sharing;
  readonly members: Member[];
  readonly committed: number[];
}

/** The bus inside one process: arrays. For tests, and for scenarios that run on memory and Kafka alike. */
export class MemoryBus implements Bus {
  readonly #topics = new Map<string, BusRecord[][]>();
  readonly #groups = new Map<string, Group>();
  readonly #readers = new Set<MemoryReader>();
  readonly #now: () => number;
  #members = 0;

  constructor(now: () => number = () => 0) {
    this.#now = now;
  }

  async ensureTopics(topics: readonly TopicSpec[]): Promise<void> {
    for (const { name, partitions } of topics) {
      const known = this.#topics.get(name);
      if (known !== undefined && known.length !== partitions)
        throw new TocsinError('invalid_config', `topic ${name} has ${known.length} partitions, not ${partitions}`);
      if (known === undefined)
        this.#topics.set(
          name,
          Array.from({ length: partitions }, () => []),
        );
    }
  }

  producer(): BusProducer {
    return {
      send: async (messages) => {
        for (const message of messages) this.#append(message);
        for (const reader of this.#readers) reader.wake();
      },
      close: () => Promise.resolve(),
    };
  }

  #append({ topic, partition, value, key, headers }: BusMessage): void {
    const log = this.partitions(topic)[partition];
    if (log === undefined) throw new TocsinError('unavailable', `topic ${topic} has no partition ${partition}`);
    log.push({
      partition,
      offset: log.length,
      timestamp: this.#now(),
      key: key ?? '',
      value: value.slice(),
      headers: headers ?? {},
    });
  }

  partitions(topic: string): BusRecord[][] {
    const partitions = this.#topics.get(topic);
    if (partitions === undefined) throw new TocsinError('unavailable', `no topic ${topic}`);
    return partitions;
  }

  reader(topic: string, onRecords: OnRecords, onFailure: (error: Error) => void): BusReader {
    const reader = new MemoryReader(this.partitions(topic), onRecords, onFailure, () => this.#readers.delete(reader));
    this.#readers.add(reader);
    return reader;
  }

  async join(
    name: string,
    topic: string,
    sharing: Sharing,
    onAssigned: (partitions: readonly number[]) => Promise<void>,
  ): Promise<BusMember> {
    const count = this.partitions(topic).length;
    const id = `${name} ${topic}`;
    const group = this.#groups.get(id) ?? {
      topic,
      sharing,
      members: [],
      committed: Array.from({ length: count }, () => -1),
    };
    this.#groups.set(id, group);
    const member: Member = { name: `member-${this.#members++}`, onAssigned, assigned: '', told: Promise.resolve() };
    group.members.push(member);
    await this.#share(group);
    return {
      commit: (offsets) => {
        for (const [partition, offset] of offsets)
          if (owners(group, count)[partition] === member) group.committed[partition] = offset;
        return Promise.resolve();
      },
      leave: async () => {
        group.members.splice(group.members.indexOf(member), 1);
        await this.#share(group);
      },
    };
  }

  async #share(group: Group): Promise<void> {
    const owner = owners(group, this.partitions(group.topic).length);
    await Promise.all(
      group.members.map((member) => {
        const mine = owner.flatMap((other, partition) => (other === member ? [partition] : []));
        if (member.assigned === mine.join()) return member.told;
        member.assigned = mine.join();
        member.told = member.told.then(() => member.onAssigned(mine));
        return member.told;
      }),
    );
  }

  committed(group: string, topic: string): Promise<readonly number[]> {
    const known = this.#groups.get(`${group} ${topic}`)?.committed;
    return Promise.resolve(known ?? this.partitions(topic).map(() => -1));
  }

  ends(topic: string): Promise<readonly { first: number; next: number }[]> {
    return Promise.resolve(this.partitions(topic).map((log) => ({ first: 0, next: log.length })));
  }

  async close(): Promise<void> {
    for (const reader of this.#readers) await reader.close();
  }
}

function owners({ members, sharing }: Group, partitions: number): (Member | undefined)[] {
  if (sharing === 'one' || members.length === 0) return Array.from({ length: partitions }, () => members[0]);
  const byName = new Map(members.map((member) => [member.name, member]));
  return shareOut(partitions, [...byName.keys()]).map((name) => byName.get(name));
}

class MemoryReader implements BusReader {
  readonly #logs: BusRecord[][];
  readonly #onRecords: OnRecords;
  readonly #onFailure: (error: Error) => void;
  readonly #onClose: () => void;
  readonly #next = new Map<number, number>();
  #running: Promise<void> | null = null;
  #again = false;
  #closed = false;

  constructor(logs: BusRecord[][], onRecords: OnRecords, onFailure: (error: Error) => void, onClose: () => void) {
    this.#logs = logs;
    this.#onRecords = onRecords;
    this.#onFailure = onFailure;
    this.#onClose = onClose;
  }

  start(partition: number, offset: number): void {
    this.#next.set(partition, offset);
    this.wake();
  }

  stop(partition: number): void {
    this.#next.delete(partition);
  }

  wake(): void {
    this.#again = true;
    this.#running ??= this.#run()
      .catch((error: unknown) => this.#onFailure(error as Error))
      .finally(() => {
        this.#running = null;
        if (this.#again && !this.#closed) this.wake();
      });
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      // Not within the call that wakes: a sender is never part of what its records cause.
      await Promise.resolve();
      for (const [partition, next] of this.#next) {
        const records = this.#logs[partition]!.slice(next, next + MOST_AT_ONCE);
        if (records.length === 0) continue;
        this.#next.set(partition, next + records.length);
        this.#again = true;
        await this.#onRecords(records);
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#onClose();
    await this.#running;
  }
}
