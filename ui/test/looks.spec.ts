import { expect, test } from '@playwright/test';
import { backtestOf, expectAccessible, expectNoSideScroll, incidentWith, seriesOf, watchErrors } from './page.ts';
import { EMPTY_PORT } from './ports.ts';

/** Each in both schemes on both sizes, or (`half`) dark on the phone and light on the desktop: what looks like another page. */
const PAGES: readonly (readonly [name: string, path: string, half?: 'half'])[] = [
  ['overview', '/'],
  ['incidents', '/incidents'],
  ['incident', '/incidents/{incident}'],
  ['silent incident', '/incidents/{silent}'],
  ['explore', '/explore?series={series}&span=1h'],
  ['services', '/services?view=graph'],
  ['service list', '/services?view=list'],
  ['service', '/services/payments'],
  ['why not', '/services/payments?why=1000000000000', 'half'],
  ['silences', '/alerting'],
  ['new silence', '/alerting/silences?new=1&matchers=service%3D%22payments%22', 'half'],
  ['maintenance', '/alerting/maintenance', 'half'],
  ['new window', '/alerting/maintenance?new=1', 'half'],
  ['calendar import', '/alerting/maintenance?import=1', 'half'],
  ['routes', '/alerting/routes?labels=severity%3Dcritical%20service%3Dcheckout'],
  ['budget', '/alerting/budget'],
  ['backtest', '/alerting/backtest', 'half'],
  ['backtest result', '/alerting/backtest/{job}'],
  ['audit', '/alerting/audit', 'half'],
  ['models', '/models', 'half'],
  ['status', '/status'],
  ['first run', `http://127.0.0.1:${EMPTY_PORT}/`],
  ['no incidents', `http://127.0.0.1:${EMPTY_PORT}/incidents`, 'half'],
  ['no silences', `http://127.0.0.1:${EMPTY_PORT}/alerting`, 'half'],
  ['no windows', `http://127.0.0.1:${EMPTY_PORT}/alerting/maintenance`, 'half'],
  ['no routes', `http://127.0.0.1:${EMPTY_PORT}/alerting/routes`, 'half'],
  ['no budget', `http://127.0.0.1:${EMPTY_PORT}/alerting/budget`, 'half'],
  ['nothing changed', `http://127.0.0.1:${EMPTY_PORT}/alerting/audit`, 'half'],
  ['no services', `http://127.0.0.1:${EMPTY_PORT}/services`, 'half'],
  ['no such incident', '/incidents/nope', 'half'],
];
const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 800 } } as const;

for (const colorScheme of ['dark', 'light'] as const) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    test.describe(`${colorScheme} ${size}`, () => {
      test.use({ colorScheme, viewport });
      for (const [name, path, half] of PAGES) {
        if (half === 'half' && (colorScheme === 'dark') !== (size === 'phone')) continue;
        test(`${name} fits, is accessible and breaks nothing`, async ({ page, request }, info) => {
          const errors = watchErrors(page);
          const url = path
            .replace('{incident}', (await incidentWith(request, 'Payments')).id)
            .replace('{silent}', (await incidentWith(request, 'Inventory')).id)
            .replace('{job}', path.includes('{job}') ? await backtestOf(request) : '')
            .replace('{series}', await seriesOf(request, 'payments', 'span.duration.p99'));
          await page.goto(url);
          await expect(page.getByRole('status').filter({ hasText: 'Loading' })).toHaveCount(0);
          await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', colorScheme);
          await expectNoSideScroll(page);
          await expectAccessible(page);
          await page.screenshot({ path: info.outputPath(`${name.replaceAll(' ', '-')}.png`), fullPage: true });
          expect(errors).toEqual([]);
        });
      }
    });
  }
}
