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

/** One body of `count` series from number `first` on. */
export function metricsBody(writer: ProtoWriter, first: number, count: number): Uint8Array {
  writer.reset();
  writeMetrics(writer, first, count, PAYLOAD_TIME);
  return writer.finish();
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

/** Shapes of log lines as services write them; `n` is a number that is different on every line. */
const SHAPES: readonly ((n: number) => string)[] = [
  (n) => `Received block blk_${n * 7919} of size ${n % 67108864} from /10.250.${n % 255}.${(n * 3) % 255}`,
  (n) => `GET /api/v1/cart/${n} HTTP/1.1" status: 200 len: ${n % 4096} time: 0.${n % 100000}`,
  (n) => `session ${n * 31} closed for user root after ${n % 900} ms`,
  (n) => `Connection from 10.0.${n % 255}.${(n * 11) % 255} port ${30000 + (n % 30000)} refused`,
  (n) => `Starting request id=${hex(n)} method=POST path=/api/v1/checkout`,
  (n) => `Finished request id=${hex(n)} status=201 bytes=${n % 20000} took ${n % 350} ms`,
  (n) => `Cache miss for key product:${n % 5000}, loading from database`,
  (n) => `Cache hit for key product:${n % 5000}`,
  (n) => `Executing query SELECT * FROM orders WHERE customer_id = ${n % 90000} LIMIT 50`,
  (n) => `Query returned ${n % 50} rows in ${n % 40}.${n % 10} ms`,
  (n) => `Acquired connection ${n % 32} from pool main (active=${n % 32}, idle=${n % 7}, waiting=0)`,
  () => 'Returning connection to pool main',
  (n) => `Publishing message ${hex(n)} to topic orders.created partition ${n % 12}`,
  (n) => `Consumed message offset=${n} partition=${n % 12} lag=${n % 90} topic=orders.created`,
  (n) => `Payment authorised for order ${n % 1000000}: amount ${n % 500}.${n % 100} EUR, provider=stripe`,
  (n) => `Reserved ${(n % 5) + 1} items of sku SKU-${n % 7000} in warehouse eu-west-1b`,
  (n) => `Retrying call to inventory after ${n % 500} ms (attempt ${(n % 3) + 1} of 3)`,
  (n) => `Token for user ${n % 40000} validated, expires in ${n % 3600} s`,
  (n) => `User ${n % 40000} logged in from 192.168.${n % 255}.${(n * 7) % 255}`,
  () => 'Health check passed: database ok, cache ok, broker ok',
  (n) => `GC pause (G1 Evacuation Pause) (young) ${n % 200}M->${n % 90}M(512M) ${n % 30}.${n % 1000}ms`,
  (n) => `Heartbeat from node node-${n % 50} received, load ${n % 16}.${n % 100}`,
  (n) => `Flushing memtable of ${n % 64} MB to sstable mc-${n % 9000}-big-Data.db`,
  (n) => `Compaction of ${(n % 8) + 2} sstables finished: ${n % 900} MB to ${n % 500} MB in ${n % 90000} ms`,
  (n) => `Leader of partition ${n % 12} of topic payments is broker ${n % 3}, epoch ${n % 40}`,
  (n) => `Sent mail order-confirmation to customer ${n % 90000} via smtp-${n % 4}`,
  (n) => `Rendered template order/confirmation.html in ${n % 25} ms`,
  (n) => `Price of product ${n % 5000} recalculated: ${n % 900}.${n % 100} EUR (discount ${n % 30}%)`,
  (n) => `Recommendation model v3 returned ${n % 20} candidates for user ${n % 40000} in ${n % 80} ms`,
  (n) => `Uploaded file invoices/2024/${n % 1000000}.pdf (${n % 400} kB) to bucket shop-documents`,
  (n) => `Rate limit of client ${hex(n % 900)}: ${n % 100} of 100 requests used`,
  (n) => `Circuit breaker of shipping is CLOSED, failure rate ${n % 20}.${n % 10}%`,
  (n) => `{"level":"info","msg":"handled rpc","method":"/shop.Cart/AddItem","code":"OK","ms":${n % 90}}`,
  (n) => `{"level":"info","msg":"dispatching job","queue":"mail","job":"${hex(n)}","attempt":1}`,
  (n) => `Scheduled task cleanup-carts removed ${n % 300} carts older than 7 days`,
  (n) => `Checkpoint complete: wrote ${n % 9000} buffers (${n % 60}.${n % 10}%); write=${n % 30}.${n % 1000} s`,
  (n) => `Upstream 10.0.${n % 255}.${(n * 11) % 255}:8080 answered 200 in 0.${n % 1000} s, ${n % 9000} bytes`,
  (n) => `Search for "red shoes" page ${n % 20} gave ${n % 4000} results, ${n % 60} ms in index products-v${n % 3}`,
  (n) => `Currency rates loaded from ECB: ${30 + (n % 3)} currencies, valid until 2024-05-${10 + (n % 20)}`,
  (n) => `Shipment ${n % 1000000} handed to carrier DHL, tracking number JD${n * 13}`,
  (n) => `Span exporter sent ${n % 512} spans in ${n % 90} ms`,
  (n) => `Feature flag new-checkout evaluated to true for user ${n % 40000}`,
  (n) => `Cart ${hex(n)} merged: ${n % 9} items, total ${n % 700}.${n % 100} EUR`,
  (n) => `Order ${n % 1000000} moved from CREATED to PAID`,
  (n) => `Order ${n % 1000000} moved from PAID to SHIPPED`,
  (n) => `Deserialised ${n % 30000} bytes of schema order-v2 in ${n % 900} us`,
  (n) => `Lock orders/${n % 1000000} acquired by worker-${n % 16} after ${n % 20} ms`,
  (n) => `Lock orders/${n % 1000000} released by worker-${n % 16}`,
];
const ERROR_LINE = (n: number): string =>
  `Request ${hex(n)} failed: java.net.SocketTimeoutException: Read timed out after ${n % 5000} ms`;
/** Requests in flight at once in one service, and lines of each: the lines of a trace lie apart. */
const IN_FLIGHT = 8;
const LINES_A_REQUEST = 5;

/**
 * Log records: four resources of 120 a body. A service has three kinds of request of five lines each, out of 48 shapes, and
 * eight requests in flight; every tenth line is of no request (no trace id), every fiftieth an error. Mean body about 65
 * bytes, trace and span id, one attribute.
 */
export function logsPayloads(options: ItemPayloadOptions): Uint8Array[] {
  return payloads(options, (writer, i, resource) => {
    const round = Math.floor(i / (IN_FLIGHT * LINES_A_REQUEST));
    const step = Math.floor(i / IN_FLIGHT) % LINES_A_REQUEST;
    const request = round * IN_FLIGHT + (i % IN_FLIGHT);
    const number = Math.imul(i + 1, 0x9e3779b1) >>> 4;
    const isError = i % 50 === 49;
    const isAlone = i % 10 === 7;
    const shape = resource * 5 + (isAlone ? 17 : step + LINES_A_REQUEST * (request % 3));
    const record = writer.begin(2);
    writer.fixed64(1, PAYLOAD_TIME + BigInt(i) * 1000n);
    writer.varint(2, isError ? 17 : 9);
    writer.string(3, isError ? 'ERROR' : 'INFO');
    const body = writer.begin(5);
    writer.string(1, isError ? ERROR_LINE(number) : SHAPES[shape % SHAPES.length]!(number));
    writer.end(body);
    attribute(writer, 6, 'logger.name', 'shop.request');
    if (!isAlone) {
      writer.bytes(9, idBytes(request, 16));
      writer.bytes(10, idBytes(request * 7 + 1, 8));
    }
    writer.fixed64(11, PAYLOAD_TIME + BigInt(i) * 1000n);
    writer.end(record);
  });
}

/** Spans of a trace: ten server spans in a tree, each but the root below a client span of its caller. */
const TRACE_SPANS = 20;
const SPAN_SERVICES = 60;
/** Traces whose spans are under way together: services send them in bodies of their own, so relatives come apart. */
const TRACES_UNDER_WAY = 1500;
const GROUP = 250;

/**
 * Spans: 20 a trace over ten of 60 services, some 800 operations and 130 edges, eight attributes, about 350 bytes. A body
 * has four resources of 250 spans; the spans of a trace lie in bodies up to 30 apart, callers and callees in any order.
 */
export function spansPayloads(options: ItemPayloadOptions): Uint8Array[] {
  const perRequest = options.perRequest ?? 1000;
  const bodies: Uint8Array[] = [];
  const writer = new ProtoWriter();
  const flush = (): void => {
    if (writer.length > 0) bodies.push(writer.finish());
    writer.reset();
  };
  let inBody = 0;
  const window = TRACES_UNDER_WAY * TRACE_SPANS;
  for (let first = 0; first < options.items; first += window) {
    const owned: number[][] = Array.from({ length: SPAN_SERVICES }, () => []);
    for (let i = first; i < Math.min(options.items, first + window); i++) owned[serviceOfSpan(i)]!.push(i);
    for (let from = 0; owned.some((list) => list.length > from); from += GROUP) {
      owned.forEach((list, service) => {
        const own = list.slice(from, from + GROUP);
        if (own.length === 0) return;
        if (inBody + own.length > perRequest) {
          flush();
          inBody = 0;
        }
        inBody += own.length;
        const group = writer.begin(1);
        writeResource(writer, service);
        const scope = writer.begin(2);
        for (const i of own) writeSpan(writer, i);
        writer.end(scope);
        writer.end(group);
      });
    }
  }
  flush();
  return bodies;
}

function serviceOfSpan(i: number): number {
  const kind = Math.floor(i / TRACE_SPANS) % 20;
  const k = i % TRACE_SPANS;
  // Client span 2j - 1 belongs to the caller of server span 2j.
  const server = k % 2 === 0 ? k / 2 : ((k - 1) / 2) >> 1;
  return (kind * 7 + server * 11) % SPAN_SERVICES;
}

function writeSpan(writer: ProtoWriter, i: number): void {
  const trace = Math.floor(i / TRACE_SPANS);
  const k = i % TRACE_SPANS;
  const isClient = k % 2 === 1;
  const server = isClient ? (k + 1) / 2 : k / 2;
  const parent = isClient ? 2 * (((k - 1) / 2) >> 1) : k - 1;
  const variant = Math.floor(trace / 20) % 7;
  const noise = (Math.imul(i + 1, 0x9e3779b1) >>> 8) / 16777216;
  // Children are shorter than their parents; long tails.
  const ms = (isClient ? 1.2 : 1) * (40 / (server + 1)) * (0.5 + noise ** 4 * 6);
  const start = PAYLOAD_TIME + BigInt(trace) * 400_000n + BigInt(k) * 200_000n;
  const span = writer.begin(2);
  writer.bytes(1, idBytes(trace, 16));
  writer.bytes(2, idBytes(i, 8));
  if (k > 0) writer.bytes(4, idBytes(i - k + parent, 8));
  writer.string(5, `${METHODS[(server + variant) % 4]!} ${ROUTES[(server + 2 * variant) % 5]!}`);
  writer.varint(6, isClient ? 3 : 2);
  writer.fixed64(7, start);
  writer.fixed64(8, start + BigInt(Math.round(ms * 1e6)));
  attribute(writer, 9, 'http.request.method', METHODS[i % 4]!);
  attribute(writer, 9, 'http.route', ROUTES[i % 5]!);
  intAttribute(writer, 9, 'http.response.status_code', i % 100 === 0 ? 503 : 200);
  attribute(writer, 9, 'server.address', 'cart.shop.svc.cluster.local');
  intAttribute(writer, 9, 'server.port', 8080);
  attribute(writer, 9, 'network.peer.address', `10.0.${i % 255}.${(i * 7) % 255}`);
  attribute(writer, 9, 'thread.name', 'http-nio-8080-exec-3');
  attribute(writer, 9, 'url.scheme', 'http');
  writer.end(span);
}

function payloads(
  options: ItemPayloadOptions,
  item: (writer: ProtoWriter, i: number, resource: number) => void,
): Uint8Array[] {
  const perRequest = options.perRequest ?? 1000;
  const writer = new ProtoWriter();
  const bodies: Uint8Array[] = [];
  for (let first = 0; first < options.items; first += perRequest) {
    writer.reset();
    const last = Math.min(options.items, first + perRequest);
    const each = Math.ceil((last - first) / RESOURCES);
    for (let from = first; from < last; from += each) {
      const resource = Math.floor(from / each) % 120;
      const group = writer.begin(1);
      writeResource(writer, resource);
      const scope = writer.begin(2);
      for (let i = from; i < Math.min(last, from + each); i++) item(writer, i, resource);
      writer.end(scope);
      writer.end(group);
    }
    bodies.push(writer.finish());
  }
  return bodies;
}

function hex(n: number): string {
  return (Math.imul(n, 0x85ebca6b) >>> 0).toString(16).padStart(8, '0');
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
