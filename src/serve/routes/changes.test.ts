import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ControlStore } from '../../domain/ports.ts';
import type { App } from '../app.ts';
import type { LiveEvent } from '../deps.ts';
import { incident } from '../schemas/incident.ts';
import { MEANT, NOW, serveFixture } from '../testing/harness.ts';

let app: App;
let control: ControlStore;
let id: string;
beforeEach(async () => {
  const served = await serveFixture();
  app = served.app;
  control = served.deps.control;
  id = (await control.incidents({ status: 'open' })).items[0]?.id ?? '';
});
afterEach(() => app.close());

const verdictOf = (payload: unknown, headers: Record<string, string> = MEANT) =>
  app.inject({
    method: 'POST',
    url: `/api/v1/incidents/${id}/verdict`,
    headers: { ...headers, 'content-type': 'application/json' },
    payload: JSON.stringify(payload),
  });

describe('verdict', () => {
  test('is stored, shown on the incident, in its timeline and in the audit log', async () => {
    const response = await verdictOf({ kind: 'false-alarm', comment: 'load test', by: 'mira' });
    expect(response.statusCode).toBe(200);
    const after = incident.parse(response.json());
    expect(after.verdict).toMatchObject({
      kind: 'false-alarm',
      comment: 'load test',
      by: 'mira',
      at: NOW,
      subjectId: id,
    });
    expect(after.timeline.at(-1)).toMatchObject({ kind: 'verdict', text: 'mira: a false alarm, "load test"' });
    expect(await control.verdicts({ subjectId: id })).toHaveLength(1);
    const [entry] = await control.auditLog({});
    expect(entry).toMatchObject({
      action: 'incident.verdict',
      by: 'mira',
      from: 'api 127.0.0.1',
      subject: id,
      detail: { kind: 'false-alarm', before: null },
    });
  });

  test('the last one counts, all are kept', async () => {
    await verdictOf({ kind: 'false-alarm' });
    const response = await verdictOf({ kind: 'real' });
    expect(incident.parse(response.json()).verdict?.kind).toBe('real');
    expect((await control.verdicts({ subjectId: id })).map(({ kind }) => kind)).toEqual(['false-alarm', 'real']);
  });

  test.each<readonly [string, unknown]>([
    ['no kind', {}],
    ['an unknown kind', { kind: 'meh' }],
    ['an unknown key', { kind: 'real', mood: 'bad' }],
    ['a long comment', { kind: 'real', comment: 'x'.repeat(2_001) }],
    ['an empty name', { kind: 'real', by: ' ' }],
    ['no object', 'real'],
  ])('refuses %s and changes nothing', async (_name, payload) => {
    expect((await verdictOf(payload)).statusCode).toBe(400);
    expect(await control.verdicts({ subjectId: id })).toHaveLength(0);
    expect(await control.auditLog({})).toHaveLength(0);
  });

  test('refuses broken JSON, other types and large bodies', async () => {
    const send = (payload: string, type: string) =>
      app.inject({
        method: 'POST',
        url: `/api/v1/incidents/${id}/verdict`,
        headers: { ...MEANT, 'content-type': type },
        payload,
      });
    expect((await send('{', 'application/json')).json()).toMatchObject({ status: 400, code: 'bad_payload' });
    expect((await send('a=b', 'application/x-www-form-urlencoded')).json()).toMatchObject({
      status: 415,
      code: 'unsupported_media_type',
    });
    expect((await send(`{"kind":"real","comment":"${'x'.repeat(70_000)}"}`, 'application/json')).json()).toMatchObject({
      status: 413,
      code: 'payload_too_large',
    });
  });
});

describe('acknowledge', () => {
  const acknowledge = (payload: unknown = {}) =>
    app.inject({
      method: 'POST',
      url: `/api/v1/incidents/${id}/acknowledge`,
      headers: MEANT,
      payload: payload as object,
    });

  test('is stored once; again changes nothing', async () => {
    const first = incident.parse((await acknowledge({ by: 'jonas' })).json());
    expect(first).toMatchObject({ acknowledgedBy: 'jonas', acknowledgedAt: NOW });
    const second = incident.parse((await acknowledge({ by: 'mira' })).json());
    expect(second.acknowledgedBy).toBe('jonas');
    expect(second.version).toBe(first.version);
    expect(await control.auditLog({})).toHaveLength(1);
  });

  test('works without a body', async () => {
    const response = await app.inject({ method: 'POST', url: `/api/v1/incidents/${id}/acknowledge`, headers: MEANT });
    expect(incident.parse(response.json()).acknowledgedBy).toBe('anonymous');
  });

  test('an unknown incident is not found', async () => {
    const response = await app.inject({ method: 'POST', url: '/api/v1/incidents/nope/acknowledge', headers: MEANT });
    expect(response.statusCode).toBe(404);
  });
});

