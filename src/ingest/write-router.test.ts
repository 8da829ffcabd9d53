import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TocsinError } from '../domain/error.ts';
import { RemoteWriteDecoder } from './remote-write/remote-write.ts';
import { RecordingSink } from './remote-write/testing/recording-sink.ts';
import { encodeV1, encodeV2 } from './remote-write/testing/schema.ts';
import { ShardSeriesTable } from './series/series-table.ts';
import { shardOf, virtualShardOf } from './shard-router.ts';
import { WriteRouter } from './write-router.ts';

/** Service and value of every point of a body, by the real decoder. */
function decoded(version: 1 | 2, body: Uint8Array): [string, number][] {
  const table = new ShardSeriesTable();
  const sink = new RecordingSink();
  const decoder = new RemoteWriteDecoder(table);
  if (version === 1) decoder.decodeV1(body, 'default', sink);
  else decoder.decodeV2(body, 'default', sink);
  return sink.points_.map((point) => [table.describe(point.series).service, point.value]);
}

const labels = fc.dictionary(
  fc.constantFrom('service_name', 'service_namespace', 'k8s_deployment_name', 'job', 'code', 'a', 'container_name'),
  fc.constantFrom('a', 'b', 'shop/c', 'unknown_service', ''),
);

describe('WriteRouter', () => {
  for (const version of [1, 2] as const) {
    it(`${version}.0: sends every series to the owner of the service that the decoder gives it, and loses nothing`, () => {
      fc.assert(
        fc.property(
          fc.array(labels, { maxLength: 20 }),
          fc.integer({ min: 2, max: 8 }),
          fc.nat(7),
          (list, shards, self) => {
            const series = list.map((own, i) => ({
              labels: { __name__: 'm', ...own },
              samples: [{ value: i, timestamp: 1000 + i }],
            }));
            const body = version === 1 ? encodeV1(series) : encodeV2(series);
            const me = self % shards;
            const whole = decoded(version, body);
            expect(whole).toHaveLength(list.length);
            const owner = ([service]: [string, number]) => shardOf(virtualShardOf('default', service), shards);
            const router = new WriteRouter(shards, me);
            for (let round = 0; round < 2; round++) {
              const pieces = router.split(version, body, 'default');
              if (pieces === null) {
                expect(whole.every((point) => owner(point) === me)).toBe(true);
                continue;
              }
              pieces.forEach((piece, shard) => {
                expect(decoded(version, piece)).toEqual(whole.filter((point) => owner(point) === shard));
              });
            }
          },
        ),
        { numRuns: 100 },
      );
    });

    it(`${version}.0: survives any bytes`, () => {
      const router = new WriteRouter(4, 0);
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
          try {
            router.split(version, bytes, 'default');
          } catch (error) {
            expect((error as TocsinError).code).toBe('bad_payload');
          }
        }),
        { numRuns: 500 },
      );
    });
  }
});
