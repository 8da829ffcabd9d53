import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { App } from '../app.ts';
import { problem } from '../schemas/common.ts';
import { deploy, incident, incidentPage, verdict } from '../schemas/incident.ts';
import { seriesList, seriesRange, seriesSummary, template, trace } from '../schemas/series.ts';
import { auditEntry, decision, graph, outboxItem, serviceDetail, serviceList, status } from '../schemas/system.ts';
import { NOW, serveFixture } from '../testing/harness.ts';
import { seriesIdOf } from '../testing/shop.ts';
import { TRACE_TIMEOUT } from '../testing/stories.ts';

let app: App;
beforeAll(async () => {
  ({ app } = await serveFixture());
});
afterAll(() => app.close());

const SERIES = seriesIdOf('payments', 'span.error_ratio');
const items = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });

async function read<T extends z.ZodType>(url: string, schema: T): Promise<z.infer<T>> {
  const response = await app.inject(url);
  expect(response.statusCode, response.body).toBe(200);
  expect(response.headers['content-type']).toContain('application/json');
  return schema.parse(response.json());
}

describe('what every read answers fits its schema', () => {
  const day = `from=${NOW - 86_400_000}&to=${NOW}`;
  test.each<readonly [string, z.ZodType]>([
    ['/api/v1/incidents', incidentPage],
    ['/api/v1/services', serviceList],
    ['/api/v1/services/payments', serviceDetail],
    ['/api/v1/graph', graph],
    ['/api/v1/series', seriesList],
    [`/api/v1/series/${SERIES}`, seriesSummary],
    [`/api/v1/series/${SERIES}/range?${day}&step=5m`, seriesRange],
    [`/api/v1/traces/${TRACE_TIMEOUT}`, trace],
    ['/api/v1/templates', items(template)],
    ['/api/v1/deploys', items(deploy)],
    ['/api/v1/decisions', items(decision)],
    ['/api/v1/audit', items(auditEntry)],
    ['/api/v1/outbox', items(outboxItem)],
    ['/api/v1/verdicts', items(verdict)],
    ['/api/v1/status', status],
  ])('%s', async (url, schema) => {
    await read(url, schema);
  });

  test('each incident, with what the domain holds as NaN as null', async () => {
    const page = await read('/api/v1/incidents', incidentPage);
    const stories = await Promise.all(page.items.map(({ id }) => read(`/api/v1/incidents/${id}`, incident)));
    const silent = stories.flatMap((story) => story.evidence).filter(({ kind }) => kind === 'target-silent');
    expect(silent.length).toBeGreaterThan(0);
    expect(silent.every(({ value }) => value === null)).toBe(true);
    for (const story of stories) {
      expect(story.causes.reduce((sum, { share }) => sum + (share ?? 0), 0)).toBeCloseTo(1);
      await read(`/api/v1/incidents/${story.id}/verdicts`, items(verdict));
    }
  });
});

describe('incidents', () => {
  test('filter by status, service and time', async () => {
    const open = await read('/api/v1/incidents?status=open', incidentPage);
    expect(open.items.map(({ status: state }) => state)).toEqual(['open', 'open']);
    const cart = await read('/api/v1/incidents?service=cart', incidentPage);
    expect(cart.items).toHaveLength(1);
    const recent = await read(`/api/v1/incidents?from=${new Date(NOW - 3_600_000).toISOString()}`, incidentPage);
    expect(recent.items).toHaveLength(1);
  });

  test('the cursor walks all of them once', async () => {
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const page: z.infer<typeof incidentPage> = await read(`/api/v1/incidents?limit=4${cursor}`, incidentPage);
      seen.push(...page.items.map(({ id }) => id));
      if (page.next === null) break;
      cursor = `&cursor=${page.next}`;
    }
    expect(seen).toHaveLength(6);
    expect(new Set(seen).size).toBe(6);
  });
});

