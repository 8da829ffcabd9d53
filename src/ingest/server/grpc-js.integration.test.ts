import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { TocsinError } from '../../domain/error.ts';
import type { IntakeResult } from '../../domain/ports.ts';
import type { IngestServerOptions } from './options.ts';
import { type Running, startForTests } from './testing/fake-intake.ts';

const METRICS = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
const BODY = Buffer.from('0a0012345678', 'hex');
let running: Running | undefined;
let client: grpc.Client | undefined;
afterEach(async () => {
  client?.close();
  await running?.servers.stop();
});

async function start(options: Partial<IngestServerOptions> = {}, channel: grpc.ChannelOptions = {}) {
  running = await startForTests({ http: null, ...options });
  client = new grpc.Client(`127.0.0.1:${running.grpcPort}`, grpc.credentials.createInsecure(), channel);
  return { ...running, client };
}

function call(
  on: grpc.Client,
  path: string,
  body: Buffer,
  options: grpc.CallOptions = {},
  metadata = new grpc.Metadata(),
) {
  return new Promise<Buffer>((resolve, reject) => {
    const same = (bytes: Buffer) => bytes;
    on.makeUnaryRequest(path, same, same, body, metadata, options, (error, value) => {
      if (error !== null) reject(error);
      else resolve(value!);
    });
  });
}

describe('@grpc/grpc-js', () => {
  it('calls, plain and compressed by its own hand, small and large', async () => {
    for (const algorithm of [0, 2]) {
      const { client, intake, servers } = await start({}, { 'grpc.default_compression_algorithm': algorithm });
      const large = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 31) % 253));
      expect(await call(client, METRICS, BODY)).toHaveLength(0);
      expect(await call(client, METRICS, large)).toHaveLength(0);
      expect(intake.taken.map((taken) => taken.body.equals(taken.body.length === 6 ? BODY : large))).toEqual([
        true,
        true,
      ]);
      expect(servers.counters.bytesIn < large.length).toBe(algorithm === 2);
      client.close();
      await servers.stop();
    }
  });

  it('sees status, message and details of refusals', async () => {
    const { client, intake } = await start({ limits: { maxBodyBytes: 100_000 }, bearerTokens: [{ token: 'one' }] });
    const metadata = new grpc.Metadata();
    metadata.set('authorization', 'Bearer one');
    await expect(call(client, METRICS, BODY)).rejects.toMatchObject({ code: grpc.status.UNAUTHENTICATED });
    intake.answer = () => {
      throw new TocsinError('overloaded', 'größer, 100 %', { retryAfterMs: 1000 });
    };
    const error = await call(client, METRICS, BODY, {}, metadata).catch(
      (thrown: unknown) => thrown as grpc.ServiceError,
    );
    expect(error).toMatchObject({ code: grpc.status.UNAVAILABLE, details: 'größer, 100 %' });
    expect((error as grpc.ServiceError).metadata.get('grpc-status-details-bin')[0]!.toString('latin1')).toContain(
      'RetryInfo',
    );
    await expect(call(client, METRICS, Buffer.alloc(5_000_000), {}, metadata)).rejects.toMatchObject({
      code: grpc.status.RESOURCE_EXHAUSTED,
    });
    await expect(call(client, '/a.B/C', BODY)).rejects.toMatchObject({ code: grpc.status.UNIMPLEMENTED });
    intake.answer = () => ({ accepted: 1, rejected: 0, message: '' });
    expect(await call(client, METRICS, BODY, {}, metadata)).toHaveLength(0);
  });

  it('has its deadline kept and goes elsewhere on GOAWAY', async () => {
    const { client, intake, servers } = await start();
    const gate = Promise.withResolvers<IntakeResult>();
    intake.answer = () => gate.promise;
    await expect(call(client, METRICS, BODY, { deadline: Date.now() + 100 })).rejects.toMatchObject({
      code: grpc.status.DEADLINE_EXCEEDED,
    });
    const busy = call(client, METRICS, BODY);
    await expect.poll(() => intake.taken.length).toBe(2);
    const stopped = servers.stop();
    gate.resolve({ accepted: 1, rejected: 0, message: '' });
    await busy;
    await stopped;
    await expect(call(client, METRICS, BODY)).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
  });

  it('finds the server healthy', async () => {
    const { client } = await start();
    expect(await call(client, '/grpc.health.v1.Health/Check', Buffer.alloc(0))).toEqual(Buffer.of(8, 1));
  });
});
