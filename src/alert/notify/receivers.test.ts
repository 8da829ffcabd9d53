import { describe, expect, test } from 'vitest';
import { defaultsOf } from '../../domain/options.ts';
import type { Notification } from '../../domain/ports.ts';
import { alertmanager } from './alertmanager/alertmanager.ts';
import { fakeReceiver, sampleNotification } from './contract.ts';
import { discord } from './discord/discord.ts';
import { jira } from './jira/jira.ts';
import { msteams } from './msteams/msteams.ts';
import { opsgenie } from './opsgenie/opsgenie.ts';
import { dedupKeyOf, eventOf, pagerduty } from './pagerduty/pagerduty.ts';
import { createMemory } from './receiver.ts';
import { servicenow } from './servicenow/servicenow.ts';
import { slack } from './slack/slack.ts';
import { telegram } from './telegram/telegram.ts';

const clock = { now: () => 1_700_000_100_000 };
const context = () => ({ clock, name: 'test', memory: createMemory() });
const live = { aborted: false };
const with_ = (reason: Notification['reason'], over: Parameters<typeof sampleNotification>[0] = {}): Notification => ({
  ...sampleNotification(over),
  reason,
});
const closed = { status: 'closed', closedAt: 1_700_000_500_000 } as const;
type Body = Record<string, never> & { readonly [key: string]: unknown };
const callsOf = (receiver: { requests: readonly { method: string; path: string }[] }): string[] =>
  receiver.requests.map((r) => `${r.method} ${r.path}`);

describe('Alertmanager', () => {
  test.each([
    [240_000, 60_000],
    [30_000, 10_000],
    [1_000, 333],
  ])('held for %i ms, an open incident is refreshed every %i ms', (hold, every) => {
    expect(alertmanager.refreshEvery!({ ...defaultsOf(alertmanager.options), hold })).toBe(every);
  });

  test('a changed severity ends the alert under the former one, once', async () => {
    const receiver = await fakeReceiver();
    const notifier = alertmanager.create({ ...defaultsOf(alertmanager.options), urls: [receiver.url] }, context());
    const at = (severity: 'warning' | 'critical', reason: Notification['reason']): Notification => {
      const n = with_(reason, { severity });
      return { ...n, labels: { ...n.labels, severity } };
    };
    await notifier.send(at('warning', 'opened'), 'a', live);
    await notifier.send(at('critical', 'escalated'), 'b', live);
    await notifier.send(at('critical', 'reminder'), 'c', live);
    const sent = receiver.requests.map((r) =>
      (r.body as { labels: { severity: string }; endsAt: string }[]).map((alert) => [
        alert.labels.severity,
        alert.endsAt > new Date(clock.now()).toISOString(),
      ]),
    );
    expect(sent).toEqual([
      [['warning', true]],
      [
        ['critical', true],
        ['warning', false],
      ],
      [['critical', true]],
    ]);
    await receiver.close();
  });

  test('annotations come from the templates', async () => {
    const receiver = await fakeReceiver();
    const given = {
      ...defaultsOf(alertmanager.options),
      urls: [receiver.url],
      title: '{{ .severity | upper }} {{ .title }}',
    };
    await alertmanager.create(given, context()).send(sampleNotification(), 'k', live);
    expect((receiver.requests[0]!.body as { annotations: object }[])[0]!.annotations).toMatchObject({
      summary: 'CRITICAL checkout is slow',
      description: 'p99 of POST /pay 1.9 s, usually 80 to 120 ms',
    });
    await receiver.close();
  });
});

