import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { StateArray, StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import type { Snapshot, SnapshotStore } from '../../domain/ports.ts';

/**
 * File: magic 8 bytes, header length u32, header crc u32, header (JSON), padding to 8, then every array's bytes, each
 * padded to 8 and guarded by its own crc in the header. Written to a temporary name, synced, renamed: a crash leaves the
 * previous one. Arrays are written straight from their memory and read straight into new: no copy either way.
 */
const MAGIC = Buffer.from('TOCSNAP1');
const KEEP = 2;
const NAME = /^shard-(\d+)-(\d{16})\.snapshot$/;

const ARRAY_TYPES = {
  Float64Array,
  Float32Array,
  Int32Array,
  Uint32Array,
  Uint16Array,
  Int16Array,
  Uint8Array,
  Int8Array,
} as const;
type ArrayType = keyof typeof ARRAY_TYPES;

interface ArrayEntry {
  readonly name: string;
  readonly type: ArrayType;
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
}
interface Header {
  readonly at: number;
  readonly position: number;
  readonly parts: Record<string, { version: number; meta: unknown; arrays: ArrayEntry[] }>;
}

const pad8 = (n: number): number => (n + 7) & ~7;
// crc32 takes at most 2^32 - 1 bytes; parts of a large array are chained.
const CHUNK = 1 << 28;

export class FileSnapshotStore implements SnapshotStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  async write(shard: number, snapshot: Snapshot): Promise<void> {
    this.writeSync(shard, snapshot);
  }

  /** As `write`; arrays may be live memory of the caller, since nothing runs in between. */
  writeSync(shard: number, snapshot: Snapshot): void {
    let offset = 0;
    const bodies: Uint8Array[] = [];
    const parts: Header['parts'] = {};
    for (const [name, blob] of Object.entries(snapshot.parts)) {
      const arrays: ArrayEntry[] = [];
      for (const [key, array] of Object.entries(blob.arrays)) {
        const body = bytesOf(array);
        arrays.push({
          name: key,
          type: array.constructor.name as ArrayType,
          offset,
          length: array.length,
          crc: crcOf(body),
        });
        bodies.push(body);
        offset += pad8(body.length);
      }
      parts[name] = { version: blob.version, meta: blob.meta, arrays };
    }
    const header = Buffer.from(
      JSON.stringify({ at: snapshot.at, position: snapshot.position, parts } satisfies Header),
    );
    const final = join(this.#directory, `shard-${shard}-${String(snapshot.position).padStart(16, '0')}.snapshot`);
    const temporary = `${final}.writing`;
    const fd = openSync(temporary, 'w');
    try {
      const prefix = Buffer.alloc(16);
      MAGIC.copy(prefix);
      prefix.writeUInt32LE(header.length, 8);
      prefix.writeUInt32LE(crc32(header), 12);
      writeAll(fd, prefix);
      writePadded(fd, header);
      for (const body of bodies) writePadded(fd, body);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, final);
    syncDirectory(this.#directory);
    for (const old of this.#list(shard).slice(KEEP)) unlinkSync(old);
  }

  async read(shard: number): Promise<Snapshot | null> {
    const files = this.#list(shard);
    if (files.length === 0) return null;
    const faults: string[] = [];
    for (const file of files) {
      try {
        return readSnapshot(file);
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

function readSnapshot(path: string): Snapshot {
  const fd = openSync(path, 'r');
  try {
    const size = fstatSync(fd).size;
    const prefix = readPart(fd, 0, 16);
    if (!MAGIC.equals(prefix.subarray(0, 8))) throw new Error('not a snapshot');
    const view = new DataView(prefix.buffer);
    const headerLength = view.getUint32(8, true);
    if (16 + headerLength > size) throw new Error('the header is cut off');
    const headerBytes = readPart(fd, 16, headerLength);
    if (crc32(headerBytes) !== view.getUint32(12, true)) throw new Error('header checksum differs');
    const header = JSON.parse(Buffer.from(headerBytes).toString()) as Header;
    const base = 16 + pad8(headerLength);
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

const bytesOf = (array: StateArray): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function crcOf(bytes: Uint8Array): number {
  let crc = 0;
  for (let at = 0; at < bytes.length; at += CHUNK) crc = crc32(bytes.subarray(at, at + CHUNK), crc);
  return crc;
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, Math.min(CHUNK, bytes.length - at));
}

function writePadded(fd: number, bytes: Uint8Array): void {
  writeAll(fd, bytes);
  const gap = pad8(bytes.length) - bytes.length;
  if (gap > 0) writeAll(fd, new Uint8Array(gap));
}

function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
