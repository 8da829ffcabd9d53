/* oxlint-disable typescript/no-explicit-any -- the oracle walks an untyped tree */
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import type { SeriesInfo } from '../../domain/signal/series.ts';
import { type Collected, collect } from '../contract.ts';
import { classifyKey, KEY_INSTANCE, KEY_LABEL } from '../series/series-labels.ts';
import { ShardSeriesTable } from '../series/series-table.ts';
import { createOtlpDecoders } from './json.ts';
import { OTLP_PROTO } from './otlp.fixture.ts';
import { ResourceCache } from './resource.ts';

/** A slow decoder of metrics built on a library, compared with ours on arbitrary requests, in both formats. */
const { root } = protobuf.parse(OTLP_PROTO);
const Request = root.lookupType('otlp.ExportMetricsServiceRequest');
const BASE = 1_700_000_000_000_000_000n;

type Value = Record<string, unknown>;
interface Attribute {
  key: string;
  value: Value;
}

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.record({ stringValue: fc.string({ unit: 'grapheme', maxLength: 12 }) }),
  fc.record({ stringValue: fc.constantFrom('a', 'b', 'x'.repeat(200)) }),
  fc.record({ boolValue: fc.boolean() }),
  fc.record({ intValue: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }).map(String) }),
  fc.record({ intValue: fc.integer({ min: -5, max: 500 }).map(String) }),
  fc.record({ doubleValue: fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Object.is(x, -0)) }),
  fc.record({
    arrayValue: fc.record({
      values: fc.array(fc.record({ stringValue: fc.string({ maxLength: 4 }) }), { maxLength: 3 }),
    }),
  }),
);
const KEYS = ['a', 'b', 'http.route', 'k8s.pod.name', 'host.name', 'service.name', 'process.pid', 'os.type', 'é', 'zz'];
const attributes = (keys: readonly string[]): fc.Arbitrary<Attribute[]> =>
  fc.uniqueArray(fc.record({ key: fc.constantFrom(...keys), value }), { selector: (a) => a.key, maxLength: 6 });
const time = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 9999 }).map((ms) => String(BASE + BigInt(ms) * 1_000_000n)) },
  { weight: 1, arbitrary: fc.constant('0') },
);
const flags = fc.constantFrom(0, 0, 0, 0, 1);
const common = { attributes: attributes(KEYS), startTimeUnixNano: time, timeUnixNano: time, flags };
const numberPoint = fc.oneof(
  fc.record({ ...common, asDouble: fc.double().map((x) => x + 0) }),
  fc.record({ ...common, asInt: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }).map(String) }),
  fc.record(common),
);
const count = fc.integer({ min: 0, max: 5 }).map(String);
const histogramPoint = fc
  .tuple(fc.record({ ...common, count }), fc.integer({ min: 0, max: 6 }), fc.boolean(), fc.infiniteStream(count))
  .map(([point, bounds, broken, counts]) => ({
    ...point,
    ...(bounds > 2 ? { sum: bounds * 1.5 } : {}),
    explicitBounds: Array.from({ length: bounds }, (_, i) => i * 2.5 - 3),
    bucketCounts: Array.from({ length: bounds + (broken ? 0 : 1) }, () => counts.next().value as string),
  }));
