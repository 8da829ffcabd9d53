import { expect, test } from '@playwright/test';
import { expectAccessible, incidentWith, seriesOf } from './page.ts';

const MEANT = { 'x-tocsin-request': '1' };

test('a silence from its preview to its end, on the record', async ({ page }) => {
  await page.goto('/alerting');
  await page.getByRole('button', { name: 'New silence' }).click();
  await expect(page).toHaveURL(/new=1/);
  const dialog = page.getByRole('dialog', { name: 'New silence' });
  await expect(dialog.getByRole('button', { name: 'Create the silence' })).toBeDisabled();
  await dialog.getByLabel('Value 1').fill('sessions');
  await expect(dialog.getByText('1 of 6 incidents')).toBeVisible();
  await expect(dialog.getByRole('link', { name: /Sessions ran out of CPU/ })).toBeVisible();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'New silence' }).click();
  await dialog.getByLabel('Value 1').fill('sess.*(');
  await dialog.getByLabel('Comparison 1').selectOption('=~');
  await expect(dialog.getByRole('alert')).toContainText('bad expression');
  await dialog.getByLabel('Value 1').fill('sess.*');
  await expect(dialog.getByText('1 of 6 incidents')).toBeVisible();
  await dialog.getByRole('button', { name: '4 h' }).click();
  await dialog.getByLabel('Comment').fill('cache is being moved');
  await dialog.getByLabel('Your name').fill('mira');
  await dialog.getByRole('button', { name: 'Create the silence' }).click();
  await expect(page.getByText(/Silence in force until/)).toBeVisible();
  const row = page.getByRole('listitem').filter({ hasText: 'cache is being moved' });
  await expect(row).toContainText('Active');
  await expect(row).toContainText('holds nothing back now');

  await row.getByRole('button', { name: 'Edit' }).click();
  const change = page.getByRole('dialog', { name: 'Change the silence' });
  await change.getByLabel('Comment').fill('cache is being moved, twice');
  await change.getByRole('button', { name: 'Store the change' }).click();
  const changed = page.getByRole('listitem').filter({ hasText: 'moved, twice' });
  await changed.getByRole('button', { name: 'End now' }).click();
  await expect(page.getByRole('dialog')).toContainText('It holds nothing back at the moment');
  await page.getByRole('button', { name: 'End it now' }).click();
  await expect(changed).toContainText('Ended');

  await page.goto('/alerting/audit?about=silence');
  await expect(page.getByRole('row', { name: /mira.*created a silence/ })).toBeVisible();
  await expect(page.getByRole('row', { name: /ended a silence/ })).toBeVisible();
  await page.getByRole('searchbox').fill('no such words');
  await page.getByRole('button', { name: 'show all' }).click();
  await expect(page).toHaveURL(/\/alerting\/audit$/);
});

test('an incident is silenced by its cause, and says who keeps it quiet', async ({ page, request }) => {
  await page.goto(`/incidents/${(await incidentWith(request, 'Memory of recommendations')).id}`);
  await expect(page.getByText('Notifications of this incident are held back.')).toBeVisible();
  await expect(page.getByText('SHOP-4121')).toBeVisible();
  await page.getByRole('link', { name: 'Silence…' }).click();
  await expect(page.getByRole('dialog', { name: 'New silence' }).getByLabel('Value 1')).toHaveValue('recommendations');
});

test('a recurring window shows when it comes in the reader’s zone, before and after it is stored', async ({ page }) => {
  await page.goto('/alerting/maintenance');
  await expect(page.getByRole('listitem').filter({ hasText: 'Database patching' })).toContainText(
    'every Sunday, 02:00 for 2 h',
  );
  await page.getByRole('button', { name: 'New window' }).click();
  const dialog = page.getByRole('dialog', { name: 'New maintenance window' });
  await dialog.getByLabel('Name', { exact: true }).fill('Certificate rotation');
  await dialog.getByLabel('Starts').fill('2026-01-13T22:00');
  await dialog.getByLabel('Time zone').selectOption('America/New_York');
  await dialog.getByText('Monthly', { exact: true }).click();
  await expect(dialog.getByLabel('Day of the month')).toHaveValue('monthly-day');
  await dialog.getByText('By rule').click();
  await expect(dialog.getByLabel('RFC 5545 rule')).toHaveValue('FREQ=MONTHLY;BYDAY=2TU');
  await expect(dialog.getByText('the second Tuesday of every month')).toBeVisible();
  await dialog.getByLabel('RFC 5545 rule').fill('FREQ=SOMETIMES');
  await expect(dialog.getByRole('alert')).toContainText('FREQ');
  await dialog.getByText('Daily', { exact: true }).click();
  // 22:00 in New York is another day in Berlin.
  await expect(dialog.getByRole('region', { name: 'Coming occurrences' })).toContainText(/0[345]:00/);
  await dialog.getByRole('button', { name: 'Create the window' }).click();
  const row = page.getByRole('listitem').filter({ hasText: 'Certificate rotation' });
  await expect(row).toContainText('every day, 22:00 for 2 h, America/New_York');
  await expect(row).toContainText('everything');
  await row.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('button', { name: 'Remove the window' }).click();
  await expect(row).toHaveCount(0);
});

