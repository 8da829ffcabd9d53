import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRng } from '../src/stats/rng.ts';
import type { NotifyChild } from './crash/notify-child.ts';

/**
 * A receiver that fails half of its calls, in every way that a call can fail, and a Tocsin that is killed again and again: every
 * incident is told, nobody is paged twice for one, and its end is never told before its beginning.
 */
const INCIDENTS = 60;
const KILLS = 8;
const SEED = Number(process.env['TOCSIN_CRASH_SEED'] ?? 0) + 11;

interface Call {
  readonly incident: string;
  readonly reason: string;
  readonly key: string;
}
/** Calls that the receiver took, whether or not the sender heard so, in order. */
const taken: Call[] = [];
let calls = 0;
let refused = 0;
let server: Server;
const scratch = mkdtempSync(join(tmpdir(), 'tocsin-notify-'));
const rng = createRng(SEED);

beforeAll(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      calls += 1;
      const body = JSON.parse(Buffer.concat(parts).toString()) as {
        notification_reason: string;
        tocsin: { incident: string };
      };
      const take = (): void =>
        void taken.push({
          incident: body.tocsin.incident,
          reason: body.notification_reason,
          key: String(request.headers['idempotency-key']),
        });
      const luck = rng.next();
      if (luck < 0.5) take();
      else refused += 1;
      if (luck < 0.5) response.end('{}');
      else if (luck < 0.65) response.writeHead(503).end('later');
      else if (luck < 0.75) response.writeHead(429, { 'retry-after': '1' }).end();
      else if (luck < 0.85) request.socket.destroy();
      else {
        // Taken, but the sender hears nothing of it.
        take();
        request.socket.destroy();
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(scratch, { recursive: true, force: true });
});

test('every incident is told, none is paged twice, order is kept', { timeout: 120_000 }, async () => {
  const { port } = server.address() as AddressInfo;
  const epoch = Date.now();
  const launch = (): ChildProcess => {
    const args: NotifyChild = { dataDir: scratch, url: `http://127.0.0.1:${port}`, incidents: INCIDENTS, epoch };
    return fork(join(import.meta.dirname, 'crash', 'notify-child.ts'), [JSON.stringify(args)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: ['--no-warnings'],
    });
  };
  const faults: string[] = [];
  let kills = 0;
  for (let done = false; !done; ) {
    const child = launch();
    const exit = once(child, 'exit');
    const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();
    child.on('message', (message: { type: string; message?: string }) => {
      if (message.type === 'ready') isReady();
      if (message.type === 'done') done = true;
      if (message.type === 'failed') faults.push(message.message ?? '');
    });
    await Promise.race([ready, exit]);
    if (kills < KILLS) {
      await Promise.race([exit, new Promise((resolve) => setTimeout(resolve, 60 + rng.next() * 500))]);
      if (child.exitCode === null && child.kill('SIGKILL')) kills += 1;
    }
    await exit;
    expect(faults).toEqual([]);
    if (!done && kills === KILLS && child.exitCode !== null) expect(child.exitCode).toBe(0);
  }

  const incidents = new Map<string, Call[]>();
  for (const call of taken) incidents.set(call.incident, [...(incidents.get(call.incident) ?? []), call]);
  expect(incidents.size).toBe(INCIDENTS);
  for (const heard of incidents.values()) {
    const keysOf = (reason: string) => new Set(heard.filter((call) => call.reason === reason).map(({ key }) => key));
    expect(keysOf('opened').size).toBe(1);
    expect(keysOf('resolved').size).toBe(1);
    const reasons = heard.map(({ reason }) => reason);
    expect(reasons.indexOf('resolved')).toBeGreaterThan(reasons.lastIndexOf('opened'));
    expect(reasons.lastIndexOf('escalated')).toBeLessThan(reasons.indexOf('resolved'));
  }
  const repeats = taken.length - new Set(taken.map(({ key }) => key)).size;
  console.log(
    `${INCIDENTS} incidents, ${calls} calls of which ${refused} failed for the sender, ${kills} kills: all told, ${repeats} repeated under the same key, 0 pages twice, order kept`,
  );
  expect(refused / calls).toBeGreaterThan(0.3);
});
