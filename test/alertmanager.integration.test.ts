import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, Program, post } from './program.ts';
import { STEP_MS, traffic } from './traffic.ts';

/** Debian's Alertmanager, told by a running program; what it then does is seen at a webhook of its own. */
const folder = mkdtempSync(join(tmpdir(), 'tocsin-alertmanager-'));
let alertmanager: ChildProcess;
let url = '';
let hook: Server;
let program: Program;

interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
  readonly status: unknown;
}
const told: Alert[] = [];

/** The first value that is not null, asked for again and again; the test's own limit ends it. */
async function eventually<T>(ask: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const answer = await ask().catch(() => null);
    if (answer !== null) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
const json = async <T>(address: string): Promise<T> => (await (await fetch(address)).json()) as T;
const alerts = (): Promise<Alert[]> => json(`${url}/api/v2/alerts`);

beforeAll(async () => {
  hook = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => {
      body += part.toString();
    });
    request.on('end', () => {
      told.push(...(JSON.parse(body) as { alerts: Alert[] }).alerts);
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(hook, 'listening');
  const config = join(folder, 'alertmanager.yml');
  writeFileSync(
    config,
    `route: { receiver: hook, group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
receivers:
  - name: hook
    webhook_configs: [{ url: 'http://127.0.0.1:${(hook.address() as AddressInfo).port}/', send_resolved: true }]
`,
  );
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  alertmanager = spawn(
    '/usr/bin/prometheus-alertmanager',
    [
      `--config.file=${config}`,
      `--storage.path=${join(folder, 'alertmanager')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ],
    { stdio: 'ignore' },
  );
  await eventually(async () => ((await fetch(`${url}/-/ready`)).ok ? true : null));
});

afterAll(async () => {
  await program?.kill();
  if (alertmanager?.exitCode === null) {
    alertmanager.kill('SIGKILL');
    await once(alertmanager, 'close');
  }
  hook?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('an incident fires in Alertmanager, is refreshed, and resolves when it closes', { timeout: 90_000 }, async () => {
  program = Program.serve(
    folder,
    `data_dir: ${join(folder, 'data')}
ingest: { http: 127.0.0.1:0, grpc: 127.0.0.1:0, shards: 1 }
api: { listen: 127.0.0.1:${await freePort()}, external_url: http://tocsin.example }
receivers:
  - name: team
    alertmanager_configs: [{ urls: ['${url}'], hold: 30s }]
route: { receiver: team }
`,
  );
  const { api, otlp } = await program.listening();
  const steps = 300;
  const ill = 212;
  const start = Math.floor(Date.now() / STEP_MS) * STEP_MS - steps * STEP_MS;
  const requests = traffic({ seed: 7, start, steps, fault: [200, ill] });
  const recovery = start + ill * STEP_MS;
  const feed = async (wanted: (at: number) => boolean): Promise<void> => {
    for (const { signal, body, at } of requests)
      if (wanted(at)) expect(await post(`${otlp}/v1/${signal}`, body)).toBe(200);
  };
  await feed((at) => at < recovery);

  const fired = await eventually(async () => (await alerts())[0] ?? null);
  const incidentOf = async () =>
    (
      await json<{ items: { id: string; title: string; status: string; closedAt: number; openedAt: number }[] }>(
        `${api}/api/v1/incidents`,
      )
    ).items[0]!;
  const open = await incidentOf();
  expect(open.status).toBe('open');
  expect(fired).toMatchObject({
    labels: { alertname: 'TocsinIncident', service: 'shop/ledger' },
    annotations: { summary: expect.stringContaining('shop/ledger') },
    startsAt: new Date(open.openedAt).toISOString(),
    generatorURL: `http://tocsin.example/incidents/${open.id}`,
    status: { state: 'active' },
  });

  // Sent again before it is let go: otherwise it would end by itself.
  await eventually(async () =>
    (await alerts()).some((alert) => Date.parse(alert.endsAt) > Date.parse(fired.endsAt) + 5_000) ? true : null,
  );

  await feed((at) => at >= recovery);
  const closed = await eventually(async () => {
    const incident = await incidentOf();
    return incident.status === 'closed' ? incident : null;
  });
  // Its end is that of the incident, not the end of a hold that nobody renewed.
  const resolved = await eventually(
    async () =>
      told.find((alert) => alert.status === 'resolved' && Date.parse(alert.endsAt) === closed.closedAt) ?? null,
  );
  expect(resolved.generatorURL).toContain(closed.id);
  expect(await eventually(async () => ((await alerts()).length === 0 ? true : null))).toBe(true);
});
