import { describe, expect, test } from 'vitest';
import { defaultsOf } from '../../domain/options.ts';
import type { Notification } from '../../domain/ports.ts';
import { alertmanager } from './alertmanager/alertmanager.ts';
import { fakeReceiver, sampleNotification } from './contract.ts';
import { pagerduty } from './pagerduty/pagerduty.ts';
import { createMemory } from './receiver.ts';
import { slack } from './slack/slack.ts';
import { webhook } from './webhook/webhook.ts';

const clock = { now: () => 1_700_000_100_000 };
const context = () => ({ clock, name: 'test', memory: createMemory() });
const live = { aborted: false };

/** Two incidents of a group, one of which has ended. */
function groupMessage(): Notification {
  const a = sampleNotification({ id: 'inc-a' });
  const b = sampleNotification({ id: 'inc-b', status: 'closed', closedAt: 1_700_000_050_000 });
  const labelled = (n: Notification) => ({ ...n, labels: { ...n.labels, incident: n.incident.id } });
  return {
    ...a,
    reason: 'updated',
    incident: { ...a.incident, id: 'group-1', title: '1 open and 1 ended incidents' },
    members: [labelled(a), labelled(b)],
    groupLabels: { service: 'payments' },
    groupKey: '0:{service="payments"}',
  };
}
const digest = (): Notification => ({
  ...sampleNotification({
    id: 'digest-1',
    status: 'closed',
    closedAt: 1_700_000_050_000,
    severity: 'info',
    title: 'Digest: 2 incidents were held back',
  }),
  reason: 'digest',
});

describe('a message about a group', () => {
  test('is one alert an incident to Alertmanager, each with its own labels and end', async () => {
    const receiver = await fakeReceiver();
    const notifier = alertmanager.create({ ...defaultsOf(alertmanager.options), urls: [receiver.url] }, context());
    await notifier.send(groupMessage(), 'k', live);
    const alerts = receiver.requests.flatMap((r) => r.body as { labels: Record<string, string>; endsAt: string }[]);
    expect(
      alerts.map(({ labels, endsAt }) => [labels['incident'], endsAt > new Date(clock.now()).toISOString()]),
    ).toEqual([
      ['inc-a', true],
      ['inc-b', false],
    ]);
    await notifier.send(digest(), 'd', live);
    expect(receiver.requests).toHaveLength(2);
    await receiver.close();
  });

  test('is Alertmanager’s payload to a webhook: all alerts, firing while one is', async () => {
    const receiver = await fakeReceiver();
    await webhook
      .create({ ...defaultsOf(webhook.options), url: receiver.url }, context())
      .send(groupMessage(), 'k', live);
    expect(receiver.requests[0]?.body).toMatchObject({
      status: 'firing',
      groupKey: '0:{service="payments"}',
      groupLabels: { service: 'payments' },
      alerts: [
        { status: 'firing', fingerprint: 'inc-a' },
        { status: 'resolved', fingerprint: 'inc-b' },
      ],
    });
    await receiver.close();
  });

  test('is one message in Slack whose buttons mean all of it', async () => {
    const receiver = await fakeReceiver('{"ok":true,"ts":"1.2","channel":"C1"}');
    const options = { ...defaultsOf(slack.options), bot_token: 'x', channel: 'C1', api_url: receiver.url };
    const notifier = slack.create(options, context());
    await notifier.send(groupMessage(), 'k', live);
    await notifier.send({ ...groupMessage(), reason: 'reminder' }, 'k2', live);
    await notifier.send(digest(), 'd', live);
    expect(receiver.requests.map((r) => r.path)).toEqual(['/chat.postMessage', '/chat.update', '/chat.postMessage']);
    const text = JSON.stringify(receiver.requests[0]?.body);
    expect(text).toContain('"value":"inc-a inc-b"');
    expect(JSON.stringify(receiver.requests[2]?.body)).not.toContain('tocsin_acknowledge');
    await receiver.close();
  });
});

test('a digest wakes nobody: PagerDuty gets a change event', async () => {
  const receiver = await fakeReceiver();
  const options = { ...defaultsOf(pagerduty.options), routing_key: 'x', url: receiver.url };
  await pagerduty.create(options, context()).send(digest(), 'k', live);
  expect(receiver.requests.map((r) => r.path)).toEqual(['/v2/change/enqueue']);
  await receiver.close();
});
