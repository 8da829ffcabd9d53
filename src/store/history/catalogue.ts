import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { BIGINT, DOUBLE, DuckDBDataChunk, INTEGER, UBIGINT, VARCHAR } from '@duckdb/node-api';
import type { HistoryStore, SeriesSummary } from '../../domain/ports.ts';
import type { WindowRows } from '../../domain/signal/history.ts';
import {
  type Labels,
  MODALITY,
  type Modality,
  SERIES_KIND,
  type SeriesInfo,
  type SeriesKind,
} from '../../domain/signal/series.ts';

export const CATALOGUE_SQL = `create table if not exists series (
  seq bigint, hash ubigint, shard integer, idx integer, tenant varchar, service varchar, metric varchar, unit varchar,
  kind integer, modality varchar, labels varchar, instance varchar, first_seen double)`;

const TYPES = [
  BIGINT,
  UBIGINT,
  INTEGER,
  INTEGER,
  VARCHAR,
  VARCHAR,
  VARCHAR,
  VARCHAR,
  INTEGER,
  VARCHAR,
  VARCHAR,
  VARCHAR,
  DOUBLE,
];
const CHUNK_ROWS = 2_048;
/** A histogram has no samples of its own: what is computed from it does. */
const WITH_SAMPLES = `kind not in (${SERIES_KIND.histogram}, ${SERIES_KIND.deltaHistogram})`;
const LATEST =
  'select * exclude (first_seen), min(first_seen) over (partition by hash) as first_seen from series qualify row_number() over (partition by hash order by seq desc) = 1';

interface ShardIndex {
  hash: BigUint64Array;
  lastSeen: Float64Array;
}

/**
 * From a shard's series index to its lasting identity. In memory 16 bytes a series; names stay in the database. A series
 * that is registered again (restart, new instance behind the same row) adds a row; reads take the newest.
 */
export class Catalogue {
  readonly #shards = new Map<number, ShardIndex>();
  #sequence = 0;

  static async load(connection: DuckDBConnection): Promise<Catalogue> {
    const catalogue = new Catalogue();
    const reader = await connection.runAndReadAll('select seq, hash, shard, idx, first_seen from series order by seq');
    for (const [seq, hash, shard, idx, firstSeen] of reader.getRows() as [bigint, bigint, number, number, number][]) {
      const index = catalogue.#shard(shard, idx + 1);
      index.hash[idx] = hash;
      index.lastSeen[idx] = firstSeen;
      catalogue.#sequence = Number(seq) + 1;
    }
    return catalogue;
  }

  async register(
    connection: DuckDBConnection,
    shard: number,
    series: readonly { readonly index: number; readonly info: SeriesInfo }[],
    at: number,
  ): Promise<void> {
    if (series.length === 0) return;
    const appender = await connection.createAppender('series');
    for (let from = 0; from < series.length; from += CHUNK_ROWS) {
      const rows: DuckDBValue[][] = series.slice(from, from + CHUNK_ROWS).map(({ index, info }) => {
        const hash = BigInt(`0x${info.id}`);
        const own = this.#shard(shard, index + 1);
        own.hash[index] = hash;
        own.lastSeen[index] = at;
        return [
          BigInt(this.#sequence++),
          hash,
          shard,
          index,
          info.tenant,
          info.service,
          info.metric,
          info.unit,
          info.kind,
          info.modality,
          JSON.stringify(info.labels),
          info.instance,
          at,
        ];
      });
      const chunk = DuckDBDataChunk.create(TYPES, rows.length);
      chunk.setRows(rows);
      appender.appendDataChunk(chunk);
    }
    appender.closeSync();
  }

  /**
   * Identity hashes of the rows of a report; remembers when each series was last seen. 0 for a series that is not described
   * yet, as when more are new at once than one report describes: such a row belongs to nobody.
   */
  hashes(shard: number, rows: WindowRows): BigUint64Array {
    const out = new BigUint64Array(rows.length);
    for (let i = 0; i < rows.length; i++) {
      const series = rows.series[i]!;
      const own = this.#shard(shard, series + 1);
      out[i] = own.hash[series]!;
      if (rows.start[i]! > own.lastSeen[series]!) own.lastSeen[series] = rows.start[i]!;
    }
    return out;
  }

  async search(
    connection: DuckDBConnection,
    query: Parameters<HistoryStore['searchSeries']>[0],
  ): Promise<SeriesSummary[]> {
    const conditions: string[] = [WITH_SAMPLES];
    const parameters: Record<string, DuckDBValue> = { limit: Math.min(query.limit ?? 50, 1_000) };
    if (query.service !== undefined) {
      conditions.push('service = $service');
      parameters['service'] = query.service;
    }
    if (query.metric !== undefined) {
      conditions.push('metric = $metric');
      parameters['metric'] = query.metric;
    }
    for (const [i, word] of (query.text ?? '')
      .split(/\s+/)
      .filter((w) => w !== '')
      .slice(0, 8)
      .entries()) {
      conditions.push(`contains(lower(service || ' ' || metric || ' ' || labels || ' ' || instance), $word${i})`);
      parameters[`word${i}`] = word.toLowerCase();
    }
    return this.#read(
      connection,
      `select * from (${LATEST}) where ${conditions.join(' and ')} order by service, metric, labels, hash limit $limit`,
      parameters,
    );
  }

