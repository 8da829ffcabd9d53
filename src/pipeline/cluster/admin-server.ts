import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { listenFault } from '../listen-fault.ts';
import type { Detector } from './detector.ts';
import type { GatewayIntake } from './gateway-intake.ts';

interface Roles {
  readonly detector: Detector | null;
  readonly gateway: GatewayIntake | null;
}

/** Health checks and metrics of a process that has no API: `/-/healthy`, `/-/ready`, `/metrics`. */
export async function createAdminServer(
  version: string,
  listen: { readonly host: string; readonly port: number } | null,
  roles: () => Roles,
): Promise<{ readonly address: string | null; close(): Promise<void> }> {
  if (listen === null) return { address: null, close: () => Promise.resolve() };
  const registry = new Registry();
  const update = gauges(registry, version);
  const server = createServer((request, response) => {
    if (request.method !== 'GET') {
      response.writeHead(405, { allow: 'GET' }).end();
    } else if (request.url === '/-/healthy' || request.url === '/-/ready') {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
    } else if (request.url === '/metrics') {
      update(roles());
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    } else response.writeHead(404).end('page and API are where the correlator runs\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  }).catch((error: unknown) => {
    throw listenFault(error, 'api.listen', listen);
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    address: `http://${address}:${port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function gauges(registry: Registry, version: string): (roles: Roles) => void {
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name, help, labelNames, registers });
  gauge('tocsin_build_info', 'Version that runs; always 1.', ['version', 'node']).set(
    { version, node: process.versions.node },
    1,
  );
  const points = gauge('tocsin_points_total', 'Samples scored.', ['shard']);
  const series = gauge('tocsin_series', 'Live series.', ['shard']);
  const watermark = gauge('tocsin_watermark_timestamp_seconds', 'Newest event time seen.', ['shard']);
  const unknown = gauge(
    'tocsin_unannounced_samples_total',
    'Samples of series that no gateway announced: a snapshot was lost.',
    ['shard'],
  );
  const unreadable = gauge('tocsin_unreadable_records_total', 'Records that were put into the dead-letter topic.');
  const received = gauge('tocsin_gateway_points_total', 'Samples taken in, by how they were sent on.', ['form']);
  const records = gauge('tocsin_gateway_records_total', 'Records put on the bus.');
  const bytes = gauge('tocsin_gateway_record_bytes_total', 'Bytes of those records, before compression.');
  return ({ detector, gateway }) => {
    for (const { partition, stats, unknown: lost } of detector?.figures() ?? []) {
      const labels = { shard: partition };
      points.set(labels, stats.points);
      series.set(labels, stats.series);
      watermark.set(labels, stats.watermark / 1_000);
      unknown.set(labels, lost);
    }
    if (detector !== null) unreadable.set(detector.unreadable);
    if (gateway === null) return;
    const { counters } = gateway;
    received.set({ form: 'columns' }, counters.columns);
    received.set({ form: 'bodies' }, counters.points - counters.columns);
    records.set(counters.records);
    bytes.set(counters.bytes);
  };
}
