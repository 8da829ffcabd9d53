import { expect, test } from 'vitest';
import { DAY, MINUTE } from '../../domain/units.ts';
import { createRng } from '../../stats/rng.ts';
import { createDriftMonitor } from './monitor.ts';

const START = Date.UTC(2026, 0, 5);

/** Feeds `minutes` of 40 p-values each; `power` > 1 makes small ones commoner. */
function feed(
  monitor: ReturnType<typeof createDriftMonitor>,
  from: number,
  minutes: number,
  power: number,
  seed: number,
): void {
  const rng = createRng(seed);
  for (let i = 0; i < minutes; i++) {
    monitor.advance(START + (from + i) * MINUTE);
    for (let k = 0; k < 40; k++) monitor.add('metric/gauge', -Math.log10(Math.max(1e-6, (1 - rng.next()) ** power)));
  }
  monitor.advance(START + (from + minutes) * MINUTE);
}

const DAY_MINUTES = DAY / MINUTE;
const kinds = (monitor: ReturnType<typeof createDriftMonitor>) => monitor.findings().map(({ kind }) => kind);

test('p-values as they should be are no drift, for days', () => {
  const monitor = createDriftMonitor();
  feed(monitor, 0, 3 * DAY_MINUTES, 1, 1);
  expect(monitor.findings()).toEqual([]);
  const [one] = monitor.classes();
  expect(one).toMatchObject({ class: 'metric/gauge', enough: true });
  expect(one!.share).toBeCloseTo(0.01, 2);
});

test('too many small ones are told by every test, with what was seen and since when', () => {
  const monitor = createDriftMonitor();
  feed(monitor, 0, DAY_MINUTES, 1, 2);
  feed(monitor, DAY_MINUTES, 300, 2, 3);
  expect(kinds(monitor)).toContain('adwin');
  expect(kinds(monitor)).toContain('page-hinkley');
  const sequential = monitor.findings().find(({ kind }) => kind === 'adwin')!;
  expect(sequential.since - START).toBeGreaterThanOrEqual(DAY);
  expect(sequential.since - START).toBeLessThan(DAY + 120 * MINUTE);
  feed(monitor, DAY_MINUTES + 300, DAY_MINUTES - 300, 2, 4);
  expect(kinds(monitor)).toEqual(expect.arrayContaining(['ks', 'psi', 'uniformity']));
  for (const { statistic, threshold, text } of monitor.findings()) {
    expect(statistic).toBeGreaterThan(threshold);
    expect(text).not.toBe('');
  }
});

test('too few are told as well, and what is over is over', () => {
  const monitor = createDriftMonitor();
  feed(monitor, 0, DAY_MINUTES, 0.5, 5);
  expect(kinds(monitor)).toContain('uniformity');
  feed(monitor, DAY_MINUTES, 3 * DAY_MINUTES, 1, 6);
  expect(monitor.findings()).toEqual([]);
});

test('scores of 0 are not counted, a few values are not judged', () => {
  const monitor = createDriftMonitor();
  monitor.advance(START);
  for (let i = 0; i < 100; i++) monitor.add('trace', 0);
  expect(monitor.classes()).toEqual([]);
  for (let i = 0; i < 100; i++) monitor.add('trace', 4);
  monitor.advance(START + DAY);
  expect(monitor.findings()).toEqual([]);
});

test('saved and restored, it goes on as if nothing had been', () => {
  const whole = createDriftMonitor();
  const first = createDriftMonitor();
  for (const one of [whole, first]) feed(one, 0, 700, 1, 7);
  const second = createDriftMonitor();
  second.restore(structuredClone(first.save()));
  for (const one of [whole, second]) feed(one, 700, 1_200, 1.6, 8);
  expect(second.save()).toEqual(whole.save());
  expect(second.findings()).toEqual(whole.findings());
  expect(() => second.restore({ version: 0, arrays: {}, meta: {} })).toThrow(/state/);
});
