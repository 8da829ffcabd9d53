import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Bus, BusProducer, BusRecord } from '../../bus/bus.ts';
import { TocsinError } from '../../domain/error.ts';
import type { Snapshot, SnapshotStore } from '../../domain/ports.ts';
import { FileSnapshotStore } from '../../store/snapshot/file-snapshot-store.ts';

/** Bytes of a snapshot in one record. */
const PIECE = 1 << 20;
/** Snapshots of a partition that take turns, so that the one before stays whole while the next is written. */
const SLOTS = 2;

interface Manifest {
  readonly slot: number;
  readonly position: number;
  readonly at: number;
  readonly pieces: number;
  readonly bytes: number;
  readonly crc: number;
}

/**
 * Snapshots in a compacted topic, so that a worker on any machine can go on from them: pieces under keys that are used again,
 * then a manifest. A crash in between leaves the manifest of the snapshot before. The local folder is scratch.
 */
export class BusSnapshots implements SnapshotStore {
  readonly #bus: Bus;
  readonly #topic: string;
  readonly #producer: BusProducer;
  readonly #folder: string;
  readonly #files: FileSnapshotStore;
  readonly #slot = new Map<number, number>();

  constructor(bus: Bus, topic: string, folder: string) {
    this.#bus = bus;
    this.#topic = topic;
    this.#producer = bus.producer();
    this.#folder = folder;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    this.#files = new FileSnapshotStore(folder);
  }

  async write(shard: number, snapshot: Snapshot): Promise<void> {
    await this.#files.write(shard, snapshot);
    const file = this.#files.list(shard).find(({ position }) => position === snapshot.position)!;
    const bytes = readFileSync(file.path);
    rmSync(file.path);
    const slot = ((this.#slot.get(shard) ?? 0) + 1) % SLOTS;
    const pieces = Math.ceil(bytes.length / PIECE);
    for (let i = 0; i < pieces; i++)
      await this.#send(shard, `${slot}/${i}`, bytes.subarray(i * PIECE, (i + 1) * PIECE));
    const manifest: Manifest = {
      slot,
      position: snapshot.position,
      at: snapshot.at,
      pieces,
      bytes: bytes.length,
      crc: crc32(bytes),
    };
    await this.#send(shard, 'manifest', new TextEncoder().encode(JSON.stringify(manifest)));
    this.#slot.set(shard, slot);
  }

  #send(partition: number, key: string, value: Uint8Array): Promise<void> {
    return this.#producer.send([{ topic: this.#topic, partition, key, value }]);
  }

  async read(shard: number): Promise<Snapshot | null> {
    const pieces = new Map<string, Uint8Array>();
    let manifest: Manifest | null = null;
    let found: { readonly manifest: Manifest; readonly body: Buffer } | null = null;
    for await (const { key, value } of this.#records(shard)) {
      if (key !== 'manifest') {
        pieces.set(key, value.slice());
        continue;
      }
      manifest = JSON.parse(new TextDecoder().decode(value)) as Manifest;
      // Put together at once: pieces that come after it may be those of a snapshot that was never finished.
      const body = Buffer.concat(
        Array.from({ length: manifest.pieces }, (_, i) => pieces.get(`${manifest!.slot}/${i}`) ?? Buffer.alloc(0)),
      );
      if (body.length === manifest.bytes && crc32(body) === manifest.crc) found = { manifest, body };
    }
    if (manifest === null) return null;
    if (found === null) throw new TocsinError('corrupt', `no intact snapshot of partition ${shard} on the bus`);
    this.#slot.set(shard, found.manifest.slot);
    const name = `shard-${shard}-${String(found.manifest.position).padStart(16, '0')}.snapshot`;
    writeFileSync(join(this.#folder, name), found.body);
    const snapshot = await this.#files.read(shard);
    rmSync(join(this.#folder, name), { force: true });
    return snapshot;
  }

  /** Everything in the partition now, in order. */
  async *#records(partition: number): AsyncGenerator<BusRecord> {
    const { first, next } = (await this.#bus.ends(this.#topic))[partition]!;
    if (first === next) return;
    const queue: BusRecord[] = [];
    let failure: Error | null = null;
    let wake = Promise.withResolvers<void>();
    const reader = this.#bus.reader(
      this.#topic,
      (records) => {
        queue.push(...records);
        wake.resolve();
      },
      (error) => {
        failure = error;
        wake.resolve();
      },
    );
    reader.start(partition, first);
    try {
      for (;;) {
        const record = queue.shift();
        if (record !== undefined) {
          yield record;
          if (record.offset >= next - 1) return;
          continue;
        }
        if (failure !== null) throw failure as Error;
        wake = Promise.withResolvers();
        if (queue.length === 0 && failure === null) await wake.promise;
      }
    } finally {
      await reader.close();
    }
  }

  close(): Promise<void> {
    return this.#producer.close();
  }
}
