import { Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import { SqlControlStore } from './sql-control-store.ts';
import type { Tables } from './tables.ts';

const CONNECTIONS = 8;
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Opens the control store of a cluster. Call `migrate()` before use.
 * @param url `postgres://user:password@host:port/database`, with `?sslmode=` as libpq has it.
 */
export function openPostgresControlStore(url: string): SqlControlStore {
  const pool = new Pool({ connectionString: url, max: CONNECTIONS, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // An idle connection that the server closes is replaced at its next use; without a listener it would end the process.
  pool.on('error', () => undefined);
  return new SqlControlStore(new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }));
}
