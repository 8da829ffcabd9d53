import { join } from 'node:path';
import { openPostgresControlStore } from '../store/control/postgres.ts';
import type { SqlControlStore } from '../store/control/sql-control-store.ts';
import { openSqliteControlStore } from '../store/control/sqlite.ts';
import type { Settings } from './settings.ts';

/** Control data where the configuration wants them: PostgreSQL, or SQLite in the data directory. */
export function openControlStore(settings: Settings): SqlControlStore {
  return settings.store.postgres === ''
    ? openSqliteControlStore(join(settings.data_dir, 'control.sqlite'))
    : openPostgresControlStore(settings.store.postgres);
}