const side = fc.record({ offset: fc.integer({ min: -40, max: 40 }), bucketCounts: fc.array(count, { maxLength: 5 }) });
const exponentialPoint = fc.record({
  ...common,
  count,
  scale: fc.integer({ min: -3, max: 8 }),
  zeroCount: count,
  positive: side,
  negative: side,
  zeroThreshold: fc.constantFrom(0, 0.5),
});
const summaryPoint = fc.record({
  ...common,
  count,
  sum: fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
  quantileValues: fc.uniqueArray(
    fc.record({ quantile: fc.constantFrom(0, 0.5, 0.99), value: fc.double().map((x) => x + 0) }),
    {
      selector: (q) => q.quantile,
      maxLength: 3,
    },
  ),
});
const temporality = fc.constantFrom(0, 1, 2);
const points = <T>(point: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(point, { maxLength: 4 });
const metric = fc
  .tuple(
    fc.record({ name: fc.constantFrom('m1', 'm2', 'süm'), description: fc.string(), unit: fc.constantFrom('', 'ms') }),
    fc.oneof(
      fc.record({ gauge: fc.record({ dataPoints: points(numberPoint) }) }),
      fc.record({
        sum: fc.record({
          dataPoints: points(numberPoint),
          aggregationTemporality: temporality,
          isMonotonic: fc.boolean(),
        }),
      }),
      fc.record({ histogram: fc.record({ dataPoints: points(histogramPoint), aggregationTemporality: temporality }) }),
      fc.record({
        exponentialHistogram: fc.record({ dataPoints: points(exponentialPoint), aggregationTemporality: temporality }),
      }),
      fc.record({ summary: fc.record({ dataPoints: points(summaryPoint) }) }),
    ),
  )
  .map(([head, data]) => ({ ...head, ...data }));
const RESOURCE_KEYS = [...KEYS, 'service.namespace', 'service.version', 'k8s.deployment.name', 'telemetry.sdk.name'];
const request = fc.record({
  resourceMetrics: fc.array(
    fc.record({
      resource: fc.record({ attributes: attributes(RESOURCE_KEYS) }),
      scopeMetrics: fc.array(fc.record({ metrics: fc.array(metric, { maxLength: 3 }) }), { maxLength: 2 }),
    }),
    { maxLength: 3 },
  ),
});
// biome-ignore lint/suspicious/noExplicitAny: the oracle walks an untyped tree.
type Json = any;

function render(any: Value): string {
  const [kind, inner] = Object.entries(any)[0] ?? ['stringValue', ''];
  if (kind === 'arrayValue') return JSON.stringify((inner as Json)['values']!.map((item: Json) => item['stringValue']));
  return String(inner);
}

interface Expected {
  points: [string, number, number][];
  histograms: [string, number, number, number[][]][];
  stale: [string, number][];
  rejected: number;
}

/** One line that tells a series: what `describe` must say of it, without the id. */
function words(service: string, name: string, kind: number, labels: Record<string, string>, instance: string): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return JSON.stringify([service, name, kind, sorted, instance]);
}
const line = (series: SeriesInfo): string =>
  words(series.service, series.metric, series.kind, series.labels as Record<string, string>, series.instance);

