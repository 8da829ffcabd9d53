import {
  type ClientHttp2Session,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import protobuf from 'protobufjs';
import { afterEach, describe, expect, it } from 'vitest';
import { TocsinError } from '../../../domain/error.ts';
import type { IntakeResult } from '../../../domain/ports.ts';
import type { IngestServerOptions } from '../options.ts';
import { type Running, startForTests } from '../testing/fake-intake.ts';
import { percentEncode } from './grpc-protocol.ts';

const running: Running[] = [];
const sessions: ClientHttp2Session[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  await Promise.all(running.splice(0).map((one) => one.servers.stop()));
});

async function start(options: Partial<IngestServerOptions> = {}): Promise<Running & { session: ClientHttp2Session }> {
  const one = await startForTests({ http: null, ...options });
  running.push(one);
  const session = connect(`http://127.0.0.1:${one.grpcPort}`);
  session.on('error', () => {});
  sessions.push(session);
  return { ...one, session };
}

const METRICS = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';
const LOGS = '/opentelemetry.proto.collector.logs.v1.LogsService/Export';
const TRACES = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const BODY = Buffer.from('0a0012345678', 'hex');

function frame(message: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** From trailers, or from headers of a trailers-only answer. */
  readonly status: string | undefined;
  readonly message: string | undefined;
  readonly rst: number;
}

function call(
  session: ClientHttp2Session,
  path: string,
  chunks: readonly Uint8Array[],
  extra: OutgoingHttpHeaders = {},
  end = true,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...extra,
    });
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const parts: Buffer[] = [];
    stream.on('response', (got) => {
      headers = got;
    });
    stream.on('trailers', (got) => {
      trailers = got;
    });
    stream.on('data', (chunk: Buffer) => parts.push(chunk));
    stream.on('error', (error) => {
      if (headers[':status'] === undefined) reject(error);
    });
    stream.on('close', () => {
      const status = trailers['grpc-status'] ?? headers['grpc-status'];
      const message = trailers['grpc-message'] ?? headers['grpc-message'];
      resolve({
        headers,
        trailers,
        body: Buffer.concat(parts),
        status: status as string | undefined,
        message: message as string | undefined,
        rst: stream.rstCode,
      });
    });
    for (const chunk of chunks) stream.write(chunk);
    if (end) stream.end();
  });
}

