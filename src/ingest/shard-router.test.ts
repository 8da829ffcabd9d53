import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { TocsinError } from '../domain/error.ts';
import { VIRTUAL_SHARDS } from '../domain/units.ts';
import { OtlpMetricsDecoder } from './otlp/metrics.ts';
import { ResourceCache } from './otlp/resource.ts';
import { RecordingSink } from './remote-write/testing/recording-sink.ts';
import { ShardSeriesTable } from './series/series-table.ts';
import { ShardRouter, shardOf, virtualShardOf } from './shard-router.ts';

/** Enough of OTLP metrics for an independent library to write resources and gauges. */
const { root } = protobuf.parse(`syntax = "proto3";
  message AnyValue { string string_value = 1; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message Point { fixed64 time_unix_nano = 3; double as_double = 4; }
  message Gauge { repeated Point data_points = 1; }
  message Metric { string name = 1; Gauge gauge = 5; }
  message Scope { repeated Metric metrics = 2; }
  message ResourceMetrics { Resource resource = 1; repeated Scope scope_metrics = 2; }
  message Request { repeated ResourceMetrics resource_metrics = 1; }`);
const Request = root.lookupType('Request');

function bodyOf(resources: readonly Readonly<Record<string, string>>[]): Uint8Array {
  const resourceMetrics = resources.map((attributes, i) => ({
    resource: { attributes: Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } })) },
    scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints: [{ timeUnixNano: 1e18 + i, asDouble: i }] } }] }],
  }));
  return Request.encode(Request.fromObject({ resourceMetrics })).finish();
}

/** Service and value of every point of a body, by the real decoder. */
function decoded(body: Uint8Array): [string, number][] {
  const table = new ShardSeriesTable();
  const sink = new RecordingSink();
  new OtlpMetricsDecoder(new ResourceCache(table)).decode(body, 'default', sink);
  return sink.points_.map((point) => [table.describe(point.series).service, point.value]);
}

const resource = fc.dictionary(
  fc.constantFrom('service.name', 'service.namespace', 'k8s.deployment.name', 'job', 'host.name', 'container.name'),
  fc.constantFrom('a', 'b', 'c', 'unknown_service:node', ''),
);

describe('ShardRouter', () => {
  it('sends every resource to the owner of the service that the decoder gives it, and loses nothing', () => {
    fc.assert(
      fc.property(
        fc.array(resource, { maxLength: 20 }),
        fc.integer({ min: 2, max: 8 }),
        fc.nat(7),
        (resources, shards, self) => {
          const body = bodyOf(resources);
          const me = self % shards;
          const whole = decoded(body);
          const owner = ([service]: [string, number]) => shardOf(virtualShardOf('default', service), shards);
          const pieces = new ShardRouter(shards, me).split(body, 'default');
          if (pieces === null) {
            expect(whole.every((point) => owner(point) === me)).toBe(true);
            return;
          }
          expect(pieces).toHaveLength(shards);
          expect(pieces.reduce((sum, piece) => sum + piece.length, 0)).toBe(body.length);
          pieces.forEach((piece, shard) => {
            expect(decoded(piece)).toEqual(whole.filter((point) => owner(point) === shard));
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  it('makes views where it can', () => {
    const body = bodyOf([{ 'service.name': 'a' }, { 'service.name': 'a' }]);
    const owner = shardOf(virtualShardOf('default', 'a'), 4);
    const router = new ShardRouter(4, (owner + 1) % 4);
    expect(router.split(body, 'default')![owner]!.buffer).toBe(body.buffer);
    expect(new ShardRouter(4, owner).split(body, 'default')).toBeNull();
    expect(new ShardRouter(1, 0).split(body, 'default')).toBeNull();
  });

  it('separates tenants', () => {
    const shards = new Set(Array.from({ length: 40 }, (_, i) => shardOf(virtualShardOf(`tenant-${i}`, 'a'), 8)));
    expect(shards.size).toBe(8);
  });

  it('refuses what is no protobuf and survives any bytes', () => {
    const router = new ShardRouter(4, 0);
    expect(() => router.split(Uint8Array.of(0x0a, 50, 1), 'default')).toThrow(TocsinError);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          router.split(bytes, 'default');
        } catch (error) {
          expect((error as TocsinError).code).toBe('bad_payload');
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('virtual shards', () => {
  it('spread evenly and map to contiguous ranges', () => {
    const counts = new Array<number>(8).fill(0);
    for (let i = 0; i < 8000; i++) counts[shardOf(virtualShardOf('default', `service-${i}`), 8)]!++;
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1150);
    const owners = Array.from({ length: VIRTUAL_SHARDS }, (_, vshard) => shardOf(vshard, 5));
    expect([...owners].sort((a, b) => a - b)).toEqual(owners);
    expect(new Set(owners).size).toBe(5);
  });

  it('never change: snapshots and partitions depend on them', () => {
    expect([
      virtualShardOf('default', 'cart'),
      virtualShardOf('default', 'shop/cart'),
      virtualShardOf('t', 'ä'),
    ]).toEqual([820, 3113, 3422]);
  });
});
