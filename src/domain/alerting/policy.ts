import type { Evidence } from '../anomaly.ts';
import { DAY, type DurationMs, type EpochMs } from '../units.ts';
import { compileMatchers, type Matcher } from './matcher.ts';
import type { ZoneOffset } from './suppression.ts';

export type Direction = 'both' | 'above_expected' | 'below_expected';
export type Seasonality = 'daily' | 'weekly' | 'monthly';
export type Importance = 'low' | 'normal' | 'high';

/** Days on which less than usual is usual. */
export interface Holidays {
  /** Names by local day of `zone`, `2026-12-25`, or of every year, `12-25`. */
  readonly days: Readonly<Record<string, string>>;
  readonly zone: string;
  /** Which deviations count on them. */
  readonly direction: Direction;
}

/** What is said of some series or services; names and meaning as in `docs/alerting.md`. A pair is below and above what is expected. */
export interface Policy {
  readonly name: string;
  readonly matchers: readonly Matcher[];
  readonly detection_direction?: Direction;
  readonly min_dev_from_expected?: readonly [number, number];
  readonly min_rel_dev_from_expected?: readonly [number, number];
  /** Null: no bound on that side. */
  readonly data_range?: readonly [number | null, number | null];
  readonly seasonalities?: readonly Seasonality[];
  readonly holidays?: Holidays;
  readonly importance?: Importance;
  readonly m_of_n?: {
    readonly needed: number;
    readonly window: number;
    readonly recover_ticks: number;
    readonly recover_after: DurationMs;
  };
  readonly flap_damping?: { readonly times: number; readonly within: DurationMs; readonly settle: DurationMs };
  readonly deploy_grace?: DurationMs;
}

/** The settings of all policies that match: of each, the first that says it. */
export type Profile = Omit<Policy, 'name' | 'matchers'> & {
  /** Which policy said what. */
  readonly by: Readonly<Record<string, string>>;
};

export interface Policies {
  readonly empty: boolean;
  /** Of a series: labels are `tenant`, `service`, `metric`, `instance` and its own. Null when nothing matches. */
  find(labels: Readonly<Record<string, string>>): Profile | null;
}

export function compilePolicies(policies: readonly Policy[]): Policies {
  const compiled = policies.map(({ name, matchers, ...settings }) => ({
    name,
    settings,
    matches: compileMatchers(matchers),
  }));
  const known = new Map<string, Profile | null>();
  return {
    empty: policies.length === 0,
    find(labels) {
      const matching = compiled.filter(({ matches }) => matches(labels));
      const key = matching.map(({ name }) => name).join('\n');
      const before = known.get(key);
      if (before !== undefined) return before;
      const by: Record<string, string> = {};
      let profile: Omit<Policy, 'name' | 'matchers'> = {};
      for (const { name, settings } of matching.toReversed()) {
        profile = { ...profile, ...settings };
        for (const setting of Object.keys(settings)) by[setting] = name;
      }
      const found = matching.length === 0 ? null : { ...profile, by };
      known.set(key, found);
      return found;
    },
  };
}

export interface Judgement {
  readonly reason: string;
  /** What was compared with what; null where nothing is. */
  readonly value: number | null;
  readonly limit: number | null;
}

/** True when a value is outside what the series can be: always strange. */
export function isOutOfRange({ data_range: range }: Profile, value: number): boolean {
  return range !== undefined && ((range[0] !== null && value < range[0]) || (range[1] !== null && value > range[1]));
}

/** Why a strange value is nothing to anybody; null when it counts: out of range it always does, and without an expectation. */
export function judge(
  profile: Profile,
  value: number,
  expected: number,
  at: EpochMs,
  zone: ZoneOffset,
): Judgement | null {
  const named = (setting: string): string => `policy "${profile.by[setting] ?? ''}"`;
  if (isOutOfRange(profile, value)) return null;
  if (!Number.isFinite(value) || !Number.isFinite(expected)) return null;
  const deviation = value - expected;
  const above = deviation >= 0;
  const side = above ? 'above' : 'below';
  const wrong = (direction: Direction): boolean => direction !== 'both' && (direction === 'above_expected') !== above;
  if (profile.detection_direction !== undefined && wrong(profile.detection_direction))
    return {
      reason: `${named('detection_direction')}: ${side} what is expected, and only ${profile.detection_direction} counts`,
      value,
      limit: expected,
    };
  const size = Math.abs(deviation);
  const least = profile.min_dev_from_expected?.[above ? 1 : 0] ?? 0;
  if (size < least)
    return {
      reason: `${named('min_dev_from_expected')}: ${figure(size)} ${side} what is expected, ${figure(least)} are needed`,
      value: size,
      limit: least,
    };
  const share = profile.min_rel_dev_from_expected?.[above ? 1 : 0] ?? 0;
  if (size < share * Math.abs(expected))
    return {
      reason: `${named('min_rel_dev_from_expected')}: ${percent(size / Math.abs(expected))} ${side} what is expected, ${percent(share)} are needed`,
      value: size / Math.abs(expected),
      limit: share,
    };
  const { holidays } = profile;
  if (holidays !== undefined && wrong(holidays.direction)) {
    const day = holidayAt(holidays, at, zone);
    if (day !== null)
      return { reason: `${named('holidays')}: ${side} what is expected on ${day}`, value, limit: expected };
  }
  return null;
}

/** The name of the holiday that it is there; null on other days. */
export function holidayAt(holidays: Holidays, at: EpochMs, zone: ZoneOffset): string | null {
  const local = new Date(at + (zone(holidays.zone, at) ?? 0)).toISOString().slice(0, 10);
  for (const day of [local, local.slice(5)]) if (Object.hasOwn(holidays.days, day)) return holidays.days[day] ?? day;
  return null;
}

/** How long ago the same time of a season was. */
export const SEASONS: Readonly<Record<Seasonality, readonly DurationMs[]>> = {
  daily: [DAY],
  weekly: [7 * DAY],
  monthly: [28 * DAY, 29 * DAY, 30 * DAY, 31 * DAY],
};

export const labelsOfEvidence = (tenant: string, e: Evidence): Readonly<Record<string, string>> => ({
  ...e.labels,
  tenant,
  service: e.service,
  metric: e.metric,
  instance: e.instance,
});

const figure = (value: number): string => Number(value.toPrecision(3)).toString();
const percent = (share: number): string => `${Math.round(share * 100)} %`;
