import {
  closeSync,
  fdatasyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { TocsinError } from '../../domain/error.ts';
import type { InputLog } from '../../domain/ports.ts';

/** Frame: length u32, crc32 u32 (of kind and payload), kind u8, payload; little endian. Positions are byte offsets. */
const HEADER = 9;
const SEGMENT_BYTES = 256 * 1024 * 1024;
const BUFFER_BYTES = 4 * 1024 * 1024;
const MAX_FRAME = 1 << 30;
const NAME = /^(\d{16})\.log$/;
const NOTHING = new Uint8Array(0);

interface Segment {
  readonly base: number;
  readonly path: string;
}

export interface FileInputLogOptions {
  readonly directory: string;
  /** Also survive a power cut: `fdatasync` on every `sync`. Off, a kill of the process loses nothing. */
  readonly fsync?: boolean;
  readonly segmentBytes?: number;
  /** Writes bytes of a buffer at an offset of a file and returns how many; a test puts a full disk here. */
  readonly write?: (fd: number, bytes: Uint8Array, from: number, length: number, at: number) => number;
}

/** Append-only segments on local disk, one writer. */
export class FileInputLog implements InputLog {
  readonly #directory: string;
  readonly #fsync: boolean;
  readonly #segmentBytes: number;
  readonly #put: NonNullable<FileInputLogOptions['write']>;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #segments: Segment[];
  #fd: number;
  #written: number;
  #buffered = 0;

  constructor(options: FileInputLogOptions) {
    this.#directory = options.directory;
    this.#fsync = options.fsync ?? false;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#put = options.write ?? writeSync;
    mkdirSync(this.#directory, { recursive: true });
    this.#segments = listSegments(this.#directory);
    const last = this.#segments.at(-1);
    if (last === undefined) {
      this.#fd = -1;
      this.#written = 0;
      this.#open(0);
    } else {
      const end = endOfIntactFrames(last);
      this.#fd = openSync(last.path, 'r+');
      ftruncateSync(this.#fd, end - last.base);
      this.#written = end;
    }
  }

  /** Position of the oldest frame that is kept. */
  get start(): number {
    return this.#segments[0]!.base;
  }

  get position(): number {
    return this.#written + this.#buffered;
  }

  append(kind: number, payload: Uint8Array, rest: Uint8Array = NOTHING): number {
    const at = this.position;
    const length = payload.length + rest.length;
    const size = HEADER + length;
    if (at - this.#segments.at(-1)!.base >= this.#segmentBytes) {
      this.#flush();
      this.#open(at);
    }
    if (size > BUFFER_BYTES - this.#buffered) this.#flush();
    const buffer = this.#buffer;
    const start = this.#buffered;
    buffer.writeUInt32LE(length, start);
    buffer[start + 8] = kind;
    if (size <= BUFFER_BYTES) {
      buffer.set(payload, start + HEADER);
      buffer.set(rest, start + HEADER + payload.length);
      buffer.writeUInt32LE(crc32(buffer.subarray(start + 8, start + size)), start + 4);
      this.#buffered += size;
    } else {
      buffer.writeUInt32LE(crc32(rest, crc32(payload, crc32(buffer.subarray(8, 9)))), 4);
      this.#writeWhole(buffer.subarray(0, HEADER), payload, rest);
    }
    return at;
  }

  sync(): void {
    this.#flush();
    if (this.#fsync) fdatasyncSync(this.#fd);
  }

  *read(position: number): Iterable<{ position: number; kind: number; payload: Uint8Array }> {
    this.#flush();
    const first = this.#segments[0]!;
    if (position < first.base)
      throw new TocsinError('corrupt', `input log starts at ${first.base}, position ${position} is gone`);
    for (const [i, segment] of this.#segments.entries()) {
      const next = this.#segments[i + 1];
      if (next !== undefined && next.base <= position) continue;
      const end = next?.base ?? this.#written;
      let at = segment.base;
      for (const frame of readFrames(segment)) {
        at = frame.position + HEADER + frame.payload.length;
        if (frame.position >= position) yield frame;
      }
      if (at !== end)
        throw new TocsinError('corrupt', `input log segment ${segment.path} is damaged at offset ${at - segment.base}`);
    }
  }

  truncate(position: number): void {
    while (this.#segments.length > 1 && this.#segments[1]!.base <= position) unlinkSync(this.#segments.shift()!.path);
  }

  /** Starts a new segment, so that a snapshot at this position lets all before it go. */
  rotate(): void {
    this.#flush();
    if (this.#written > this.#segments.at(-1)!.base) this.#open(this.#written);
  }

  close(): void {
    if (this.#fd < 0) return;
    this.sync();
    closeSync(this.#fd);
    this.#fd = -1;
  }

  #open(base: number): void {
    const path = join(this.#directory, `${String(base).padStart(16, '0')}.log`);
    let fd: number;
    try {
      fd = openSync(path, 'w+');
    } catch (cause) {
      throw refusal(cause);
    }
    if (this.#fd >= 0) {
      if (this.#fsync) fdatasyncSync(this.#fd);
      closeSync(this.#fd);
    }
    this.#fd = fd;
    this.#segments.push({ base, path });
    this.#written = base;
  }

  #flush(): void {
    if (this.#buffered === 0) return;
    const bytes = this.#buffer.subarray(0, this.#buffered);
    this.#buffered = 0;
    this.#writeWhole(bytes);
  }

  /** All parts or none: what a failure left of them is cut off, so that the next frame follows an intact one. */
  #writeWhole(...parts: readonly Uint8Array[]): void {
    const start = this.#written - this.#segments.at(-1)!.base;
    let at = start;
    try {
      for (const part of parts)
        for (let done = 0; done < part.length; ) {
          const wrote = this.#put(this.#fd, part, done, part.length - done, at);
          done += wrote;
          at += wrote;
        }
    } catch (cause) {
      try {
        ftruncateSync(this.#fd, start);
      } catch {
        // Later frames overwrite it from the same offset, and a start cuts off what is torn at the end.
      }
      throw refusal(cause);
    }
    this.#written += at - start;
  }
}

const refusal = (cause: unknown): TocsinError =>
  new TocsinError('unavailable', 'the input log cannot be written; is the disk full?', { cause, retryAfterMs: 5_000 });

function listSegments(directory: string): Segment[] {
  return readdirSync(directory)
    .filter((name) => NAME.test(name))
    .sort()
    .map((name) => ({ base: Number(NAME.exec(name)![1]), path: join(directory, name) }));
}

/** Position of the oldest frame in a folder, null when there is none: for readers beside the writer. */
export const inputLogStart = (directory: string): number | null => listSegments(directory)[0]?.base ?? null;

/**
 * Frames from `position` on while somebody else writes: it ends with what is whole by now. @throws TocsinError `not_found` when
 * the position is no longer kept, or goes while it is read.
 */
export function* readInputLog(
  directory: string,
  position: number,
): Generator<{ readonly position: number; readonly kind: number; readonly payload: Uint8Array }> {
  let next = position;
  for (;;) {
    const segment = listSegments(directory).findLast(({ base }) => base <= next);
    if (segment === undefined) throw new TocsinError('not_found', `input before position ${next} is no longer kept`);
    const from = next;
    let end = segment.base;
    for (const frame of readFrames(segment)) {
      end = frame.position + HEADER + frame.payload.length;
      if (frame.position >= from) yield frame;
    }
    const now = listSegments(directory);
    const after = now.find(({ base }) => base > segment.base);
    if (after === undefined) return;
    if (!now.some(({ base }) => base === segment.base) && after.base !== end)
      throw new TocsinError('not_found', `input before position ${after.base} is no longer kept`);
    if (after.base !== end)
      throw new TocsinError('corrupt', `input log segment ${segment.path} is damaged at offset ${end - segment.base}`);
    next = after.base;
  }
}

function endOfIntactFrames(segment: Segment): number {
  let end = segment.base;
  for (const frame of readFrames(segment)) end = frame.position + HEADER + frame.payload.length;
  return end;
}

/** Frames until the first that is torn or damaged. */
function* readFrames(segment: Segment): Generator<{ position: number; kind: number; payload: Uint8Array }> {
  const size = statSync(segment.path).size;
  const fd = openSync(segment.path, 'r');
  try {
    const header = Buffer.alloc(HEADER);
    let at = 0;
    while (at + HEADER <= size) {
      readSync(fd, header, 0, HEADER, at);
      const length = header.readUInt32LE(0);
      if (length > MAX_FRAME || at + HEADER + length > size) return;
      const payload = new Uint8Array(length);
      let got = 0;
      while (got < length) got += readSync(fd, payload, got, length - got, at + HEADER + got);
      if (crc32(payload, crc32(header.subarray(8, 9))) !== header.readUInt32LE(4)) return;
      yield { position: segment.base + at, kind: header[8]!, payload };
      at += HEADER + length;
    }
  } finally {
    closeSync(fd);
  }
}
