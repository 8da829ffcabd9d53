import { createHash } from 'node:crypto';
import { TocsinError } from '../../domain/error.ts';
import { type FeatureSpec, SERVICE_FEATURES, SERVICE_WINDOWS } from '../../features/spec.ts';

export interface FlinkPlanOptions {
  readonly brokers: readonly string[];
  readonly rollups: string;
  readonly features: string;
  /** Calls between services whose metrics are to be correlated; `metric` is what is compared. */
  readonly edges: readonly { readonly caller: string; readonly callee: string }[];
  readonly correlate: string;
  /** Ends when everything that is there was read: for tests and back-fills. */
  readonly bounded: boolean;
  /** Folder (any URL that Flink can write) for Parquet; empty for none. */
  readonly lake: string;
}

export interface FlinkPlan {
  /** Of the job: the same statements have the same name. */
  readonly name: string;
  /** In order; the last one is the job. */
  readonly statements: readonly string[];
}

const QUOTE = "'";
const text = (value: string): string => QUOTE + value.replaceAll(QUOTE, QUOTE + QUOTE) + QUOTE;

/**
 * Compiles the service features of the catalogue to Flink SQL 2.2. One statement set is one job: the sources are read once.
 * Every window of `features/spec.ts` becomes a TUMBLE; the same catalogue runs embedded in `features/service-window`.
 */
export function compileFlinkPlan(options: FlinkPlanOptions): FlinkPlan {
  const inserts = SERVICE_WINDOWS.map(({ name, ms }) =>
    windowInsert(
      name,
      ms,
      SERVICE_FEATURES.filter((f) => f.window === name),
    ),
  );
  if (options.edges.length > 0) inserts.push(correlationInsert());
  if (options.lake !== '') inserts.push('INSERT INTO lake SELECT * FROM rollup_rows_flat');
  const set = `EXECUTE STATEMENT SET BEGIN\n${inserts.map((insert) => `${insert};`).join('\n')}\nEND`;
  const tables = [...functions(), source(options), rowsView(), sink(options)];
  if (options.edges.length > 0)
    tables.push(
      signalView(options),
      endView('callers', options.edges, 'caller'),
      endView('callees', options.edges, 'callee'),
      pairsView(),
    );
  if (options.lake !== '') tables.push(...lake(options));
  const hash = createHash('sha256')
    .update([...tables, set].join('\n'))
    .digest('hex')
    .slice(0, 8);
  const name = `tocsin-features-${hash}`;
  return { name, statements: [`SET 'pipeline.name' = ${text(name)}`, ...tables, set] };
}

const functions = (): string[] => [
  "CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS MOMENTS_MERGE AS 'io.tocsin.flink.MomentsMerge'",
  "CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS SKETCH_QUANTILES AS 'io.tocsin.flink.SketchQuantiles'",
  "CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS PEARSON AS 'io.tocsin.flink.Pearson'",
];

function source({ brokers, rollups, bounded }: FlinkPlanOptions): string {
  const reading = bounded
    ? "'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset'"
    : "'scan.startup.mode' = 'group-offsets', 'properties.auto.offset.reset' = 'earliest', 'scan.watermark.idle-timeout' = '5s'";
  return `CREATE TEMPORARY TABLE rollups (
  tenant STRING, service STRING, tick_ms BIGINT,
  \`rows\` ARRAY<ROW<metric STRING, \`count\` BIGINT, mean DOUBLE, m2 DOUBLE, \`min\` DOUBLE, \`max\` DOUBLE, sketch BYTES>>,
  ts AS TO_TIMESTAMP_LTZ(tick_ms, 3),
  WATERMARK FOR ts AS ts - INTERVAL '2' SECOND
) WITH (
  'connector' = 'kafka', 'topic' = ${text(rollups)}, 'properties.bootstrap.servers' = ${text(brokers.join(','))},
  'properties.group.id' = ${text(`${rollups}-features`)}, ${reading},
  'format' = 'protobuf', 'protobuf.message-class-name' = 'io.tocsin.v1.RollupBatch', 'protobuf.ignore-parse-errors' = 'true'
)`;
}

const rowsView = (): string => `CREATE TEMPORARY VIEW rollup_rows AS
SELECT r.tenant, r.service, u.metric, u.n, u.mean, u.m2, u.mn, u.mx, u.sketch, r.tick_ms, r.ts
FROM rollups AS r CROSS JOIN UNNEST(r.\`rows\`) AS u (metric, n, mean, m2, mn, mx, sketch)`;

function sink({ brokers, features }: FlinkPlanOptions): string {
  return `CREATE TEMPORARY TABLE features (
  tenant STRING, service STRING, metric STRING, \`window\` STRING, start_ms BIGINT,
  \`count\` BIGINT, mean DOUBLE, variance DOUBLE, \`min\` DOUBLE, \`max\` DOUBLE, p50 DOUBLE, p99 DOUBLE, rate DOUBLE,
  caller STRING, correlation DOUBLE
) WITH (
  'connector' = 'kafka', 'topic' = ${text(features)}, 'properties.bootstrap.servers' = ${text(brokers.join(','))},
  'sink.delivery-guarantee' = 'at-least-once', 'format' = 'json'
)`;
}

