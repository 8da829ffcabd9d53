import { describe, expect, test } from 'vitest';
import { parseMatchers } from '../../domain/alerting/matcher.ts';
import { DAY, HOUR, MINUTE } from '../../domain/units.ts';
import { alertingWorld, T0 } from './testing/world.ts';

const silenceOf = (text: string, endsAt: number) => ({
  matchers: parseMatchers(text),
  startsAt: T0,
  endsAt,
  createdBy: 'mira',
  comment: 'known',
});

describe('silences', () => {
  test('hold an incident back, are stored, survive a restart, and let it through when they end', async () => {
    const w = await alertingWorld();
    const silence = await w.alerting.putSilence(silenceOf('service="checkout"', T0 + HOUR));
    expect(await w.step(w.incident('a'))).toEqual([]);
    expect(w.alerting.alerts()[0]).toMatchObject({
      silencedBy: [silence.id],
      routes: [{ receiver: 'team', groupLabels: { service: 'checkout' } }],
    });
    expect(await w.control.silences()).toEqual([silence]);
    expect((await w.restart()).silences()).toEqual([silence]);
    expect((await w.control.decisions({ subject: 'a' })).map((d) => [d.stage, d.outcome])).toEqual([
      ['silence', 'suppressed'],
    ]);
    await w.alerting.expireSilence(silence.id);
    expect(await w.step()).toEqual(['a opened team']);
  });

  test('changing what one covers makes a new one and ends the old one', async () => {
    const w = await alertingWorld();
    const first = await w.alerting.putSilence(silenceOf('service="checkout"', T0 + HOUR));
    w.time.now += MINUTE;
    const longer = await w.alerting.putSilence({ ...silenceOf('service="checkout"', T0 + 2 * HOUR), id: first.id });
    expect(longer.id).toBe(first.id);
    const other = await w.alerting.putSilence({ ...silenceOf('service="payments"', T0 + 2 * HOUR), id: first.id });
    expect(other.id).not.toBe(first.id);
    expect(w.alerting.silences().find((s) => s.id === first.id)?.endsAt).toBe(T0 + MINUTE);
    await expect(w.alerting.putSilence({ ...silenceOf('a="b"', T0 + DAY), id: 'none' })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(w.alerting.putSilence(silenceOf('a=""', T0 + DAY))).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('a preview tells what would have been held back', async () => {
    const w = await alertingWorld();
    await w.step(w.incident('a'));
    await w.step(w.incident('b', { services: ['payments'], severity: 'critical' }));
    for (const item of await w.control.outbox({}))
      await w.control.settleOutbox(item.id, { state: 'sent', at: T0, error: '', nextAttemptAt: T0 });
    const preview = await w.alerting.preview(parseMatchers('service="payments"'), null, T0 - 30 * DAY, T0 + 1);
    expect(preview).toMatchObject({
      incidents: 2,
      notifications: 1,
      truncated: false,
      covered: [{ id: 'b', notifications: 1 }],
    });
    const outside = await w.alerting.preview([], [{ startsAt: T0 - DAY, endsAt: T0 - HOUR }], T0 - 30 * DAY, T0 + 1);
    expect(outside.covered).toEqual([]);
  });
});

describe('maintenance', () => {
  const nightly = {
    name: 'nightly',
    matchers: parseMatchers('service="checkout"'),
    spans: [],
    recurrences: [
      {
        start: '2026-11-19T13:00:00',
        durationMs: HOUR,
        zone: 'Europe/Berlin',
        rrule: 'FREQ=DAILY',
        rdates: [],
        exdates: [],
      },
    ],
    createdBy: 'mira',
    comment: '',
  };

  test('a recurring window holds back at every occurrence and what outlives it is told', async () => {
    const w = await alertingWorld();
    const window = await w.alerting.putMaintenance(nightly);
    expect(w.alerting.spansOf(window, T0, T0 + DAY)).toEqual([{ startsAt: T0, endsAt: T0 + HOUR }]);
    expect(await w.step(w.incident('a'))).toEqual([]);
    expect(w.alerting.alerts()[0]!.mutedBy).toEqual(['maintenance "nightly"']);
    w.time.now = T0 + HOUR;
    expect(await w.step()).toEqual(['a opened team']);
    expect((await w.restart()).maintenance()).toEqual([window]);
  });

  test('a faulty one changes nothing; a calendar is imported whole', async () => {
    const w = await alertingWorld();
    await w.alerting.putMaintenance(nightly);
    const bad = { ...nightly, recurrences: [{ ...nightly.recurrences[0]!, rrule: 'FREQ=X' }] };
    await expect(w.alerting.putMaintenance(bad)).rejects.toMatchObject({ code: 'invalid_config' });
    await expect(w.alerting.putMaintenance({ ...nightly, recurrences: [] })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    const ics =
      'BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\nSUMMARY:work\nDTSTART:20261121T000000Z\nDTEND:20261121T010000Z\nEND:VEVENT\nEND:VCALENDAR';
    const given = { matchers: [], createdBy: 'mira', zone: 'UTC' };
    const [imported] = await w.alerting.importCalendar(ics, given);
    await w.alerting.importCalendar(ics, given);
    expect((await w.control.maintenance()).map((m) => m.name).sort()).toEqual(['nightly', 'work']);
    await w.alerting.deleteMaintenance(imported!.id);
    await expect(w.alerting.deleteMaintenance(imported!.id)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('routing and timing of notifications', () => {
  test('escalation reaches the pager; both are told of the end; an acknowledgement reaches who knows', async () => {
    const w = await alertingWorld();
    expect(await w.step(w.incident('a'))).toEqual(['a opened team']);
    w.time.now += MINUTE;
    const worse = w.incident('a', { severity: 'critical', openedAt: T0 });
    expect(await w.step(worse)).toEqual(['a escalated pager']);
    const mine = { ...worse, acknowledgedBy: 'mira', acknowledgedAt: w.time.now };
    const taken = w.notices.acknowledged(mine, [mine], w.time.now);
    expect(taken.map((item) => `${item.payload.reason} ${item.receiver}`)).toEqual([
      'acknowledged team',
      'acknowledged pager',
    ]);
    w.time.now += MINUTE;
    expect(await w.step({ ...worse, status: 'closed', closedAt: w.time.now })).toEqual([
      'a resolved team',
      'a resolved pager',
    ]);
    expect(await w.step()).toEqual([]);
  });

  test('group_wait, repeat_interval and mute_time_intervals as configured', async () => {
    const w = await alertingWorld(`
receivers: [{name: team, webhook_configs: [{url: 'http://x'}]}]
route:
  receiver: team
  group_by: [tenant]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 1h
  routes: [{matchers: [service="quiet"], mute_time_intervals: [noon], group_wait: 1ms}]
time_intervals: [{name: noon, time_intervals: [{times: [{start_time: '12:00', end_time: '13:00'}]}]}]
`);
    const log: string[] = [];
    const at = async (seconds: number, incident?: Parameters<typeof w.step>[0]): Promise<void> => {
      w.time.now = T0 + seconds * 1_000;
      for (const line of await w.step(incident)) log.push(`${seconds} ${line}`);
    };
    await at(0, w.incident('a'));
    await at(10, w.incident('b', { services: ['quiet'] }));
    await at(20, w.incident('c', { services: ['payments'] }));
    for (let s = 30; s <= 4_600; s += 10) await at(s);
    expect(log).toEqual(['30 a+c opened team', '3610 b opened team', '3930 a+c reminder team']);
    expect((await w.control.decisions({ stage: 'notify' })).map((d) => d.reason)).toEqual([
      'muted by time interval noon; told when that ends',
    ]);
  });

  test('a silence that comes during group_wait holds back what waits', async () => {
    const w = await alertingWorld(`
receivers: [{name: team, webhook_configs: [{url: 'http://x'}]}]
route: {receiver: team, group_wait: 1m}
`);
    expect(await w.step(w.incident('a'))).toEqual([]);
    w.time.now += 30_000;
    await w.alerting.putSilence({ ...silenceOf('service="checkout"', T0 + HOUR), startsAt: w.time.now });
    w.time.now += MINUTE;
    expect(await w.step()).toEqual([]);
    expect((await w.control.decisions({ stage: 'silence' })).length).toBe(1);
    w.time.now = T0 + HOUR;
    expect(await w.step()).toEqual(['a opened team']);
  });

  test('nobody is reminded of what is acknowledged or silenced', async () => {
    const w = await alertingWorld();
    await w.step(w.incident('a'));
    await w.step(w.incident('b', { services: ['payments'] }));
    await w.step(w.incident('c', { services: ['search'] }));
    w.time.now += 5 * HOUR;
    await w.alerting.putSilence({ ...silenceOf('service="payments"', T0 + DAY), startsAt: w.time.now });
    expect(await w.step(w.incident('a', { openedAt: T0, acknowledgedBy: 'mira', acknowledgedAt: T0 }))).toEqual([
      'c reminder team',
    ]);
  });

  test('saved and restored notices go on without repeating themselves', async () => {
    const w = await alertingWorld();
    await w.step(w.incident('a'));
    const state = JSON.parse(JSON.stringify(w.notices.save()));
    w.notices.restore(state);
    expect(await w.step(w.incident('a', { updatedAt: T0 + 1 }))).toEqual([]);
    expect(w.notices.toldTo('team')).toEqual(['a']);
  });
});

describe('one message for a group', () => {
  const CONFIG = `
receivers:
  - {name: team, webhook_configs: [{url: 'http://x'}]}
route: {receiver: team, group_by: [team], group_wait: 30s, group_interval: 5m, repeat_interval: 1h}
budget:
  teams: [{name: shop, matchers: 'service=~"checkout|payments"'}]
`;

  test('tells all its incidents under one id, what is new, what ended, and the end of all', async () => {
    const w = await alertingWorld(CONFIG);
    const log: string[] = [];
    const ids = new Set<string>();
    const at = async (seconds: number, incident?: Parameters<typeof w.step>[0]): Promise<void> => {
      w.time.now = T0 + seconds * 1_000;
      for (const line of await w.step(incident)) log.push(`${seconds} ${line}`);
      for (const { payload } of await w.control.outbox({})) ids.add(payload.incident.id);
    };
    const a = w.incident('a', { team: 'shop' });
    const b = w.incident('b', { team: 'shop', services: ['payments'], severity: 'critical' });
    const c = w.incident('c', { services: ['other'] });
    await at(0, a);
    await at(10, b);
    await at(20, c);
    for (let s = 30; s < 400; s += 10) await at(s);
    await at(400, { ...a, status: 'closed', closedAt: T0 + 400_000 });
    for (let s = 410; s < 700; s += 10) await at(s);
    await at(700, { ...b, status: 'closed', closedAt: T0 + 700_000 });
    for (let s = 710; s < 1_000; s += 10) await at(s);
    expect(log).toEqual(['30 a+b opened team', '50 c opened team', '630 a+b updated team', '930 b resolved team']);
    expect(ids.size).toBe(2);
    const [first] = (await w.control.outbox({ incident: 'b' })).toReversed();
    expect(first?.payload.incident).toMatchObject({
      severity: 'critical',
      status: 'open',
      services: ['checkout', 'payments'],
    });
    expect(first?.payload.incident.title).toMatch(/^2 incidents \(team=shop\): /);
    expect([first?.payload.groupKey, first?.payload.groupLabels]).toEqual(['0:{team="shop"}', { team: 'shop' }]);
  });

  test('what is silenced is left out; all silenced says nothing', async () => {
    const w = await alertingWorld(CONFIG);
    const [a, b] = [w.incident('a', { team: 'shop' }), w.incident('b', { team: 'shop', services: ['payments'] })];
    await w.step(a);
    await w.step(b);
    await w.alerting.putSilence({
      matchers: [{ name: 'service', value: 'checkout', isRegex: false, isEqual: true }],
      startsAt: w.time.now,
      endsAt: w.time.now + 90 * MINUTE,
      createdBy: 'mira',
      comment: '',
    });
    w.time.now += 30_000;
    expect(await w.step()).toEqual(['b opened team']);
  });
});

describe('escalation and snooze', () => {
  const CONFIG = `
receivers:
  - {name: team, webhook_configs: [{url: 'http://x'}]}
  - {name: boss, webhook_configs: [{url: 'http://y'}]}
route: {receiver: team, repeat_interval: 4h, escalate_after: 15m, escalate_to: boss}
`;
  const minutes = async (w: Awaited<ReturnType<typeof alertingWorld>>, from: number, to: number): Promise<string[]> => {
    const log: string[] = [];
    for (let m = from; m <= to; m += 1) {
      w.time.now = T0 + m * MINUTE;
      for (const line of await w.step()) log.push(`${m} ${line}`);
    }
    return log;
  };

  test('what nobody acknowledges is told to the next ones, once, and they hear of the end', async () => {
    const w = await alertingWorld(CONFIG);
    const a = w.incident('a');
    expect(await w.step(a)).toEqual(['a opened team']);
    expect(await minutes(w, 1, 60)).toEqual(['15 a unacknowledged boss']);
    expect(await w.step({ ...a, status: 'closed', closedAt: w.time.now })).toEqual([
      'a resolved team',
      'a resolved boss',
    ]);
    const [record] = await w.control.decisions({ stage: 'escalate' });
    expect(record).toMatchObject({ outcome: 'passed', value: 15 * MINUTE, limit: 15 * MINUTE });
  });

  test('an acknowledged one is not; one that reopens starts again; a state that was saved goes on', async () => {
    const w = await alertingWorld(CONFIG);
    const a = w.incident('a');
    await w.step(a);
    w.notices.restore(JSON.parse(JSON.stringify(w.notices.save())));
    await w.step({ ...a, acknowledgedBy: 'mira', acknowledgedAt: w.time.now });
    expect(await minutes(w, 1, 30)).toEqual([]);
    await w.step({ ...a, status: 'closed', closedAt: w.time.now });
    expect(await w.step({ ...a, reopenedCount: 1 })).toEqual(['a reopened team']);
    expect(await minutes(w, 31, 60)).toEqual(['45 a unacknowledged boss']);
  });

  test('snoozed: nothing but its end, and told again when the time is over', async () => {
    const w = await alertingWorld(CONFIG);
    const a = w.incident('a');
    await w.step(a);
    const snoozed = { ...a, snoozedUntil: T0 + 40 * MINUTE };
    await w.step(snoozed);
    expect(w.notices.heldBy(snoozed, [snoozed], [], w.time.now).mutedBy).toContain('snoozed until');
    expect(await w.step({ ...snoozed, severity: 'critical' })).toEqual([]);
    expect(await minutes(w, 1, 60)).toEqual(['40 a escalated team', '40 a unacknowledged boss']);
    const b = await alertingWorld(CONFIG);
    await b.step({ ...a, snoozedUntil: T0 + 10 * MINUTE });
    expect(await minutes(b, 1, 14)).toEqual(['10 a opened team']);
    const c = await alertingWorld(CONFIG);
    await c.step(a);
    await c.step({ ...a, snoozedUntil: T0 + 10 * MINUTE, acknowledgedBy: 'mira', acknowledgedAt: T0 });
    expect(await minutes(c, 1, 30)).toEqual(['10 a reminder team']);
  });
});

test('what budget and thresholds hold back is in the digest, at its time in its zone, once', async () => {
  const w = await alertingWorld(`
receivers:
  - {name: team, webhook_configs: [{url: 'http://x'}]}
  - {name: mail, webhook_configs: [{url: 'http://y'}]}
route: {receiver: team, min_confidence: 0.6, repeat_interval: 30d}
budget: {pages_per_week: 1, digest: {receiver: mail, time: '18:00', zone: Europe/Berlin}}
`);
  const [a, b, c] = ['a', 'b', 'c'].map((id) => w.incident(id, { confidence: id === 'c' ? 0.5 : 0.9 }));
  expect(await w.step(a)).toEqual(['a opened team']);
  expect([...(await w.step(b)), ...(await w.step(c))]).toEqual([]);
  expect(w.notices.budget(w.time.now)).toMatchObject({
    teams: [{ team: 'checkout', allowed: 1, used: 1, left: 0, held: 2 }],
    held: [{ incident: 'b' }, { incident: 'c', reason: 'confidence 0.50 is below 0.6' }],
  });
  w.notices.restore(JSON.parse(JSON.stringify(w.notices.save())));
  w.time.now = Date.UTC(2026, 10, 20, 16, 59, 50);
  expect(await w.step()).toEqual([]);
  w.time.now += 10_000;
  expect(await w.step()).toEqual(['b+c digest mail']);
  const [sent] = await w.control.outbox({ incident: 'c' });
  expect(sent?.payload.incident).toMatchObject({ status: 'closed', title: 'Digest: 2 incidents were held back' });
  expect(sent?.payload.incident.summary).toContain('/incidents/c');
  w.time.now += 24 * 60 * MINUTE;
  expect(await w.step()).toEqual([]);
});
