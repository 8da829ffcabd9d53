import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { logsPayloads, metricsPayloads, spansPayloads } from '../../../bench/payload.ts';
import { checkDecoderContract, collect } from '../contract.ts';
import type { SeriesTableOptions } from '../series/series-members.ts';
import { ShardSeriesTable } from '../series/series-table.ts';
import { createOtlpDecoders } from './json.ts';
import { OTLP_PROTO } from './otlp.fixture.ts';
import { ResourceCache } from './resource.ts';

const { root } = protobuf.parse(OTLP_PROTO);
const NAMES = { metrics: 'Metrics', logs: 'Logs', traces: 'Trace' } as const;
type Signal = keyof typeof NAMES;

function encode(signal: Signal, body: object): Uint8Array {
  const type = root.lookupType(`otlp.Export${NAMES[signal]}ServiceRequest`);
  return type.encode(type.fromObject(body)).finish();
}
const text = (body: unknown): Uint8Array => Buffer.from(JSON.stringify(body));
function fresh(options: SeriesTableOptions = {}) {
  const table = new ShardSeriesTable(options);
  return { table, ...createOtlpDecoders(new ResourceCache(table)) };
}
const T = 1_700_000_000_000;
const NS = `${T}000000`;
const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const resource = { attributes: [attribute('service.name', 'cart'), attribute('k8s.pod.name', 'cart-1')] };

describe('logs', () => {
  const record = (fields: object) => ({
    resourceLogs: [{ resource, scopeLogs: [{ logRecords: [{ timeUnixNano: NS, ...fields }] }] }],
  });
  test.each([
    [
      { body: { stringValue: 'hällo' }, severityNumber: 17 },
      { body: 'hällo', severity: 17 },
    ],
    [{ body: { stringValue: '' } }, { body: '', severity: 0 }],
    [{}, { body: '', time: T }],
    [{ severityText: 'Warning' }, { severity: 13 }],
    [{ severityText: 'ERROR', severityNumber: 9 }, { severity: 9 }],
    [{ severityText: 'nonsense' }, { severity: 0 }],
    [{ severityNumber: 99 }, { severity: 0 }],
    [{ body: { intValue: '-7' } }, { body: '-7' }],
    [{ body: { boolValue: true } }, { body: 'true' }],
    [{ body: { doubleValue: 1.5 } }, { body: '1.5' }],
    [{ body: { arrayValue: { values: [{ stringValue: 'a' }, { intValue: 2 }] } } }, { body: '["a",2]' }],
    [{ body: { kvlistValue: { values: [{ key: 'k', value: { boolValue: false } }] } } }, { body: '{"k":false}' }],
    [{ timeUnixNano: '0', observedTimeUnixNano: `${T + 5}000000` }, { time: T + 5 }],
    [{ body: { stringValue: 'x' } }, { service: 'cart', instance: 'cart-1', trace: '0'.repeat(32) }],
  ])('%j', (fields, expected) => {
    const { table, protobuf: ours, json } = fresh();
    const out = collect(ours.logs, table, encode('logs', record(fields)));
    expect(out.logs).toEqual([expect.objectContaining(expected)]);
    expect(collect(json.logs, table, text(record(fields)))).toEqual(out);
  });

  test('a record without any time is left out and counted, its neighbours stay', () => {
    const { table, protobuf: ours } = fresh();
    const body = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ timeUnixNano: NS }, {}, { timeUnixNano: NS }] }] }] };
    const out = collect(ours.logs, table, encode('logs', body));
    expect(out.result).toEqual({ accepted: 2, rejected: 1, message: 'a log record without a time' });
    expect(out.logs[0]!.service).toBe('unknown_service');
  });

  test('trace ids and many records over several batches', () => {
    const { table, protobuf: ours } = fresh();
    const [body] = logsPayloads({ items: 5000, perRequest: 5000 });
    const decoded = root.lookupType('otlp.ExportLogsServiceRequest').decode(body!) as unknown as {
      resourceLogs: { scopeLogs: { logRecords: { traceId: Uint8Array; body: { stringValue: string } }[] }[] }[];
    };
    const expected = decoded.resourceLogs.flatMap((group) => group.scopeLogs.flatMap((scope) => scope.logRecords));
    const out = collect(ours.logs, table, body!);
    expect(out.logs.map((log) => [log.body, log.trace])).toEqual(
      expected.map((record) => [
        record.body.stringValue,
        Buffer.from(record.traceId).toString('hex').padStart(32, '0'),
      ]),
    );
  });
});

