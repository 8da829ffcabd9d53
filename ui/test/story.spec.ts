import { expect, test } from '@playwright/test';
import { incidentWith, seriesOf } from './page.ts';
import { EMPTY_PORT } from './ports.ts';

test('the overview says what is wrong and leads there', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('2 open incidents, 1 critical');
  await expect(
    page.getByRole('link', { name: /recommendations, /i }).or(page.getByText(/(mira|jonas) is on it/)),
  ).toBeVisible();
  await page.getByRole('link', { name: /^Critical.*Payments fails/ }).click();
  await expect(page).toHaveURL(/\/incidents\/inc-/);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Payments fails');
});

test('an incident shows causes, evidence, new log lines and the trace', async ({ page, request }) => {
  await page.goto(`/incidents/${(await incidentWith(request, 'Payments')).id}`);
  await expect(page.getByText('Version 2.13.4 became 2.14.0 70 s before the onset')).toBeVisible();
  await expect(page.getByRole('img', { name: /span.error_ratio of payments .*strange steps/ })).toBeVisible();
  await expect(page.getByText('vault lease 5f1c-aa09-77e2 expired')).toBeVisible();
  await expect(page.getByRole('row', { name: /payments vault.renew/ })).toHaveCount(3);
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await expect(page.getByText('Benjamini-Hochberg over 10 services')).toBeVisible();
});

test('a verdict is stored, shown, and still there after a reload', async ({ page, request }) => {
  const { id } = await incidentWith(request, 'Inventory');
  await page.goto(`/incidents/${id}`);
  await page.getByLabel('Your name').fill('mira');
  await page.getByLabel('Reason for the verdict').fill('agent upgrade');
  await page.getByRole('button', { name: 'Expected' }).click();
  await expect(page.getByText('said mira')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Expected' })).toHaveAttribute('aria-pressed', 'true');
  const stored = (await (await request.get(`/api/v1/incidents/${id}/verdicts`)).json()) as {
    items: readonly unknown[];
  };
  expect(stored.items.at(-1)).toMatchObject({ kind: 'expected', by: 'mira', comment: 'agent upgrade' });
  await page.reload();
  await expect(page.getByText('“agent upgrade”')).toBeVisible();
  await page.goto('/incidents');
  await expect(page.getByRole('link', { name: /Inventory stopped.*Expected/ })).toBeVisible();
});

test('a says that somebody is on it', async ({ page, request }) => {
  const { id } = await incidentWith(request, 'Payments');
  await page.goto(`/incidents/${id}`);
  await expect(page.getByRole('button', { name: 'Acknowledge' })).toBeVisible();
  await page.keyboard.press('a');
  await expect(page.getByText(/^Acknowledged by anonymous/).first()).toBeVisible();
});

test('another reader sees a verdict without reloading', async ({ page, request }) => {
  const { id } = await incidentWith(request, 'Sessions');
  await page.goto(`/incidents/${id}`);
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await request.post(`/api/v1/incidents/${id}/verdict`, {
    headers: { 'x-tocsin-request': '1' },
    data: { kind: 'new-normal', by: 'jonas' },
  });
  await expect(page.getByRole('button', { name: 'New normal' })).toHaveAttribute('aria-pressed', 'true');
});

test('a verdict that could not be stored says so', async ({ page, request }) => {
  const { id } = await incidentWith(request, 'Catalog');
  await page.goto(`/incidents/${id}`);
  await page.route('**/verdict', (route) => route.abort());
  await page.getByRole('button', { name: 'False alarm' }).click();
  await expect(page.getByRole('alert')).toContainText('Not stored');
});

test('the filters of the list live in the URL', async ({ page }) => {
  await page.goto('/incidents');
  await expect(page.getByRole('list', { name: 'Incidents' }).getByRole('listitem')).toHaveCount(6);
  await page.getByText('Open', { exact: true }).click();
  await expect(page).toHaveURL(/status=open/);
  await expect(page.getByRole('list', { name: 'Incidents' }).getByRole('listitem')).toHaveCount(2);
  await page.goto('/incidents?service=cart');
  await expect(page.getByRole('list', { name: 'Incidents' }).getByRole('listitem')).toHaveCount(1);
  await page.goto('/incidents?service=cart&status=open');
  await page.getByRole('button', { name: 'show all' }).click();
  await expect(page).toHaveURL(/\/incidents$/);
  await page.goBack();
  await expect(page).toHaveURL(/service=cart/);
});

test('explore finds a series, zooms by dragging and goes back', async ({ page, request }) => {
  await page.goto('/explore');
  await page.getByRole('searchbox').fill('payments p99');
  await expect(page).toHaveURL(/q=payments\+p99/);
  // The list of the search before stays until the new one is there.
  const found = page.getByRole('list', { name: 'Series' }).getByRole('button');
  await expect(found).toHaveCount(1);
  await found.click();
  await expect(page).toHaveURL(new RegExp(`series=${await seriesOf(request, 'payments', 'span.duration.p99')}`));
  const chart = page.getByRole('img', { name: /span.duration.p99 of payments/ });
  const box = (await chart.boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.7, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.95, box.y + 100, { steps: 8 });
  await page.mouse.up();
  await expect(page).toHaveURL(/from=\d+&to=\d+/);
  const params = new URL(page.url()).searchParams;
  const length = Number(params.get('to')) - Number(params.get('from'));
  expect(length).toBeGreaterThan(3_600_000);
  expect(length).toBeLessThan(2 * 3_600_000);
  await page.getByRole('button', { name: 'Zoom out' }).click();
  await page.getByRole('button', { name: 'Back to live' }).click();
  await expect(page).not.toHaveURL(/from=/);
});

test('the graph leads to a service, and the list says the same', async ({ page }) => {
  await page.goto('/services');
  await page.getByRole('link', { name: /^checkout Anomalous/ }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('checkout');
  await page.goto('/services');
  await page.getByText('List', { exact: true }).click();
  await expect(page).toHaveURL(/view=list/);
  await expect(page.getByRole('row', { name: /checkout Anomalous/ })).toBeVisible();
});

test('the theme is kept', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto('/');
  await page.getByRole('button', { name: 'Switch to the light theme' }).click();
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'light');
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'light');
});

