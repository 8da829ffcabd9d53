import { expect, test } from 'vitest';
import { DAY_ROWS, syntheticBackgrounds } from '../../learn/self-test/backgrounds.ts';
import { settingsSchema } from '../settings.ts';
import { delayOf, falseAlarmsPerWeek, figuresOf, scoreAll, thresholdAt } from './measure.ts';
import { scoreThroughShard } from './tier.ts';

const settings = settingsSchema.parse({});

/** Floors for continuous integration: a small part of `tocsin eval injected`, well below what it finds. */
test('spikes and missing points are found, repeated samples raise nothing', () => {
  const only = new Set(['spike', 'missing-points', 'duplicate']);
  const backgrounds = syntheticBackgrounds(1, 8.5 * DAY_ROWS, 1);
  const { cases, quiet } = scoreAll(backgrounds, (series) => scoreThroughShard(series, settings), 1, only);
  const threshold = thresholdAt(quiet, 10);
  expect(falseAlarmsPerWeek(quiet, threshold)).toBeLessThanOrEqual(10);
  const share = (kind: string): number => {
    const { found, cases: all } = figuresOf(cases, kind, threshold);
    return found / all;
  };
  expect(share('spike')).toBeGreaterThanOrEqual(0.6);
  expect(share('missing-points')).toBeGreaterThanOrEqual(0.9);
  expect(share('duplicate')).toBe(0);
});

test('alarms near each other are one; the strictest threshold that raises too many ends the search', () => {
  const week = new Float32Array(7 * DAY_ROWS);
  for (const row of [100, 103, 108, 2_000, 4_000]) week[row] = 5;
  for (const row of [6_000, 6_100]) week[row] = 4;
  expect(falseAlarmsPerWeek([week], 5)).toBe(3);
  expect(falseAlarmsPerWeek([week], 4)).toBe(5);
  expect(thresholdAt([week], 3)).toBe(5);
  expect(thresholdAt([week], 5)).toBe(4);
  expect(thresholdAt([week], 2)).toBe(Number.POSITIVE_INFINITY);
});

test('an alarm that the untouched copy raises as well finds nothing', () => {
  const one = {
    background: 0,
    kind: 'spike',
    grade: 0,
    from: 0,
    window: Float32Array.of(0, 5, 4),
    untouched: Float32Array.of(0, 5, 0),
  } as const;
  expect(delayOf(one, 4)).toBe(2);
  expect(delayOf(one, 4.5)).toBe(-1);
});

test('the configuration counts: without detectors but one, other scores', () => {
  const series = syntheticBackgrounds(1, 2 * DAY_ROWS, 1).map(({ value }) => ({
    value,
    arrival: null,
    counter: false,
  }));
  const all = scoreThroughShard(series, settings);
  const some = scoreThroughShard(series, settingsSchema.parse({ detect: { off: ['ewma', 'novelty'] } }));
  expect(all[0]).not.toEqual(some[0]);
  expect(scoreThroughShard(series, settings)).toEqual(all);
});
