import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { App } from '../app.ts';
import { budget } from '../schemas/alerting.ts';
import { incident, incidentPage, splitResult } from '../schemas/incident.ts';
import { auditEntry } from '../schemas/system.ts';
import { MEANT, NOW, serveFixture } from '../testing/harness.ts';

let app: App;

beforeAll(async () => {
  ({ app } = await serveFixture());
});
afterAll(() => app.close());

const post = (id: string, verb: string, payload: unknown, headers: Record<string, string> = MEANT) =>
  app.inject({
    method: 'POST',
    url: `/api/v1/incidents/${id}/${verb}`,
    headers: { ...headers, 'content-type': 'application/json' },
    payload: JSON.stringify(payload),
  });
const all = async (query = '') => incidentPage.parse((await app.inject(`/api/v1/incidents${query}`)).json()).items;
const auditOf = async (subject: string) =>
  z.object({ items: z.array(auditEntry) }).parse((await app.inject(`/api/v1/audit?subject=${subject}`)).json()).items;

describe('what people do to an incident', () => {
  test('assign, snooze and comment are stored, in the timeline and in the audit log with who and from where', async () => {
    const [{ id }] = (await all('?status=open')) as unknown as [{ id: string }];
    const assigned = await post(id, 'assign', { to: 'mira', by: 'ben' }, { 'x-tocsin-request': 'page' });
    expect(incident.parse(assigned.json()).assignedTo).toBe('mira');
    const until = NOW + 3_600_000;
    const snoozed = await post(
      id,
      'snooze',
      { until: new Date(until).toISOString(), by: 'mira' },
      { 'x-tocsin-request': 'cli' },
    );
    expect(incident.parse(snoozed.json()).snoozedUntil).toBe(until);
    const commented = incident.parse((await post(id, 'comment', { text: 'looking', by: 'mira' })).json());
    expect(commented.timeline.slice(-3).map(({ kind, text }) => `${kind}: ${text}`)).toEqual([
      'assigned: ben assigned it to mira',
      `snoozed: mira snoozed it until ${new Date(until).toISOString()}`,
      'commented: mira: looking',
    ]);
    expect((await auditOf(id)).map(({ action, by, from }) => `${action} ${by} ${from}`)).toEqual([
      'incident.comment mira api 127.0.0.1',
      'incident.snooze mira cli 127.0.0.1',
      'incident.assign ben page 127.0.0.1',
    ]);
    expect(incident.parse((await post(id, 'snooze', { until: null })).json()).snoozedUntil).toBeNull();
    expect((await post(id, 'snooze', { until: NOW - 1 })).statusCode).toBe(400);
    expect((await post(id, 'comment', { text: ' ' })).statusCode).toBe(400);
    expect((await post('none', 'assign', { to: null })).statusCode).toBe(404);
  });

  test('closed and opened again by hand; twice is a conflict', async () => {
    const [{ id }] = (await all('?status=open')) as unknown as [{ id: string }];
    expect(incident.parse((await post(id, 'close', { comment: 'load test' })).json())).toMatchObject({
      status: 'closed',
      byHand: 'closed',
    });
    expect((await post(id, 'close', {})).statusCode).toBe(409);
    expect(incident.parse((await post(id, 'reopen', {})).json())).toMatchObject({ status: 'open', closedAt: null });
    expect((await post(id, 'reopen', {})).statusCode).toBe(409);
  });

  test('merge keeps the older id, the other one leads there; split makes two again', async () => {
    const found = (await all()).toSorted((a, b) => a.openedAt - b.openedAt);
    const [older, younger] = [found.at(-2)!, found.at(-1)!];
    const kept = incident.parse((await post(younger.id, 'merge', { with: [older.id], by: 'mira' })).json());
    expect(kept.id).toBe(older.id);
    expect(kept.services).toEqual(expect.arrayContaining([...older.services, ...younger.services]));
    const alias = await app.inject(`/api/v1/incidents/${younger.id}`);
    expect([alias.statusCode, alias.headers.location]).toEqual([307, `/api/v1/incidents/${older.id}`]);
    expect((await all()).map((i) => i.id)).not.toContain(younger.id);
    expect((await all('?merged=true')).find((i) => i.id === younger.id)?.mergedInto).toBe(older.id);
    // What is said to the alias is said to the incident.
    expect(incident.parse((await post(younger.id, 'comment', { text: 'one story' })).json()).id).toBe(older.id);
    expect((await post(older.id, 'merge', { with: [older.id] })).statusCode).toBe(400);

    const own = younger.services.filter((name) => !older.services.includes(name));
    const { kept: rest, split } = splitResult.parse((await post(older.id, 'split', { services: own })).json());
    expect([rest.id, split.services.toSorted()]).toEqual([older.id, own.toSorted()]);
    expect(rest.services.filter((name) => own.includes(name))).toEqual([]);
    expect((await post(older.id, 'split', { services: ['none'] })).statusCode).toBe(400);
    expect((await post(older.id, 'split', {})).statusCode).toBe(400);
  });
});

test('the budget shows who burns how much and what is held back', async () => {
  const shown = budget.parse((await app.inject('/api/v1/budget')).json());
  expect(shown.items.map(({ team, burn }) => [team, Number(burn) > 1])).toContainEqual(['platform', true]);
});