test('a calendar is read first and imported then', async ({ page }) => {
  await page.goto('/alerting/maintenance');
  await page.getByRole('button', { name: 'Import a calendar' }).click();
  const dialog = page.getByRole('dialog', { name: 'Import a calendar' });
  await dialog.getByLabel('or paste it').fill('no calendar');
  await dialog.getByRole('button', { name: 'Read it' }).click();
  await expect(dialog.getByRole('alert')).toContainText('calendar');
  const day = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
  await dialog
    .getByLabel('or paste it')
    .fill(
      `BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u1\nSUMMARY:Switch firmware\nDTSTART:${day}T010000Z\nDTEND:${day}T020000Z\nRRULE:FREQ=DAILY;COUNT=3\nEND:VEVENT\nEND:VCALENDAR`,
    );
  await dialog.getByRole('button', { name: 'Read it' }).click();
  await expect(dialog.getByRole('region', { name: 'What the calendar says' })).toContainText('Switch firmware');
  await expect(page.getByRole('list', { name: 'Maintenance windows' })).not.toContainText('Switch firmware');
  await dialog.getByRole('button', { name: 'Import 1 window' }).click();
  await expect(page.getByRole('list', { name: 'Maintenance windows' })).toContainText('Switch firmware');
});

test('labels find their way through the routing tree', async ({ page }) => {
  await page.goto('/alerting/routes');
  await page.getByRole('textbox', { name: 'Labels' }).fill('severity=critical service=payments');
  await expect(page.getByText('Told: pagerduty-payments')).toBeVisible();
  await expect(page).toHaveURL(/labels=severity/);
  await expect(page.getByText('takes these labels')).toHaveCount(1);
  await page.getByRole('textbox', { name: 'Labels' }).fill('severity=info service=cart');
  await expect(page.getByText('Nobody is told.')).toBeVisible();
  await expect(page.getByText(/less severe than warning/)).toBeVisible();
});

test('the budget says who has spent it and what waits for the digest', async ({ page }) => {
  await page.goto('/alerting/budget');
  await expect(page.getByRole('list', { name: 'Teams' }).getByRole('listitem').first()).toContainText('budget spent');
  await page.getByRole('list', { name: 'Held back' }).getByRole('link').click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Catalog takes twice');
});

test('an incident is assigned, snoozed, commented, closed and reopened, all in its timeline', async ({
  page,
  request,
}) => {
  await page.goto(`/incidents/${(await incidentWith(request, 'Memory of recommendations')).id}`);
  await page.getByLabel('Your name').fill('mira');
  await page.getByRole('button', { name: 'Assign' }).click();
  await page.getByRole('combobox', { name: 'To' }).fill('jonas');
  await page.keyboard.press('Enter');
  await expect(page.getByText('mira assigned it to jonas')).toBeVisible();
  await page.getByRole('button', { name: 'Snooze' }).click();
  await page.getByRole('button', { name: '1 h', exact: true }).click();
  await expect(page.getByText(/snoozed until/)).toBeVisible();
  await page.locator('h1').click();
  await page.keyboard.press('c');
  await page.keyboard.type('heap dump is in the ticket');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByText('mira: heap dump is in the ticket')).toBeVisible();
  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Close it by hand…' }).click();
  await page.getByRole('button', { name: 'Close the incident' }).click();
  await expect(page.getByText('closed by hand')).toBeVisible();
  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Reopen it…' }).click();
  await page.getByRole('button', { name: 'Reopen the incident' }).click();
  await expect(page.getByText('kept open by hand')).toBeVisible();
});

test('services are split out of an incident and merged back; the old address leads to what stayed', async ({
  page,
  request,
}) => {
  const { id } = await incidentWith(request, 'Sessions ran out of CPU');
  await page.goto(`/incidents/${id}`);
  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Split services out…' }).click();
  await page.getByRole('checkbox', { name: /^cart/ }).check();
  await expect(page.getByRole('dialog')).toContainText('This incident keeps sessions, storefront');
  await page.getByRole('button', { name: 'Split 1 service out' }).click();
  await expect(page).not.toHaveURL(new RegExp(id));
  const part = page.url();
  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Merge with another incident…' }).click();
  await page.getByRole('dialog').getByRole('searchbox').fill('Sessions ran out');
  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Merge 2 incidents' }).click();
  await expect(page.getByText(/merged .* into this incident/)).toBeVisible();
  await page.goto(part);
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Sessions ran out of CPU');
});

test('why an incident was told: stage by stage, with a replay', async ({ page, request }) => {
  await page.goto(`/incidents/${(await incidentWith(request, 'Payments')).id}`);
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await expect(page).toHaveURL(/why=1/);
  await expect(page.getByRole('list', { name: 'Stages' })).toContainText('Benjamini-Hochberg over 10 services');
  await expect(page.getByRole('region', { name: 'What would have changed it' })).toContainText('verified by replay');
  await page.getByRole('button', { name: 'Verify by replay' }).click();
  await expect(page.getByText('identical, bit by bit')).toBeVisible();
});

