import { describe, expect, test } from 'vitest';
import { DAY_ROWS, SHAPE_NAMES, syntheticBackgrounds } from './backgrounds.ts';
import { ANOMALY_KINDS, counterOf, injectAll, noiseOf, ORDINARY_KINDS } from './inject.ts';

const ROWS = 9 * DAY_ROWS;
const WARM_UP = 7 * DAY_ROWS;

const backgrounds = syntheticBackgrounds(SHAPE_NAMES.length, ROWS, 3);
const named = (name: string) => backgrounds.find((one) => one.name === `${name}-1`)!;

describe('backgrounds', () => {
  test('repeat for a seed, differ for another, and are finite', () => {
    const again = syntheticBackgrounds(SHAPE_NAMES.length, ROWS, 3);
    const other = syntheticBackgrounds(SHAPE_NAMES.length, ROWS, 4);
    backgrounds.forEach((one, i) => {
      expect(one.value).toEqual(again[i]!.value);
      expect(one.value.every(Number.isFinite)).toBe(true);
    });
    expect(named('flat').value).not.toEqual(other[0]!.value);
  });

  test('noise is that of the steps, not of the day', () => {
    expect(noiseOf(named('flat').value)).toBeCloseTo(2, 1);
    const { value } = named('growth');
    expect(noiseOf(value)).toBeGreaterThan(7);
    expect(noiseOf(value)).toBeLessThan(11);
    expect(noiseOf(new Float64Array(100).fill(5))).toBeGreaterThan(0);
  });
});

describe('injections', () => {
  const requests = named('requests');
  const cases = injectAll(requests, named('wander'), WARM_UP, 5);

  test('there is every kind in every size, behind the warm-up, and the same again for the seed', () => {
    for (const kind of [...Object.keys(ANOMALY_KINDS), ...Object.keys(ORDINARY_KINDS)])
      expect(
        cases.filter((one) => one.kind === kind).map(({ grade }) => grade),
        kind,
      ).toEqual([0, 1, 2, 3, 4]);
    for (const { from, to } of cases) {
      expect(from).toBeGreaterThanOrEqual(WARM_UP);
      expect(to).toBeLessThan(ROWS);
    }
    expect(injectAll(requests, named('wander'), WARM_UP, 5)).toEqual(cases);
  });

  test('nothing is changed outside the rows that are named, and something within', () => {
    for (const { kind, from, to, value, counter } of cases) {
      if (counter || kind === 'daylight-saving') continue;
      let changed = 0;
      for (let row = 0; row < ROWS; row++) {
        const same = Object.is(value[row], requests.value[row]);
        if (row >= from && row <= to) changed += same ? 0 : 1;
        else if (kind !== 'cold-start' && !same) expect.fail(`${kind} row ${row}`);
      }
      const isAnomaly = kind in ANOMALY_KINDS;
      expect(changed > 0, kind).toBe(isAnomaly);
    }
  });

  test('late, repeated and reordered samples all arrive, none before its time', () => {
    for (const { kind, arrival } of cases) {
      if (arrival === null) continue;
      const seen = new Uint8Array(ROWS);
      arrival.forEach((rows, minute) => {
        for (const row of rows) {
          seen[row] = 1;
          if (row > minute) expect.fail(`${kind}: row ${row} at ${minute}`);
        }
      });
      expect(
        seen.every((x) => x === 1),
        kind,
      ).toBe(true);
    }
  });

  test('a counter that restarts rises by the same rates as one that does not', () => {
    const whole = counterOf(requests.value);
    for (const { value } of cases.filter(({ kind }) => kind === 'counter-reset')) {
      let restarts = 0;
      for (let row = 1; row < ROWS; row++) {
        const rise = value[row]! - value[row - 1]!;
        if (rise < 0) restarts++;
        // A running total of millions keeps a rate to a few digits less than doubles have.
        const step = whole[row]! - whole[row - 1]!;
        if (Math.abs((rise < 0 ? value[row]! : rise) - step) > 1e-3) expect.fail(`row ${row}`);
      }
      expect(restarts).toBeGreaterThan(0);
    }
  });

  test('what would be nothing new on a background is left out', () => {
    const kinds = (name: string) => new Set(injectAll(named(name), named('flat'), WARM_UP, 1).map(({ kind }) => kind));
    expect(kinds('flat').has('wrong-time-of-day')).toBe(false);
    expect(kinds('flat').has('seasonality-loss')).toBe(false);
    expect(kinds('flat').has('flat-line')).toBe(true);
    expect(kinds('replicas').has('flat-line')).toBe(false);
  });

  test('recorded backgrounds: nothing where something was wrong anyhow', () => {
    const unfit = new Uint8Array(ROWS).fill(1);
    expect(injectAll({ ...requests, unfit }, named('wander'), WARM_UP, 5)).toEqual([]);
  });
});
