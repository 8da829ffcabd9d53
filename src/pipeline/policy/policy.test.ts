import { describe, expect, test } from 'vitest';
import { type ConfigError, parseConfig } from '../../config/load.ts';
import { compilePolicies, holidayAt, judge, type Policy, type Profile } from '../../domain/alerting/policy.ts';
import { createPointBatch } from '../../domain/signal/batch.ts';
import type { SeriesInfo } from '../../domain/signal/series.ts';
import { DAY, HOUR } from '../../domain/units.ts';
import { createSeriesScores } from '../../fuse/series-scores.ts';
import { zoneOffset } from '../routing/zones.ts';
import { settingsSchema } from '../settings.ts';
import { easterOf, holidaysOf } from './holidays.ts';
import { PolicyTable } from './policy-table.ts';

const T0 = Date.UTC(2026, 10, 20, 12, 0, 0);
const read = (yaml: string): readonly Policy[] => parseConfig(`policies:\n${yaml}`, settingsSchema, {}).config.policies;
const profileOf = (yaml: string, labels: Record<string, string> = {}): Profile =>
  compilePolicies(read(yaml)).find({ service: 'db', metric: 'queue', ...labels }) as Profile;
const reason = (profile: Profile, value: number, expected: number, at = T0): string | null =>
  judge(profile, value, expected, at, zoneOffset)?.reason ?? null;

describe('what a policy says of a deviation', () => {
  test('direction, absolute and relative deviation with their own side, and the reason with its numbers', () => {
    const profile = profileOf(`
  - {name: p, matchers: 'service="db"', detection_direction: above_expected, min_dev_from_expected: [5, 20], min_rel_dev_from_expected: 0.5}`);
    expect(reason(profile, 10, 100)).toContain('only above_expected counts');
    expect(reason(profile, 110, 100)).toBe('policy "p": 10 above what is expected, 20 are needed');
    expect(reason(profile, 140, 100)).toBe('policy "p": 40 % above what is expected, 50 % are needed');
    expect(reason(profile, 151, 100)).toBeNull();
    const both = profileOf(`
  - {name: p, min_dev_from_expected: [5, 20]}`);
    expect([reason(both, 94, 100), reason(both, 96, 100)]).toEqual([null, expect.stringContaining('5 are needed')]);
  });

  test('out of its valid range counts whatever else is said', () => {
    const profile = profileOf(`
  - {name: p, min_dev_from_expected: 1000, data_range: [0, inf]}`);
    expect([reason(profile, -1, 100), reason(profile, 50, 100)]).toEqual([null, expect.stringContaining('needed')]);
  });

  test('of each setting the first policy that matches says it', () => {
    const profile = profileOf(`
  - {name: mine, matchers: ['service="db"', 'metric=~"q.*"'], min_dev_from_expected: 1}
  - {name: other, matchers: 'service="web"', min_dev_from_expected: 9}
  - {name: all, min_dev_from_expected: 5, detection_direction: below_expected}`);
    expect([profile.min_dev_from_expected, profile.detection_direction]).toEqual([[1, 1], 'below_expected']);
    expect(profile.by).toEqual({ min_dev_from_expected: 'mine', detection_direction: 'all' });
  });

  test('on a holiday, in the zone it is in, less than usual is usual', () => {
    const profile = profileOf(`
  - name: p
    holidays: {countries: [DE], special_events: [{name: company party, days: ['2026-11-20']}, {name: Christmas Eve, days: [12-24]}], zone: Europe/Berlin}`);
    expect(reason(profile, 10, 100, T0)).toBe('policy "p": below what is expected on company party');
    expect(reason(profile, 900, 100, T0)).toBeNull();
    expect(reason(profile, 10, 100, T0 + DAY)).toBeNull();
    const christmas = (at: number) => holidayAt(profile.holidays!, at, zoneOffset);
    expect(christmas(Date.UTC(2026, 11, 23, 22, 59))).toBeNull();
    expect(christmas(Date.UTC(2026, 11, 23, 23, 0))).toBe('Christmas Eve');
    expect(christmas(Date.UTC(2027, 11, 24, 12, 0))).toBe('Christmas Eve');
    expect(christmas(Date.UTC(2026, 11, 25, 12, 0))).toBe('Christmas');
  });

  test('holidays by rule are those of the calendar', () => {
    expect([2024, 2025, 2026, 2038].map((year) => new Date(easterOf(year)).toISOString().slice(0, 10))).toEqual([
      '2024-03-31',
      '2025-04-20',
      '2026-04-05',
      '2038-04-25',
    ]);
    const us = holidaysOf('US');
    expect([...us].filter(([day]) => day.startsWith('2026-')).map(([day, name]) => `${day} ${name}`)).toEqual(
      expect.arrayContaining([
        '2026-01-19 Martin Luther King Day',
        '2026-05-25 Memorial Day',
        '2026-09-07 Labor Day',
        '2026-11-26 Thanksgiving',
      ]),
    );
    expect(holidaysOf('GB').get('2026-05-25')).toBe('Spring bank holiday');
    expect(holidaysOf('DE').get('2026-05-14')).toBe('Ascension Day');
  });
});

