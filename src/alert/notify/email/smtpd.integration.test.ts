import { spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { defaultsOf } from '../../../domain/options.ts';
import { sampleNotification } from '../contract.ts';
import { createMemory } from '../receiver.ts';
import { email } from './email.ts';

/** A mail server that we did not write: Python's own smtpd (Debian's python3), printing what it got. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('a real mail server takes a message and shows what was meant', async () => {
  const port = await freePort();
  const server = spawn('/usr/bin/python3', [
    '-W',
    'ignore',
    '-u',
    '-m',
    'smtpd',
    '-n',
    '-c',
    'DebuggingServer',
    `127.0.0.1:${port}`,
  ]);
  let said = '';
  server.stdout.on('data', (part: Buffer) => {
    said += part.toString();
  });
  try {
    const given = {
      ...defaultsOf(email.options),
      smarthost: `127.0.0.1:${port}`,
      from: 'tocsin@example.com',
      to: ['a@example.com'],
      require_tls: false,
    };
    const notifier = email.create(given, { clock: { now: () => 0 }, name: 'mail', memory: createMemory() });
    let sent = false;
    for (let i = 0; i < 50 && !sent; i += 1) {
      await sleep(200);
      sent = await notifier.send(sampleNotification({ title: 'Überlast in checkout' }), 'k1', { aborted: false }).then(
        () => true,
        () => false,
      );
    }
    expect(sent).toBe(true);
    for (let i = 0; i < 20 && !said.includes('END MESSAGE'); i += 1) await sleep(100);
    expect(said).toContain('Message-ID: <k1@tocsin>');
    expect(said).toContain('Auto-Submitted: auto-generated');
    expect(said).toMatch(/Subject: =\?UTF-8\?Q\?/);
    expect(said).toContain('multipart/alternative');
  } finally {
    server.kill();
  }
});
