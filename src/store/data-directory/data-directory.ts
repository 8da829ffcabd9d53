import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { TocsinError } from '../../domain/error.ts';

/** Who holds the folder, for people; the lock itself is the operating system's. */
const OWNER = 'tocsin.pid';
const LOCK = 'lock.sqlite';
const LAYOUT = 'layout.json';
const LAYOUT_VERSION = 1;

interface Layout {
  readonly version: number;
  readonly shards: number;
}

export interface DataDirectory {
  /** Number of shards that the folder's input logs and snapshots are made for; remembers it for a new folder. */
  shards(wanted: number, automatic: boolean): number;
  release(): void;
}

/**
 * Makes the folder if need be and takes it for this process alone. The lock is one of SQLite's on a file of its own: the
 * operating system frees it however the process ends, so that nothing stale is ever left to clean up.
 * @throws TocsinError `conflict` when another process has it, `unavailable` when it cannot be written.
 */
export function openDataDirectory(path: string): DataDirectory {
  let lock: Database.Database;
  try {
    mkdirSync(path, { recursive: true });
    lock = new Database(join(path, LOCK), { timeout: 0 });
  } catch (cause) {
    throw unwritable(path, cause);
  }
  try {
    lock.pragma('locking_mode = EXCLUSIVE');
    lock.exec('begin exclusive');
    writeFileSync(join(path, OWNER), `${process.pid} ${hostname()}\n`);
  } catch (cause) {
    lock.close();
    if (!isBusy(cause)) throw unwritable(path, cause);
    throw new TocsinError(
      'conflict',
      `data_dir ${path} is in use by another Tocsin${ownerOf(path)}; stop it, or give this one its own data_dir`,
      { cause },
    );
  }
  return {
    shards: (wanted, automatic) => shardsOf(path, wanted, automatic),
    release: () => lock.close(),
  };
}

function shardsOf(path: string, wanted: number, automatic: boolean): number {
  const file = join(path, LAYOUT);
  if (existsSync(file)) {
    const { version, shards } = JSON.parse(readFileSync(file, 'utf8')) as Layout;
    if (version !== LAYOUT_VERSION)
      throw new TocsinError('state_version', `data_dir ${path} was written by a newer version (layout ${version})`);
    // A service's state lives in the shard that its name falls to: another number would orphan what was acknowledged.
    if (automatic || shards === wanted) return shards;
    throw new TocsinError(
      'conflict',
      `data_dir ${path} holds ${shards} shards, ingest.shards says ${wanted}; set it to ${shards} or 0, or start with a new data_dir`,
    );
  }
  try {
    writeFileSync(`${file}.writing`, JSON.stringify({ version: LAYOUT_VERSION, shards: wanted } satisfies Layout));
    renameSync(`${file}.writing`, file);
  } catch (cause) {
    throw unwritable(path, cause);
  }
  return wanted;
}

const isBusy = (error: unknown): boolean => String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY');

function ownerOf(path: string): string {
  try {
    const [pid, host] = readFileSync(join(path, OWNER), 'utf8').trim().split(' ');
    return ` (process ${pid} on ${host})`;
  } catch {
    return '';
  }
}

function unwritable(path: string, cause: unknown): TocsinError {
  const { code, message } = cause as { code?: string; message: string };
  return new TocsinError('unavailable', `data_dir ${path} cannot be written: ${code ?? message}`, { cause });
}
