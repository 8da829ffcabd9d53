import { connect } from 'node:net';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import protobuf from 'protobufjs';
import { afterEach, describe, expect, it } from 'vitest';
import { TocsinError } from '../../../domain/error.ts';
import type { IntakeResult } from '../../../domain/ports.ts';
import type { IngestServerOptions } from '../options.ts';
import { type Running, startForTests } from '../testing/fake-intake.ts';

const running: Running[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.servers.stop()));
});

async function start(options: Partial<IngestServerOptions> = {}): Promise<Running & { readonly base: string }> {
  const one = await startForTests({ grpc: null, ...options });
  running.push(one);
  return { ...one, base: `http://127.0.0.1:${one.httpPort}` };
}

const PROTO = { 'content-type': 'application/x-protobuf' };
const JSON_TYPE = { 'content-type': 'application/json' };
const BODY = Buffer.from('0a0012345678', 'hex');

/** The answer types of OTLP, by an independent library. */
const types = protobuf.parse(`syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }
  message Partial { int64 rejected = 1; string error_message = 2; }
  message Response { Partial partial_success = 1; }`).root;
const decode = (type: string, bytes: ArrayBuffer) =>
  types.lookupType(type).toObject(types.lookupType(type).decode(new Uint8Array(bytes)), { longs: Number });

/** Writes bytes to the port and gathers what comes back until the server closes or `until` is seen. */
function raw(port: number, parts: readonly (string | Buffer)[], until = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let seen = '';
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1');
      if (until !== '' && seen.includes(until)) socket.destroy();
    });
    socket.on('close', () => resolve(seen));
    socket.on('error', (error) => (seen === '' ? reject(error) : resolve(seen)));
    for (const part of parts) socket.write(part);
  });
}

