import { fileURLToPath } from 'node:url';
import { createApiServer } from '../server.ts';
import { createShopAlerting } from './alerting/shop-alerting.ts';
import { createShopBacktests } from './alerting/shop-backtests.ts';
import { createShopModels } from './alerting/shop-models.ts';
import { shopDrift, shopNoise } from './alerting/shop-oversight.ts';
import { createFixture } from './fixture.ts';

// The backend of the page's tests and of `vite dev`: node src/serve/testing/serve-fixture.ts PORT [empty|shop] [page's folder]
const port = Number(process.argv[2] ?? 4499);
const empty = process.argv[3] === 'empty';
const clock = { now: () => Date.now() };
const uiRoot = process.argv[4] ?? fileURLToPath(new URL('../../../dist/ui', import.meta.url));
const { deps, emit } = createFixture({ clock, empty, uiRoot });
const alerting = await createShopAlerting(deps, empty);
const app = await createApiServer({
  ...deps,
  alerting,
  backtests: createShopBacktests(deps),
  models: createShopModels(clock),
  drift: () => shopDrift(clock.now(), empty),
  noise: (from, to) => Promise.resolve(shopNoise(from, to, empty)),
});
await app.listen({ port, host: '127.0.0.1' });
process.stdout.write(`fixture on http://127.0.0.1:${port}\n`);

const ticking = setInterval(() => {
  emit({ type: 'tick', at: deps.live.watermark(), stats: deps.live.stats() });
  emit({ type: 'health', watermark: deps.live.watermark(), services: deps.live.health() });
}, 2_000);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    clearInterval(ticking);
    void app.close().then(() => process.exit(0));
  });
}

// Whoever started it may be killed before it can stop it: an orphan ends itself.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit();
}, 1_000).unref();
