import { describe, expect, test } from 'vitest';
import { compileRoutes, groupKeyOf, matchRoutes } from '../../alert/route/route.ts';
import { compileIntervals } from '../../alert/route/time-interval.ts';
import { parseConfig } from '../../config/load.ts';
import { settingsSchema } from '../settings.ts';
import { showRoutes } from './show.ts';
import { zoneOffset } from './zones.ts';

/** The routing section of Alertmanager's own example, unchanged. */
const EXAMPLE = `
route:
  group_by: ['alertname', 'cluster', 'service']
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 3h
  receiver: team-X-mails
  routes:
    - matchers:
        - service=~"foo1|foo2|baz"
      receiver: team-X-mails
      routes:
        - matchers:
            - severity="critical"
          receiver: team-X-pager
    - matchers:
        - service="files"
      receiver: team-Y-mails
      routes:
        - matchers:
            - severity="critical"
          receiver: team-Y-pager
    - match:
        service: database
      receiver: team-DB-pager
      group_by: [alertname, cluster, database]
      routes:
        - match_re: {owner: 'team-X'}
          receiver: team-X-pager
          continue: true
          mute_time_intervals: [offhours]
        - matchers: ['{owner="team-Y"}']
          receiver: team-Y-pager
inhibit_rules:
  - source_matchers: [severity="critical"]
    target_matchers: [severity="warning"]
    equal: [alertname, cluster, service]
time_intervals:
  - name: offhours
    time_intervals:
      - weekdays: ['saturday', 'sunday']
        location: Europe/Berlin
      - times: [{start_time: '00:00', end_time: '09:00'}]
receivers:
${['team-X-mails', 'team-X-pager', 'team-Y-mails', 'team-Y-pager', 'team-DB-pager'].map((name) => `  - {name: ${name}, webhook_configs: [{url: 'http://localhost/${name}'}]}`).join('\n')}
`;
const load = (text: string) => parseConfig(text, settingsSchema, {}).config;
const treeOf = (text: string) => {
  const settings = load(text);
  return compileRoutes(
    settings.route,
    settings.receivers.map((r) => r.name),
    compileIntervals(settings.time_intervals, zoneOffset),
  );
};

describe("Alertmanager's example", () => {
  const tree = treeOf(EXAMPLE);
  test.each([
    [{ service: 'foo1' }, 'team-X-mails'],
    [{ service: 'foo1', severity: 'critical' }, 'team-X-pager'],
    [{ service: 'foo12' }, 'team-X-mails'],
    [{ service: 'files', severity: 'warning' }, 'team-Y-mails'],
    [{ service: 'database' }, 'team-DB-pager'],
    [{ service: 'database', owner: 'team-X' }, 'team-X-pager'],
    [{ service: 'database', owner: 'team-Y' }, 'team-Y-pager'],
    [{}, 'team-X-mails'],
  ])('%j goes to %s', (labels, receiver) => {
    expect(
      matchRoutes(tree, labels as Record<string, string>)
        .flatMap((r) => r.receivers)
        .join(','),
    ).toBe(receiver);
  });

  test('timing and groups are inherited', () => {
    const [route] = matchRoutes(tree, { service: 'database', owner: 'team-X' });
    expect(route).toMatchObject({ groupWait: 30_000, groupInterval: 300_000, repeatInterval: 10_800_000 });
    expect(groupKeyOf(route!, { alertname: 'a', database: 'd', owner: 'x' })).toBe(
      '0.2.0:{alertname="a",database="d"}',
    );
    expect(route!.mutedAt(Date.parse('2026-01-03T12:00:00Z'))).toMatch(/offhours/);
    expect(route!.mutedAt(Date.parse('2026-01-02T12:00:00Z'))).toBeNull();
    // Saturday in Berlin begins an hour before it does in London.
    expect(route!.mutedAt(Date.parse('2026-01-02T23:30:00Z'))).toMatch(/offhours/);
  });

  test('is shown as a tree', () => {
    expect(showRoutes(tree)).toEqual([
      'default-route  receiver: team-X-mails  min_severity: warning',
      ...[
        '├── {service=~"foo1|foo2|baz"}  receiver: team-X-mails',
        '│   └── {severity="critical"}  receiver: team-X-pager',
        '├── {service="files"}  receiver: team-Y-mails',
        '│   └── {severity="critical"}  receiver: team-Y-pager',
        '└── {service="database"}  receiver: team-DB-pager',
        '    ├── {owner=~"team-X"}  continue: true  receiver: team-X-pager',
        '    └── {owner="team-Y"}  receiver: team-Y-pager',
      ].map((line) => `${line}  min_severity: warning`),
    ]);
  });
});

test('without a tree all receivers are told', () => {
  const settings = load(
    'receivers: [{name: a, webhook_configs: [{url: "http://x"}]}, {name: b, webhook_configs: [{url: "http://x"}]}]',
  );
  expect(settings.route.receivers).toEqual(['a', 'b']);
  expect(settings.route.min_severity).toBe('warning');
});

test.each([
  ['route: {receiver: nobody}', /no receiver is named 'nobody'/],
  ['route: {routes: [{receiver: x}]}', /route\.routes\.0\.receiver: no receiver is named 'x'/],
  ['route: {routes: [{mute_time_intervals: [y]}]}', /no time interval is named 'y'/],
  ['route: {matchers: [a="b"]}', /unknown key/],
  ['route: {group_by: [a, a]}', /named twice/],
  ['route: {group_by: ["...", a]}', /stands alone/],
  ['route: {routes: [{matchers: ["a=~[b"]}]}', /bad expression/],
  ['route: {group_interval: 0s}', /must be at least/],
  ['time_intervals: [{name: a, time_intervals: [{weekdays: [fryday]}]}]', /not a weekday/],
  ['receivers: [{name: a, pagerduty_configs: [{routing_key: k, title: "{{ .nope }}"}]}]', /no field \.nope/],
  ['receivers: [{name: a, slack_configs: [{bot_token: k}]}]', /channel: must be given/],
])('%s', (text, message) => {
  expect(() => load(text)).toThrow(message);
});

test('zones know daylight saving', () => {
  expect(zoneOffset('Europe/Berlin', Date.parse('2026-03-29T00:59:59Z'))).toBe(3_600_000);
  expect(zoneOffset('Europe/Berlin', Date.parse('2026-03-29T01:00:00Z'))).toBe(7_200_000);
  expect(zoneOffset('Asia/Kathmandu', 0)).toBe(19_800_000);
  expect(zoneOffset('America/St_Johns', Date.parse('2026-01-01T00:00:00Z'))).toBe(-12_600_000);
  expect(zoneOffset('Nowhere/Land', 0)).toBeNull();
});
