import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DOUBLE, type DuckDBConnection, DuckDBDataChunk, DuckDBInstance, FLOAT, UBIGINT } from '@duckdb/node-api';
import type { HistoryPoint, HistoryStore, SeriesSummary } from '../../domain/ports.ts';
import { createWindowRows, type WindowRows } from '../../domain/signal/history.ts';
import type { SeriesInfo } from '../../domain/signal/series.ts';
import { CATALOGUE_SQL, Catalogue } from './catalogue.ts';

const COLUMNS = [
  'start',
  'series',
  'count',
  'mean',
  'variance',
  'min',
  'max',
  'last',
  'expected',
  'lower',
  'upper',
  'surprise',
] as const;
const TYPES = [DOUBLE, UBIGINT, DOUBLE, DOUBLE, DOUBLE, DOUBLE, DOUBLE, DOUBLE, FLOAT, FLOAT, FLOAT, FLOAT];
const CHUNK_ROWS = 2_048;
const FILE = /^windows-(\d+)-(\d+)-\d+\.parquet$/;

export interface DuckDbHistoryOptions {
  readonly directory: string;
  /** Rows kept in the database file before they become a Parquet file. */
  readonly rowsPerFile?: number;
  readonly memoryLimit?: string;
}

interface ParquetFile {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/**
 * Finished windows: the newest in a DuckDB table, older ones in Parquet files sorted by series and time. A crash between
 * writing a file and emptying the table, or a report delivered twice, leaves duplicates, which every read folds away.
 */
export class DuckDbHistoryStore implements HistoryStore {
  readonly #connection: DuckDBConnection;
  readonly #instance: DuckDBInstance;
  readonly #database: string;
  readonly #windows: string;
  readonly #rowsPerFile: number;
  readonly #catalogue: Catalogue;
  #files: ParquetFile[];
  #rows: number;
  #pending: { readonly rows: WindowRows; readonly hashes: BigUint64Array }[] = [];
  /** DuckDB connections are not for concurrent use: calls queue here. */
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    database: string,
    windows: string,
    rowsPerFile: number,
    catalogue: Catalogue,
    rows: number,
  ) {
    this.#instance = instance;
    this.#connection = connection;
    this.#database = database;
    this.#windows = windows;
    this.#rowsPerFile = rowsPerFile;
    this.#catalogue = catalogue;
    this.#rows = rows;
    this.#files = listFiles(windows);
  }

  static async open(options: DuckDbHistoryOptions): Promise<DuckDbHistoryStore> {
    const windows = join(options.directory, 'windows');
    mkdirSync(windows, { recursive: true });
    for (const name of readdirSync(windows)) if (name.endsWith('.writing')) rmSync(join(windows, name));
    const database = join(options.directory, 'history.duckdb');
    const instance = await DuckDBInstance.create(database, {
      threads: '1',
      memory_limit: options.memoryLimit ?? '512MB',
    });
    const connection = await instance.connect();
    await connection.run(`create table if not exists recent (
      start double, series ubigint, count double, mean double, variance double, min double, max double, last double,
      expected float, lower float, upper float, surprise float)`);
    await connection.run(CATALOGUE_SQL);
    const catalogue = await Catalogue.load(connection);
    const rows = Number((await connection.runAndReadAll('select count(*) from recent')).getRows()[0]![0]);
    return new DuckDbHistoryStore(
      instance,
      connection,
      database,
      windows,
      options.rowsPerFile ?? 2_000_000,
      catalogue,
      rows,
    );
  }

  registerSeries(
    shard: number,
    series: readonly { readonly index: number; readonly info: SeriesInfo }[],
    at: number,
  ): Promise<void> {
    return this.#exclusive(() => this.#catalogue.register(this.#connection, shard, series, at));
  }

