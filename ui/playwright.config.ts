import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from '@playwright/test';
import { EMPTY_PORT, SHOP_PORT } from './test/ports.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const node = JSON.stringify(process.execPath);
const fixture = 'src/serve/testing/serve-fixture.ts';
const build = `${node} node_modules/vite/bin/vite.js build ui --config ui/vite.config.ts --logLevel warn`;
const system = process.env['TOCSIN_CHROMIUM'] ?? '/usr/bin/chromium';

/** The page in a real browser over the generated shop; one worker, because verdicts are stored in it. */
export default defineConfig({
  testDir: fileURLToPath(new URL('./test', import.meta.url)),
  outputDir: join(tmpdir(), 'tocsin-browser-tests'),
  workers: 1,
  // axe over a full page takes half a minute on a busy machine.
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: 'list',
  use: {
    baseURL: `http://127.0.0.1:${SHOP_PORT}`,
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    launchOptions: { args: ['--no-sandbox'], ...(existsSync(system) ? { executablePath: system } : {}) },
    // Recording doubles the time of the suite: TOCSIN_TRACE=1 turns it on to look into a failure.
    trace: process.env['TOCSIN_TRACE'] === undefined ? 'off' : 'retain-on-failure',
  },
  webServer: [
    {
      command: `${build} && exec ${node} ${fixture} ${SHOP_PORT}`,
      url: `http://127.0.0.1:${SHOP_PORT}/-/ready`,
      cwd: root,
      timeout: 60_000,
    },
    {
      command: `exec ${node} ${fixture} ${EMPTY_PORT} empty`,
      url: `http://127.0.0.1:${EMPTY_PORT}/-/ready`,
      cwd: root,
      timeout: 60_000,
    },
  ],
});
