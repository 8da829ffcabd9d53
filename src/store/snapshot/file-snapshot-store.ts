import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { StateArray, StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import type { Snapshot, SnapshotStore } from '../../domain/ports.ts';
import { ARRAY_TYPES, type Header, MAGIC, MAGIC_LEADING, PREFIX, pad8 } from './format.ts';
import { SnapshotWriter } from './snapshot-writer.ts';

const KEEP = 2;
const NAME = /^shard-(\d+)-(\d{16})\.snapshot$/;
const UNFINISHED = /^shard-(\d+)-\d{16}\.snapshot\.writing$/;

// crc32 takes at most 2^32 - 1 bytes; parts of a large array are chained.
const CHUNK = 1 << 28;

/** A snapshot on disk, before it is read. */
export interface StoredSnapshot {
  readonly path: string;
  readonly position: number;
  /** When it was taken, by the wall clock. */
  readonly at: number;
  readonly bytes: number;
}

/** How many older ones stay besides the two that a restart needs. */
export interface SnapshotRetention {
  /** At most one this often, ms. */
  readonly spacing: number;
  /** Of the older ones and of the input log behind the oldest. */
  readonly maxBytes: number;
}

/**
 * Snapshots as files of `format.ts`. Written to a temporary name, synced, renamed: a crash leaves the previous one. Arrays
 * are written straight from their memory and read straight into new: no copy either way.
 */
export class FileSnapshotStore implements SnapshotStore {
  readonly #directory: string;
  readonly #onDamaged: (message: string) => void;

  /** @param onDamaged hears of a snapshot that was passed over for an older one. */
  constructor(directory: string, onDamaged: (message: string) => void = () => undefined) {
    this.#directory = directory;
    this.#onDamaged = onDamaged;
    mkdirSync(directory, { recursive: true });
  }

  async write(shard: number, snapshot: Snapshot): Promise<void> {
    this.writeSync(shard, snapshot);
  }

  /**
   * As `write`; arrays may be live memory of the caller, since nothing runs in between.
   * @throws TocsinError `unavailable` when it cannot be written, such as on a full disk; the ones before stay.
   */
  writeSync(shard: number, snapshot: Snapshot, retention: SnapshotRetention = { spacing: 0, maxBytes: 0 }): void {
    const writer = this.begin(shard, snapshot, retention);
    writer.step(Number.POSITIVE_INFINITY);
    writer.finishSync();
  }

  /**
   * Starts to write a snapshot piece by piece.
   * @throws TocsinError `unavailable` when no file can be made.
   */
  begin(shard: number, snapshot: Snapshot, retention: SnapshotRetention): SnapshotWriter {
    const final = join(this.#directory, `shard-${shard}-${String(snapshot.position).padStart(16, '0')}.snapshot`);
    return new SnapshotWriter(this.#directory, final, snapshot, () => {
      // Where the clock of a test or replay says something else than the machine's.
      utimesSync(final, snapshot.at / 1_000, snapshot.at / 1_000);
      const kept = new Set(chooseSnapshots(listSnapshots(this.#directory, shard), retention).map(({ path }) => path));
      for (const old of this.#list(shard)) if (!kept.has(old)) unlinkSync(old);
    });
  }

  /** Those that are there, oldest first. */
  list(shard: number): StoredSnapshot[] {
    return listSnapshots(this.#directory, shard);
  }

  /**
   * Newest intact one. Damaged ones before it are renamed to `.damaged`, so that the next write does not prune the intact
   * one in their favour; when none is intact nothing is touched. What a crash left half written goes.
   */
  async read(shard: number): Promise<Snapshot | null> {
    for (const name of readdirSync(this.#directory))
      if (Number(UNFINISHED.exec(name)?.[1] ?? -1) === shard) rmSync(join(this.#directory, name), { force: true });
    const files = this.#list(shard);
    if (files.length === 0) return null;
    const faults: string[] = [];
    for (const [i, file] of files.entries()) {
      try {
        const snapshot = readSnapshot(file);
        for (const damaged of files.slice(0, i)) renameSync(damaged, `${damaged}.damaged`);
        for (const fault of faults) this.#onDamaged(`passed over a damaged snapshot, kept as .damaged: ${fault}`);
        return snapshot;
      } catch (error) {
        faults.push(`${file}: ${(error as Error).message}`);
      }
    }
    throw new TocsinError('corrupt', `no intact snapshot: ${faults.join('; ')}`);
  }

  /** Newest first. */
  #list(shard: number): string[] {
    return readdirSync(this.#directory)
      .filter((name) => Number(NAME.exec(name)?.[1] ?? -1) === shard)
      .sort()
      .reverse()
      .map((name) => join(this.#directory, name));
  }
}

/** Snapshots of a shard, oldest first; nothing is changed, so that others than the owner may ask. */
export function listSnapshots(directory: string, shard: number): StoredSnapshot[] {
  return readdirSync(directory)
    .filter((name) => Number(NAME.exec(name)?.[1] ?? -1) === shard)
    .sort()
    .flatMap((name) => {
      const path = join(directory, name);
      const found = statSync(path, { throwIfNoEntry: false });
      return found === undefined
        ? []
        : [{ path, position: Number(NAME.exec(name)![2]), at: found.mtimeMs, bytes: found.size }];
    });
}

/**
 * Which of these (oldest first) stay: the two newest always; of the others one per `spacing`, and the newest of them as far as
 * they and the log from the oldest on fit.
 */
export function chooseSnapshots(all: readonly StoredSnapshot[], retention: SnapshotRetention): StoredSnapshot[] {
  const needed = all.slice(-KEEP);
  const end = needed.at(-1)?.position ?? 0;
  const spaced: StoredSnapshot[] = [];
  for (const snapshot of all.slice(0, -KEEP))
    if (spaced.length === 0 || snapshot.at - spaced.at(-1)!.at >= retention.spacing) spaced.push(snapshot);
  let states = 0;
  const kept: StoredSnapshot[] = [];
  for (const snapshot of spaced.toReversed()) {
    states += snapshot.bytes;
    if (states + end - snapshot.position > retention.maxBytes) break;
    kept.unshift(snapshot);
  }
  return [...kept, ...needed];
}

/** The small part of one part of a snapshot, without its arrays. @throws Error when it is damaged or gone. */
export function readSnapshotMeta(path: string, part: string): unknown {
  const fd = openSync(path, 'r');
  try {
    return readHeader(fd).header.parts[part]?.meta;
  } finally {
    closeSync(fd);
  }
}

function readHeader(fd: number): { readonly header: Header; readonly size: number; readonly base: number } {
  const size = fstatSync(fd).size;
  const prefix = readPart(fd, 0, PREFIX);
  const magic = prefix.subarray(0, 8);
  const isLeading = MAGIC_LEADING.equals(magic);
  if (!isLeading && !MAGIC.equals(magic)) throw new Error('not a snapshot');
  const view = new DataView(prefix.buffer);
  const headerLength = view.getUint32(8, true);
  if (PREFIX + headerLength > size) throw new Error('the header is cut off');
  const headerBytes = readPart(fd, isLeading ? PREFIX : size - headerLength, headerLength);
  if (crc32(headerBytes) !== view.getUint32(12, true)) throw new Error('header checksum differs');
  const header = JSON.parse(Buffer.from(headerBytes).toString()) as Header;
  return { header, size, base: isLeading ? PREFIX + pad8(headerLength) : PREFIX };
}

/** @throws Error when it is damaged or gone. */
export function readSnapshot(path: string): Snapshot {
  const fd = openSync(path, 'r');
  try {
    const { header, size, base } = readHeader(fd);
    const parts: Record<string, StateBlob> = {};
    for (const [name, part] of Object.entries(header.parts)) {
      const arrays: Record<string, StateArray> = {};
      for (const entry of part.arrays) {
        const Type = ARRAY_TYPES[entry.type];
        const bytes = entry.length * Type.BYTES_PER_ELEMENT;
        if (base + entry.offset + bytes > size) throw new Error(`array ${name}.${entry.name} is cut off`);
        // Memory of its own: whoever takes the array over keeps that, and not the whole snapshot.
        const body = readPart(fd, base + entry.offset, bytes);
        if (crcOf(body) !== entry.crc) throw new Error(`array ${name}.${entry.name} checksum differs`);
        arrays[entry.name] = new Type(body.buffer, 0, entry.length);
      }
      parts[name] = { version: part.version, meta: part.meta, arrays };
    }
    return { at: header.at, position: header.position, parts };
  } finally {
    closeSync(fd);
  }
}

function readPart(fd: number, from: number, length: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const got = readSync(fd, data, at, Math.min(CHUNK, length - at), from + at);
    if (got === 0) throw new Error('shorter than its size');
    at += got;
  }
  return data;
}

function crcOf(bytes: Uint8Array): number {
  let crc = 0;
  for (let at = 0; at < bytes.length; at += CHUNK) crc = crc32(bytes.subarray(at, at + CHUNK), crc);
  return crc;
}