describe('no other site can change anything', () => {
  test.each<readonly [string, Record<string, string>, number]>([
    ['a form of another site', { origin: 'https://evil.example', host: 'tocsin:4400' }, 401],
    ['a sandboxed frame', { origin: 'null', host: 'tocsin:4400' }, 401],
    ['a client that says nothing', { host: 'tocsin:4400' }, 401],
    ['the page itself', { origin: 'http://tocsin:4400', host: 'tocsin:4400' }, 200],
    ['a script that sets the header', { 'x-tocsin-request': '1', host: 'tocsin:4400' }, 200],
  ])('%s', async (_name, headers, code) => {
    expect((await verdictOf({ kind: 'real' }, headers)).statusCode).toBe(code);
    expect(await control.verdicts({ subjectId: id })).toHaveLength(code === 200 ? 1 : 0);
  });

  test('no CORS header invites one', async () => {
    const response = await app.inject({ url: '/api/v1/incidents', headers: { origin: 'https://evil.example' } });
    expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('bearer tokens', () => {
  const tokens = [
    { name: 'ci', token: 'secret-of-ci' },
    { name: 'mira', token: 'secret-of-mira' },
  ];

  test('guard the API, name the actor and leave health open', async () => {
    const { app: guarded, deps } = await serveFixture({ auth: { tokens } });
    const bearer = { authorization: 'Bearer secret-of-mira' };
    for (const url of ['/api/v1/incidents', '/api/v1/events', '/api/v1/openapi.json', '/metrics']) {
      expect((await guarded.inject(url)).json(), url).toMatchObject({ code: 'unauthenticated' });
    }
    expect(
      (await guarded.inject({ url: '/api/v1/incidents', headers: { authorization: 'Bearer secret' } })).statusCode,
    ).toBe(401);
    expect((await guarded.inject({ url: '/api/v1/incidents', headers: bearer })).statusCode).toBe(200);
    expect((await guarded.inject('/-/healthy')).statusCode).toBe(200);
    expect((await guarded.inject('/-/ready')).statusCode).toBe(200);
    expect((await guarded.inject({ method: 'POST', url: '/-/reload' })).statusCode).toBe(401);
    const said = await guarded.inject({
      method: 'POST',
      url: `/api/v1/incidents/${id}/verdict`,
      headers: bearer,
      payload: { kind: 'real', by: 'somebody else' },
    });
    expect(incident.parse(said.json()).verdict?.by).toBe('mira');
    expect((await deps.control.auditLog({}))[0]?.by).toBe('mira');
    await guarded.close();
  });
});

describe('reload', () => {
  test('answers ok, is audited and lets a config reloader in without a header', async () => {
    const response = await app.inject({ method: 'POST', url: '/-/reload' });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({ ok: true, errors: [] });
    expect((await control.auditLog({}))[0]).toMatchObject({ action: 'config.reload' });
    const browser = await app.inject({ method: 'POST', url: '/-/reload', headers: { 'sec-fetch-site': 'cross-site' } });
    expect(browser.statusCode).toBe(401);
  });

  test('gives all faults of a bad configuration', async () => {
    const { app: bad } = await serveFixture({
      reload: async () => ({ ok: false, errors: ['routes[0]: no receiver x', 'budget: below 0'] }),
    });
    const response = await bad.inject({ method: 'POST', url: '/-/reload' });
    expect(response.statusCode).toBe(400);
    expect(response.json()).toEqual({ ok: false, errors: ['routes[0]: no receiver x', 'budget: below 0'] });
    await bad.close();
  });
});

describe('events', () => {
  test('a saved verdict is told to the open pages', async () => {
    const { app: live, deps } = await serveFixture();
    const told: LiveEvent[] = [];
    deps.events((event) => told.push(event));
    await live.inject({
      method: 'POST',
      url: `/api/v1/incidents/${id}/verdict`,
      headers: MEANT,
      payload: { kind: 'real' },
    });
    expect(told).toHaveLength(1);
    await live.close();
  });
});

test('the pipeline is told of what people do', async () => {
  const told: string[] = [];
  const served = await serveFixture({
    changed: (after, what) => told.push(`${what} ${after.id} ${after.verdict?.kind}`),
  });
  const [open] = (await served.deps.control.incidents({ status: 'open' })).items;
  const url = `/api/v1/incidents/${open?.id}`;
  await served.app.inject({ method: 'POST', url: `${url}/verdict`, headers: MEANT, payload: { kind: 'real' } });
  await served.app.inject({ method: 'POST', url: `${url}/verdict`, headers: MEANT, payload: { kind: 'nonsense' } });
  expect(told).toEqual([`verdict ${open?.id} real`]);
  await served.app.close();
});