describe('OTLP/HTTP', () => {
  it('hands each signal and format to the intake, byte for byte', async () => {
    const { base, intake } = await start();
    for (const [path, headers, signal, format] of [
      ['/v1/metrics', PROTO, 'metrics', 'otlp-protobuf'],
      ['/v1/logs', JSON_TYPE, 'logs', 'otlp-json'],
      ['/v1/traces?x=1', { 'content-type': 'Application/JSON; charset=UTF-8' }, 'traces', 'otlp-json'],
    ] as const) {
      const response = await fetch(base + path, { method: 'POST', headers, body: BODY });
      expect(response.status).toBe(200);
      const taken = intake.taken.pop()!;
      expect([taken.signal, taken.format, taken.tenant, taken.body.equals(BODY)]).toEqual([
        signal,
        format,
        'default',
        true,
      ]);
    }
  });

  it('answers an empty message when all was accepted, in the format of the request', async () => {
    const { base } = await start();
    const proto = await fetch(`${base}/v1/metrics`, { method: 'POST', headers: PROTO, body: BODY });
    expect(proto.headers.get('content-type')).toBe('application/x-protobuf');
    expect((await proto.arrayBuffer()).byteLength).toBe(0);
    const json = await fetch(`${base}/v1/metrics`, { method: 'POST', headers: JSON_TYPE, body: '{}' });
    expect(json.headers.get('content-type')).toBe('application/json');
    expect(await json.text()).toBe('{}');
  });

  it('reports partial success under the field name of the signal', async () => {
    const { base, intake } = await start();
    intake.answer = () => ({ accepted: 1, rejected: 300, message: 'bad é' });
    const proto = await fetch(`${base}/v1/logs`, { method: 'POST', headers: PROTO, body: BODY });
    expect(proto.status).toBe(200);
    expect(decode('Response', await proto.arrayBuffer())).toEqual({
      partialSuccess: { rejected: 300, errorMessage: 'bad é' },
    });
    for (const [path, key] of [
      ['metrics', 'rejectedDataPoints'],
      ['logs', 'rejectedLogRecords'],
      ['traces', 'rejectedSpans'],
    ] as const) {
      const json = await fetch(`${base}/v1/${path}`, { method: 'POST', headers: JSON_TYPE, body: '{}' });
      expect(await json.json()).toEqual({ partialSuccess: { [key]: '300', errorMessage: 'bad é' } });
    }
  });

  it('inflates gzip and zstd, and refuses what is not', async () => {
    const { base, intake } = await start();
    for (const [coding, packed] of [
      ['gzip', gzipSync(BODY)],
      ['zstd', zstdCompressSync(BODY)],
    ] as const) {
      const headers = { ...PROTO, 'content-encoding': coding };
      const ok = await fetch(`${base}/v1/metrics`, { method: 'POST', headers, body: packed });
      expect(ok.status).toBe(200);
      expect(intake.taken.pop()!.body.equals(BODY)).toBe(true);
      const bad = await fetch(`${base}/v1/metrics`, { method: 'POST', headers, body: BODY });
      expect(bad.status).toBe(400);
      expect(decode('Status', await bad.arrayBuffer())).toMatchObject({ code: 3 });
    }
  });

  it('answers 404, 405 with Allow, 411, 415', async () => {
    const { base, httpPort } = await start();
    expect((await fetch(`${base}/v2/metrics`, { method: 'POST', headers: PROTO, body: BODY })).status).toBe(404);
    for (const method of ['GET', 'HEAD', 'PUT', 'OPTIONS']) {
      const response = await fetch(`${base}/v1/metrics`, { method, headers: { origin: 'https://a.example' } });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
      expect((await response.text()) === '').toBe(method === 'HEAD');
    }
    const lengthless = await raw(httpPort, [
      'POST /v1/logs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n',
    ]);
    expect(lengthless).toMatch(/^HTTP\/1.1 411 /);
    for (const headers of [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/json; charset=utf-16' },
      { ...PROTO, 'content-encoding': 'br' },
      { ...PROTO, 'content-encoding': 'gzip, gzip' },
    ]) {
      const response = await fetch(`${base}/v1/metrics`, { method: 'POST', headers, body: BODY });
      expect(response.status).toBe(415);
    }
  });

  it('writes errors as google.rpc.Status with Retry-After and RetryInfo', async () => {
    const { base, intake } = await start();
    intake.answer = () => {
      throw new TocsinError('overloaded', 'full', { retryAfterMs: 2500 });
    };
    const proto = await fetch(`${base}/v1/metrics`, { method: 'POST', headers: PROTO, body: BODY });
    expect([proto.status, proto.headers.get('retry-after')]).toEqual([429, '3']);
    const status = decode('Status', await proto.arrayBuffer());
    expect(status).toMatchObject({ code: 14, message: 'full' });
    const detail = status['details'][0];
    expect(detail.type_url ?? detail.typeUrl).toBe('type.googleapis.com/google.rpc.RetryInfo');
    expect(decode('RetryInfo', detail.value)).toEqual({ retryDelay: { seconds: 2, nanos: 500_000_000 } });
    intake.answer = () => Promise.reject(new TocsinError('unavailable', 'disk', { retryAfterMs: 10 }));
    const json = await fetch(`${base}/v1/metrics`, { method: 'POST', headers: JSON_TYPE, body: '{}' });
    expect([json.status, json.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await json.json()).toMatchObject({ code: 14, message: 'disk' });
  });

  it('keeps the details of its own faults to itself, and tells its owner', async () => {
    const faults: unknown[] = [];
    const { base, intake } = await start({ onFault: (fault) => faults.push(fault) });
    intake.answer = () => {
      throw new Error('secret path /home/x');
    };
    const response = await fetch(`${base}/v1/metrics`, { method: 'POST', headers: JSON_TYPE, body: '{}' });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
    expect(String(faults)).toContain('secret');
  });
});

describe('sizes', () => {
  it('refuses by Content-Length before reading, and the sender sees the answer', async () => {
    const { httpPort, intake } = await start({ limits: { maxBodyBytes: 1 << 20 } });
    const head = `POST /v1/metrics HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${8 << 20}\r\n\r\n`;
    const seen = await raw(httpPort, [head, Buffer.alloc(8 << 20, 32)]);
    expect(seen).toMatch(/^HTTP\/1.1 413 /);
    expect(seen).toContain('connection: close'.replace('connection', 'Connection'));
    expect(JSON.parse(seen.slice(seen.indexOf('\r\n\r\n') + 4))).toMatchObject({ code: 8 });
    expect(intake.taken).toEqual([]);
  });

  it('refuses a chunked body while reading it', async () => {
    const { httpPort, intake, servers } = await start({ limits: { maxBodyBytes: 100_000 } });
    const head =
      'POST /v1/metrics HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
    const chunk = Buffer.concat([Buffer.from('8000\r\n'), Buffer.alloc(0x8000, 32), Buffer.from('\r\n')]);
    const seen = await raw(httpPort, [head, chunk, chunk, chunk, chunk, chunk]);
    expect(seen).toMatch(/^HTTP\/1.1 413 /);
    expect(intake.taken).toEqual([]);
    expect(servers.counters.inFlightBytes).toBe(0);
  });

  it('refuses after inflation', async () => {
    const { base } = await start({ limits: { maxInflatedBytes: 50_000 } });
    const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
    const response = await fetch(`${base}/v1/logs`, { method: 'POST', headers, body: gzipSync(Buffer.alloc(50_001)) });
    expect(response.status).toBe(413);
    expect(
      (await fetch(`${base}/v1/logs`, { method: 'POST', headers, body: gzipSync(Buffer.alloc(50_000)) })).status,
    ).toBe(200);
  });

  it('assembles chunked bodies of any cut and reuses the connection', async () => {
    const { httpPort, intake } = await start();
    const body = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7) % 251));
    const parts: Buffer[] = [];
    for (let at = 0, size = 1; at < body.length; at += size, size = (size * 3) % 40_009) {
      const part = body.subarray(at, at + size);
      parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
    }
    const head =
      'POST /v1/metrics HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\nTransfer-Encoding: chunked\r\n';
    const one = [`${head}\r\n`, ...parts, Buffer.from('0\r\n\r\n')];
    const last = [`${head}Connection: close\r\n\r\n`, ...parts, Buffer.from('0\r\n\r\n')];
    const seen = await raw(httpPort, [...one, ...last]);
    expect(seen.match(/HTTP\/1.1 200 /g)).toHaveLength(2);
    expect(intake.taken.map((taken) => taken.body.equals(body))).toEqual([true, true]);
  });
});