function oracle(body: Json): Expected {
  const out: Expected = { points: [], histograms: [], stale: [], rejected: 0 };
  const known = new Set<string>();
  const later: (() => void)[] = [];
  for (const group of body['resourceMetrics'] ?? []) {
    const resource = (group['resource']?.['attributes'] ?? []) as unknown as Attribute[];
    const given = new Map(resource.map((a) => [a.key, render(a.value)]));
    const name = given.get('service.name') || given.get('k8s.deployment.name') || 'unknown_service';
    const spoken = name.startsWith('unknown_service') ? given.get('k8s.deployment.name') || name : name;
    const namespace = given.get('service.namespace') ?? '';
    const service = spoken === 'unknown_service' || namespace === '' ? spoken : `${namespace}/${spoken}`;
    const handed = [...given].filter(([key]) => classifyKey(key) === KEY_LABEL || classifyKey(key) >= KEY_INSTANCE);
    for (const scope of group['scopeMetrics'] ?? []) {
      for (const metric of scope['metrics'] ?? []) {
        const identify = (point: Json, suffix: string, kind: number, extra: [string, string][] = []): string => {
          const own = (point['attributes'] as unknown as Attribute[]).map((a): [string, string] => [
            a.key,
            render(a.value),
          ]);
          const all = new Map([...handed, ...own, ...extra].filter(([, text]) => text !== ''));
          // An empty value of the point hides the resource's.
          for (const [key, text] of own) if (text === '') all.delete(key);
          const instances = [...all.keys()].filter((key) => classifyKey(key) >= KEY_INSTANCE);
          instances.sort((a, b) => classifyKey(a) - classifyKey(b));
          const instance = instances.length === 0 ? '' : all.get(instances[0]!)!;
          // Instances of one display name may still be two: what tells them apart goes behind the words.
          const apart = instances.sort().map((key) => [key, all.get(key)]);
          for (const key of instances) all.delete(key);
          const spokenOf = words(service, (metric['name'] ?? '') + suffix, kind, Object.fromEntries(all), instance);
          return `${spokenOf}\u0001${JSON.stringify(apart)}`;
        };
        const kindOf = (data: Json): number =>
          data['isMonotonic']
            ? data['aggregationTemporality'] === 1
              ? 2
              : 1
            : data['aggregationTemporality'] === 1
              ? 0
              : 3;
        const ms = (point: Json): number => Number(BigInt(point['timeUnixNano'] ?? '0')) / 1e6;
        const stale = (series: string, at: number): void =>
          void later.push(() => known.has(series) && out.stale.push([series, at]));
        const numbers = metric['gauge'] ?? metric['sum'];
        for (const point of numbers?.['dataPoints'] ?? []) {
          const kind = metric['sum'] ? kindOf(metric['sum']) : 0;
          const amount = Number(point['asDouble'] ?? point['asInt'] ?? Number.NaN);
          const series = identify(point, '', kind);
          if (ms(point) === 0 || (point['flags'] !== 1 && !Number.isFinite(amount))) out.rejected++;
          else if (point['flags'] === 1) stale(series, ms(point));
          else {
            known.add(series);
            out.points.push([series, ms(point), amount]);
          }
        }
        for (const point of metric['summary']?.['dataPoints'] ?? []) {
          if (ms(point) === 0) {
            out.rejected++;
            continue;
          }
          const samples: [string, number][] = point['quantileValues']!.map((q: Json) => [
            identify(point, '', 0, [['quantile', String(q['quantile'])]]),
            q['value']!,
          ]);
          samples.push(
            [identify(point, '_count', 1), Number(point['count'])],
            [identify(point, '_sum', 1), point['sum']!],
          );
          for (const [series, amount] of samples) {
            if (point['flags'] === 1) stale(series, ms(point));
            else if (Number.isFinite(amount)) {
              known.add(series);
              out.points.push([series, ms(point), amount]);
            }
          }
        }
        const exponential = metric['exponentialHistogram'];
        const distribution = metric['histogram'] ?? exponential;
        for (const point of distribution?.['dataPoints'] ?? []) {
          const series = identify(point, '', distribution!['aggregationTemporality'] === 1 ? 5 : 4);
          const buckets = exponential ? exponentialBuckets(point) : explicitBuckets(point);
          if (ms(point) === 0) out.rejected++;
          else if (point['flags'] === 1) stale(series, ms(point));
          else if (buckets === null) out.rejected++;
          else {
            known.add(series);
            out.histograms.push([series, ms(point), Number(point['count']), buckets]);
          }
        }
      }
    }
  }
  for (const act of later) act();
  for (const list of [out.points, out.histograms, out.stale])
    for (const item of list) item[0] = item[0].split('\u0001')[0]!;
  return out;
}

function explicitBuckets(point: Json): number[][] | null {
  const bounds = point['explicitBounds'] as unknown as number[];
  const counts = (point['bucketCounts'] as unknown as string[]).map(Number);
  if (counts.length === 0) return [];
  if (counts.length !== bounds.length + 1) return null;
  return counts
    .map((n, i) => [i === 0 ? -Infinity : bounds[i - 1]!, i === bounds.length ? Infinity : bounds[i]!, n])
    .filter(([, , n]) => n! > 0);
}

function exponentialBuckets(point: Json): number[][] {
  const edge = (i: number): number => 2 ** (i * 2 ** -point['scale']!);
  const of = (name: string): number[][] =>
    (point[name]!['bucketCounts'] as unknown as string[]).map((n, i) => {
      const at = point[name]!['offset']! + i;
      return [edge(at), edge(at + 1), Number(n)];
    });
  const negative = of('negative');
  const threshold = point['zeroThreshold']!;
  const zero = [negative.length > 0 ? -threshold : 0, threshold, Number(point['zeroCount'])];
  return [...negative.reverse().map(([lower, upper, n]) => [-upper!, -lower!, n!]), zero, ...of('positive')].filter(
    ([, , n]) => n! > 0,
  );
}