describe('PagerDuty', () => {
  const given = { ...defaultsOf(pagerduty.options), routing_key: 'r'.repeat(32) };

  test('trigger, acknowledge and resolve share one dedup key; deploys are change events', async () => {
    const receiver = await fakeReceiver('{"status":"success"}');
    const notifier = pagerduty.create({ ...given, url: receiver.url }, context());
    const deploys = [{ service: 'payments', from: '1.4.1', to: '1.4.2', at: 1_699_999_900_000 }];
    await notifier.send(with_('opened', { deploys }), 'a', live);
    await notifier.send(with_('acknowledged', { acknowledgedBy: 'mira' }), 'b', live);
    await notifier.send(with_('resolved', closed), 'c', live);
    expect(callsOf(receiver)).toEqual([
      'POST /v2/enqueue',
      'POST /v2/change/enqueue',
      'POST /v2/enqueue',
      'POST /v2/enqueue',
    ]);
    const [trigger, change, acknowledge, resolve] = receiver.requests.map((r) => r.body as Body);
    expect([trigger!['event_action'], acknowledge!['event_action'], resolve!['event_action']]).toEqual([
      'trigger',
      'acknowledge',
      'resolve',
    ]);
    expect(new Set([trigger!['dedup_key'], acknowledge!['dedup_key'], resolve!['dedup_key']]).size).toBe(1);
    expect(trigger!['payload']).toMatchObject({
      summary: 'checkout is slow',
      severity: 'critical',
      source: 'payments',
    });
    expect(change!['payload']).toMatchObject({ summary: 'payments 1.4.1 → 1.4.2' });
    await receiver.close();
  });

  test('limits: dedup key 255, summary 1,024, event 512 KB', () => {
    expect(dedupKeyOf('x'.repeat(255))).toHaveLength(255);
    expect(dedupKeyOf('x'.repeat(256))).toMatch(/^[0-9a-f]{64}$/);
    const long = eventOf(sampleNotification(), { title: 'é'.repeat(3_000), text: 'x'.repeat(65_000) }, 'k');
    expect((long['payload'] as { summary: string }).summary).toHaveLength(1_024);
    const huge = sampleNotification({
      services: Array.from({ length: 20_000 }, (_, i) => `service-with-a-long-name-${i}`),
    });
    const event = eventOf(huge, { title: 't', text: 'x' }, 'k');
    expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(512_000);
    expect((event['payload'] as { custom_details: object }).custom_details).toEqual({
      status: 'firing',
      error: 'details left out: the event would exceed 512 KB',
    });
  });
});

test('Opsgenie: create, raise the priority, acknowledge, close, by alias', async () => {
  const receiver = await fakeReceiver('{"result":"Request will be processed"}');
  const notifier = opsgenie.create(
    { ...defaultsOf(opsgenie.options), url: receiver.url, api_key: 'k', teams: ['sre'] },
    context(),
  );
  await notifier.send(with_('opened', { title: 'x'.repeat(300) }), 'a', live);
  await notifier.send(with_('escalated'), 'b', live);
  await notifier.send(with_('acknowledged', { acknowledgedBy: 'mira' }), 'c', live);
  await notifier.send(with_('resolved', closed), 'd', live);
  const alias = encodeURIComponent('{}:{incident="inc-1"}');
  expect(callsOf(receiver)).toEqual([
    'POST /v2/alerts',
    'POST /v2/alerts',
    `PUT /v2/alerts/${alias}/priority?identifierType=alias`,
    `POST /v2/alerts/${alias}/acknowledge?identifierType=alias`,
    `POST /v2/alerts/${alias}/close?identifierType=alias`,
  ]);
  expect(receiver.requests[0]!.headers.authorization).toBe('GenieKey k');
  const body = receiver.requests[0]!.body as Body & { message: string };
  expect(body.message).toHaveLength(130);
  expect(body).toMatchObject({ priority: 'P1', responders: [{ name: 'sre', type: 'team' }] });
  await receiver.close();
});

describe('Microsoft Teams', () => {
  test('a card under 28 KB', async () => {
    const receiver = await fakeReceiver();
    const notifier = msteams.create({ ...defaultsOf(msteams.options), webhook_url: receiver.url }, context());
    await notifier.send(
      sampleNotification({
        title: '警'.repeat(3_000),
        summary: '告'.repeat(40_000),
        services: Array.from({ length: 300 }, (_, i) => `s${i}`),
      }),
      'k',
      live,
    );
    const body = receiver.requests[0]!.body as { attachments: { contentType: string }[] };
    expect(body.attachments[0]!.contentType).toBe('application/vnd.microsoft.card.adaptive');
    expect(Buffer.byteLength(JSON.stringify(body))).toBeLessThan(28_000);
    await receiver.close();
  });

  test.each([
    ['429', 'delivery_failed'],
    ['413', 'delivery_refused'],
  ])('a %s inside a 200 is %s', async (status, code) => {
    const receiver = await fakeReceiver(
      `Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error ${status} with ContextId x`,
    );
    const notifier = msteams.create({ ...defaultsOf(msteams.options), webhook_url: receiver.url }, context());
    await expect(notifier.send(sampleNotification(), 'k', live)).rejects.toMatchObject({ code });
    await receiver.close();
  });
});

