import type { Kysely } from 'kysely';
import { TocsinError } from '../../domain/error.ts';
import type { Tables } from './tables.ts';

const CHUNK = 200;

/**
 * Copies every row of every table into a migrated, empty store, in one transaction. Returns rows by table.
 * @throws TocsinError `conflict` when the target holds incidents already.
 */
export async function copyControlData(from: Kysely<Tables>, to: Kysely<Tables>): Promise<Record<string, number>> {
  const names = (await from.introspection.getTables())
    .map(({ name }) => name)
    .filter((name) => !name.startsWith('kysely_'));
  const present = await to.selectFrom('incidents').select('id').limit(1).executeTakeFirst();
  if (present !== undefined)
    throw new TocsinError('conflict', 'the target holds incidents already; copy into a new database');
  const copied: Record<string, number> = {};
  await to.transaction().execute(async (transaction) => {
    for (const name of names.toSorted()) {
      const table = name as keyof Tables;
      const rows = await from.selectFrom(table).selectAll().execute();
      // What a migration put there is ours to replace.
      await transaction.deleteFrom(table).execute();
      for (let i = 0; i < rows.length; i += CHUNK)
        await transaction
          .insertInto(table)
          .values(rows.slice(i, i + CHUNK) as never)
          .execute();
      copied[name] = rows.length;
    }
  });
  return copied;
}
