import { ProtoWriter } from '../src/ingest/wire/proto-writer.ts';

/**
 * Synthetic OTLP bodies with the shape of real ones, the same for the same arguments. A body carries 1/4 of its points for
 * each of four resources (ten attributes), metrics of ten points with four to six attributes each: half gauges, 40 %
 * cumulative sums (half of them integers), 10 % histograms of 15 buckets; about 220 bytes a point.
 */
export interface MetricsPayloadOptions {
  readonly series: number;
  readonly pointsPerRequest?: number;
  /** Time of every point, ns. */
  readonly time?: bigint;
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE'];
const ROUTES = [
  '/api/v1/cart/{id}',
  '/api/v1/checkout',
  '/api/v1/products/{id}',
  '/healthz',
  '/api/v1/users/{id}/orders',
];
const NAMES = [
  'http.server.active_requests',
  'system.memory.usage',
  'jvm.memory.used',
  'process.cpu.utilization',
  'db.client.connections.usage',
];
const SUMS = ['http.server.request.count', 'rpc.server.calls', 'messaging.process.messages', 'process.io.bytes'];
const POINTS_PER_METRIC = 10;
const RESOURCES = 4;

export const PAYLOAD_TIME = 1_700_000_000_000_000_000n;

export function metricsPayloads(options: MetricsPayloadOptions): Uint8Array[] {
  const perRequest = options.pointsPerRequest ?? 1000;
  const bodies: Uint8Array[] = [];
  const writer = new ProtoWriter();
  for (let first = 0; first < options.series; first += perRequest) {
    writer.reset();
    writeMetrics(writer, first, Math.min(perRequest, options.series - first), options.time ?? PAYLOAD_TIME);
    bodies.push(writer.finish());
  }
  return bodies;
}

function writeMetrics(writer: ProtoWriter, first: number, count: number, time: bigint): void {
  const each = Math.ceil(count / RESOURCES);
  for (let from = 0; from < count; from += each) {
    const group = writer.begin(1);
    writeResource(writer, Math.floor((first + from) / each));
    const scope = writer.begin(2);
    for (let at = from; at < Math.min(count, from + each); at += POINTS_PER_METRIC) {
      const points = Math.min(POINTS_PER_METRIC, count - at, from + each - at);
      writeMetric(writer, first + at, points, time);
    }
    writer.end(scope);
    writer.end(group);
  }
}

export function writeResource(writer: ProtoWriter, resource: number): void {
  const start = writer.begin(1);
  const service = resource % 200;
  attribute(writer, 1, 'service.name', `service-${service}`);
  attribute(writer, 1, 'service.namespace', 'shop');
  attribute(writer, 1, 'service.version', '1.4.2');
  attribute(writer, 1, 'service.instance.id', `instance-${resource}`);
  attribute(writer, 1, 'deployment.environment.name', 'production');
  attribute(writer, 1, 'k8s.namespace.name', 'shop');
  attribute(writer, 1, 'k8s.pod.name', `service-${service}-7d9f8b6c5-${resource.toString(36)}`);
  attribute(writer, 1, 'k8s.node.name', `node-${resource % 50}`);
  attribute(writer, 1, 'telemetry.sdk.language', 'java');
  attribute(writer, 1, 'telemetry.sdk.version', '1.43.0');
  writer.end(start);
}

function writeMetric(writer: ProtoWriter, first: number, count: number, time: bigint): void {
  const metric = Math.floor(first / POINTS_PER_METRIC);
  const kind = metric % 10;
  const start = writer.begin(2);
  writer.string(1, kind < 5 ? NAMES[kind]! : kind < 9 ? SUMS[kind - 5]! : 'http.server.request.duration');
  writer.string(2, 'what this instrument measures, in a sentence');
  writer.string(3, kind < 9 ? '1' : 's');
  const data = writer.begin(kind < 5 ? 5 : kind < 9 ? 7 : 9);
  for (let i = first; i < first + count; i++) {
    const point = writer.begin(1);
    if (kind < 9) writeNumber(writer, i, kind, time);
    else writeHistogram(writer, i, time);
    writer.end(point);
  }
  if (kind >= 5) writer.varint(2, 2);
  if (kind >= 5 && kind < 9) writer.varint(3, 1);
  writer.end(data);
  writer.end(start);
}

function writeLabels(writer: ProtoWriter, field: number, series: number): void {
  attribute(writer, field, 'http.request.method', METHODS[series % 4]!);
  attribute(writer, field, 'http.route', ROUTES[series % 5]!);
  attribute(writer, field, 'server.address', `backend-${series}.shop`);
  attribute(writer, field, 'network.protocol.version', '1.1');
  if (series % 3 > 0) intAttribute(writer, field, 'http.response.status_code', 200 + (series % 4) * 100);
  if (series % 3 > 1) attribute(writer, field, 'url.scheme', 'https');
}

function writeNumber(writer: ProtoWriter, series: number, kind: number, time: bigint): void {
  writer.fixed64(2, time - 60_000_000_000n);
  writer.fixed64(3, time);
  if (kind >= 7) writer.fixed64(6, BigInt(series * 17));
  else writer.double(4, (series % 1000) * 1.25);
  writeLabels(writer, 7, series);
}

function writeHistogram(writer: ProtoWriter, series: number, time: bigint): void {
  writer.fixed64(2, time - 60_000_000_000n);
  writer.fixed64(3, time);
  writer.fixed64(4, 120n);
  writer.double(5, 33.5);
  const counts = writer.begin(6);
  for (let k = 0; k < 15; k++) writer.rawFixed64(BigInt((k * 7 + series) % 16));
  writer.end(counts);
  const bounds = writer.begin(7);
  for (let k = 0; k < 14; k++) writer.rawDouble(0.005 * 2 ** k);
  writer.end(bounds);
  writeLabels(writer, 9, series);
}

function attribute(writer: ProtoWriter, field: number, key: string, value: string): void {
  const start = writer.begin(field);
  writer.string(1, key);
  const inner = writer.begin(2);
  writer.string(1, value);
  writer.end(inner);
  writer.end(start);
}

function intAttribute(writer: ProtoWriter, field: number, key: string, value: number): void {
  const start = writer.begin(field);
  writer.string(1, key);
  const inner = writer.begin(2);
  writer.varint(3, value);
  writer.end(inner);
  writer.end(start);
}

export interface ItemPayloadOptions {
  readonly items: number;
  readonly perRequest?: number;
}

const LINES = [
  (i: number): string =>
    `Received block blk_${i * 7919} of size ${i % 67108864} from /10.250.${i % 255}.${(i * 3) % 255}`,
  (i: number): string => `GET /api/v1/cart/${i} HTTP/1.1" status: 200 len: ${i % 4096} time: 0.${i % 100000}`,
  (i: number): string => `session ${i * 31} closed for user root after ${i % 900} ms`,
  (i: number): string => `Connection from 10.0.${i % 255}.${(i * 11) % 255} port ${30000 + (i % 30000)} refused`,
];

/** Log records: four resources a body, one of four templates, mean body about 70 bytes, trace and span id, one attribute. */
export function logsPayloads(options: ItemPayloadOptions): Uint8Array[] {
  return payloads(options, (writer, i) => {
    const record = writer.begin(2);
    writer.fixed64(1, PAYLOAD_TIME + BigInt(i) * 1000n);
    writer.varint(2, i % 50 === 0 ? 17 : 9);
    writer.string(3, i % 50 === 0 ? 'ERROR' : 'INFO');
    const body = writer.begin(5);
    writer.string(1, LINES[i % LINES.length]!(i));
    writer.end(body);
    attribute(writer, 6, 'logger.name', 'shop.request');
    writer.bytes(9, idBytes(i, 16));
    writer.bytes(10, idBytes(i, 8));
    writer.fixed64(11, PAYLOAD_TIME + BigInt(i) * 1000n);
    writer.end(record);
  });
}

/** Spans: 20 a trace, chain of parents, eight attributes, about 330 bytes. */
export function spansPayloads(options: ItemPayloadOptions): Uint8Array[] {
  return payloads(options, (writer, i) => {
    const span = writer.begin(2);
    writer.bytes(1, idBytes(Math.floor(i / 20), 16));
    writer.bytes(2, idBytes(i, 8));
    if (i % 20 > 0) writer.bytes(4, idBytes(i - 1, 8));
    writer.string(5, `${METHODS[i % 4]!} ${ROUTES[i % 5]!}`);
    writer.varint(6, i % 2 === 0 ? 2 : 3);
    writer.fixed64(7, PAYLOAD_TIME + BigInt(i) * 1000n);
    writer.fixed64(8, PAYLOAD_TIME + BigInt(i) * 1000n + 5_000_000n);
    attribute(writer, 9, 'http.request.method', METHODS[i % 4]!);
    attribute(writer, 9, 'http.route', ROUTES[i % 5]!);
    intAttribute(writer, 9, 'http.response.status_code', i % 100 === 0 ? 503 : 200);
    attribute(writer, 9, 'server.address', 'cart.shop.svc.cluster.local');
    intAttribute(writer, 9, 'server.port', 8080);
    attribute(writer, 9, 'network.peer.address', `10.0.${i % 255}.${(i * 7) % 255}`);
    attribute(writer, 9, 'thread.name', 'http-nio-8080-exec-3');
    attribute(writer, 9, 'url.scheme', 'http');
    writer.end(span);
  });
}

function payloads(options: ItemPayloadOptions, item: (writer: ProtoWriter, i: number) => void): Uint8Array[] {
  const perRequest = options.perRequest ?? 1000;
  const writer = new ProtoWriter();
  const bodies: Uint8Array[] = [];
  for (let first = 0; first < options.items; first += perRequest) {
    writer.reset();
    const last = Math.min(options.items, first + perRequest);
    const each = Math.ceil((last - first) / RESOURCES);
    for (let from = first; from < last; from += each) {
      const group = writer.begin(1);
      writeResource(writer, Math.floor(from / each) % 120);
      const scope = writer.begin(2);
      for (let i = from; i < Math.min(last, from + each); i++) item(writer, i);
      writer.end(scope);
      writer.end(group);
    }
    bodies.push(writer.finish());
  }
  return bodies;
}

function idBytes(n: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = (n + 1) | 0;
  for (let i = 0; i < size; i++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    bytes[i] = state >>> 24;
  }
  bytes[0]! |= 1;
  return bytes;
}