test('everything is reached by keyboard', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('open incidents');
  await page.keyboard.press('g');
  await page.keyboard.press('i');
  await expect(page).toHaveURL(/\/incidents$/);
  await expect(page.getByRole('list', { name: 'Incidents' })).toBeVisible();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await expect(page.getByRole('link', { name: /Payments fails/ })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Payments fails');
  await page.keyboard.press('u');
  await expect(page).toHaveURL(/\/incidents$/);
  await page.keyboard.press('g');
  await page.keyboard.press('e');
  await expect(page.getByRole('searchbox')).toBeVisible();
  await page.keyboard.press('/');
  await expect(page.getByRole('searchbox')).toBeFocused();
  await page.keyboard.press('Escape');
  await page.locator('h1').click();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
});

test('the first tab stop skips to the content', async ({ page }) => {
  await page.goto('/status');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Status');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
});

test('before any data the page says how to send some', async ({ page }) => {
  await page.goto(`http://127.0.0.1:${EMPTY_PORT}/`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Send Tocsin some data');
  await expect(page.getByText('endpoint: 127.0.0.1:4317')).toBeVisible();
  await page.getByRole('tab', { name: 'Prometheus' }).click();
  await expect(page.getByText('url: http://127.0.0.1:4318/api/v1/write')).toBeVisible();
});

test('when Tocsin does not answer, the page says so and comes back', async ({ page }) => {
  await page.route('**/api/v1/graph*', (route) => route.abort());
  await page.goto('/services');
  await expect(page.getByRole('alert')).toContainText('Tocsin does not answer', { timeout: 15_000 });
  await page.unroute('**/api/v1/graph*');
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('link', { name: /^checkout Anomalous/ })).toBeVisible();
});