describe('spans', () => {
  const ids = { traceId: 'aa'.repeat(16), spanId: 'bb'.repeat(8) };
  const span = (fields: object) => ({
    resourceSpans: [
      {
        resource,
        scopeSpans: [{ spans: [{ ...ids, startTimeUnixNano: NS, endTimeUnixNano: `${T + 20}000000`, ...fields }] }],
      },
    ],
  });
  const forProtobuf = (body: ReturnType<typeof span>): object =>
    JSON.parse(JSON.stringify(body), (key, value: unknown) =>
      key.endsWith('Id') ? Buffer.from(value as string, 'hex').toString('base64') : value,
    ) as object;
  const status = (key: string, value: object) => ({ kind: 2, attributes: [attribute('a', 'b'), { key, value }] });

  test.each([
    [{}, { kind: 0, error: 0, name: '', start: T, end: T + 20, parent: '0'.repeat(16), trace: ids.traceId }],
    [
      { parentSpanId: 'cc'.repeat(8), name: 'GET /ü', kind: 3 },
      { parent: 'cc'.repeat(8), name: 'GET /ü', kind: 3 },
    ],
    [{ status: { code: 2 }, kind: 3 }, { error: 1 }],
    [{ status: { code: 1 }, ...status('http.status_code', { intValue: 500 }) }, { error: 0 }],
    [status('http.status_code', { intValue: 503 }), { error: 1 }],
    [status('http.response.status_code', { intValue: 500 }), { error: 1 }],
    [status('http.response.status_code', { stringValue: '502' }), { error: 1 }],
    [status('http.response.status_code', { intValue: 404 }), { error: 0 }],
    [status('rpc.grpc.status_code', { intValue: 13 }), { error: 1 }],
    [status('rpc.grpc.status_code', { intValue: 0 }), { error: 0 }],
    [status('rpc.grpc.status_codX', { intValue: 13 }), { error: 0 }],
    [{ ...status('http.status_code', { intValue: 503 }), kind: 3 }, { error: 0 }],
    [{ kind: 77 }, { kind: 0 }],
    [{ endTimeUnixNano: `${T - 20}000000` }, { start: T, end: T }],
  ])('%j', (fields, expected) => {
    const { table, protobuf: ours, json } = fresh();
    const out = collect(ours.traces, table, encode('traces', forProtobuf(span(fields))));
    expect(out.spans).toEqual([expect.objectContaining({ service: 'cart', instance: 'cart-1', ...expected })]);
    expect(collect(json.traces, table, text(span(fields)))).toEqual(out);
  });

  test.each([
    [{ traceId: 'aa' }, 'a span without a trace id of 16 bytes'],
    [{ traceId: 'not hexadecimal, thirty-two long' }, 'a span without a trace id of 16 bytes'],
    [{ spanId: '0'.repeat(16) }, 'a span without an id of 8 bytes'],
    [{ startTimeUnixNano: 'soon' }, 'a span without a start and an end'],
  ])('%j is left out: %s', (fields, message) => {
    const { table, json } = fresh();
    expect(collect(json.traces, table, text(span(fields))).result).toEqual({ accepted: 0, rejected: 1, message });
  });

  test('enumerations by name, snake_case keys, unknown fields', () => {
    const { table, json } = fresh();
    const body = {
      resource_spans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { string_value: 'x' } }] },
          whatever: [1],
          scope_spans: [
            {
              spans: [
                {
                  trace_id: ids.traceId.toUpperCase(),
                  span_id: ids.spanId,
                  start_time_unix_nano: T * 1e6,
                  end_time_unix_nano: NS,
                  kind: 'SPAN_KIND_SERVER',
                  status: { code: 'STATUS_CODE_ERROR' },
                },
              ],
            },
          ],
        },
      ],
    };
    expect(collect(json.traces, table, text(body)).spans).toEqual([
      expect.objectContaining({ service: 'x', kind: 2, error: 1, start: T, trace: ids.traceId }),
    ]);
  });
});

describe('JSON that is not OTLP', () => {
  test.each([
    '{"resourceSpans":[',
    '[]',
    '"x"',
    '{"resourceSpans":{}}',
    '{"resourceSpans":[1]}',
    '{"resourceSpans":[{"resource":[]}]}',
    '{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":"SPAN_KIND_NONSENSE"}]}]}]}',
    '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":{}}]}]}]}',
    `{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":${'{"arrayValue":{"values":['.repeat(200)}${']}}'.repeat(200)}}]}}]}`,
  ])('%s', (body) => {
    const { json, table } = fresh();
    expect(() => collect(json.traces, table, Buffer.from(body))).toThrow(
      expect.objectContaining({ code: 'bad_payload' }),
    );
    expect(table.serviceCount()).toBe(0);
  });
});

