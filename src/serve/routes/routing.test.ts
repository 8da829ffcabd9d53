import { afterEach, beforeEach, expect, test } from 'vitest';
import { alertingWorld } from '../../pipeline/alerting/testing/world.ts';
import type { App } from '../app.ts';
import { policyView, routingTest, routingView } from '../schemas/routing.ts';
import { createApiServer } from '../server.ts';
import { createFixture } from '../testing/fixture.ts';
import { MEANT } from '../testing/harness.ts';

// The clock of the world stands at a Friday noon in UTC.
const CONFIG = `
receivers:
  - {name: team, webhook_configs: [{url: 'http://127.0.0.1:1/team'}], slack_configs: [{webhook_url: 'http://127.0.0.1:1/s'}]}
  - {name: pager, webhook_configs: [{url: 'http://127.0.0.1:1/pager'}]}
route:
  receiver: team
  min_severity: warning
  group_by: [service]
  routes:
    - matchers: [severity="critical"]
      receiver: pager
      group_wait: 30s
      continue: true
    - matchers: [service=~"batch-.*"]
      receivers: [team, pager]
      mute_time_intervals: [lunch]
      min_confidence: 0.7
time_intervals:
  - name: lunch
    time_intervals: [{times: [{start_time: '11:00', end_time: '13:00'}], weekdays: ['monday:friday'], days_of_month: [-1, '1:31']}]
policies:
  - name: queues
    matchers: [metric=~"queue.*"]
    detection_direction: above_expected
    min_dev_from_expected: [0, 20]
  - {name: web, matchers: [service="web"], deploy_grace: 5m}
inhibit_rules:
  - {source_matchers: [severity="critical"], target_matchers: [severity="info"], equal: [service]}
`;

let app: App;
beforeEach(async () => {
  const world = await alertingWorld(CONFIG);
  const { deps } = createFixture({ clock: world.clock });
  app = await createApiServer({ ...deps, control: world.control, alerting: world.alerting });
});
afterEach(() => app.close());

const ask = async (labels: Record<string, string>, confidence?: number) => {
  const response = await app.inject({
    method: 'POST',
    url: '/api/v1/routes/test',
    headers: MEANT,
    payload: { labels, ...(confidence === undefined ? {} : { confidence }) },
  });
  return routingTest.parse(response.json());
};

test('the tree is shown with what each node inherits, and what is muted now', async () => {
  const view = routingView.parse((await app.inject('/api/v1/routes')).json());
  expect(view.root).toMatchObject({ id: '0', receivers: ['team'], minSeverity: 'warning', mutedNow: null });
  expect(view.root.routes).toMatchObject([
    { id: '0.0', receivers: ['pager'], groupBy: ['service'], groupWait: 30_000, continue: true },
    {
      id: '0.1',
      receivers: ['team', 'pager'],
      muteTimeIntervals: ['lunch'],
      mutedNow: 'muted by time interval lunch',
      repeatInterval: 4 * 3_600_000,
    },
  ]);
  expect(view.receivers).toEqual([
    { name: 'team', types: ['slack', 'webhook'] },
    { name: 'pager', types: ['webhook'] },
  ]);
  expect(view.intervals).toMatchObject([
    { name: 'lunch', on: true, entries: [{ daysOfMonth: ['-1', '1:31'], zone: 'UTC' }] },
  ]);
  expect(view.inhibitRules).toMatchObject([{ source: [{ value: 'critical' }], equal: ['service'] }]);
});

test('labels are routed as by the router: continue, thresholds, time intervals', async () => {
  expect((await ask({ severity: 'critical', service: 'checkout' })).matches).toEqual([
    { route: '0.0', receivers: ['pager'], groupLabels: { service: 'checkout' }, heldBy: null },
  ]);
  expect((await ask({ severity: 'critical', service: 'batch-1' })).matches).toMatchObject([
    { route: '0.0', heldBy: null },
    { route: '0.1', receivers: ['team', 'pager'], heldBy: 'muted by time interval lunch' },
  ]);
  expect((await ask({ service: 'batch-1' }, 0.5)).matches).toMatchObject([
    { route: '0.1', heldBy: 'confidence 0.50 is below 0.7, what this route asks for' },
  ]);
  expect((await ask({ severity: 'info', service: 'web' })).matches).toMatchObject([
    { route: '0', heldBy: 'less severe than warning, what this route asks for' },
  ]);
});

test('policies are shown by the names of the configuration', async () => {
  const { items } = (await app.inject('/api/v1/policies')).json() as { items: readonly unknown[] };
  expect(items.map((item) => policyView.strict().parse(item))).toEqual([
    {
      name: 'queues',
      matchers: [{ name: 'metric', value: 'queue.*', isRegex: true, isEqual: true }],
      settings: [
        { key: 'detection_direction', value: 'above_expected' },
        { key: 'min_dev_from_expected', value: '0 below, 20 above' },
      ],
    },
    {
      name: 'web',
      matchers: [{ name: 'service', value: 'web', isRegex: false, isEqual: true }],
      settings: [{ key: 'deploy_grace', value: '5m' }],
    },
  ]);
});
