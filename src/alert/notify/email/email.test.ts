import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { defaultsOf } from '../../../domain/options.ts';
import { sampleNotification } from '../contract.ts';
import { createMemory } from '../receiver.ts';
import { email } from './email.ts';

/** A small mail server: greets, takes envelope and data, and gives `answers` instead of 250 to the named command. */
async function fakeSmtp(answers: Record<string, string> = {}) {
  const messages: string[] = [];
  const envelope: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let data: string[] | null = null;
    let rest = '';
    socket.on('error', () => undefined);
    socket.write('220 fake ESMTP\r\n');
    socket.on('data', (chunk) => {
      rest += chunk.toString('utf8');
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        if (data !== null) {
          if (line !== '.') data.push(line);
          else {
            messages.push(data.join('\n'));
            data = null;
            socket.write(`${answers['.'] ?? '250 queued'}\r\n`);
          }
          continue;
        }
        const command = line.split(' ')[0]!.toUpperCase();
        if (command === 'EHLO') socket.write('250-fake\r\n250 AUTH PLAIN\r\n');
        else if (command === 'AUTH') socket.write(`${answers['AUTH'] ?? '235 ok'}\r\n`);
        else if (command === 'STARTTLS') socket.write('454 no TLS here\r\n');
        else if (command === 'DATA') {
          socket.write('354 go on\r\n');
          data = [];
        } else if (command === 'QUIT') socket.end('221 bye\r\n');
        else {
          if (command === 'MAIL' || command === 'RCPT') envelope.push(line);
          socket.write(`${answers[command] ?? '250 ok'}\r\n`);
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return { port: (server.address() as AddressInfo).port, messages, envelope, close };
}

const live = { aborted: false };
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});
async function start(answers?: Record<string, string>, over: object = {}) {
  const server = await fakeSmtp(answers);
  open.push(server);
  const given = {
    ...defaultsOf(email.options),
    smarthost: `127.0.0.1:${server.port}`,
    from: 'Tocsin <tocsin@example.com>',
    to: ['a@example.com', 'b@example.com'],
    require_tls: false,
    ...over,
  };
  return { server, notifier: email.create(given, { clock: { now: () => 0 }, name: 'mail', memory: createMemory() }) };
}

test('one thread an incident, the same Message-ID on a retry, no header from telemetry', async () => {
  const { server, notifier } = await start({}, { username: 'u', password: 's3cret' });
  const evil = sampleNotification({ title: 'down\r\nBcc: all@example.com' });
  await notifier.send(evil, 'key/1', live);
  await notifier.send(evil, 'key/1', live);
  await notifier.send(sampleNotification({ status: 'closed', closedAt: 1_700_000_500_000 }), 'key/2', live);
  expect(server.envelope.slice(0, 3)).toEqual([
    'MAIL FROM:<tocsin@example.com>',
    'RCPT TO:<a@example.com>',
    'RCPT TO:<b@example.com>',
  ]);
  const idOf = (message: string) => /^Message-ID: (.*)$/im.exec(message)?.[1];
  expect(server.messages.map(idOf)).toEqual(['<key-1@tocsin>', '<key-1@tocsin>', '<key-2@tocsin>']);
  expect(server.messages.every((m) => /^References: <incident-inc-1@tocsin>$/im.test(m))).toBe(true);
  expect(server.messages[0]).toMatch(/^Auto-Submitted: auto-generated$/im);
  expect(server.messages[0]).not.toMatch(/^Bcc:/im);
  expect(server.messages[2]).toMatch(/^Subject: \[Resolved\] checkout is slow$/im);
});

test.each([
  ['421 for now', { MAIL: '421 too busy' }, 'delivery_failed', 'too busy'],
  ['451 after the data', { '.': '451 try again' }, 'delivery_failed', 'try again'],
  ['550 no such user', { RCPT: '550 no such user' }, 'delivery_refused', ''],
  ['554 refused content', { '.': '554 spam' }, 'delivery_refused', 'spam'],
  ['535 wrong password', { AUTH: '535 no' }, 'delivery_refused', ''],
] as const)('%s', async (_, answers, code, said) => {
  const { notifier } = await start(answers, { username: 'u', password: 's3cret' });
  const fault = (await notifier.send(sampleNotification(), 'k', live).catch((error: unknown) => error)) as Error & {
    code: string;
  };
  expect(fault.code).toBe(code);
  expect(fault.message).toContain(said);
  expect(`${fault.message}${fault.stack}`).not.toContain('s3cret');
});

test('an unreachable server, and one without TLS where it is required, are told apart from a refusal', async () => {
  const { server, notifier } = await start({}, { require_tls: true });
  await expect(notifier.send(sampleNotification(), 'k', live)).rejects.toMatchObject({ code: 'delivery_failed' });
  expect(server.messages).toEqual([]);
  await server.close();
  open.length = 0;
  await expect(notifier.send(sampleNotification(), 'k', live)).rejects.toMatchObject({ code: 'delivery_failed' });
});

test('options are checked', () => {
  const base = { ...defaultsOf(email.options), smarthost: 'mail:587', from: 'a@b', to: ['c@d'] };
  expect(email.fault!(base)).toBeNull();
  expect(email.fault!({ ...base, smarthost: 'mail' })?.key).toBe('smarthost');
  expect(email.fault!({ ...base, to: ['nobody'] })?.key).toBe('to');
  expect(email.fault!({ ...base, from: 'a@b\r\nBcc: x@y' })?.key).toBe('from');
  expect(email.fault!({ ...base, username: 'u' })?.key).toBe('password');
});
