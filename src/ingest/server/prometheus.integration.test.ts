import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERIES_KIND } from '../../domain/signal/series.ts';
import { createIngestServers } from '../servers.ts';
import type { IngestServers } from './servers.ts';
import { DecodingIntake } from './testing/decoding-intake.ts';

const BINARY = '/usr/bin/prometheus';

async function freePort(): Promise<number> {
  const probe = createTcp();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Debian's Prometheus scrapes itself and a page of ours, and writes to us; the page then disappears. */
describe.skipIf(!existsSync(BINARY))('Prometheus', () => {
  const intake = new DecodingIntake();
  let servers: IngestServers;
  let prometheus: ChildProcess;
  let folder = '';
  let output = '';
  let present = true;
  const page = createServer((_request, response) => {
    response.statusCode = present ? 200 : 500;
    response.setHeader('Content-Type', 'text/plain; version=0.0.4');
    response.end(
      present
        ? `# TYPE jobs_total counter\njobs_total{queue="mail"} 42\n# TYPE depth gauge\ndepth 7.5\nodd NaN\n`
        : 'gone',
    );
  });

  beforeAll(async () => {
    servers = createIngestServers({ intake, http: { host: '127.0.0.1', port: 0 }, grpc: null });
    const { httpAddress } = await servers.start();
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
    const target = `127.0.0.1:${(page.address() as { port: number }).port}`;
    const port = await freePort();
    folder = await mkdtemp(join(tmpdir(), 'tocsin-prometheus-'));
    await writeFile(
      join(folder, 'prometheus.yml'),
      `global: { scrape_interval: 1s }
scrape_configs:
  - { job_name: prometheus, static_configs: [{ targets: ['127.0.0.1:${port}'] }] }
  - { job_name: worker, static_configs: [{ targets: ['${target}'] }] }
remote_write:
  - { url: 'http://127.0.0.1:${httpAddress!.port}/api/v1/write', send_exemplars: true, send_native_histograms: true, queue_config: { batch_send_deadline: 200ms } }
`,
    );
    prometheus = spawn(
      BINARY,
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--enable-feature=native-histograms',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    prometheus.stderr!.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  });

  afterAll(async () => {
    const ended = new Promise((resolve) => prometheus.once('exit', resolve));
    prometheus.kill('SIGKILL');
    await ended;
    page.close();
    await servers.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('writes its samples: names, services, instances, kinds and values arrive', async () => {
    await expect
      .poll(() => intake.points_.filter(({ info }) => info.service === 'prometheus').length, { timeout: 60_000 })
      .toBeGreaterThan(500);
    await expect
      .poll(() => intake.points_.some(({ info }) => info.metric === 'jobs_total'), { timeout: 30_000 })
      .toBe(true);
    const of = (metric: string, service: string) =>
      intake.points_.filter(({ info }) => info.metric === metric && info.service === service);
    const [jobs] = of('jobs_total', 'worker');
    expect(jobs).toMatchObject({ value: 42, info: { kind: SERIES_KIND.counter, labels: { queue: 'mail' } } });
    expect(jobs!.info.instance).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(Math.abs(jobs!.time - Date.now())).toBeLessThan(60_000);
    expect(of('depth', 'worker')[0]).toMatchObject({ value: 7.5, info: { kind: SERIES_KIND.gauge } });
    expect(of('up', 'prometheus')[0]).toMatchObject({ value: 1 });
    expect(of('odd', 'worker')).toEqual([]);
    const bucket = intake.points_.find(({ info }) => info.metric === 'prometheus_http_request_duration_seconds_bucket');
    expect(bucket).toMatchObject({ info: { kind: SERIES_KIND.counter } });
    expect([...intake.formats]).toEqual(['remote-write-1']);
    expect(intake.rejected).toBe(0);
    const refused = servers.counters.requests.filter((row) => row.code !== 204);
    expect({ refused, complaints: /non-recoverable|server returned HTTP status/.test(output) }).toEqual({
      refused: [],
      complaints: false,
    });
  });

  it('numbers a series once, however often it is written', async () => {
    const times = () => intake.points_.filter(({ info }) => info.metric === 'depth').map(({ time }) => time);
    await expect.poll(() => times().length, { timeout: 30_000 }).toBeGreaterThan(3);
    const ids = new Set(intake.points_.filter(({ info }) => info.metric === 'depth').map(({ info }) => info.id));
    expect(ids.size).toBe(1);
    expect(times()).toEqual([...times()].sort((a, b) => a - b));
    expect(new Set(times()).size).toBe(times().length);
  });

  it('says that the series of a failed target ended', async () => {
    present = false;
    await expect
      .poll(() => intake.stale_.map((info) => info.metric), { timeout: 30_000 })
      .toEqual(expect.arrayContaining(['jobs_total', 'depth']));
    await expect
      .poll(
        () =>
          intake.points_.some(({ info, value }) => info.metric === 'up' && info.service === 'worker' && value === 0),
        { timeout: 30_000 },
      )
      .toBe(true);
    expect(intake.stale_.some((info) => info.metric === 'up')).toBe(false);
  });
});
