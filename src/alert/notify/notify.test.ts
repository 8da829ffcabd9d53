import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf } from '../../domain/options.ts';
import type { Notifier } from '../../domain/ports.ts';
import { openSqliteControlStore } from '../../store/control/sqlite.ts';
import { alertmanager } from './alertmanager/alertmanager.ts';
import { fakeReceiver, notifierContract, sampleNotification } from './contract.ts';
import { discord } from './discord/discord.ts';
import { Dispatcher } from './dispatcher.ts';
import { retryAfter } from './http.ts';
import { jira } from './jira/jira.ts';
import { msteams } from './msteams/msteams.ts';
import { opsgenie } from './opsgenie/opsgenie.ts';
import { pagerduty } from './pagerduty/pagerduty.ts';
import { createMemory } from './receiver.ts';
import { RECEIVERS } from './registry.ts';
import { servicenow } from './servicenow/servicenow.ts';
import { messageOf } from './slack/message.ts';
import { slack } from './slack/slack.ts';
import { telegram } from './telegram/telegram.ts';
import { checkTemplate } from './texts.ts';
import { payloadOf, webhook } from './webhook/webhook.ts';

const clock = { now: () => 1_700_000_100_000 };
const contextOf = () => ({ clock, name: 'test', memory: createMemory() });
interface Made {
  readonly type: string;
  readonly create: (url: string, secret: string) => Notifier;
  /** What the vendor answers when it took a call. */
  readonly success?: string;
}
const made: Record<string, Made> = {
  alertmanager: {
    type: 'alertmanager',
    create: (url, secret) =>
      alertmanager.create({ ...defaultsOf(alertmanager.options), urls: [url], bearer_token: secret }, contextOf()),
  },
  discord: {
    type: 'discord',
    create: (url, secret) =>
      discord.create({ ...defaultsOf(discord.options), webhook_url: `${url}/api/webhooks/1/${secret}` }, contextOf()),
    success: '{"id":"77"}',
  },
  jira: {
    type: 'jira',
    create: (url, secret) =>
      jira.create(
        { ...defaultsOf(jira.options), url, user: 'bot@example.com', api_token: secret, project: 'OPS' },
        contextOf(),
      ),
    success: '{"key":"OPS-7","issues":[],"transitions":[{"id":"31","name":"Done"}]}',
  },
  msteams: {
    type: 'msteams',
    create: (url, secret) =>
      msteams.create({ ...defaultsOf(msteams.options), webhook_url: `${url}/workflows/${secret}` }, contextOf()),
  },
  opsgenie: {
    type: 'opsgenie',
    create: (url, secret) => opsgenie.create({ ...defaultsOf(opsgenie.options), url, api_key: secret }, contextOf()),
  },
  pagerduty: {
    type: 'pagerduty',
    create: (url, secret) =>
      pagerduty.create({ ...defaultsOf(pagerduty.options), url, routing_key: secret }, contextOf()),
  },
  servicenow: {
    type: 'servicenow',
    create: (url, secret) =>
      servicenow.create({ ...defaultsOf(servicenow.options), url, user: 'bot', password: secret }, contextOf()),
    success: '{"result":{"sys_id":"9d38"}}',
  },
  slack: {
    type: 'slack',
    create: (url, secret) =>
      slack.create({ ...defaultsOf(slack.options), webhook_url: `${url}/services/${secret}` }, contextOf()),
  },
  'slack bot': {
    type: 'slack',
    create: (url, secret) =>
      slack.create({ ...defaultsOf(slack.options), api_url: url, bot_token: secret, channel: 'C1' }, contextOf()),
    success: '{"ok":true,"channel":"C1","ts":"17.1"}',
  },
  telegram: {
    type: 'telegram',
    create: (url, secret) =>
      telegram.create({ ...defaultsOf(telegram.options), url, bot_token: secret, chat_id: '-100' }, contextOf()),
    success: '{"ok":true,"result":{"message_id":5}}',
  },
  webhook: {
    type: 'webhook',
    create: (url, secret) =>
      webhook.create({ ...defaultsOf(webhook.options), url: `${url}/hook/${secret}` }, contextOf()),
  },
};

test('every registered receiver is under contract', () => {
  // E-mail speaks no HTTP: email/email.test.ts holds it to the same.
  const types = new Set([...Object.values(made).map(({ type }) => type), 'email']);
  expect(RECEIVERS.map((r) => r.type)).toEqual([...types].sort());
});

test('every receiver has a README and names its templates and secrets among its options', () => {
  for (const receiver of RECEIVERS) {
    expect(existsSync(join(import.meta.dirname, receiver.type, 'README.md')), receiver.type).toBe(true);
    const keys = Object.keys(receiver.options);
    for (const key of [...(receiver.templates ?? []), ...receiver.secrets, ...receiver.required])
      expect(keys).toContain(key);
    for (const key of receiver.templates ?? [])
      expect(() =>
        checkTemplate((receiver.options as Record<string, { default: string }>)[key]!.default),
      ).not.toThrow();
  }
});