describe('Slack bot', () => {
  const given = (url: string) => ({ ...defaultsOf(slack.options), api_url: url, bot_token: 't', channel: 'C1' });
  const OK = '{"ok":true,"channel":"C1","ts":"17.1"}';

  test('one message, updated in place; an escalation is also said in the thread; reopening is new', async () => {
    const receiver = await fakeReceiver(OK);
    const notifier = slack.create(given(receiver.url), context());
    await notifier.send(with_('opened'), 'a', live);
    await notifier.send(with_('acknowledged', { acknowledgedBy: 'mira' }), 'b', live);
    await notifier.send(with_('escalated'), 'c', live);
    await notifier.send(with_('resolved', closed), 'd', live);
    await notifier.send(with_('reopened', { reopenedCount: 1 }), 'e', live);
    expect(callsOf(receiver)).toEqual([
      'POST /chat.postMessage',
      'POST /chat.update',
      'POST /chat.update',
      'POST /chat.postMessage',
      'POST /chat.update',
      'POST /chat.postMessage',
    ]);
    expect(receiver.requests[1]!.body).toMatchObject({ channel: 'C1', ts: '17.1' });
    expect(receiver.requests[3]!.body).toMatchObject({ thread_ts: '17.1', reply_broadcast: true });
    const buttons = receiver.requests.map((r) =>
      ((r.body as { blocks?: { elements?: { action_id: string; value?: string }[] }[] }).blocks ?? [])
        .at(-1)
        ?.elements?.map((e) => e.action_id),
    );
    expect(buttons[0]).toEqual([
      'open_incident',
      'tocsin_acknowledge',
      'tocsin_silence',
      'tocsin_verdict_real',
      'tocsin_verdict_false-alarm',
    ]);
    expect(buttons[1]).not.toContain('tocsin_acknowledge');
    expect(buttons[4]).toEqual(['open_incident', 'tocsin_verdict_real', 'tocsin_verdict_false-alarm']);
    await receiver.close();
  });

  test('a deleted message is posted anew; errors have their class', async () => {
    const receiver = await fakeReceiver(OK);
    const notifier = slack.create(given(receiver.url), context());
    await notifier.send(with_('opened'), 'a', live);
    receiver.answers = [
      { status: 200, body: '{"ok":false,"error":"message_not_found"}' },
      { status: 200, body: OK },
    ];
    await notifier.send(with_('updated'), 'b', live);
    expect(callsOf(receiver).slice(1)).toEqual(['POST /chat.update', 'POST /chat.postMessage']);
    for (const [error, code] of [
      ['ratelimited', 'delivery_failed'],
      ['internal_error', 'delivery_failed'],
      ['channel_not_found', 'delivery_refused'],
      ['invalid_auth', 'delivery_refused'],
    ]) {
      receiver.answers = [{ status: 200, body: JSON.stringify({ ok: false, error }) }];
      await expect(notifier.send(with_('updated'), 'c', live)).rejects.toMatchObject({ code });
    }
    await receiver.close();
  });

  test('options that contradict each other are named', () => {
    const base = defaultsOf(slack.options);
    expect(slack.fault!(base)?.key).toBe('webhook_url');
    expect(slack.fault!({ ...base, bot_token: 't' })?.key).toBe('channel');
    expect(slack.fault!({ ...base, webhook_url: 'http://x' })).toBeNull();
  });
});

test('Discord edits its message, posts anew when it is gone, and rings nobody by name', async () => {
  const receiver = await fakeReceiver('{"id":"77"}');
  const notifier = discord.create({ ...defaultsOf(discord.options), webhook_url: `${receiver.url}/w` }, context());
  await notifier.send(with_('opened', { summary: '@everyone' }), 'a', live);
  await notifier.send(with_('updated'), 'b', live);
  receiver.answers = [{ status: 404, body: '{"code":10008}' }, { status: 200 }];
  await notifier.send(with_('resolved', closed), 'c', live);
  expect(callsOf(receiver)).toEqual([
    'POST /w?wait=true',
    'PATCH /w/messages/77',
    'PATCH /w/messages/77',
    'POST /w?wait=true',
  ]);
  expect(receiver.requests[0]!.body).toMatchObject({ allowed_mentions: { parse: [] } });
  receiver.answers = [{ status: 429, body: '{"retry_after":1.5}' }];
  await expect(notifier.send(with_('opened'), 'd', live)).rejects.toMatchObject({ retryAfterMs: 1_500 });
  await receiver.close();
});

