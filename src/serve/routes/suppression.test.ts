import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { alertingWorld } from '../../pipeline/alerting/testing/world.ts';
import type { App } from '../app.ts';
import { maintenancePreview, maintenanceView, previewResult, silenceView } from '../schemas/alerting.ts';
import { createApiServer } from '../server.ts';
import { createFixture } from '../testing/fixture.ts';
import { MEANT } from '../testing/harness.ts';

const SECRET = 'slack-secret';
let world: Awaited<ReturnType<typeof alertingWorld>>;
let app: App;
beforeEach(async () => {
  world = await alertingWorld();
  await world.step(world.incident('i1', { severity: 'critical', title: 'checkout is slow' }));
  const { deps } = createFixture({ clock: world.clock });
  app = await createApiServer({
    ...deps,
    control: world.control,
    alerting: world.alerting,
    slackSigningSecret: SECRET,
  });
});
afterEach(() => app.close());

const call = (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) =>
  app.inject({ method, url, headers: MEANT, ...(payload === undefined ? {} : { payload }) });
const endsAt = () => new Date(world.time.now + 3_600_000).toISOString();

describe('silences', () => {
  test('created from a line of matchers, listed by status, ended, audited', async () => {
    const made = await call('POST', '/api/v1/silences', {
      matchers: 'service="checkout", severity=~"critical|warning"',
      endsAt: endsAt(),
      comment: 'load test',
      createdBy: 'mira',
    });
    const silence = silenceView.parse(made.json());
    expect(silence).toMatchObject({
      status: 'active',
      createdBy: 'mira',
      text: 'service="checkout", severity=~"critical|warning"',
    });
    expect((await call('GET', '/api/v1/silences?status=active')).json().items).toHaveLength(1);
    expect((await call('DELETE', `/api/v1/silences/${silence.id}`)).json()).toMatchObject({ status: 'expired' });
    expect((await call('GET', '/api/v1/silences?status=active')).json().items).toEqual([]);
    expect((await world.control.auditLog({})).map((entry) => entry.action).sort()).toEqual([
      'silence.create',
      'silence.expire',
    ]);
  });

  test.each([
    [{ matchers: 'service=~"("' }, 400],
    [{ matchers: [] }, 400],
    [{ matchers: 'service="a"', endsAt: 5 }, 400],
    [{ matchers: 'service="a"', id: 'nope' }, 404],
    [{ matchers: 'service="a"', mood: 'bad' }, 400],
  ])('%j is refused with %i', async (over, status) => {
    const response = await call('POST', '/api/v1/silences', { endsAt: endsAt(), ...over });
    expect(response.statusCode).toBe(status);
    expect(await world.control.silences()).toEqual([]);
  });

  test('a preview changes nothing', async () => {
    const preview = previewResult.parse(
      (await call('POST', '/api/v1/silences/preview', { matchers: 'service="checkout"' })).json(),
    );
    // The window ends now, and the incident opened now.
    expect(preview).toMatchObject({ incidents: 0, covered: [] });
    world.time.now += 1_000;
    expect((await call('POST', '/api/v1/silences/preview', { matchers: 'service="checkout"' })).json()).toMatchObject({
      incidents: 1,
      covered: [{ id: 'i1' }],
    });
    expect(await world.control.silences()).toEqual([]);
  });
});

describe('maintenance', () => {
  const nightly = {
    name: 'nightly',
    matchers: 'service="checkout"',
    recurrences: [{ start: '2026-11-20T12:00:00', durationMs: 3_600_000, rrule: 'FREQ=DAILY' }],
  };

  test('created, listed with its occurrences, previewed, removed', async () => {
    const window = maintenanceView.parse((await call('POST', '/api/v1/maintenance', nightly)).json());
    expect([window.active, window.next.length]).toEqual([true, 30]);
    world.time.now += 1_000;
    const preview = maintenancePreview.parse((await call('POST', '/api/v1/maintenance/preview', nightly)).json());
    expect(preview.covered.map(({ id }) => id)).toEqual(['i1']);
    // A second later: the one that is on, and the first moments of the one in 30 days.
    expect(preview.next).toHaveLength(31);
    expect((await call('GET', '/api/v1/maintenance')).json().items).toHaveLength(1);
    expect((await call('DELETE', `/api/v1/maintenance/${window.id}`)).statusCode).toBe(200);
    expect((await call('DELETE', `/api/v1/maintenance/${window.id}`)).statusCode).toBe(404);
  });

  test('a bad rule is told; a calendar is imported', async () => {
    const bad = { ...nightly, recurrences: [{ ...nightly.recurrences[0], rrule: 'FREQ=SOMETIMES' }] };
    expect((await call('POST', '/api/v1/maintenance', bad)).json()).toMatchObject({
      code: 'invalid_config',
      detail: expect.stringContaining('FREQ'),
    });
    const calendar =
      'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:x\r\nSUMMARY:work\r\nDTSTART:20261121T000000Z\r\nEND:VEVENT\r\nEND:VCALENDAR';
    const dry = await call('POST', '/api/v1/maintenance/import', { calendar, dryRun: true });
    expect(dry.json()).toMatchObject({ items: [{ name: 'work' }] });
    expect(await world.control.maintenance()).toEqual([]);
    expect(await world.control.auditLog({})).toEqual([]);
    expect((await call('POST', '/api/v1/maintenance/import', { calendar })).json()).toEqual(dry.json());
    expect(await world.control.maintenance()).toHaveLength(1);
  });
});

describe('buttons in Slack', () => {
  const press = (action_id: string, over: { at?: number; secret?: string; value?: string } = {}) => {
    const body = new URLSearchParams({
      payload: JSON.stringify({
        type: 'block_actions',
        user: { id: 'U1', username: 'mira' },
        actions: [{ action_id, value: over.value ?? 'i1' }],
      }),
    }).toString();
    const at = String(Math.floor((over.at ?? world.time.now) / 1_000));
    const signature = `v0=${createHmac('sha256', over.secret ?? SECRET)
      .update(`v0:${at}:${body}`)
      .digest('hex')}`;
    return app.inject({
      method: 'POST',
      url: '/api/v1/slack/interactions',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-slack-request-timestamp': at,
        'x-slack-signature': signature,
      },
      payload: body,
    });
  };

  test('acknowledge, silence and give a verdict in the name of who pressed', async () => {
    for (const action of ['tocsin_acknowledge', 'tocsin_verdict_false-alarm', 'tocsin_silence', 'open_incident'])
      expect((await press(action)).statusCode).toBe(200);
    expect(await world.control.incident('i1')).toMatchObject({
      acknowledgedBy: 'slack:mira',
      verdict: { kind: 'false-alarm', by: 'slack:mira' },
    });
    expect(world.alerting.silences()[0]).toMatchObject({ createdBy: 'slack:mira', endsAt: world.time.now + 3_600_000 });
    expect(world.alerting.alerts()[0]!.silencedBy).toHaveLength(1);
  });

  test('a wrong or old signature changes nothing', async () => {
    expect((await press('tocsin_acknowledge', { secret: 'other' })).statusCode).toBe(401);
    expect((await press('tocsin_acknowledge', { at: world.time.now - 301_000 })).statusCode).toBe(401);
    expect((await press('tocsin_acknowledge', { value: 'nope' })).statusCode).toBe(404);
    expect((await world.control.incident('i1'))?.acknowledgedBy).toBeNull();
  });
});
