import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { App } from './app.ts';
import { serveFixture } from './testing/harness.ts';

let app: App;
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tocsin-ui-'));
  await mkdir(join(root, 'assets'));
  await writeFile(join(root, 'index.html'), '<!doctype html><html><head><title>T</title></head></html>');
  await writeFile(join(root, 'assets', 'index-Ab3_dE9-.js'), 'export {};');
  await writeFile(join(root, 'assets', 'boot.js'), '');
  await writeFile(join(root, 'secret'), 'not for you');
  ({ app } = await serveFixture({ uiRoot: root }));
});
afterAll(async () => {
  await app.close();
  await rm(root, { recursive: true });
});

const document = z.object({
  openapi: z.string(),
  info: z.object({ title: z.string(), version: z.string() }),
  paths: z.record(
    z.string(),
    z.record(z.string(), z.object({ summary: z.string(), responses: z.record(z.string(), z.unknown()) })),
  ),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

describe('OpenAPI', () => {
  test('is 3.1 and describes every route', async () => {
    const { openapi, paths } = document.parse((await app.inject('/api/v1/openapi.json')).json());
    expect(openapi).toBe('3.1.0');
    const listed = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(listed.toSorted()).toEqual(
      [
        'GET /-/healthy',
        'GET /-/ready',
        'GET /api/v1/audit',
        'GET /api/v1/budget',
        'GET /api/v1/decisions',
        'GET /api/v1/deploys',
        'GET /api/v1/events',
        'GET /api/v1/graph',
        'GET /api/v1/incidents',
        'GET /api/v1/incidents/{id}',
        'GET /api/v1/incidents/{id}/verdicts',
        'GET /api/v1/outbox',
        'GET /api/v1/series',
        'GET /api/v1/series/{id}',
        'GET /api/v1/series/{id}/range',
        'GET /api/v1/services',
        'GET /api/v1/services/{name}',
        'GET /api/v1/status',
        'GET /api/v1/templates',
        'GET /api/v1/traces/{id}',
        'GET /api/v1/verdicts',
        'GET /metrics',
        'POST /-/reload',
        'POST /api/v1/incidents/{id}/acknowledge',
        'POST /api/v1/incidents/{id}/assign',
        'POST /api/v1/incidents/{id}/close',
        'POST /api/v1/incidents/{id}/comment',
        'POST /api/v1/incidents/{id}/merge',
        'POST /api/v1/incidents/{id}/reopen',
        'POST /api/v1/incidents/{id}/snooze',
        'POST /api/v1/incidents/{id}/split',
        'POST /api/v1/incidents/{id}/verdict',
      ].toSorted(),
    );
  });

  test('every reference leads somewhere and every schema is used', async () => {
    const response = await app.inject('/api/v1/openapi.json');
    const { components } = document.parse(response.json());
    const used = new Set([...response.body.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1]));
    expect([...used].filter((name) => components.schemas[name ?? ''] === undefined)).toEqual([]);
    for (const name of ['Incident', 'IncidentSummary', 'Problem', 'SeriesRange', 'Status'])
      expect(used).toContain(name);
  });
});

describe('operations', () => {
  test('healthy, ready and metrics as text', async () => {
    for (const path of ['/-/healthy', '/-/ready', '/metrics']) {
      const response = await app.inject(path);
      expect(response.statusCode).toBe(200);
      expect(response.headers['content-type']).toContain('text/plain');
    }
    expect((await app.inject({ method: 'HEAD', url: '/-/healthy' })).statusCode).toBe(200);
    expect((await app.inject('/metrics')).body).toContain('# TYPE tocsin_points_total counter');
  });

  test('not ready is 503', async () => {
    const { app: starting } = await serveFixture({ ready: () => false });
    expect((await starting.inject('/-/ready')).statusCode).toBe(503);
    expect((await starting.inject('/-/healthy')).statusCode).toBe(200);
    await starting.close();
  });
});

describe('the page', () => {
  test.each([
    ['/', './'],
    ['/incidents', './'],
    ['/incidents/inc-1?x=1', '../'],
    ['/services/a%2Fb', '../'],
    ['/a/b/c', '../../'],
  ])('%s is the page with its base at %s', async (url, base) => {
    const response = await app.inject(url);
    expect(response.statusCode).toBe(200);
    expect(response.body).toContain(`<head><base href="${base}">`);
    expect(response.headers['cache-control']).toBe('no-cache');
  });

  test('hashed files may be kept for ever, others not', async () => {
    expect((await app.inject('/assets/index-Ab3_dE9-.js')).headers['cache-control']).toContain('immutable');
    expect((await app.inject('/assets/boot.js')).headers['cache-control']).toBe('no-cache');
  });

  test.each([
    '/assets/nothing.js',
    '/assets/../secret',
    '/assets/%2e%2e/secret',
    '/api/v2/incidents',
    '/-/quit',
    '/metrics/x',
  ])('%s is not the page', async (url) => {
    const response = await app.inject(url);
    expect(response.body).not.toContain('not for you');
    // A path that climbs is resolved before we see it, and becomes an ordinary path of the page.
    if (!/\.\.|%2e/.test(url)) expect(response.statusCode).toBe(404);
  });

  test('headers keep others out', async () => {
    const { headers } = await app.inject('/');
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['strict-transport-security']).toBeUndefined();
  });
});
