import protobuf from 'protobufjs';
import type { SignalSink } from '../src/domain/ports.ts';
import { createOtlpDecoders } from '../src/ingest/otlp/json.ts';
import { OTLP_PROTO } from '../src/ingest/otlp/otlp.fixture.ts';
import { ResourceCache } from '../src/ingest/otlp/resource.ts';
import { ShardSeriesTable } from '../src/ingest/series/series-table.ts';
import { logsPayloads, metricsPayloads, spansPayloads } from './payload.ts';

/**
 * Decoders against a protobuf library doing the same job (decode, sorted string key, Map), in one run and by CPU time, so that
 * the ratio holds on a busy machine. `node bench/decode.ts [series ...]`, default 100000 1000000.
 */
const ROUNDS = 5;

const counts = { items: 0 };
function count(batch: { length: number }): void {
  counts.items += batch.length;
}
const sink: SignalSink = {
  points: count,
  histograms: count,
  logs: count,
  spans: count,
  deploy: () => undefined,
  stale: () => undefined,
};

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Median of items per CPU second over the rounds, in millions. */
function measure(rounds: number, run: () => number): number {
  const rates: number[] = [];
  for (let r = 0; r < rounds; r++) {
    const before = cpuSeconds();
    const items = run();
    rates.push(items / (cpuSeconds() - before) / 1e6);
  }
  return rates.sort((a, b) => a - b)[Math.floor(rates.length / 2)]!;
}

const Request = protobuf.parse(OTLP_PROTO).root.lookupType('otlp.ExportMetricsServiceRequest');

interface Point {
  attributes: { key: string; value: Record<string, unknown> }[];
}
interface Decoded {
  resourceMetrics: {
    resource: Point;
    scopeMetrics: { metrics: (Record<string, { dataPoints: Point[] }> & { name: string })[] }[];
  }[];
}

/** What a decoder written without much thought does: messages, a sorted label string per point, a Map. */
function libraryDecode(body: Uint8Array, series: Map<string, number>): number {
  const request = Request.decode(body) as unknown as Decoded;
  let items = 0;
  for (const group of request.resourceMetrics) {
    const resource = labelString(group.resource.attributes);
    for (const scope of group.scopeMetrics) {
      for (const metric of scope.metrics) {
        const data = metric['gauge'] ?? metric['sum'] ?? metric['histogram'];
        for (const point of data?.dataPoints ?? []) {
          const key = `${resource}|${metric.name}|${labelString(point.attributes)}`;
          if (!series.has(key)) series.set(key, series.size);
          items++;
        }
      }
    }
  }
  return items;
}

function labelString(attributes: Point['attributes']): string {
  return attributes
    .map(({ key, value }) => `${key}=${String(value['stringValue'] ?? value['intValue'])}`)
    .sort()
    .join(',');
}

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [100_000, 1_000_000];
for (const size of sizes) {
  const bodies = metricsPayloads({ series: size });
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
  const table = new ShardSeriesTable({ maxSeriesPerTenant: size });
  const { protobuf: ours } = createOtlpDecoders(new ResourceCache(table));
  const decodeAll = (): number => {
    counts.items = 0;
    for (const body of bodies) ours.metrics.decode(body, 'default', sink);
    return counts.items;
  };
  const first = measure(1, decodeAll);
  const repeats = Math.max(1, Math.floor(1_000_000 / size));
  const rate = measure(ROUNDS, () => {
    let items = 0;
    for (let k = 0; k < repeats; k++) items += decodeAll();
    return items;
  });
  // The library is two orders slower: a sample of the bodies is enough, and its Map is then smaller than ours.
  const sample = bodies.slice(0, 60);
  const map = new Map<string, number>();
  const library = measure(3, () => sample.reduce((sum, body) => sum + libraryDecode(body, map), 0));
  console.log(
    `metrics, ${size} series, ${(bytes / size).toFixed(0)} B/point: ${rate.toFixed(2)} M points/s/core ` +
      `(${((rate * bytes) / size).toFixed(0)} MB/s), library ${library.toFixed(3)}, ratio ${(rate / library).toFixed(0)}; ` +
      `first sight ${(1 / first).toFixed(2)} us/series, table ${(table.bytes() / size).toFixed(0)} B/series`,
  );
  const started = cpuSeconds();
  new ShardSeriesTable().restore(table.save());
  console.log(`  save and restore: ${(cpuSeconds() - started).toFixed(2)} s CPU`);
}

const { protobuf: ours } = createOtlpDecoders(new ResourceCache(new ShardSeriesTable()));
const lines = logsPayloads({ items: 100_000 });
const spans = spansPayloads({ items: 100_000 });
for (const [name, bodies, decoder] of [
  ['logs', lines, ours.logs],
  ['spans', spans, ours.traces],
] as const) {
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0) / 100_000;
  const rate = measure(ROUNDS, () => {
    counts.items = 0;
    for (let k = 0; k < 5; k++) for (const body of bodies) decoder.decode(body, 'default', sink);
    return counts.items;
  });
  console.log(`${name}, ${bytes.toFixed(0)} B each: ${rate.toFixed(2)} M/s/core`);
}