test('why a series did not alert: a click on the chart asks', async ({ page, request }) => {
  const series = await seriesOf(request, 'cart', 'span.rate');
  await page.goto(`/explore?series=${series}&span=1h`);
  const chart = page.getByRole('img', { name: /span.rate of cart/ });
  const box = (await chart.boundingBox())!;
  await page.mouse.click(box.x + box.width / 2, box.y + 120);
  await expect(page).toHaveURL(/why=\d+/);
  await expect(page.getByText('Nothing strange')).toBeVisible();
  await expect(page.getByRole('list', { name: 'Stages' })).toContainText('not reached');
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  await expect(page).not.toHaveURL(/why=/);
});

test('a backtest runs, can be cancelled, and is compared incident by incident', async ({ page, request }) => {
  await page.goto('/alerting/backtest');
  await page.getByRole('textbox', { name: 'Change' }).fill('recievers: []');
  await page.getByRole('button', { name: 'Run the backtest' }).click();
  await expect(page.getByRole('alert')).toContainText('did you mean');
  await page.getByRole('textbox', { name: 'Change' }).fill('route: { min_confidence: 0.8 }');
  await page.getByRole('button', { name: 'Run the backtest' }).click();
  await expect(page).toHaveURL(/\/alerting\/backtest\/bt-/);
  await expect(page.getByRole('progressbar', { name: 'Progress' })).toBeVisible();
  await expect(page.getByText('bit by bit')).toBeVisible();
  await expect(page.getByText('route.min_confidence')).toBeVisible();
  const pairs = page.getByRole('list', { name: 'Incidents then and now' });
  await expect(pairs.getByRole('listitem').filter({ hasText: 'confidence 0.78 is below 0.8' })).toHaveCount(1);
  await page.getByRole('button', { name: /^muted/ }).click();
  await expect(page).toHaveURL(/show=muted/);

  const to = Date.now();
  const data = { from: to - 86_400_000, to };
  const { id } = (await (await request.post('/api/v1/backtests', { headers: MEANT, data })).json()) as { id: string };
  await page.goto(`/alerting/backtest/${id}`);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('It was cancelled')).toBeVisible();
});

test('the alerting pages are reached by keyboard, and dialogs keep their keys', async ({ page, request }) => {
  await page.goto(`/incidents/${(await incidentWith(request, 'Catalog takes')).id}`);
  await expect(page.getByRole('button', { name: 'Acknowledge' })).toBeVisible();
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await expect(page).toHaveURL(/\/alerting$/);
  await page.goBack();
  await expect(page.getByRole('button', { name: 'Acknowledge' })).toBeVisible();
  await page.goto('/alerting?new=1');
  await expect(page.getByRole('dialog', { name: 'New silence' })).toBeVisible();
  await page.getByRole('button', { name: '8 h' }).focus();
  await page.keyboard.press('d');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toHaveCount(1);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page).not.toHaveURL(/new=/);
});

test('a model is trained, promoted, pinned and rolled back, each after being asked', async ({ page }) => {
  await page.goto('/models');
  await page.getByRole('button', { name: 'Train triage' }).click();
  await page.getByRole('button', { name: 'Start the training' }).click();
  await expect(page.getByRole('progressbar', { name: 'Progress of triage' })).toBeVisible();
  const versions = page.getByRole('region', { name: 'Versions of triage' });
  await versions.getByRole('button', { name: 'Promote' }).first().click();
  await expect(page.getByRole('dialog')).toContainText('It replaces version 2');
  await page.getByRole('button', { name: 'Promote it' }).click();
  await expect(versions.getByRole('row', { name: /^3/ })).toContainText('in use');
  await versions.getByRole('button', { name: 'Pin' }).click();
  await page.getByRole('button', { name: 'Pin it' }).click();
  await expect(versions).toContainText('pinned');
  await versions.getByRole('button', { name: 'Promote' }).first().click();
  await page.getByRole('button', { name: 'Promote it' }).click();
  await expect(page.getByRole('alert')).toContainText('is pinned');
  await page.getByRole('button', { name: 'Cancel' }).last().click();
  await versions.getByRole('button', { name: 'Unpin' }).click();
  await page.getByRole('button', { name: 'Unpin it' }).click();
  await page.getByRole('button', { name: 'Roll back' }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
  await expect(versions.getByRole('row', { name: /^2/ })).toContainText('in use');
});

test('drift and the noise ledger are told with the models, in words', async ({ page }) => {
  await page.goto('/models');
  const drift = page.getByRole('region', { name: 'Classes of series and their drift' });
  await expect(drift.getByRole('row', { name: /^trace/ })).toContainText('share of small p-values');
  await expect(drift.getByRole('row', { name: /^log/ })).toContainText('too few to judge');
  const noise = page.getByRole('region', { name: 'What pages were worth' });
  await expect(noise.getByRole('row', { name: /^payments/ })).toContainText('of 5');
  await expect(noise.getByRole('row', { name: /^run-length/ })).toContainText('0 %');
  await expectAccessible(page);
});
