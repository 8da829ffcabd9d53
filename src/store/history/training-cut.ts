import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { stableId } from '../../domain/identity.ts';

export interface CutOptions {
  /** Folder of the history. */
  readonly directory: string;
  /** Windows that start in [from, to). */
  readonly from: number;
  readonly to: number;
  /** Series taken at most, chosen by seed. */
  readonly series: number;
  /** Windows of a series taken at most, the newest. */
  readonly samples: number;
  readonly seed: number;
}

export interface CutSeries {
  readonly id: string;
  readonly start: Float64Array;
  readonly value: Float64Array;
}

/** Fewer windows than that teach nothing. */
const LEAST = 200;
const SERIES_A_QUERY = 64;

/**
 * Means of windows from the Parquet files of the history, beside whatever process writes it (files are never changed). Same files
 * and options, same cut. Windows that are still in the writer's table are not in it.
 */
export async function cutSeries(options: CutOptions): Promise<readonly CutSeries[]> {
  const folder = join(options.directory, 'windows');
  const files = readdirSync(folder)
    .filter((name) => /^windows-.*\.parquet$/.test(name))
    .sort()
    .map((name) => `'${join(folder, name).replaceAll("'", "''")}'`);
  if (files.length === 0) return [];
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '512MB' });
  const connection = await instance.connect();
  try {
    return await cut(connection, `read_parquet([${files.join(', ')}])`, options);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function cut(connection: DuckDBConnection, source: string, options: CutOptions): Promise<readonly CutSeries[]> {
  const range = `start >= ${options.from} and start < ${options.to}`;
  const found = await connection.runAndReadAll(
    `select cast(series as varchar) from ${source} where ${range} group by series having count(*) >= ${LEAST}`,
  );
  const chosen = found
    .getRows()
    .map((row) => String(row[0]))
    .map((id) => ({ id, order: stableId('training', options.seed, id) }))
    .sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
    .slice(0, options.series)
    .map(({ id }) => id);
  const out: CutSeries[] = [];
  for (let at = 0; at < chosen.length; at += SERIES_A_QUERY) {
    const part = chosen.slice(at, at + SERIES_A_QUERY);
    const reader = await connection.runAndReadAll(
      // A report delivered twice leaves a window twice.
      `select cast(series as varchar), start, arg_max(mean, count) from ${source}
       where ${range} and series in (${part.join(', ')}) group by series, start order by series, start`,
    );
    const [ids, starts, means] = reader.getColumns() as unknown as readonly [
      readonly string[],
      readonly number[],
      readonly number[],
    ];
    for (let first = 0; first < (ids?.length ?? 0); ) {
      let end = first;
      while (end < ids.length && ids[end] === ids[first]) end++;
      const from = Math.max(first, end - options.samples);
      out.push({
        id: ids[first]!,
        start: Float64Array.from(starts.slice(from, end)),
        value: Float64Array.from(means.slice(from, end)),
      });
      first = end;
    }
  }
  return out;
}