  async find(connection: DuckDBConnection, id: string): Promise<SeriesSummary | null> {
    if (!/^[0-9a-f]{16}$/.test(id)) return null;
    const [found] = await this.#read(connection, `select * from (${LATEST}) where hash = $hash`, {
      hash: BigInt(`0x${id}`),
    });
    return found ?? null;
  }

  async services(connection: DuckDBConnection): Promise<{ service: string; series: number; lastSeen: number }[]> {
    const reader = await connection.runAndReadAll(`select service, shard, idx from (${LATEST})`);
    const all = new Map<string, { service: string; series: number; lastSeen: number }>();
    for (const [service, shard, idx] of reader.getRows() as [string, number, number][]) {
      const entry = all.get(service) ?? { service, series: 0, lastSeen: 0 };
      entry.series++;
      entry.lastSeen = Math.max(entry.lastSeen, this.#shards.get(shard)?.lastSeen[idx] ?? 0);
      all.set(service, entry);
    }
    return [...all.values()].sort((a, b) => (a.service < b.service ? -1 : 1));
  }

  async #read(
    connection: DuckDBConnection,
    sql: string,
    parameters: Record<string, DuckDBValue>,
  ): Promise<SeriesSummary[]> {
    const reader = await connection.runAndReadAll(sql, parameters);
    return reader.getRowObjects().map((row) => {
      const shard = this.#shards.get(row['shard'] as number);
      const idx = row['idx'] as number;
      const hash = row['hash'] as bigint;
      const modality = row['modality'] as string;
      return {
        id: hash.toString(16).padStart(16, '0'),
        tenant: row['tenant'] as string,
        service: row['service'] as string,
        metric: row['metric'] as string,
        unit: row['unit'] as string,
        kind: row['kind'] as SeriesKind,
        modality: (modality in MODALITY ? modality : 'metric') as Modality,
        labels: JSON.parse(row['labels'] as string) as Labels,
        instance: row['instance'] as string,
        firstSeen: row['first_seen'] as number,
        lastSeen: shard?.hash[idx] === hash ? shard.lastSeen[idx]! : (row['first_seen'] as number),
      };
    });
  }

  #shard(shard: number, size: number): ShardIndex {
    let index = this.#shards.get(shard);
    if (index === undefined) {
      index = { hash: new BigUint64Array(1_024), lastSeen: new Float64Array(1_024) };
      this.#shards.set(shard, index);
    }
    if (index.hash.length < size) {
      const capacity = Math.max(size, index.hash.length * 2);
      const hash = new BigUint64Array(capacity);
      hash.set(index.hash);
      const lastSeen = new Float64Array(capacity);
      lastSeen.set(index.lastSeen);
      index.hash = hash;
      index.lastSeen = lastSeen;
    }
    return index;
  }
}
