import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { alertingWorld } from '../src/pipeline/alerting/testing/world.ts';
import { createApiServer } from '../src/serve/server.ts';
import { createFixture } from '../src/serve/testing/fixture.ts';

/** Debian's amtool against our Alertmanager API. */
const run = promisify(execFile);
let url = '';
let world: Awaited<ReturnType<typeof alertingWorld>>;
let close: () => Promise<void>;

beforeAll(async () => {
  world = await alertingWorld();
  world.time.now = Date.now();
  await world.step(world.incident('0123456789abcdef', { title: 'checkout is slow' }));
  await world.step(world.incident('fedcba9876543210', { services: ['payments'], severity: 'critical' }));
  const { deps } = createFixture({ clock: world.clock });
  const app = await createApiServer({ ...deps, control: world.control, clock: world.clock, alerting: world.alerting });
  await app.listen({ port: 0, host: '127.0.0.1' });
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  close = async () => {
    await app.close();
    await world.control.close();
  };
});
afterAll(() => close());

const amtool = async (...args: string[]): Promise<string> => {
  world.time.now = Date.now();
  const { stdout } = await run('amtool', [`--alertmanager.url=${url}`, '--no-version-check', ...args]);
  world.time.now = Date.now();
  return stdout.trim();
};
const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await amtool(...args, '-o', 'json')) as T;
interface Alert {
  readonly fingerprint: string;
  readonly status: { readonly state: string; readonly silencedBy: string[] };
  readonly labels: Record<string, string>;
}

test('alerts, with filters', async () => {
  const alerts = await json<Alert[]>('alert', 'query');
  expect(alerts.map((a) => [a.fingerprint, a.status.state])).toEqual([
    ['0123456789abcdef', 'active'],
    ['fedcba9876543210', 'active'],
  ]);
  expect((await json<Alert[]>('alert', 'query', 'service=~"pay.*"')).map((a) => a.labels['severity'])).toEqual([
    'critical',
  ]);
  expect(await amtool('alert', 'query', '-o', 'extended')).toContain('checkout is slow');
  expect(await amtool('alert', 'query', '--receiver=pager')).toContain('TocsinIncident');
});

test('a silence is added, seen on the alert, queried, changed and expired', async () => {
  const id = await amtool(
    'silence',
    'add',
    '--author=mira',
    '--comment=known',
    '--duration=1h',
    'service=checkout',
    'severity!=critical',
  );
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(await amtool('silence', 'query', '-q')).toBe(id);
  expect(await amtool('silence', 'query', '-q', 'service=payments')).toBe('');
  expect((await json<{ comment: string }[]>('silence', 'query')).map((s) => s.comment)).toEqual(['known']);
  expect((await json<Alert[]>('alert', 'query', '--silenced')).map((a) => a.status.silencedBy)).toEqual([[id]]);
  expect((await json<Alert[]>('alert', 'query')).map((a) => a.fingerprint)).toEqual(['fedcba9876543210']);
  await amtool('silence', 'update', '--duration=2h', id);
  expect(world.alerting.silences()).toHaveLength(1);
  await amtool('silence', 'expire', id);
  expect(await amtool('silence', 'query', '-q')).toBe('');
  expect(await amtool('silence', 'query', '-q', '--expired')).toBe(id);
  expect((await world.control.auditLog({})).map((entry) => [entry.action, entry.by])).toEqual([
    ['silence.expire', 'anonymous'],
    ['silence.change', 'mira'],
    ['silence.create', 'mira'],
  ]);
});

test('silences move between servers by export and import', async () => {
  const id = await amtool('silence', 'add', '--author=mira', '--comment=moved', 'service=other');
  const file = join(mkdtempSync(join(tmpdir(), 'tocsin-amtool-')), 'silences.json');
  writeFileSync(file, await amtool('silence', 'query', '-o', 'json'));
  await amtool('silence', 'expire', id);
  await amtool('silence', 'import', file);
  rmSync(dirname(file), { recursive: true });
  expect(
    (await json<{ comment: string; createdBy: string }[]>('silence', 'query')).map((s) => [s.createdBy, s.comment]),
  ).toEqual([['mira', 'moved']]);
});

test('faults are told', async () => {
  await expect(amtool('silence', 'expire', '00000000-0000-4000-8000-000000000000')).rejects.toThrow(/404/);
  await expect(amtool('silence', 'add', '--author=m', '--comment=x', 'service=~"("')).rejects.toThrow();
});

test('cluster status, configuration and routes as the server tells them', async () => {
  expect(await amtool('cluster', 'show')).toMatch(/disabled/);
  expect(await amtool('config', 'show')).toMatch(/receiver: team/);
  expect(await amtool('config', 'routes', 'test', 'severity=critical')).toBe('pager');
  expect(await amtool('config', 'routes', 'show')).toContain('{severity="critical"}  receiver: pager');
});

test('groups and receivers', async () => {
  const get = async (path: string): Promise<unknown> => (await fetch(`${url}/api/v2/${path}`)).json();
  expect(await get('receivers')).toEqual([{ name: 'team' }, { name: 'pager' }]);
  expect(await get('alerts/groups')).toMatchObject([
    { receiver: { name: 'pager' }, labels: { service: 'payments' }, alerts: [{ fingerprint: 'fedcba9876543210' }] },
    { receiver: { name: 'team' }, labels: { service: 'checkout' }, alerts: [{ fingerprint: '0123456789abcdef' }] },
  ]);
});