describe('connections', () => {
  const head = (length: number, extra = '') =>
    `POST /v1/metrics HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${extra}\r\n`;

  it('cuts senders that dawdle over headers or body', async () => {
    const timeouts = { headersMs: 150, requestMs: 300, checkMs: 50 };
    const { httpPort, servers } = await start({ timeouts });
    const [silent, slowHead, slowBody] = await Promise.all([
      raw(httpPort, []),
      raw(httpPort, ['POST /v1/metrics HTTP/1.1\r\nHost']),
      raw(httpPort, [head(10), 'abc']),
    ]);
    expect(silent + slowHead).toMatch(/^(HTTP\/1.1 408 [\s\S]*)?$/);
    expect(slowBody).toMatch(/^HTTP\/1.1 408 /);
    expect(servers.counters).toMatchObject({ inFlight: 0, inFlightBytes: 0, aborted: 1 });
  });

  it('asks for the body of a sender that expects 100, unless it will refuse it', async () => {
    const { httpPort } = await start({ limits: { maxBodyBytes: 1000 } });
    const taken = await raw(httpPort, [head(2, 'Expect: 100-continue\r\nConnection: close\r\n'), '{}']);
    expect(taken).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /);
    const refused = await raw(httpPort, [head(2000, 'Expect: 100-continue\r\n')]);
    expect(refused).toMatch(/^HTTP\/1.1 413 /);
    expect(refused).toContain('Connection: close');
  });

  it('forgets a sender that goes away in the middle', async () => {
    const { httpPort, servers, intake } = await start();
    const socket = connect(httpPort, '127.0.0.1');
    socket.write(head(1000));
    socket.write('abc');
    await expect.poll(() => servers.counters.inFlight).toBe(1);
    expect(servers.counters.inFlightBytes).toBe(1000);
    socket.destroy();
    await expect.poll(() => servers.counters.inFlight).toBe(0);
    expect(servers.counters).toMatchObject({ inFlightBytes: 0, aborted: 1 });
    expect(intake.taken).toEqual([]);
  });
});

