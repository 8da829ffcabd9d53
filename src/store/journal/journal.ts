import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { crc32, zstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { TocsinError } from '../../domain/error.ts';
import type { JournalCheckpoint, JournalEntry } from '../../domain/replay/journal.ts';
import type { EpochMs } from '../../domain/units.ts';

/**
 * A segment starts with a checkpoint and holds the entries after it. Block: length u32, crc32 u32, then zstd of V8's
 * serialisation of a list of entries: it keeps NaN, -0 and every bit of a number, which JSON does not. The first block is the
 * checkpoint alone, so that finding where to begin reads little.
 */
const HEADER = 8;
const NAME = /^ticks-(\d{16})-(\d{8})\.journal$/;
const ENTRIES_A_BLOCK = 512;
const compress = promisify(zstdCompress);

export interface JournalSegment {
  readonly path: string;
  /** Event time of its checkpoint. */
  readonly from: EpochMs;
  readonly sequence: number;
}

export interface FileJournalOptions {
  readonly directory: string;
  /** Oldest segments go beyond it. */
  readonly maxBytes: number;
}

/** What the correlator took in, kept for replays. One writer; readers use `listJournal` and `readJournal`. */
export class FileJournal {
  readonly #options: FileJournalOptions;
  #segments: JournalSegment[];
  #fd = -1;
  #waiting: JournalEntry[] = [];
  #compacting: Promise<void> = Promise.resolve();

  constructor(options: FileJournalOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true });
    for (const name of readdirSync(options.directory))
      if (name.endsWith('.writing')) rmSync(join(options.directory, name));
    this.#segments = listJournal(options.directory);
  }

  /**
   * Forgets what was written ahead of the control store: everything after the last report that it calls applied. What came
   * after is reported, and done, again.
   */
  reconcile(applied: Readonly<Record<string, number>>): void {
    for (let last = this.#segments.at(-1); last !== undefined; last = this.#segments.at(-1)) {
      const entries = [...readJournal(last.path)];
      const [first] = entries;
      const ahead =
        first?.kind !== 'checkpoint' ||
        Object.entries(first.applied).some(([shard, sequence]) => sequence > (applied[shard] ?? -1));
      if (ahead) {
        rmSync(last.path);
        this.#segments.pop();
        continue;
      }
      const end = entries.findLastIndex(
        (entry) => entry.kind === 'report' && entry.report.sequence <= (applied[String(entry.report.shard)] ?? -1),
      );
      if (end + 1 < entries.length) rewrite(last.path, entries.slice(0, Math.max(1, end + 1)));
      return;
    }
  }

  append(entry: JournalEntry): void {
    this.#waiting.push(entry);
  }

  /** Writes what waits; it survives a kill of the process once this returned. @throws TocsinError `unavailable`. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const block = blockOf(zstdCompressSync(serialize(this.#waiting)));
    this.#waiting = [];
    this.#write(block);
  }

  /** Starts a new segment; the one before it is packed, and old ones go. */
  begin(checkpoint: JournalCheckpoint): void {
    this.flush();
    const before = this.#segments.at(-1);
    const sequence = (before?.sequence ?? -1) + 1;
    const from = Math.max(0, Math.floor(checkpoint.at));
    const name = `ticks-${String(from).padStart(16, '0')}-${String(sequence).padStart(8, '0')}.journal`;
    const path = join(this.#options.directory, name);
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = openSync(path, 'w');
    this.#write(blockOf(zstdCompressSync(serialize([checkpoint]))));
    this.#segments.push({ path, from, sequence });
    if (before !== undefined) this.#compacting = this.#compacting.then(() => pack(before.path)).catch(() => undefined);
    this.prune(0);
  }

  /** Forgets segments that end before this event time, and the oldest beyond the size limit. Returns how many. */
  prune(before: EpochMs): number {
    const sizes = this.#segments.map(({ path }) => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
    let total = sizes.reduce((sum, size) => sum + size, 0);
    let gone = 0;
    while (this.#segments.length > 1) {
      const next = this.#segments[1]!;
      if (total <= this.#options.maxBytes && next.from >= before) break;
      total -= sizes[gone]!;
      rmSync(this.#segments[0]!.path, { force: true });
      this.#segments.shift();
      gone++;
    }
    return gone;
  }

  async close(): Promise<void> {
    if (this.#fd < 0) return;
    this.flush();
    closeSync(this.#fd);
    this.#fd = -1;
    await this.#compacting;
  }

  #write(block: Uint8Array): void {
    if (this.#fd < 0) throw new TocsinError('internal', 'the journal has no segment yet');
    try {
      for (let at = 0; at < block.length; ) at += writeSync(this.#fd, block, at, block.length - at);
    } catch (cause) {
      throw new TocsinError('unavailable', 'the journal cannot be written; is the disk full?', { cause });
    }
  }
}

/** Segments in order. */
export function listJournal(directory: string): JournalSegment[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names
    .flatMap((name) => {
      const match = NAME.exec(name);
      return match === null
        ? []
        : [{ path: join(directory, name), from: Number(match[1]), sequence: Number(match[2]) }];
    })
    .sort((a, b) => a.sequence - b.sequence);
}

/** Entries of a segment up to the first block that is torn or damaged: one that is still being written just ends. */
export function* readJournal(path: string): Generator<JournalEntry> {
  const bytes = readFileSync(path);
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    const body = bytes.subarray(at + HEADER, at + HEADER + length);
    if (body.length < length || crc32(body) !== bytes.readUInt32LE(at + 4)) return;
    yield* deserialize(zstdDecompressSync(body)) as JournalEntry[];
    at += HEADER + length;
  }
}

function blockOf(body: Uint8Array): Buffer {
  const block = Buffer.allocUnsafe(HEADER + body.length);
  block.writeUInt32LE(body.length, 0);
  block.writeUInt32LE(crc32(body), 4);
  block.set(body, HEADER);
  return block;
}

function* parts(entries: readonly JournalEntry[]): Generator<readonly JournalEntry[]> {
  yield entries.slice(0, 1);
  for (let from = 1; from < entries.length; from += ENTRIES_A_BLOCK) yield entries.slice(from, from + ENTRIES_A_BLOCK);
}

function rewrite(path: string, entries: readonly JournalEntry[]): void {
  const fd = openSync(`${path}.writing`, 'w');
  for (const part of parts(entries)) writeSync(fd, blockOf(zstdCompressSync(serialize(part))));
  closeSync(fd);
  renameSync(`${path}.writing`, path);
}

/** A finished segment in large blocks: about a tenth of what one block a commit takes. */
async function pack(path: string): Promise<void> {
  const blocks: Buffer[] = [];
  for (const part of parts([...readJournal(path)])) blocks.push(blockOf(await compress(serialize(part))));
  await writeFile(`${path}.writing`, Buffer.concat(blocks));
  // Retention may have taken it meanwhile.
  if (existsSync(path)) renameSync(`${path}.writing`, path);
  else rmSync(`${path}.writing`, { force: true });
}
