import { existsSync } from 'node:fs';
import { TocsinError } from '../../domain/error.ts';
import { openControlStore } from '../../pipeline/control.ts';
import type { Settings } from '../../pipeline/settings.ts';
import { openSqliteControlStore } from '../../store/control/sqlite.ts';
import type { Output } from '../output.ts';

/** Brings the control store of the configuration to this version; `from` names an SQLite file to copy into it first. */
export async function migrate(settings: Settings, from: string | undefined, output: Output): Promise<number> {
  const where = settings.store.postgres === '' ? `SQLite in ${settings.data_dir}` : 'PostgreSQL';
  const target = openControlStore(settings);
  try {
    await target.migrate();
    output.line(`${where} is at the schema of this version`);
    if (from === undefined) return 0;
    if (!existsSync(from)) throw new TocsinError('not_found', `no file ${from}`);
    const source = openSqliteControlStore(from);
    try {
      await source.migrate();
      const copied = await source.copyTo(target);
      for (const [table, rows] of Object.entries(copied)) output.line(`${table.padEnd(24)} ${rows}`);
    } finally {
      await source.close();
    }
    return 0;
  } finally {
    await target.close();
  }
}