describe('admission', () => {
  it('refuses beyond the concurrency limit with Retry-After from the pipeline, and recovers', async () => {
    const { base, intake, servers } = await start({ limits: { maxConcurrent: 1 }, retryAfterMs: () => 7_000 });
    const gate = Promise.withResolvers<IntakeResult>();
    intake.answer = () => gate.promise;
    const first = fetch(`${base}/v1/metrics`, { method: 'POST', headers: PROTO, body: BODY });
    await expect.poll(() => intake.taken.length).toBe(1);
    const second = await fetch(`${base}/v1/metrics`, { method: 'POST', headers: PROTO, body: BODY });
    expect([second.status, second.headers.get('retry-after')]).toEqual([429, '7']);
    gate.resolve({ accepted: 1, rejected: 0, message: '' });
    expect((await first).status).toBe(200);
    expect((await fetch(`${base}/v1/metrics`, { method: 'POST', headers: PROTO, body: BODY })).status).toBe(200);
    expect(servers.counters.requests.map(({ code, count }) => [code, count])).toEqual([
      [429, 1],
      [200, 2],
    ]);
  });

  it('refuses beyond the bytes in flight, but never the only request', async () => {
    const { base, intake, servers } = await start({ limits: { maxInFlightBytes: 100 } });
    const gate = Promise.withResolvers<IntakeResult>();
    intake.answer = () => gate.promise;
    const first = fetch(`${base}/v1/metrics`, { method: 'POST', headers: PROTO, body: Buffer.alloc(500) });
    await expect.poll(() => intake.taken.length).toBe(1);
    expect(servers.counters.inFlightBytes).toBe(500);
    expect((await fetch(`${base}/v1/metrics`, { method: 'POST', headers: PROTO, body: BODY })).status).toBe(429);
    gate.resolve({ accepted: 1, rejected: 0, message: '' });
    expect((await first).status).toBe(200);
    expect(servers.counters.inFlightBytes).toBe(0);
  });

  it('stops by finishing what is in flight and refusing what is new', async () => {
    const { httpPort, intake, servers } = await start();
    const gate = Promise.withResolvers<IntakeResult>();
    intake.answer = () => gate.promise;
    const json =
      'POST /v1/metrics HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}';
    const busy = raw(httpPort, [json]);
    await expect.poll(() => intake.taken.length).toBe(1);
    // A sender in the middle of its head when the stop comes.
    const late = connect(httpPort, '127.0.0.1');
    let lateSaw = '';
    late.on('data', (chunk) => {
      lateSaw += chunk.toString();
    });
    late.write(json.slice(0, 40));
    await expect.poll(() => servers.counters.connections).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 30));
    const stopped = servers.stop();
    late.write(json.slice(40));
    await expect.poll(() => lateSaw).toMatch(/^HTTP\/1.1 503 [\s\S]*Retry-After: 1/i);
    gate.resolve({ accepted: 1, rejected: 0, message: '' });
    expect(await busy).toMatch(/^HTTP\/1.1 200 /);
    await stopped;
    expect(servers.counters).toMatchObject({ inFlight: 0, inFlightBytes: 0 });
    await expect(fetch(`http://127.0.0.1:${httpPort}/v1/metrics`)).rejects.toThrow();
  });
});