describe('metrics', () => {
  const gauge = (value: number, attributes: object[] = [], at = NS) => ({
    resourceMetrics: [
      {
        resource,
        scopeMetrics: [
          { metrics: [{ name: 'm', gauge: { dataPoints: [{ timeUnixNano: at, asDouble: value, attributes }] } }] },
        ],
      },
    ],
  });

  test('beyond the limit of series points are rejected, known series go on', () => {
    const { table, protobuf: ours } = fresh({ maxSeriesPerTenant: 2 });
    const body = encode('metrics', {
      resourceMetrics: ['a', 'b', 'c', 'a'].flatMap((x) => gauge(1, [attribute('x', x)]).resourceMetrics),
    });
    expect(collect(ours.metrics, table, body).result).toMatchObject({ accepted: 3, rejected: 1 });
    expect(collect(ours.metrics, table, body).result).toEqual({
      accepted: 3,
      rejected: 1,
      message: 'the limit of series is reached',
    });
    expect(table.refusedSamples('default')).toBe(2);
  });

  test('tenants do not share series or services', () => {
    const { table, protobuf: ours } = fresh();
    const body = encode('metrics', gauge(1));
    const a = collect(ours.metrics, table, body, 'a').points[0]!;
    const b = collect(ours.metrics, table, body, 'b').points[0]!;
    expect([a.series.tenant, b.series.tenant]).toEqual(['a', 'b']);
    expect(a.row).not.toBe(b.row);
  });

  test('a new service.version is told with the time of the first point', () => {
    const { table, protobuf: ours } = fresh();
    const body = (version: string) => {
      const request = gauge(1);
      request.resourceMetrics[0]!.resource = {
        attributes: [...resource.attributes, attribute('service.version', version)],
      };
      return encode('metrics', request);
    };
    expect(collect(ours.metrics, table, body('1')).deploys).toEqual([]);
    const out = collect(ours.metrics, table, body('2'));
    expect(out.deploys).toEqual([{ service: 'cart', from: '1', to: '2', at: T }]);
    // The version is not part of the identity.
    expect(out.points[0]!.row).toBe(0);
    expect(table.size).toBe(1);
  });

  test('a restored table and its decoders go on with the same rows', () => {
    const { table, protobuf: ours } = fresh();
    const [body] = metricsPayloads({ series: 300 });
    const before = collect(ours.metrics, table, body!);
    const other = fresh();
    collect(other.protobuf.metrics, other.table, encode('metrics', gauge(1)));
    other.table.restore(table.save());
    expect(collect(other.protobuf.metrics, other.table, body!)).toEqual({ ...before, deploys: [] });
  });

  test('string indexes of the profiling extension and unknown fields are skipped', () => {
    const { table, protobuf: ours } = fresh();
    const body = encode(
      'metrics',
      gauge(1, [{ key: 'k', keyStrindex: 7, value: { stringValueStrindex: 9 } }, attribute('z', '1')]),
    );
    expect(collect(ours.metrics, table, body).points[0]!.series.labels).toEqual({ z: '1' });
  });
});

for (const signal of ['metrics', 'logs', 'traces'] as const) {
  const make = signal === 'metrics' ? [metricsPayloads({ series: 40, pointsPerRequest: 40 })[0]!] : [];
  const bodies = [
    ...make,
    ...(signal === 'logs' ? logsPayloads({ items: 12 }) : signal === 'traces' ? spansPayloads({ items: 12 }) : []),
  ];
  checkDecoderContract({
    name: `OTLP protobuf ${signal}`,
    bodies,
    make: () => {
      const f = fresh();
      return { decoder: f.protobuf[signal], table: f.table };
    },
  });
}
checkDecoderContract({
  name: 'OTLP JSON',
  bodies: [
    text({
      resourceLogs: [{ resource, scopeLogs: [{ logRecords: [{ timeUnixNano: NS, body: { stringValue: 'x' } }] }] }],
    }),
  ],
  make: () => {
    const f = fresh();
    return { decoder: f.json.logs, table: f.table };
  },
});

const data = process.env['TOCSIN_DATA'] ?? '';
describe.skipIf(data === '' || !existsSync(join(data, 'otlp-samples')))('published samples', () => {
  const files = data === '' ? [] : readdirSync(join(data, 'otlp-samples'), { recursive: true, encoding: 'utf8' });
  const signalOf = (name: string): Signal =>
    /metric/.test(name) ? 'metrics' : /log|event/.test(name) ? 'logs' : 'traces';
  test.each(files.filter((name) => /\.(json|jsonl|pb)$/.test(name)))('%s', (name) => {
    const { table, protobuf: ours, json } = fresh();
    const body = readFileSync(join(data, 'otlp-samples', name));
    const signal = signalOf(name.slice(name.lastIndexOf('/') + 1));
    const bodies = name.endsWith('.jsonl')
      ? body
          .toString()
          .split('\n')
          .filter(Boolean)
          .map((one) => Buffer.from(one))
      : [body];
    const decoder = name.endsWith('.pb') ? ours[signal] : json[signal];
    for (const one of bodies) {
      if (/malformed|invalid_(kind|temporality|severity)/.test(name)) {
        expect(() => collect(decoder, table, one)).toThrow(expect.objectContaining({ code: 'bad_payload' }));
        continue;
      }
      const { result } = collect(decoder, table, one);
      if (/invalid|mixed_encoding/.test(name)) expect(result).toMatchObject({ accepted: 0, rejected: 1 });
      else expect(result).toMatchObject({ rejected: 0, accepted: expect.any(Number) });
      if (!/invalid|mixed_encoding/.test(name)) expect(result.accepted).toBeGreaterThan(0);
    }
  });
});