describe('OTLP/gRPC', () => {
  it('takes each signal and answers with a message and trailers', async () => {
    const { session, intake } = await start();
    for (const [path, signal] of [
      [METRICS, 'metrics'],
      [LOGS, 'logs'],
      [TRACES, 'traces'],
    ] as const) {
      const answer = await call(session, path, [frame(BODY)]);
      expect(answer.headers).toMatchObject({ ':status': 200, 'content-type': 'application/grpc+proto' });
      expect(answer.trailers['grpc-status']).toBe('0');
      expect(answer.body).toEqual(frame(new Uint8Array(0)));
      expect(intake.taken.pop()).toMatchObject({ signal, format: 'otlp-protobuf', tenant: 'default', body: BODY });
    }
  });

  it('assembles a message cut anywhere, and takes an empty one', async () => {
    const { session, intake } = await start();
    const message = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7) % 251));
    const framed = frame(message);
    const cuts = [framed.subarray(0, 1), framed.subarray(1, 4), framed.subarray(4, 6), framed.subarray(6, 70_000)];
    const answer = await call(session, METRICS, [...cuts, framed.subarray(70_000)]);
    expect(answer.status).toBe('0');
    expect(intake.taken.pop()!.body.equals(message)).toBe(true);
    expect((await call(session, METRICS, [frame(new Uint8Array(0))])).status).toBe('0');
    expect(intake.taken.pop()!.body).toHaveLength(0);
  });

  it('inflates what is flagged as compressed and only that', async () => {
    const { session, intake } = await start();
    for (const [encoding, packed] of [
      ['gzip', gzipSync(BODY)],
      ['zstd', zstdCompressSync(BODY)],
    ] as const) {
      const extra = { 'grpc-encoding': encoding };
      expect((await call(session, METRICS, [frame(packed, 1)], extra)).status).toBe('0');
      expect((await call(session, METRICS, [frame(BODY, 0)], extra)).status).toBe('0');
      expect(intake.taken.splice(0).map((taken) => taken.body.equals(BODY))).toEqual([true, true]);
      expect((await call(session, METRICS, [frame(BODY, 1)], extra)).status).toBe('3');
    }
    const unknown = await call(session, METRICS, [frame(BODY, 1)], { 'grpc-encoding': 'snappy' });
    expect([unknown.status, unknown.headers['grpc-accept-encoding']]).toEqual(['12', 'identity,gzip,zstd']);
    expect((await call(session, METRICS, [frame(BODY, 1)])).status).toBe('13');
    expect((await call(session, METRICS, [frame(BODY, 2)])).status).toBe('3');
  });

  it('refuses none, several and cut messages', async () => {
    const { session, intake } = await start();
    expect((await call(session, METRICS, [])).status).toBe('12');
    expect((await call(session, METRICS, [frame(BODY), frame(BODY)])).status).toBe('12');
    expect((await call(session, METRICS, [Buffer.concat([frame(BODY), frame(BODY)])])).status).toBe('12');
    expect((await call(session, METRICS, [frame(BODY).subarray(0, 7)])).status).toBe('3');
    expect((await call(session, METRICS, [frame(BODY).subarray(0, 3)])).status).toBe('12');
    expect(intake.taken).toEqual([]);
  });

  it('refuses unknown methods, and HTTP that is no gRPC', async () => {
    const { session } = await start();
    const unknown = await call(session, '/opentelemetry.proto.collector.metrics.v1.MetricsService/Nope', [frame(BODY)]);
    expect([unknown.status, unknown.headers[':status']]).toEqual(['12', 200]);
    expect((await call(session, METRICS, [BODY], { 'content-type': 'application/json' })).headers[':status']).toBe(415);
    expect((await call(session, METRICS, [], { ':method': 'GET' })).headers[':status']).toBe(405);
  });

  it('refuses a large message by its prefix, before the rest is there, and keeps the session', async () => {
    const { session, servers } = await start({ limits: { maxBodyBytes: 1000, maxInflatedBytes: 50_000 } });
    const head = frame(new Uint8Array(100_000)).subarray(0, 2000);
    const answer = await call(session, METRICS, [head], {}, false);
    expect([answer.status, answer.rst]).toEqual(['8', constants.NGHTTP2_NO_ERROR]);
    const bomb = gzipSync(Buffer.alloc(50_001));
    expect((await call(session, METRICS, [frame(bomb, 1)], { 'grpc-encoding': 'gzip' })).status).toBe('8');
    expect((await call(session, METRICS, [frame(BODY)])).status).toBe('0');
    expect(servers.counters).toMatchObject({ inFlight: 0, inFlightBytes: 0 });
  });

  it('reports partial success in the message', async () => {
    const { session, intake } = await start();
    intake.answer = async () => ({ accepted: 1, rejected: 7, message: 'why' });
    const answer = await call(session, METRICS, [frame(BODY)]);
    expect(answer.status).toBe('0');
    expect(answer.body.subarray(5).toString('hex')).toBe('0a0708071203776879');
  });

  it('says UNAVAILABLE with RetryInfo when overloaded', async () => {
    const { session, intake } = await start();
    intake.answer = () => {
      throw new TocsinError('overloaded', 'voll: 100 % größer', { retryAfterMs: 1500 });
    };
    const answer = await call(session, METRICS, [frame(BODY)]);
    expect(answer.status).toBe('14');
    expect(answer.message).toBe('voll: 100 %25 gr%C3%B6%C3%9Fer');
    const { root } = protobuf.parse(`syntax = "proto3";
      message Any { string type_url = 1; bytes value = 2; }
      message Status { int32 code = 1; string message = 2; repeated Any details = 3; }`);
    const details = Buffer.from(String(answer.headers['grpc-status-details-bin']), 'base64');
    const status = root.lookupType('Status').toObject(root.lookupType('Status').decode(details));
    expect(status).toMatchObject({ code: 14, message: 'voll: 100 % größer' });
    // RetryInfo { retry_delay: Duration { seconds: 1, nanos: 500000000 } }
    expect(Buffer.from(status['details'][0].value).toString('hex')).toBe('0a080801108 0cab5ee01'.replace(' ', ''));
  });

  it('keeps its own faults to itself and maps bad payloads to INVALID_ARGUMENT', async () => {
    const { session, intake } = await start();
    intake.answer = () => Promise.reject(new Error('secret'));
    const fault = await call(session, METRICS, [frame(BODY)]);
    expect(fault.status).toBe('13');
    expect(fault.message).not.toContain('secret');
    intake.answer = () => {
      throw new TocsinError('bad_payload', 'byte 3');
    };
    expect(await call(session, METRICS, [frame(BODY)])).toMatchObject({ status: '3', message: 'byte 3' });
  });

  it('honours grpc-timeout while reading and while processing', async () => {
    const { session, intake, servers } = await start();
    const reading = await call(session, METRICS, [frame(BODY).subarray(0, 6)], { 'grpc-timeout': '50m' }, false);
    expect(reading.status).toBe('4');
    const gate = Promise.withResolvers<IntakeResult>();
    intake.answer = () => gate.promise;
    const processing = await call(session, METRICS, [frame(BODY)], { 'grpc-timeout': '50000u' });
    expect(processing.status).toBe('4');
    expect(servers.counters.inFlight).toBe(1); // the pipeline still holds the body
    gate.resolve({ accepted: 1, rejected: 0, message: '' });
    await expect.poll(() => servers.counters.inFlight).toBe(0);
    expect((await call(session, METRICS, [frame(BODY)], { 'grpc-timeout': 'soon' })).status).toBe('3');
  });

  it('cuts senders that dawdle', async () => {
    const { session, servers } = await start({ timeouts: { requestMs: 60 } });
    const answer = await call(session, METRICS, [frame(BODY).subarray(0, 6)], {}, false);
    expect(answer.status).toBe('4');
    expect(servers.counters).toMatchObject({ inFlight: 0, inFlightBytes: 0 });
  });

  it('forgets aborted streams', async () => {
    const { session, servers, intake } = await start();
    const stream = session.request({ ':method': 'POST', ':path': METRICS, 'content-type': 'application/grpc' });
    stream.on('error', () => {});
    stream.write(frame(new Uint8Array(1000)).subarray(0, 500));
    await expect.poll(() => servers.counters.inFlightBytes).toBe(1000);
    stream.destroy(new Error('gone'));
    await expect.poll(() => servers.counters).toMatchObject({ inFlight: 0, inFlightBytes: 0, aborted: 1 });
    expect(intake.taken).toEqual([]);
    expect((await call(session, METRICS, [frame(BODY)])).status).toBe('0');
  });

  it('checks tokens and tenants', async () => {
    const { session, intake } = await start({ tenantHeader: 'x-tenant', bearerTokens: [{ token: 'one' }] });
    expect((await call(session, METRICS, [frame(BODY)])).status).toBe('16');
    const extra = { authorization: 'Bearer one', 'x-tenant': 'b' };
    expect((await call(session, METRICS, [frame(BODY)], extra)).status).toBe('0');
    expect(intake.taken.pop()!.tenant).toBe('b');
  });

  it('answers pings and runs many calls on one session at once', async () => {
    const { session, servers } = await start();
    const answers = await Promise.all(Array.from({ length: 200 }, () => call(session, METRICS, [frame(BODY)])));
    expect(answers.filter((answer) => answer.status === '0')).toHaveLength(200);
    expect(servers.counters.requests).toMatchObject([{ protocol: 'grpc', signal: 'metrics', code: 0, count: 200 }]);
    await new Promise<void>((resolve, reject) => session.ping((error) => (error === null ? resolve() : reject(error))));
  });

  it('opens its windows wide', async () => {
    const { session } = await start();
    await call(session, METRICS, [frame(BODY)]);
    expect(session.remoteSettings.initialWindowSize).toBe(4 << 20);
    expect(session.state.remoteWindowSize).toBeGreaterThan(31 << 20);
  });

  it('stops with GOAWAY: what is in flight finishes, the session ends', async () => {
    const { session, servers, intake } = await start();
    const gate = Promise.withResolvers<IntakeResult>();
    intake.answer = () => gate.promise;
    const busy = call(session, METRICS, [frame(BODY)]);
    await expect.poll(() => intake.taken.length).toBe(1);
    const goaway = new Promise<number>((resolve) => session.once('goaway', resolve));
    const stopped = servers.stop();
    expect(await goaway).toBe(constants.NGHTTP2_NO_ERROR);
    gate.resolve({ accepted: 1, rejected: 0, message: '' });
    expect((await busy).status).toBe('0');
    await stopped;
    await expect.poll(() => servers.counters).toMatchObject({ inFlight: 0, connections: 0 });
  });
});

describe('grpc.health.v1', () => {
  const CHECK = '/grpc.health.v1.Health/Check';
  const named = (service: string) => frame(Buffer.concat([Buffer.of(0x0a, service.length), Buffer.from(service)]));

  it('says SERVING for the server and its services, NOT_FOUND for others, without a token', async () => {
    const { session } = await start({ bearerTokens: [{ token: 'one' }] });
    const whole = await call(session, CHECK, [frame(new Uint8Array(0))]);
    expect(whole.body.subarray(5)).toEqual(Buffer.of(8, 1));
    const service = METRICS.slice(1, METRICS.indexOf('/', 1));
    expect((await call(session, CHECK, [named(service)])).body.subarray(5)).toEqual(Buffer.of(8, 1));
    expect((await call(session, CHECK, [named('other')])).status).toBe('5');
    expect((await call(session, '/grpc.health.v1.Health/Watch', [frame(new Uint8Array(0))])).status).toBe('12');
  });
});

describe('percentEncode', () => {
  it('leaves printable ASCII and encodes the rest by byte', () => {
    expect(percentEncode('plain, text')).toBe('plain, text');
    expect(percentEncode('a%b\n€')).toBe('a%25b%0A%E2%82%AC');
  });
});
