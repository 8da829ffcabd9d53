import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TocsinError } from '../../domain/error.ts';
import type { Incident } from '../../domain/incident.ts';
import type { Notification, Notifier } from '../../domain/ports.ts';

export interface FakeReceiver {
  readonly url: string;
  readonly requests: {
    readonly method: string;
    readonly path: string;
    readonly headers: IncomingMessage['headers'];
    readonly body: unknown;
  }[];
  /** Status, headers and body of the answers to come; the last one repeats. */
  answers: { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }[];
  close(): Promise<void>;
}

/** @param success what the vendor answers when it took a call. */
export async function fakeReceiver(success = '{}'): Promise<FakeReceiver> {
  const requests: FakeReceiver['requests'] = [];
  const receiver = { answers: [{ status: 200 }] } as unknown as FakeReceiver;
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      requests.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: parts.length === 0 ? null : (JSON.parse(Buffer.concat(parts).toString()) as unknown),
      });
      const answer = receiver.answers.length > 1 ? receiver.answers.shift()! : receiver.answers[0]!;
      response.writeHead(answer.status, answer.headers).end(answer.body ?? success);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  });
}

export function sampleNotification(over: Partial<Incident> = {}): Notification {
  const incident: Incident = {
    id: 'inc-1',
    tenant: 'default',
    version: 1,
    status: 'open',
    severity: 'critical',
    confidence: 0.92,
    score: 0.9,
    title: 'checkout is slow',
    summary: 'p99 of POST /pay 1.9 s, usually 80 to 120 ms',
    onset: 1_700_000_000_000,
    openedAt: 1_700_000_010_000,
    updatedAt: 1_700_000_010_000,
    closedAt: null,
    reopenedCount: 0,
    services: ['checkout', 'payments'],
    anomalies: [],
    causes: [
      {
        service: 'payments',
        share: 0.8,
        onset: 1_700_000_000_000,
        reasons: [{ kind: 'self-time', text: 'its own time rose <first>', weight: 1 }],
      },
    ],
    evidence: [],
    contributions: [],
    deploys: [],
    traceIds: [],
    timeline: [],
    acknowledgedBy: null,
    acknowledgedAt: null,
    verdict: null,
    ...over,
  };
  return {
    reason: incident.status === 'closed' ? 'resolved' : 'opened',
    incident,
    url: 'http://tocsin.example/incidents/inc-1',
    labels: { alertname: 'TocsinIncident', incident: 'inc-1', severity: 'critical', service: 'payments' },
    annotations: { summary: incident.summary },
    groupKey: '{}:{incident="inc-1"}',
    receiver: 'test',
  };
}

/** What every receiver must do, against a server that answers as told. `create` points one at the server's address. */
export function notifierContract(
  create: (url: string, secret: string) => Notifier,
  success = '{}',
): { readonly name: string; readonly run: () => Promise<void> }[] {
  const SECRET = 's3cret-token';
  const live = { aborted: false };
  const check = (name: string, body: (receiver: FakeReceiver, notifier: Notifier) => Promise<void>) => ({
    name,
    run: async () => {
      const receiver = await fakeReceiver(success);
      try {
        await body(receiver, create(receiver.url, SECRET));
      } finally {
        await receiver.close();
      }
    },
  });
  const failing = async (receiver: FakeReceiver, notifier: Notifier): Promise<TocsinError> => {
    let fault: unknown;
    await rejects(notifier.send(sampleNotification(), 'k', live), (error) => {
      fault = error;
      return true;
    });
    ok(receiver.requests.length >= 1);
    return fault as TocsinError;
  };
  return [
    check('2xx is delivered', async (receiver, notifier) => {
      receiver.answers = [{ status: 202 }];
      await notifier.send(sampleNotification(), 'k', live);
      strictEqual(receiver.requests.length, 1);
    }),
    check('429 and 5xx are retryable and honour Retry-After', async (receiver, notifier) => {
      receiver.answers = [{ status: 429, headers: { 'retry-after': '7' } }];
      const limited = await failing(receiver, notifier);
      deepStrictEqual([limited.code, limited.retryAfterMs], ['delivery_failed', 7_000]);
      receiver.answers = [{ status: 503 }];
      strictEqual((await failing(receiver, notifier)).code, 'delivery_failed');
    }),
    check('4xx is refused for good', async (receiver, notifier) => {
      receiver.answers = [{ status: 400, body: 'no such field' }];
      const fault = await failing(receiver, notifier);
      strictEqual(fault.code, 'delivery_refused');
      ok(fault.message.includes('no such field'));
    }),
    check('secrets are in no error', async (receiver, notifier) => {
      receiver.answers = [{ status: 500, body: 'x' }];
      const fault = await failing(receiver, notifier);
      ok(!`${fault.message} ${String(fault.stack)}`.includes(SECRET));
    }),
    check('an unreachable receiver is retryable, without naming the secret', async (receiver, notifier) => {
      await receiver.close();
      await rejects(
        notifier.send(sampleNotification(), 'k', live),
        (error: TocsinError) => error.code === 'delivery_failed' && !error.message.includes(SECRET),
      );
      receiver.close = async () => undefined;
    }),
    check('a resolved incident says so', async (receiver, notifier) => {
      await notifier.send(sampleNotification(), 'k', live);
      const before = receiver.requests.length;
      await notifier.send(sampleNotification({ status: 'closed', closedAt: 1_700_000_500_000 }), 'k2', live);
      const told = receiver.requests.slice(before);
      ok(told.length >= 1);
      ok(JSON.stringify(told.at(-1)!.body) !== JSON.stringify(receiver.requests[before - 1]!.body));
      ok(/resolved|2023-11-14T22:21:40/i.test(JSON.stringify(told.map((request) => request.body))));
    }),
  ];
}
