import { AxeBuilder } from '@axe-core/playwright';
import type { APIRequestContext, Page } from '@playwright/test';
import { expect } from '@playwright/test';

export interface Listed {
  readonly id: string;
  readonly title: string;
}

export async function incidentsOf(request: APIRequestContext): Promise<readonly Listed[]> {
  const response = await request.get('/api/v1/incidents');
  return ((await response.json()) as { items: readonly Listed[] }).items;
}

export async function incidentWith(request: APIRequestContext, word: string): Promise<Listed> {
  const found = (await incidentsOf(request)).find(({ title }) => title.includes(word));
  if (found === undefined) throw new Error(`the shop has no incident about ${word}`);
  return found;
}

export async function seriesOf(request: APIRequestContext, service: string, metric: string): Promise<string> {
  const response = await request.get('/api/v1/series', { params: { service, metric } });
  const id = ((await response.json()) as { items: readonly { id: string }[] }).items[0]?.id;
  if (id === undefined) throw new Error(`the shop has no ${metric} of ${service}`);
  return id;
}

/** A backtest of the last week with another configuration, done. */
export async function backtestOf(request: APIRequestContext): Promise<string> {
  const to = Date.now();
  const headers = { 'x-tocsin-request': '1' };
  const data = { from: to - 7 * 86_400_000, to, config: 'route: { min_confidence: 0.8 }' };
  const { id } = (await (await request.post('/api/v1/backtests', { headers, data })).json()) as { id: string };
  await expect
    .poll(async () => ((await (await request.get(`/api/v1/backtests/${id}`)).json()) as { state: string }).state)
    .toBe('done');
  return id;
}

/** No rule of axe-core broken, WCAG 2.2 AA and best practice. */
export async function expectAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(
    violations.map(({ id, nodes }) => ({
      id,
      at: nodes.map(({ target, failureSummary }) => `${target.join(' ')}: ${failureSummary ?? ''}`),
    })),
  ).toEqual([]);
}

export async function expectNoSideScroll(page: Page): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0);
}

/** Fails the test on script errors and on what the content security policy refused. */
export function watchErrors(page: Page): readonly string[] {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      errors.push(message.text());
  });
  return errors;
}