function seen(out: Collected): Expected {
  return {
    points: out.points.map((point) => [line(point.series), point.time, point.value]),
    histograms: out.histograms.map((h) => [line(h.series), h.time, h.total, h.buckets]),
    stale: out.stale.map((mark) => [line(mark.series), mark.time]),
    rejected: out.result.rejected,
  };
}

function fresh() {
  const table = new ShardSeriesTable();
  return { table, ...createOtlpDecoders(new ResourceCache(table)) };
}

/** Re-orders the fields of a message and of those in it; repeated fields keep their order except attributes. */
function shuffle(type: protobuf.Type, body: Uint8Array, random: () => number): Uint8Array {
  const reader = protobuf.Reader.create(body);
  const fields: { id: number; bytes: Uint8Array; order: number }[] = [];
  const lanes = new Map<number, number>();
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const tag = reader.uint32();
    const id = tag >>> 3;
    const field = type.fieldsById[id];
    let bytes: Uint8Array;
    if ((tag & 7) === 2 && field?.resolve().resolvedType instanceof protobuf.Type) {
      const inner = shuffle(field.resolvedType as protobuf.Type, reader.bytes(), random);
      bytes = protobuf.Writer.create().uint32(tag).bytes(inner).finish();
    } else {
      reader.skipType(tag & 7);
      bytes = body.slice(start, reader.pos);
    }
    if (field?.name !== 'attributes' && !lanes.has(id)) lanes.set(id, random());
    fields.push({ id, bytes, order: field?.name === 'attributes' ? random() : lanes.get(id)! });
  }
  return Buffer.concat(fields.sort((a, b) => a.order - b.order).map((field) => field.bytes));
}

describe('metrics against an oracle', () => {
  test('arbitrary requests: the same series, times, values, buckets and faults, twice, in both formats', () => {
    fc.assert(
      fc.property(request, (body) => {
        const expected = oracle(body as unknown as Json);
        const bytes = Request.encode(Request.fromObject(body)).finish();
        const { table, protobuf: ours, json } = fresh();
        expect(seen(collect(ours.metrics, table, bytes))).toEqual(expected);
        const rows = table.size;
        const again = collect(ours.metrics, table, bytes);
        expect(seen(again).points).toEqual(expected.points);
        const text = Buffer.from(
          JSON.stringify(body, (_, v) => (typeof v === 'number' && !Number.isFinite(v) ? String(v) : v)),
        );
        const viaJson = collect(json.metrics, table, text);
        expect(viaJson.points).toEqual(again.points);
        expect(viaJson.histograms).toEqual(again.histograms);
        expect(viaJson.result).toEqual(again.result);
        expect(table.size).toBe(rows);
      }),
      { numRuns: 400 },
    );
  });

  test('any order of fields and attributes gives the same series and samples', () => {
    fc.assert(
      fc.property(request, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (body, stream) => {
        const random = (): number => stream.next().value as number;
        const bytes = Request.encode(Request.fromObject(body)).finish();
        const { table, protobuf: ours } = fresh();
        const first = collect(ours.metrics, table, bytes);
        const rows = table.size;
        const mixed = collect(ours.metrics, table, shuffle(Request, bytes, random));
        expect(mixed.points).toHaveLength(first.points.length);
        const key = (point: Collected['points'][number]): string => `${point.row} ${point.time} ${point.value}`;
        expect(mixed.points.map(key).sort()).toEqual(first.points.map(key).sort());
        expect(mixed.histograms.map((h) => JSON.stringify(h)).sort()).toEqual(
          first.histograms.map((h) => JSON.stringify(h)).sort(),
        );
        expect(table.size).toBe(rows);
      }),
      { numRuns: 200 },
    );
  });
});
