import { expect, test } from 'vitest';
import { backtestJob, decisionReplay, explanation } from '../../schemas/backtest.ts';
import { createApiServer } from '../../server.ts';
import { createFixture } from '../fixture.ts';
import { MEANT, NOW } from '../harness.ts';
import { createShopBacktests } from './shop-backtests.ts';

test('what the page is tested on fits the schemas of the API', async () => {
  let now = NOW;
  const { deps } = createFixture({ clock: { now: () => now } });
  const app = await createApiServer({ ...deps, backtests: createShopBacktests(deps) });
  const payload = { from: NOW - 7 * 86_400_000, to: NOW, config: 'route: {}' };
  const started = await app.inject({ method: 'POST', url: '/api/v1/backtests', headers: MEANT, payload });
  const { id } = backtestJob.parse(started.json());
  now += 10_000;
  const { state, result } = backtestJob.parse((await app.inject(`/api/v1/backtests/${id}`)).json());
  expect([state, new Set(result?.incidents.map(({ outcome }) => outcome))]).toEqual([
    'done',
    new Set(['same', 'changed', 'muted', 'lost']),
  ]);
  const incident = ((await app.inject('/api/v1/incidents')).json() as { items: { id: string }[] }).items[0]?.id;
  const walk = explanation.parse((await app.inject(`/api/v1/explain?subject=${incident}`)).json());
  const decided = walk.stages.find(({ decision }) => decision !== null)?.decision;
  const replay = decisionReplay.parse((await app.inject(`/api/v1/decisions/${decided}/replay`)).json());
  expect(replay.levels[0]).toMatchObject({ level: 'ticks', identical: true });
  await app.close();
});