/** What each aggregate of the catalogue is in SQL, over a row `w` of one window. */
function column({ name, aggregate }: FeatureSpec): string {
  switch (aggregate.kind) {
    case 'count':
      return 'm.n';
    case 'mean':
      return 'm.mean';
    case 'variance':
      return 'm.variance';
    case 'min':
      return 'mn';
    case 'max':
      return 'mx';
    case 'quantile':
      if (aggregate.q === 0.5) return 'q.p50';
      if (aggregate.q === 0.99) return 'q.p99';
      throw new TocsinError('invalid_config', `${name}: SKETCH_QUANTILES has no quantile ${aggregate.q}`);
    case 'rate':
      return `(m.mean - LAG(m.mean) OVER w) * 1000 / (start_ms - LAG(start_ms) OVER w)`;
    default:
      throw new TocsinError('invalid_config', `${name}: there is no Flink SQL for ${aggregate.kind}`);
  }
}

const COLUMNS = ['count', 'mean', 'variance', 'min', 'max', 'p50', 'p99', 'rate'];

function windowInsert(window: string, ms: number, features: readonly FeatureSpec[]): string {
  const byName = new Map(features.map((feature) => [feature.name.split('.').at(-1)!, feature]));
  const columns = COLUMNS.map((name) => {
    const feature = byName.get(name);
    return feature === undefined ? 'NULL' : column(feature);
  });
  return `INSERT INTO features
SELECT tenant, service, metric, ${text(window)}, start_ms, ${columns.join(', ')}, CAST(NULL AS STRING), CAST(NULL AS DOUBLE)
FROM (
  SELECT tenant, service, metric, window_time, UNIX_TIMESTAMP(CAST(window_start AS STRING)) * 1000 AS start_ms,
    MOMENTS_MERGE(n, mean, m2) AS m, MIN(mn) AS mn, MAX(mx) AS mx, SKETCH_QUANTILES(sketch) AS q
  FROM TABLE(TUMBLE(TABLE rollup_rows, DESCRIPTOR(ts), INTERVAL '${ms / 1_000}' SECOND(6)))
  GROUP BY tenant, service, metric, window_start, window_end, window_time
)
WINDOW w AS (PARTITION BY tenant, service, metric ORDER BY window_time)`;
}

/** One value a service and tick: what is correlated along calls. */
const signalView = ({ correlate }: FlinkPlanOptions): string => `CREATE TEMPORARY VIEW signals AS
SELECT tenant, service, metric, window_start, window_end, window_time, MOMENTS_MERGE(n, mean, m2).mean AS v
FROM TABLE(TUMBLE(TABLE rollup_rows, DESCRIPTOR(ts), INTERVAL '10' SECOND))
WHERE metric = ${text(correlate)}
GROUP BY tenant, service, metric, window_start, window_end, window_time`;

type Edge = FlinkPlanOptions['edges'][number];

/**
 * Values of one end of the calls, a row for each call. A join with a table of calls would turn event time into a plain column;
 * an array of constants keeps it.
 */
function endView(name: string, edges: readonly Edge[], end: keyof Edge): string {
  const of = Map.groupBy(edges, (edge) => edge[end]);
  const cases = [...of].map(
    ([service, own]) => `WHEN ${text(service)} THEN ARRAY[${own.map(edgeName).map(text).join(', ')}]`,
  );
  return `CREATE TEMPORARY VIEW ${name} AS
SELECT s.tenant, s.service, s.metric, s.window_start, s.window_end, s.window_time, s.v, e.edge
FROM signals AS s CROSS JOIN UNNEST(CASE s.service ${cases.join(' ')} ELSE ARRAY[''] END) AS e (edge)
WHERE e.edge <> ''`;
}

const edgeName = ({ caller, callee }: Edge): string => `${caller} -> ${callee}`;

/** Both ends of a call in the same tick. The window join wants the same windows on both sides, and keeps its time. */
const pairsView = (): string => `CREATE TEMPORARY VIEW pairs AS
SELECT x.tenant, x.service AS caller, y.service AS callee, x.metric, x.v AS x, y.v AS y, x.window_time AS pair_time
FROM callers AS x
JOIN callees AS y
ON x.tenant = y.tenant AND x.edge = y.edge AND x.window_start = y.window_start AND x.window_end = y.window_end`;

const correlationInsert = (): string => `INSERT INTO features
SELECT tenant, callee, metric, '5m', UNIX_TIMESTAMP(CAST(window_start AS STRING)) * 1000,
  COUNT(*), CAST(NULL AS DOUBLE), CAST(NULL AS DOUBLE), CAST(NULL AS DOUBLE), CAST(NULL AS DOUBLE), CAST(NULL AS DOUBLE),
  CAST(NULL AS DOUBLE), CAST(NULL AS DOUBLE), caller, PEARSON(x, y)
FROM TABLE(TUMBLE(TABLE pairs, DESCRIPTOR(pair_time), INTERVAL '5' MINUTE))
GROUP BY tenant, caller, callee, metric, window_start, window_end`;

function lake({ lake: path }: FlinkPlanOptions): string[] {
  return [
    `CREATE TEMPORARY VIEW rollup_rows_flat AS SELECT tenant, service, metric, tick_ms, n, mean, m2, mn, mx FROM rollup_rows`,
    `CREATE TEMPORARY TABLE lake (
  tenant STRING, service STRING, metric STRING, tick_ms BIGINT, n BIGINT, mean DOUBLE, m2 DOUBLE, mn DOUBLE, mx DOUBLE
) WITH ('connector' = 'filesystem', 'path' = ${text(path)}, 'format' = 'parquet')`,
  ];
}