describe('series', () => {
  test('are found by words of service and metric', async () => {
    const found = await read('/api/v1/series?text=payments%20error', seriesList);
    expect(found.items.map(({ id }) => id)).toContain(SERIES);
    expect(found.items.every(({ service }) => service === 'payments')).toBe(true);
  });

  test('a range has one element a step in each column', async () => {
    const range = await read(`/api/v1/series/${SERIES}/range?from=${NOW - 3_600_000}&to=${NOW}&step=1m`, seriesRange);
    expect(range.at).toHaveLength(60);
    for (const column of ['count', 'mean', 'min', 'max', 'last', 'expected', 'lower', 'upper', 'surprise'] as const)
      expect(range[column]).toHaveLength(60);
    expect(Math.max(...range.surprise.map((value) => value ?? 0))).toBe(6);
  });

  test('a range without a step takes one that suits a chart', async () => {
    const range = await read(`/api/v1/series/${SERIES}/range?from=${NOW - 86_400_000}&to=${NOW}`, seriesRange);
    expect(range.step).toBe(216_000);
  });
});

describe('what is asked wrongly', () => {
  const far = `/api/v1/series/${SERIES}/range`;
  test.each<readonly [string, number, string]>([
    ['/api/v1/incidents?status=ajar', 400, 'invalid_request'],
    ['/api/v1/incidents?limit=0', 400, 'invalid_request'],
    ['/api/v1/incidents?limit=201', 400, 'invalid_request'],
    ['/api/v1/incidents?colour=red', 400, 'invalid_request'],
    ['/api/v1/incidents?from=yesterday', 400, 'invalid_request'],
    ['/api/v1/incidents/nope', 404, 'not_found'],
    ['/api/v1/incidents/%3Cscript%3E', 400, 'invalid_request'],
    ['/api/v1/services/nobody', 404, 'not_found'],
    ['/api/v1/series/0000000000000000', 404, 'not_found'],
    [`${far}?from=1`, 400, 'invalid_request'],
    [`${far}?from=${NOW}&to=${NOW - 1}`, 400, 'invalid_request'],
    [`${far}?from=0&to=${NOW}&step=1s`, 400, 'invalid_request'],
    [`${far}?from=0&to=${NOW}&step=0`, 400, 'invalid_request'],
    [`${far}?from=0&to=${NOW}&step=soon`, 400, 'invalid_request'],
    ['/api/v1/traces/xyz', 400, 'invalid_request'],
    [`/api/v1/traces/${'0'.repeat(32)}`, 404, 'not_found'],
    ['/api/v1/decisions?stage=gut-feeling', 400, 'invalid_request'],
    ['/api/v1/nothing', 404, 'not_found'],
    ['/api/v1', 404, 'not_found'],
    ['/', 404, 'not_found'],
  ])('%s gives %i %s', async (url, code, name) => {
    const response = await app.inject(url);
    expect(response.statusCode).toBe(code);
    expect(response.headers['content-type']).toContain('application/problem+json');
    const body = problem.parse(response.json());
    expect(body.code).toBe(name);
    expect(body.status).toBe(code);
    expect(body.detail).not.toBe('');
  });

  test('a validation problem names the field', async () => {
    const body = problem.parse((await app.inject('/api/v1/incidents?limit=0')).json());
    expect(body.errors?.map(({ path }) => path)).toEqual(['querystring.limit']);
  });

  test('a fault inside says nothing of the inside', async () => {
    const { app: broken, deps } = await serveFixture();
    deps.control.deploys = async () => {
      throw new Error('password of the database');
    };
    const response = await broken.inject('/api/v1/deploys');
    await broken.close();
    expect(response.statusCode).toBe(500);
    expect(response.body).not.toContain('password');
    expect(problem.parse(response.json()).code).toBe('internal');
  });
});

test.each<readonly ['DELETE' | 'POST' | 'GET', string, string]>([
  ['DELETE', '/api/v1/incidents', 'GET, HEAD'],
  ['POST', '/api/v1/incidents/abc', 'GET, HEAD'],
  ['GET', '/api/v1/incidents/abc/verdict', 'POST'],
  ['GET', '/-/reload', 'POST'],
])('%s %s is refused with the methods it takes', async (method, url, allow) => {
  const response = await app.inject({ method, url, headers: { 'x-tocsin-request': '1' } });
  expect(response.statusCode).toBe(405);
  expect(response.headers['allow']).toBe(allow);
  expect(problem.parse(response.json()).code).toBe('method_not_allowed');
});