test('Telegram edits, replies to an escalation, escapes, and waits as told', async () => {
  const receiver = await fakeReceiver('{"ok":true,"result":{"message_id":5}}');
  const notifier = telegram.create(
    { ...defaultsOf(telegram.options), url: receiver.url, bot_token: 'T', chat_id: '-1' },
    context(),
  );
  await notifier.send(with_('opened', { title: 'a <b> & c', summary: 'x'.repeat(9_000) }), 'a', live);
  await notifier.send(with_('escalated'), 'b', live);
  receiver.answers = [{ status: 400, body: '{"description":"Bad Request: message is not modified"}' }];
  await notifier.send(with_('updated'), 'c', live);
  expect(callsOf(receiver)).toEqual(['POST /botT/sendMessage', 'POST /botT/sendMessage', 'POST /botT/editMessageText']);
  const text = (receiver.requests[0]!.body as { text: string }).text;
  expect(text).toContain('a &lt;b&gt; &amp; c');
  expect(text.length).toBeLessThanOrEqual(4_096);
  expect(receiver.requests[1]!.body).toMatchObject({ reply_parameters: { message_id: 5 } });
  receiver.answers = [{ status: 429, body: '{"parameters":{"retry_after":5}}' }];
  await expect(notifier.send(with_('updated'), 'd', live)).rejects.toMatchObject({ retryAfterMs: 5_000 });
  await receiver.close();
});

describe('trackers open one record an incident', () => {
  const vendors = {
    jira: {
      success:
        '{"key":"OPS-7","issues":[{"key":"OPS-7"}],"transitions":[{"id":"31","name":"Done"},{"id":"11","name":"To Do"}]}',
      make: (url: string, memory = createMemory()) =>
        jira.create({ ...defaultsOf(jira.options), url, api_token: 't', project: 'OPS' }, { clock, name: 't', memory }),
      calls: [
        'POST /rest/api/2/issue',
        'POST /rest/api/2/issue/OPS-7/comment',
        'POST /rest/api/2/issue/OPS-7/comment',
        'GET /rest/api/2/issue/OPS-7/transitions',
        'POST /rest/api/2/issue/OPS-7/transitions',
      ],
      search: /^GET \/rest\/api\/2\/search\?jql=/,
    },
    servicenow: {
      success: '{"result":{"sys_id":"9d"}}',
      make: (url: string, memory = createMemory()) =>
        servicenow.create({ ...defaultsOf(servicenow.options), url, password: 't' }, { clock, name: 't', memory }),
      calls: ['POST /api/now/table/incident', 'PATCH /api/now/table/incident/9d', 'PATCH /api/now/table/incident/9d'],
      search: /^GET \/api\/now\/table\/incident\?sysparm_query=correlation_id/,
    },
  };

  test.each(Object.entries(vendors))('%s: open, comment, resolve', async (_, vendor) => {
    const receiver = await fakeReceiver(vendor.success);
    const notifier = vendor.make(receiver.url);
    await notifier.send(with_('opened'), 'a', live);
    await notifier.send(with_('opened'), 'a', live);
    await notifier.send(with_('escalated'), 'b', live);
    await notifier.send(with_('resolved', closed), 'c', live);
    expect(callsOf(receiver)).toEqual(vendor.calls);
    await receiver.close();
  });

  test.each(Object.entries(vendors))('%s: a lost answer does not open a second one', async (_, vendor) => {
    const receiver = await fakeReceiver(vendor.success);
    const memory = createMemory();
    receiver.answers = [{ status: 504 }];
    await expect(vendor.make(receiver.url, memory).send(with_('opened'), 'a', live)).rejects.toMatchObject({
      code: 'delivery_failed',
    });
    const found = vendor.success.replace('{"sys_id":"9d"}', '[{"sys_id":"9d"}]');
    receiver.answers = [{ status: 200, body: found }];
    await vendor.make(receiver.url, memory).send(with_('opened'), 'a', live);
    expect(receiver.requests).toHaveLength(2);
    expect(callsOf(receiver)[1]).toMatch(vendor.search);
    await receiver.close();
  });
});