  append(shard: number, rows: WindowRows): Promise<void> {
    if (rows.length === 0) return Promise.resolve();
    return this.#exclusive(async () => {
      const hashes = this.#catalogue.hashes(shard, rows);
      this.#pending.push(hashes.includes(0n) ? onlyKnown(rows, hashes) : { rows, hashes });
    });
  }

  flush(): Promise<void> {
    return this.#exclusive(() => this.#writePending());
  }

  /** Moves everything in the table to a Parquet file now. */
  compact(): Promise<void> {
    return this.#exclusive(async () => {
      await this.#writePending();
      await this.#writeFile();
    });
  }

  range(seriesId: string, from: number, to: number, step: number): Promise<readonly HistoryPoint[]> {
    return this.#exclusive(async () => {
      await this.#writePending();
      const source = this.#source(from, to);
      const size = Math.max(step, 1);
      const reader = await this.#connection.runAndReadAll(
        `with rows as (select distinct on (start) * from (${source}) where series = $series and start >= $from and start < $to order by start, count desc)
         select floor(start / $step) * $step as bucket, sum(count), sum(mean * count) / sum(count), min(min), max(max), arg_max(last, start),
           avg(expected) filter (not isnan(expected)), avg(lower) filter (not isnan(lower)), avg(upper) filter (not isnan(upper)), max(surprise)
         from rows group by bucket order by bucket`,
        { series: BigInt(`0x${seriesId}`), from, to, step: size },
      );
      return reader.getRows().map((row) => {
        const [at, count, mean, min, max, last, expected, lower, upper, surprise] = row as (number | null)[];
        return {
          at: at!,
          count: count!,
          mean: mean!,
          min: min!,
          max: max!,
          last: last!,
          expected: expected ?? null,
          lower: lower ?? null,
          upper: upper ?? null,
          surprise: surprise!,
        };
      });
    });
  }

  searchSeries(query: Parameters<HistoryStore['searchSeries']>[0]): Promise<readonly SeriesSummary[]> {
    return this.#exclusive(() => this.#catalogue.search(this.#connection, query));
  }

  series(id: string): Promise<SeriesSummary | null> {
    return this.#exclusive(() => this.#catalogue.find(this.#connection, id));
  }

  services(): Promise<readonly { service: string; series: number; lastSeen: number }[]> {
    return this.#exclusive(() => this.#catalogue.services(this.#connection));
  }

  prune(before: number): Promise<number> {
    return this.#exclusive(async () => {
      const old = this.#files.filter((file) => file.to < before);
      for (const file of old) rmSync(file.path);
      this.#files = this.#files.filter((file) => file.to >= before);
      return old.length;
    });
  }

  async bytes(): Promise<number> {
    const database = [this.#database, `${this.#database}.wal`].map(
      (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0,
    );
    return this.#files.reduce((sum, file) => sum + statSync(file.path).size, 0) + database[0]! + database[1]!;
  }

  async close(): Promise<void> {
    await this.#exclusive(async () => {
      await this.#writePending();
      await this.#connection.run('checkpoint');
      this.#connection.closeSync();
      this.#instance.closeSync();
    });
  }

  #source(from: number, to: number): string {
    const columns = COLUMNS.join(', ');
    const files = this.#files
      .filter((file) => file.to >= from && file.from < to)
      .map((file) => `'${file.path.replaceAll("'", "''")}'`);
    const recent = `select ${columns} from recent`;
    return files.length === 0
      ? recent
      : `${recent} union all select ${columns} from read_parquet([${files.join(', ')}])`;
  }

  /** One appender and so one commit for everything that waits: a commit costs a sync of the disk. */
  async #writePending(): Promise<void> {
    if (this.#pending.length === 0) return;
    const pending = this.#pending;
    this.#pending = [];
    const appender = await this.#connection.createAppender('recent');
    for (const { rows, hashes } of pending) {
      for (let from = 0; from < rows.length; from += CHUNK_ROWS) {
        const to = Math.min(from + CHUNK_ROWS, rows.length);
        const chunk = DuckDBDataChunk.create(TYPES, to - from);
        chunk.setColumns(
          COLUMNS.map((name) =>
            name === 'series' ? Array.from(hashes.subarray(from, to)) : Array.from(rows[name].subarray(from, to)),
          ),
        );
        appender.appendDataChunk(chunk);
      }
      this.#rows += rows.length;
    }
    appender.closeSync();
    if (this.#rows >= this.#rowsPerFile) await this.#writeFile();
  }

  async #writeFile(): Promise<void> {
    const [low, high] = (
      await this.#connection.runAndReadAll('select min(start), max(start) from recent')
    ).getRows()[0] as [number | null, number | null];
    if (low === null || high === null) return;
    const sequence =
      this.#files.length === 0
        ? 0
        : Math.max(...this.#files.map((file) => Number(/-(\d+)\.parquet$/.exec(file.path)![1]))) + 1;
    const path = join(this.#windows, `windows-${Math.floor(low)}-${Math.ceil(high)}-${sequence}.parquet`);
    await this.#connection.run(
      `copy (select * from recent order by series, start) to '${path.replaceAll("'", "''")}.writing' (format parquet, compression zstd, row_group_size 65536)`,
    );
    renameSync(`${path}.writing`, path);
    await this.#connection.run('delete from recent');
    await this.#connection.run('checkpoint');
    this.#files.push({ path, from: low, to: high });
    this.#rows = 0;
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#tail.then(work);
    this.#tail = run.catch(() => undefined);
    return run;
  }
}

function listFiles(directory: string): ParquetFile[] {
  return readdirSync(directory)
    .map((name) => ({ name, match: FILE.exec(name) }))
    .filter((entry) => entry.match !== null)
    .map(({ name, match }) => ({ path: join(directory, name), from: Number(match![1]), to: Number(match![2]) }))
    .sort((a, b) => a.from - b.from);
}

/** The rows whose series the catalogue knows. */
function onlyKnown(rows: WindowRows, hashes: BigUint64Array): { rows: WindowRows; hashes: BigUint64Array } {
  const known = createWindowRows(hashes.reduce((count, hash) => count + (hash === 0n ? 0 : 1), 0));
  const kept = new BigUint64Array(known.start.length);
  for (const [i, hash] of hashes.entries()) {
    if (hash === 0n) continue;
    for (const name of COLUMNS) known[name][known.length] = rows[name][i]!;
    kept[known.length++] = hash;
  }
  return { rows: known, hashes: kept };
}