test('all faults of policies at once, each where it is', () => {
  const faults = (() => {
    try {
      read(`
  - {name: a, matchers: 'metric="x"', m_of_n: {needed: 5, window: 3}}
  - {name: a, data_range: [5, 1], holidays: {countries: [XX], zone: Nowhere}}
  - {name: b}
  - {name: c, detection_direction: up, min_dev_from_expected: [1], seasonalities: [hourly], deploy_grace: soon, colour: red}`);
      return [];
    } catch (error) {
      return (error as ConfigError).faults.map(({ path }) => path);
    }
  })();
  for (const path of [
    'policies.0.m_of_n.needed',
    'policies.1.holidays.countries.0',
    'policies.1.holidays.zone',
    'policies.3.detection_direction',
    'policies.3.min_dev_from_expected',
    'policies.3.seasonalities.0',
    'policies.3.deploy_grace',
  ])
    expect(faults).toContain(path);
  expect(() =>
    read(`
  - {name: a, matchers: 'metric="x"', m_of_n: {}}`),
  ).toThrow('may only name service and tenant');
  expect(() =>
    read(`
  - {name: a, data_range: [5, 1]}`),
  ).toThrow('below the upper');
  expect(() =>
    read(`
  - {name: b}`),
  ).toThrow('says nothing');
});

describe('where the strangeness of a series enters its service', () => {
  const info = (series: number): SeriesInfo => ({
    id: `s${series}`,
    tenant: 'default',
    service: 'db',
    metric: series === 0 ? 'queue' : 'cpu',
    unit: '',
    kind: 0 as SeriesInfo['kind'],
    modality: 'metric',
    labels: {},
    instance: '',
  });
  function world(yaml: string) {
    const table = new PolicyTable(compilePolicies(read(yaml)), zoneOffset, info);
    table.grow(8);
    const batch = createPointBatch(1);
    const scores = createSeriesScores(1);
    const see = (target: PolicyTable, series: number, at: number, value: number, surprise = 5): number => {
      batch.length = 1;
      batch.series[0] = series;
      batch.time[0] = at;
      batch.value[0] = value;
      scores.evidence[0] = surprise;
      scores.expected[0] = 100;
      target.apply(batch, scores);
      return scores.evidence[0];
    };
    return { table, see };
  }

  test('suppressed counts as ordinary and is on the record, once for a while; other series are untouched', () => {
    const { table, see } = world(`
  - {name: p, matchers: 'metric="queue"', min_dev_from_expected: 50}`);
    expect([see(table, 0, T0, 120), see(table, 1, T0, 120), see(table, 0, T0, 200)]).toEqual([
      expect.closeTo(0.3, 5),
      5,
      5,
    ]);
    const [record, ...more] = table.take(T0 + 10_000);
    expect(record).toMatchObject({ stage: 'policy', subject: 's0', outcome: 'suppressed', value: 20, limit: 50 });
    expect(more).toEqual([]);
    see(table, 0, T0 + 20_000, 120);
    expect(table.take(T0 + 20_000)).toEqual([]);
    see(table, 0, T0 + HOUR, 120);
    expect(table.take(T0 + HOUR)).toHaveLength(1);
  });

  test('an impossible value is certain, and says so', () => {
    const { table, see } = world(`
  - {name: p, matchers: 'metric="queue"', data_range: [0, 150]}`);
    expect([see(table, 0, T0, 151, 0.1), see(table, 0, T0, 150, 0.1)]).toEqual([6, expect.closeTo(0.1, 5)]);
    expect([table.rangeText(0, 151), table.rangeText(0, 20), table.rangeText(1, 151)]).toEqual([
      'outside of its valid range 0 to 150',
      null,
      null,
    ]);
  });

  test('as strange as yesterday at this time is usual; stranger, at another time or on the other side is not', () => {
    const { table, see } = world(`
  - {name: p, matchers: 'metric="queue"', seasonalities: [daily]}`);
    expect(see(table, 0, T0, 200)).toBe(5);
    // Saved and restored in between.
    const copy = new PolicyTable(
      compilePolicies(
        read(`
  - {name: p, matchers: 'metric="queue"', seasonalities: [daily]}`),
      ),
      zoneOffset,
      info,
    );
    copy.grow(8);
    copy.restore(JSON.parse(JSON.stringify(table.save())));
    for (const target of [table, copy]) {
      expect(see(target, 0, T0 + DAY + 10 * 60_000, 220)).toBeCloseTo(0.3, 5);
      expect(see(target, 0, T0 + DAY, 260)).toBe(5);
      expect(see(target, 0, T0 + DAY, 20)).toBe(5);
      expect(see(target, 0, T0 + DAY + 2 * HOUR, 200)).toBe(5);
      expect(target.take(T0 + DAY)[0]?.reason).toContain('at this time 1 days before (daily)');
    }
  });
});
