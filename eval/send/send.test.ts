import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import type { Incident } from '../../src/domain/incident.ts';
import type { MultimodalSet } from '../data/multimodal.ts';
import { nameKinds, serviceOfPod } from '../data/multimodal.ts';
import type { Engine } from './engine.ts';
import { httpEngine } from './engine.ts';
import type { Sender, SpanRecord } from './otlp-encode.ts';
import { encodeGauges, encodeLogs, encodeSpans } from './otlp-encode.ts';
import { replay } from './replay.ts';

/** The fields used, as in opentelemetry-proto 1.x; an independent decoder for our encoder. */
const proto = protobuf.parse(`
syntax = "proto3";
message AnyValue { string string_value = 1; }
message KeyValue { string key = 1; AnyValue value = 2; }
message Resource { repeated KeyValue attributes = 1; }
message NumberDataPoint { fixed64 time_unix_nano = 3; double as_double = 4; repeated KeyValue attributes = 7; }
message Gauge { repeated NumberDataPoint data_points = 1; }
message Metric { string name = 1; string unit = 3; Gauge gauge = 5; }
message ScopeMetrics { repeated Metric metrics = 2; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
message Metrics { repeated ResourceMetrics resource_metrics = 1; }
message Span { bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6; fixed64 start = 7; fixed64 end = 8; Status status = 15; }
message Status { int32 code = 3; }
message ScopeSpans { repeated Span spans = 2; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Traces { repeated ResourceSpans resource_spans = 1; }
message LogRecord { fixed64 time = 1; int32 severity = 2; AnyValue body = 5; bytes trace_id = 9; bytes span_id = 10; fixed64 observed = 11; }
message ScopeLogs { repeated LogRecord log_records = 2; }
message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; }
message Logs { repeated ResourceLogs resource_logs = 1; }`).root;

function decode(type: string, body: Uint8Array): unknown {
  const message = proto.lookupType(type);
  return message.toObject(message.decode(body), { longs: String, bytes: String });
}

const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');

const cart: Sender = { service: 'cart', pod: 'cart-1-a', host: 'n1' };
const shop: Sender = { service: 'shop', pod: '', host: '' };

