import { parseConfig } from '../../../config/load.ts';
import type { RecurrenceSpec } from '../../../domain/alerting/suppression.ts';
import { DAY, HOUR, MINUTE } from '../../../domain/units.ts';
import { createAlerting, type RunningAlerting } from '../../../pipeline/alerting/alerting.ts';
import { createNotices } from '../../../pipeline/correlator/notices.ts';
import { zoneOffset } from '../../../pipeline/routing/zones.ts';
import { settingsSchema } from '../../../pipeline/settings.ts';
import type { ApiDeps } from '../../deps.ts';

const CONFIG = `
receivers:
  - name: slack-oncall
    slack_configs: [{webhook_url: 'http://127.0.0.1:1/slack'}]
  - name: pagerduty-payments
    pagerduty_configs: [{routing_key: example}]
  - name: pagerduty-platform
    pagerduty_configs: [{routing_key: example}]
  - name: data-team
    slack_configs: [{webhook_url: 'http://127.0.0.1:1/slack'}]
    webhook_configs: [{url: 'http://127.0.0.1:1/data'}]
route:
  receiver: slack-oncall
  group_by: [service]
  repeat_interval: 4h
  routes:
    - matchers: [severity="critical"]
      receiver: pagerduty-platform
      continue: true
      routes:
        - matchers: [service=~"payments|checkout"]
          receiver: pagerduty-payments
          group_wait: 30s
          group_interval: 5m
          repeat_interval: 1h
    - matchers: [service=~"recommendations|catalog"]
      receiver: data-team
      mute_time_intervals: [nights, weekends]
      min_confidence: 0.6
time_intervals:
  - name: nights
    time_intervals:
      - times: [{start_time: '00:00', end_time: '07:00'}, {start_time: '20:00', end_time: '24:00'}]
        location: Europe/Berlin
  - name: weekends
    time_intervals:
      - weekdays: [saturday, sunday]
        location: Europe/Berlin
policies:
  - name: load only matters when it grows
    matchers: [metric="http.server.active_requests"]
    detection_direction: above_expected
    min_dev_from_expected: [0, 5]
  - name: carriers are flaky
    matchers: [service="shipping"]
    m_of_n: {needed: 4, window: 6}
    deploy_grace: 10m
inhibit_rules:
  - source_matchers: [severity="critical"]
    target_matchers: [severity="info"]
    equal: [service]
`;

const by = (name: string, value: string) => [{ name, value, isRegex: false, isEqual: true }];
const weekly = (over: Partial<RecurrenceSpec>): RecurrenceSpec => ({
  start: '2026-01-04T02:00:00',
  durationMs: 2 * HOUR,
  zone: 'Europe/Berlin',
  rrule: 'FREQ=WEEKLY;BYDAY=SU',
  rdates: [],
  exdates: [],
  ...over,
});

/** The product's own alerting over the fixture's store; what the shop's people set up is in it unless it is `empty`. */
export async function createShopAlerting(
  deps: Pick<ApiDeps, 'control' | 'clock'>,
  empty = false,
): Promise<RunningAlerting> {
  const { control, clock } = deps;
  const settings = parseConfig(empty ? '{}' : CONFIG, settingsSchema, {}).config;
  const incidents = (await control.incidents({ limit: 200 })).items;
  if (!empty) await seedSilences(deps);
  const notices = createNotices(
    settings.route,
    settings.receivers.map(({ name }) => name),
    'http://tocsin.example',
    { modelVersion: '', configHash: '' },
    { intervals: settings.time_intervals, inhibitRules: settings.inhibit_rules, zone: zoneOffset },
  );
  const alerting = await createAlerting({
    control,
    clock,
    settings,
    zone: zoneOffset,
    externalUrl: 'http://tocsin.example',
    correlator: {
      incidents: () => incidents,
      receiversOf: () => ['slack-oncall'],
      setSilences: (silences) => notices.setSilences(silences),
      setMaintenance: (windows) => notices.setMaintenance(windows),
      heldBy: (incident, at) => notices.heldBy(incident, incidents, [], at),
    },
  });
  if (empty) return alerting;
  const now = clock.now();
  await alerting.putMaintenance({
    name: 'Database patching',
    matchers: by('service', 'orders-db'),
    spans: [],
    recurrences: [weekly({})],
    createdBy: 'platform',
    comment: 'Rolling restart, writes stall for up to a minute',
  });
  await alerting.putMaintenance({
    name: 'Nightly backup',
    matchers: [{ name: 'service', value: 'orders-db|sessions', isRegex: true, isEqual: true }],
    spans: [],
    recurrences: [weekly({ start: '2026-01-01T01:30:00', durationMs: 45 * MINUTE, rrule: 'FREQ=DAILY' })],
    createdBy: 'platform',
    comment: '',
  });
  await alerting.putMaintenance({
    name: 'Move of the label printers',
    matchers: by('service', 'shipping'),
    spans: [{ startsAt: now - 20 * MINUTE, endsAt: now + 100 * MINUTE }],
    recurrences: [],
    createdBy: 'jonas',
    comment: 'Change CHG-889',
  });
  return alerting;
}

/** One in force, one to come, one that ended. */
async function seedSilences({ control, clock }: Pick<ApiDeps, 'control' | 'clock'>): Promise<void> {
  const now = clock.now();
  const silence = (matchers: ReturnType<typeof by>, startsAt: number, endsAt: number, who: string, comment: string) =>
    control.saveSilence({
      id: `sil-${who}-${matchers[0]?.value}`,
      matchers,
      startsAt,
      endsAt,
      createdBy: who,
      comment,
      updatedAt: Math.min(startsAt, now),
    });
  await silence(
    by('service', 'recommendations'),
    now - 40 * MINUTE,
    now + 80 * MINUTE,
    'mira',
    'Known leak, fix is being rolled out (SHOP-4121)',
  );
  await silence(by('service', 'catalog'), now + 9 * HOUR, now + 13 * HOUR, 'jonas', 'Reindex of the whole catalogue');
  await silence(by('service', 'shipping'), now - 2 * DAY, now - 46 * HOUR, 'mira', 'Carrier rotates its key');
}
