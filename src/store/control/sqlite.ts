import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { SqlControlStore } from './sql-control-store.ts';
import type { Tables } from './tables.ts';

/** Opens (and creates) the embedded control store; `:memory:` for tests. Call `migrate()` before use. */
export function openSqliteControlStore(path: string): SqlControlStore {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
  const database = new Database(path);
  // Full: a verdict or an incident that was acknowledged survives a power cut as well as a kill.
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('busy_timeout = 5000');
  return new SqlControlStore(new Kysely<Tables>({ dialect: new SqliteDialect({ database }) }));
}