describe('OTLP encoder', () => {
  it('writes gauges under their resources, shifted', () => {
    const long = 'ä'.repeat(3000);
    const body = encodeGauges(
      [
        { sender: cart, metric: 'cpu', unit: '{cpu}', labels: {}, at: 1000, value: 1.5 },
        { sender: shop, metric: 'lat', unit: 's', labels: { quantile: long }, at: 2000, value: -2 },
        { sender: cart, metric: 'cpu', unit: '{cpu}', labels: {}, at: 3000, value: 2.5 },
      ],
      1_700_000_000_000,
    );
    expect(decode('Metrics', body)).toMatchObject({
      resourceMetrics: [
        {
          resource: {
            attributes: [
              { key: 'service.name', value: { stringValue: 'cart' } },
              { key: 'k8s.pod.name' },
              { key: 'host.name' },
            ],
          },
          scopeMetrics: [
            {
              metrics: [
                {
                  name: 'cpu',
                  unit: '{cpu}',
                  gauge: {
                    dataPoints: [
                      { timeUnixNano: '1700000001000000000', asDouble: 1.5 },
                      { timeUnixNano: '1700000003000000000' },
                    ],
                  },
                },
              ],
            },
          ],
        },
        {
          scopeMetrics: [
            {
              metrics: [
                {
                  gauge: {
                    dataPoints: [{ asDouble: -2, attributes: [{ key: 'quantile', value: { stringValue: long } }] }],
                  },
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it('writes spans and logs with ids as given', () => {
    const trace = '0123456789abcdef0123456789abcdef';
    const spans = encodeSpans(
      [
        {
          sender: cart,
          traceId: trace,
          spanId: '00000000000000aa',
          parentId: '',
          name: 'GET /',
          kind: 2,
          error: true,
          start: 5n,
          end: 9n,
        },
      ],
      1,
    );
    expect(decode('Traces', spans)).toMatchObject({
      resourceSpans: [
        {
          scopeSpans: [
            {
              spans: [
                {
                  traceId: base64(trace),
                  spanId: base64('00000000000000aa'),
                  name: 'GET /',
                  kind: 2,
                  start: '1000005',
                  status: { code: 2 },
                  end: '1000009',
                },
              ],
            },
          ],
        },
      ],
    });
    const logs = encodeLogs([{ sender: cart, at: 7n, severity: 17, body: 'boom', traceId: trace, spanId: '' }], 0);
    expect(decode('Logs', logs)).toMatchObject({
      resourceLogs: [
        {
          scopeLogs: [
            { logRecords: [{ time: '7', severity: 17, body: { stringValue: 'boom' }, traceId: base64(trace) }] },
          ],
        },
      ],
    });
  });
});

describe('replay', () => {
  const base = Date.UTC(2023, 0, 1);
  const gauge = (minute: number): MultimodalSet['gauges'][number] => ({
    sender: cart,
    metric: 'cpu',
    unit: '1',
    labels: {},
    at: base + minute * 60_000,
    value: minute,
  });
  const set: MultimodalSet = {
    name: 'made up',
    gauges: [3, 1, 0, 2, 4, 5, 6].map(gauge),
    spans: [],
    logs: [{ sender: cart, at: BigInt(base + 90_000) * 1_000_000n, severity: 9, body: 'x', traceId: '', spanId: '' }],
    faults: [],
    quiet: [],
    faulty: [[base, base + 600_000]],
  };

  it('sends in event order, ends now, and records the ranking at the opening and 180 s later', async () => {
    const sent: string[] = [];
    let minutes = -1;
    let shift = Number.NaN;
    const now = Date.UTC(2030, 5, 1);
    const engine: Engine = {
      name: 'fake',
      async send(signal, body) {
        sent.push(signal);
        if (signal !== 'metrics') return;
        minutes++;
        const time = /timeUnixNano":"(\d+)/.exec(JSON.stringify(decode('Metrics', body)))![1]!;
        shift = Number(BigInt(time) / 1_000_000n) - (base + minutes * 60_000);
      },
      async flush() {},
      async incidents() {
        if (minutes < 1) return [];
        const causes = [{ service: minutes < 4 ? 'early' : minutes === 4 ? 'middle' : 'late' }];
        return [{ id: 'i1', openedAt: base + 60_000 + shift, causes, services: [] } as unknown as Incident];
      },
      cost: async () => null,
      async close() {},
    };
    const result = await replay(set, engine, {
      speed: Number.POSITIVE_INFINITY,
      step: 5000,
      now,
      signals: new Set(['metrics', 'logs', 'traces']),
      progress: () => {},
    });
    expect(sent).toEqual(['metrics', 'metrics', 'logs', 'metrics', 'metrics', 'metrics', 'metrics', 'metrics']);
    expect(shift % 60_000).toBe(0);
    expect(base + 6 * 60_000 + shift).toBeGreaterThan(now - 120_000);
    expect(base + 6 * 60_000 + shift).toBeLessThan(now);
    expect(result.incidents).toMatchObject([
      { id: 'i1', openedAt: base + 60_000, atOpening: ['early'], later: ['middle'] },
    ]);
    expect(result.records).toBe(8);
  });
});

describe('HTTP engine', () => {
  it('posts protobuf, retries 429, follows pages of incidents and reads each whole, once a version', async () => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url?.replace(/=\d+/g, '=N')}`);
      request.resume();
      if (request.url!.startsWith('/v1/')) {
        response.writeHead(seen.length === 1 ? 429 : 200, { 'retry-after': '0.01' }).end();
      } else if (request.url === '/metrics') {
        response.end('process_cpu_seconds_total 1.5\nprocess_resident_memory_bytes 1e6\n');
      } else if (request.url!.startsWith('/api/v1/incidents/')) {
        const id = request.url!.at(-1);
        response.end(JSON.stringify({ id, version: 1, causes: [{ service: `cause of ${id}` }] }));
      } else {
        const second = request.url!.includes('cursor');
        response.end(JSON.stringify({ items: [{ id: second ? 'b' : 'a', version: 1 }], next: second ? null : 'more' }));
      }
    }).listen(0, '127.0.0.1');
    try {
      await new Promise((resolve) => server.once('listening', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const engine = httpEngine({ endpoint: url, api: url, pid: process.pid });
      await engine.send('metrics', Uint8Array.of(1), 0);
      for (const _ of [1, 2])
        expect((await engine.incidents(5)).map((i) => i.causes[0]!.service)).toEqual(['cause of a', 'cause of b']);
      expect(seen).toEqual([
        'POST /v1/metrics',
        'POST /v1/metrics',
        'GET /api/v1/incidents?from=N&limit=N',
        'GET /api/v1/incidents/a',
        'GET /api/v1/incidents?from=N&limit=N&cursor=more',
        'GET /api/v1/incidents/b',
        'GET /api/v1/incidents?from=N&limit=N',
        'GET /api/v1/incidents?from=N&limit=N&cursor=more',
      ]);
      expect((await httpEngine({ endpoint: url, api: url, pid: null }).cost())?.peakRssBytes).toBe(1e6);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});

it('tells span kinds and service names', () => {
  const span = (sender: Sender, spanId: string, parentId: string): SpanRecord => ({
    sender,
    traceId: 't',
    spanId,
    parentId,
    name: '',
    kind: 1,
    error: false,

    start: 0n,
    end: 0n,
  });
  const spans = [
    span(shop, 'a', ''),
    span(shop, 'b', 'a'),
    span(cart, 'c', 'b'),
    span(cart, 'd', 'c'),
    span(cart, 'e', 'missing'),
  ];
  nameKinds(spans);
  expect(spans.map((s) => s.kind)).toEqual([1, 3, 2, 1, 1]);
  expect(serviceOfPod('ts-order-service-5b67c48447-fj8b7')).toBe('ts-order-service');
});
