import { closeSync, fsync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { TocsinError } from '../../domain/error.ts';
import type { LiveRows, RowKeeper } from '../../domain/live-rows.ts';
import type { Snapshot } from '../../domain/ports.ts';
import { type ArrayEntry, bytesOf, MAGIC, PREFIX, pad8, syncDirectory, typeOf } from './format.ts';
import { BLOCK_ROWS, RowCopies, rowsOf } from './row-copies.ts';

/** Bytes written at a time. */
const CHUNK = 1 << 19;

interface Task {
  readonly entry: { name: string; type: ArrayEntry['type']; offset: number; length: number; crc: number };
  readonly size: number;
  readonly source: Uint8Array | { readonly copies: RowCopies; readonly index: number; readonly rows: LiveRows };
}

/**
 * Writes one snapshot piece by piece while its live rows go on changing: whoever changes them tells `keeper` first. Rows
 * that ticks change come first, so that a tick seldom finds them unread.
 */
export class SnapshotWriter {
  readonly #temporary: string;
  readonly #final: string;
  readonly #directory: string;
  readonly #prune: () => void;
  readonly #about: { readonly at: number; readonly position: number };
  /** As JSON, since meta may be live too. */
  readonly #parts: { readonly name: string; readonly head: string; readonly arrays: ArrayEntry[] }[] = [];
  readonly #tasks: Task[] = [];
  readonly #ticking: RowCopies;
  readonly #steady: RowCopies;
  readonly #scratch: Uint8Array;
  #fd: number;
  #task = 0;
  /** Bytes of the task that are written. */
  #done = 0;
  #end = PREFIX;
  #cancelled = false;

  /** @throws TocsinError `unavailable` when no file can be made. */
  constructor(directory: string, final: string, snapshot: Snapshot, prune: () => void) {
    this.#directory = directory;
    this.#final = final;
    this.#temporary = `${final}.writing`;
    this.#prune = prune;
    this.#about = { at: snapshot.at, position: snapshot.position };
    const live = Object.values(snapshot.parts).flatMap((part) => Object.values(part.live ?? {}));
    const ticking = live.filter(({ ticks }) => ticks);
    const steady = live.filter(({ ticks }) => !ticks);
    this.#ticking = new RowCopies(ticking);
    this.#steady = new RowCopies(steady);
    const widest = Math.max(1, ...live.map(({ width }) => width));
    this.#scratch = new Uint8Array(live.length > 0 ? Math.max(CHUNK, widest * BLOCK_ROWS) : 0);
    this.#plan(snapshot, ticking, steady);
    try {
      this.#fd = openSync(this.#temporary, 'w');
    } catch (cause) {
      throw unwritten(cause);
    }
  }

  /** To be told of rows of series before they change, until `step` has returned true. */
  get keeper(): RowKeeper {
    const groups = [this.#ticking, this.#steady] as const;
    return {
      keep: (series, length) => {
        for (const group of groups) group.keep(series, length);
      },
      keepRow: (row) => {
        for (const group of groups) group.keepRow(row);
      },
      keepAll: () => this.#ticking.keepAll(),
    };
  }

  /** Bytes held in copies of rows. */
  get copied(): number {
    return this.#ticking.bytes + this.#steady.bytes;
  }

  /**
   * Writes until about `milliseconds` have passed. Returns true once all is written, but not yet safe.
   * @throws TocsinError `unavailable` when it cannot be written; nothing is left of it then.
   */
  step(milliseconds: number): boolean {
    const until = performance.now() + milliseconds;
    try {
      do {
        const task = this.#tasks[this.#task];
        if (task === undefined) return true;
        this.#write(task);
      } while (performance.now() < until);
      return this.#task === this.#tasks.length;
    } catch (cause) {
      this.cancel();
      throw unwritten(cause);
    }
  }

  /** After `step` returned true: makes it the newest snapshot. Returns false if it was cancelled meanwhile. */
  async finish(): Promise<boolean> {
    try {
      this.#writeHeader();
      await promisify(fsync)(this.#fd);
      if (this.#cancelled) return false;
      this.#publish();
      return true;
    } catch (cause) {
      if (this.#cancelled) return false;
      this.cancel();
      throw unwritten(cause);
    }
  }

  /** As `finish`, at once. */
  finishSync(): void {
    try {
      this.#writeHeader();
      fsyncSync(this.#fd);
      this.#publish();
    } catch (cause) {
      this.cancel();
      throw unwritten(cause);
    }
  }

  /** Gives it up; the snapshots before it stay. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#ticking.close();
    this.#steady.close();
    try {
      closeSync(this.#fd);
      rmSync(this.#temporary, { force: true });
    } catch {
      // The next start removes it.
    }
  }

  #plan(snapshot: Snapshot, ticking: readonly LiveRows[], steady: readonly LiveRows[]): void {
    for (const [name, blob] of Object.entries(snapshot.parts)) {
      const arrays: ArrayEntry[] = [];
      const head = `"version":${blob.version},"meta":${JSON.stringify(blob.meta) ?? 'null'}`;
      this.#parts.push({ name, head, arrays });
      for (const [key, array] of Object.entries(blob.arrays)) {
        const source = bytesOf(array);
        const entry = { name: key, type: typeOf(array), offset: 0, length: array.length, crc: 0 };
        arrays.push(entry);
        this.#tasks.push({ entry, size: source.length, source });
      }
      for (const [key, rows] of Object.entries(blob.live ?? {})) {
        const copies = rows.ticks ? this.#ticking : this.#steady;
        const index = (rows.ticks ? ticking : steady).indexOf(rows);
        const entry = { name: key, type: rows.type, offset: 0, length: rows.size / elementOf(rows.type), crc: 0 };
        arrays.push(entry);
        this.#tasks.push({ entry, size: rows.size, source: { copies, index, rows } });
      }
    }
    this.#tasks.sort((a, b) => rankOf(a) - rankOf(b));
    for (const { entry, size } of this.#tasks) {
      entry.offset = this.#end - PREFIX;
      this.#end += pad8(size);
    }
  }

  #write({ entry, size, source }: Task): void {
    const from = this.#done;
    let chunk: Uint8Array;
    if (source instanceof Uint8Array) chunk = source.subarray(from, from + CHUNK);
    else {
      const { copies, index, rows } = source;
      const blocks = Math.max(1, Math.floor(CHUNK / (BLOCK_ROWS * rows.width)));
      const first = from / rows.width;
      const last = Math.min(rowsOf(rows), first + blocks * BLOCK_ROWS);
      chunk = copies.read(index, first, last, this.#scratch);
    }
    entry.crc = crc32(chunk, entry.crc);
    writeAt(this.#fd, chunk, PREFIX + entry.offset + from);
    this.#done = from + chunk.length;
    if (this.#done < size) return;
    this.#task += 1;
    this.#done = 0;
    const next = this.#tasks[this.#task]?.source;
    for (const group of [this.#ticking, this.#steady]) {
      const isRead = next === undefined || next instanceof Uint8Array || next.copies !== group;
      const was = !(source instanceof Uint8Array) && source.copies === group;
      if (was && isRead) group.close();
    }
  }

  /** Last, since only now all checksums are known; it lies behind the arrays. */
  #writeHeader(): void {
    const { at, position } = this.#about;
    const parts = this.#parts.map(
      ({ name, head, arrays }) => `${JSON.stringify(name)}:{${head},"arrays":${JSON.stringify(arrays)}}`,
    );
    const header = Buffer.from(`{"at":${at},"position":${position},"parts":{${parts.join(',')}}}`);
    writeAt(this.#fd, header, this.#end);
    const prefix = Buffer.alloc(PREFIX);
    MAGIC.copy(prefix);
    prefix.writeUInt32LE(header.length, 8);
    prefix.writeUInt32LE(crc32(header), 12);
    writeAt(this.#fd, prefix, 0);
  }

  #publish(): void {
    closeSync(this.#fd);
    this.#cancelled = true;
    try {
      renameSync(this.#temporary, this.#final);
    } catch (cause) {
      rmSync(this.#temporary, { force: true });
      throw cause;
    }
    syncDirectory(this.#directory);
    this.#prune();
  }
}

/** Rows that ticks change, other rows, copies. */
function rankOf({ source }: Task): number {
  if (source instanceof Uint8Array) return 2;
  return source.rows.ticks ? 0 : 1;
}

function elementOf(type: LiveRows['type']): number {
  return { Float64Array, Float32Array, Int32Array, Uint8Array }[type].BYTES_PER_ELEMENT;
}

function writeAt(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
}

const unwritten = (cause: unknown): TocsinError =>
  cause instanceof TocsinError
    ? cause
    : new TocsinError('unavailable', 'a snapshot cannot be written; is the disk full?', { cause });
