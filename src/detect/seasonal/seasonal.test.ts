import { describe, expect, it } from 'vitest';
import { createScoreColumns } from '../../domain/detector.ts';
import { createPointBatch } from '../../domain/signal/batch.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../domain/units.ts';
import { createRng } from '../../stats/rng.ts';
import { createSeasonal } from './seasonal.ts';

const MONDAY = Date.UTC(2026, 0, 5);

/** Runs one series at a cadence; gives for each sample its score (NaN while not ready) and expectation. */
function run(days: number, cadence: number, value: (time: number) => number) {
  const detector = createSeasonal();
  detector.grow(1);
  const batch = createPointBatch(1);
  const out = createScoreColumns(1);
  batch.length = 1;
  const score: number[] = [];
  const expected: number[] = [];
  for (let time = MONDAY; time < MONDAY + days * DAY; time += cadence) {
    batch.time[0] = time;
    batch.value[0] = value(time);
    detector.observe(batch, new Uint8Array([1]), out);
    score.push(out.ready[0] === 1 ? out.raw[0]! : Number.NaN);
    expected.push(out.ready[0] === 1 ? out.expected[0]! : Number.NaN);
  }
  return { score, expected };
}

const wave = (time: number): number => 100.5 + 40 * Math.sin((time / DAY) * 2 * Math.PI);

describe('seasonal', () => {
  it.each([
    ['10 s', 10 * SECOND, 4],
    ['1 min', MINUTE, 5],
    ['5 min', 5 * MINUTE, 8],
    ['1 h', HOUR, 12],
  ])('learns a daily wave at a cadence of %s', (_, cadence, days) => {
    const rng = createRng(5);
    const { score, expected } = run(days, cadence, (time) => wave(time) + rng.normal());
    const day = Math.round(DAY / cadence);
    const error = expected
      .slice(-day)
      .map((forecast, i) => Math.abs(forecast - wave(MONDAY + (days * day - day + i) * cadence)));
    // Within a fifth of the wave everywhere; a mean as forecast would be off by all of it.
    expect(Math.max(...error)).toBeLessThan(8);
    expect(score.slice(-day).every((s) => s >= 0)).toBe(true);
  });

  it('finds a usual value at the wrong time of day', () => {
    const rng = createRng(6);
    const at = MONDAY + 6 * DAY + 18 * HOUR;
    const { score } = run(7, MINUTE, (time) => (time === at ? 140 : wave(time)) + rng.normal());
    const index = (at - MONDAY) / MINUTE;
    const usual = score.slice(-3000).sort((a, b) => a - b)[2900]!;
    expect(score[index]).toBeGreaterThan(5 * usual);
  });

  it('keeps no profile for noise, and gives one up when the rhythm ends', () => {
    const rng = createRng(7);
    expect(run(6, 5 * MINUTE, () => 10 + rng.normal()).score.every(Number.isNaN)).toBe(true);
    const ending = run(45, 5 * MINUTE, (time) => (time < MONDAY + 6 * DAY ? wave(time) : 100.5) + rng.normal()).score;
    expect(ending[5 * 288]).toBeGreaterThanOrEqual(0);
    expect(ending.at(-1)).toBeNaN();
  });
});