describe('who sends', () => {
  it('takes the tenant from its header and refuses impossible names', async () => {
    const { base, intake } = await start({ tenantHeader: 'X-Scope-OrgID' });
    const post = (tenant?: string) =>
      fetch(`${base}/v1/logs`, {
        method: 'POST',
        headers: { ...JSON_TYPE, ...(tenant === undefined ? {} : { 'x-scope-orgid': tenant }) },
        body: '{}',
      });
    expect((await post('team-a')).status).toBe(200);
    expect((await post()).status).toBe(200);
    expect(intake.taken.map((taken) => taken.tenant)).toEqual(['team-a', 'default']);
    expect((await post('../etc')).status).toBe(400);
  });

  it('lets in only known tokens, and a token may fix the tenant', async () => {
    const bearerTokens = [{ token: 'one' }, { token: 'two', tenant: 'fixed' }];
    const { base, intake } = await start({ tenantHeader: 'x-tenant', bearerTokens });
    const post = (authorization?: string) =>
      fetch(`${base}/v1/logs`, {
        method: 'POST',
        headers: { ...JSON_TYPE, 'x-tenant': 'asked', ...(authorization === undefined ? {} : { authorization }) },
        body: '{}',
      });
    const none = await post();
    expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="tocsin"']);
    expect(await none.json()).toMatchObject({ code: 16 });
    expect((await post('Bearer three')).status).toBe(401);
    expect((await post('Basic one')).status).toBe(401);
    expect((await post('Bearer one')).status).toBe(200);
    expect((await post('bearer two')).status).toBe(200);
    expect(intake.taken.map((taken) => taken.tenant)).toEqual(['asked', 'fixed']);
  });

  it('speaks CORS only to the origins it was told of', async () => {
    const { base } = await start({ corsOrigins: ['https://app.example'] });
    const preflight = (origin: string) =>
      fetch(`${base}/v1/traces`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
      });
    const known = await preflight('https://app.example');
    expect([known.status, known.headers.get('access-control-allow-origin')]).toEqual([204, 'https://app.example']);
    expect(known.headers.get('access-control-allow-headers')).toBe('content-type');
    const unknown = await preflight('https://evil.example');
    expect([unknown.status, unknown.headers.get('access-control-allow-origin')]).toEqual([405, null]);
  });
});

describe('remote write', () => {
  const V2 = 'application/x-protobuf;proto=io.prometheus.write.v2.Request';
  const post = (base: string, type: string, encoding = 'snappy') =>
    fetch(`${base}/api/v1/write`, {
      method: 'POST',
      headers: { 'content-type': type, ...(encoding === '' ? {} : { 'content-encoding': encoding }) },
      body: BODY,
    });

  it('tells the versions apart by content type', async () => {
    const { base, intake } = await start();
    for (const [type, format] of [
      ['application/x-protobuf', 'remote-write-1'],
      ['application/x-protobuf;proto=prometheus.WriteRequest', 'remote-write-1'],
      [V2, 'remote-write-2'],
      ['application/x-protobuf; proto="io.prometheus.write.v2.Request"', 'remote-write-2'],
    ] as const) {
      expect((await post(base, type)).status).toBe(204);
      expect(intake.taken.pop()).toMatchObject({ format, signal: 'metrics' });
    }
    expect((await post(base, 'application/x-protobuf', '')).status).toBe(204);
    expect((await post(base, 'application/x-protobuf;proto=other')).status).toBe(415);
    expect((await post(base, 'application/json')).status).toBe(415);
    expect((await post(base, V2, 'gzip')).status).toBe(415);
  });

  it('writes the counts, 400 for partly invalid, plain text for errors', async () => {
    const { base, intake } = await start();
    const written = { samples: 3, histograms: 2, exemplars: 1 };
    const countsOf = (response: Response) =>
      ['Samples', 'Histograms', 'Exemplars'].map((kind) =>
        response.headers.get(`x-prometheus-remote-write-${kind}-written`),
      );
    intake.answer = () => ({ accepted: 5, rejected: 0, message: '', written });
    const ok = await post(base, V2);
    expect([ok.status, ...countsOf(ok)]).toEqual([204, '3', '2', '1']);
    intake.answer = () => ({ accepted: 5, rejected: 2, message: 'no name', written });
    const partly = await post(base, V2);
    expect([partly.status, ...countsOf(partly)]).toEqual([400, '3', '2', '1']);
    expect(await partly.text()).toContain('no name');
    intake.answer = () => {
      throw new TocsinError('overloaded', 'full', { retryAfterMs: 1000 });
    };
    const full = await post(base, V2);
    expect([full.status, full.headers.get('retry-after'), ...countsOf(full)]).toEqual([429, '1', '0', '0', '0']);
    expect(await full.text()).toBe('full\n');
  });
});