for (const [name, { create, success }] of Object.entries(made)) {
  describe(name, () => {
    for (const check of notifierContract(create, success)) test(check.name, check.run);
  });
}

test('Alertmanager gets one alert, refreshed ahead while open, ended when closed', async () => {
  const receiver = await fakeReceiver();
  const notifier = made['alertmanager']!.create(receiver.url, 't');
  await notifier.send(sampleNotification(), 'k', { aborted: false });
  await notifier.send(sampleNotification({ status: 'closed', closedAt: 1_700_000_050_000 }), 'k', { aborted: false });
  expect(receiver.requests.map((r) => r.path)).toEqual(['/api/v2/alerts', '/api/v2/alerts']);
  expect(receiver.requests[0]!.headers.authorization).toBe('Bearer t');
  const [open, closed] = receiver.requests.map((r) => (r.body as { endsAt: string; labels: object }[])[0]!);
  expect(open!.endsAt).toBe(new Date(clock.now() + 240_000).toISOString());
  expect(closed!.endsAt).toBe(new Date(1_700_000_050_000).toISOString());
  expect(open!.labels).toEqual(closed!.labels);
  await receiver.close();
});

test('the webhook speaks version 4 of Alertmanager', () => {
  expect(payloadOf(sampleNotification())).toMatchObject({
    version: '4',
    status: 'firing',
    externalURL: 'http://tocsin.example',
    alerts: [
      {
        status: 'firing',
        fingerprint: 'inc-1',
        labels: { alertname: 'TocsinIncident' },
        endsAt: '0001-01-01T00:00:00Z',
      },
    ],
  });
});

test('Slack texts are escaped and cut to the limits', () => {
  const message = messageOf(
    sampleNotification(),
    { title: 'x'.repeat(400), text: `<!channel> & ${'y'.repeat(5_000)}` },
    true,
  );
  const blocks = message.blocks as unknown as { text?: { text: string } }[];
  expect(blocks[0]!.text!.text).toHaveLength(150);
  expect(blocks[1]!.text!.text).toHaveLength(3_000);
  expect(blocks[1]!.text!.text).toContain('&lt;!channel&gt; &amp;');
});

test('Retry-After as seconds, as a date, or not at all', () => {
  expect(retryAfter('3', 0)).toBe(3_000);
  expect(retryAfter(new Date(20_000).toUTCString(), 5_000)).toBe(15_000);
  expect(retryAfter('soon', 0)).toBeNull();
  expect(retryAfter('999999', 0)).toBe(3_600_000);
});

test('the outbox delivers in order per incident, retries with back-off, gives up on refusal, never twice', async () => {
  const store = openSqliteControlStore(':memory:');
  await store.migrate();
  let now = 1_000;
  const log: string[] = [];
  const plan: Record<string, (TocsinError | null)[]> = {
    a1: [new TocsinError('delivery_failed', 'busy'), null],
    b1: [new TocsinError('delivery_refused', 'no')],
  };
  const notifier: Notifier = {
    name: 'r',
    async send(_, dedupKey) {
      log.push(`${now}:${dedupKey}`);
      const answer = plan[dedupKey]?.shift();
      if (answer) throw answer;
    },
  };
  const item = (id: string, incident: string, createdAt: number) => ({
    id,
    receiver: 'r',
    dedupKey: id,
    payload: sampleNotification({ id: incident }),
    createdAt,
  });
  await store.commit({
    incidents: [],
    decisions: [],
    templates: [],
    deploys: [],
    traces: [],
    state: '',
    applied: {},
    outbox: [item('a1', 'a', 1), item('a2', 'a', 2), item('b1', 'b', 3)],
  });
  const dispatcher = new Dispatcher(store, new Map([['r', notifier]]), { now: () => now });
  await dispatcher.run();
  expect(log).toEqual(['1000:a1', '1000:b1']);
  now = 1_500;
  await dispatcher.run();
  now = 2_100;
  await dispatcher.run();
  await dispatcher.run();
  expect(log).toEqual(['1000:a1', '1000:b1', '2100:a1', '2100:a2']);
  expect(dispatcher.counters).toEqual({ sent: 2, failed: 1, refused: 1 });
  expect((await store.outbox({})).map((o) => [o.id, o.state, o.attempts, o.lastError])).toEqual([
    ['b1', 'refused', 1, 'no'],
    ['a2', 'sent', 1, ''],
    ['a1', 'sent', 2, ''],
  ]);
  await store.close();
});
