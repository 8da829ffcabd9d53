import { describe, expect, it } from 'vitest';
import { seededRandom } from './bootstrap.ts';
import {
  bestEventF1,
  countEvents,
  delayLimit,
  eventCountsAt,
  eventCurve,
  eventsOf,
  figuresOf,
  MERGE_GAP,
  recallAtBudget,
} from './event-f1.ts';

describe('events', () => {
  it('merges label runs at most 5 samples apart', () => {
    const label = new Uint8Array(40);
    for (const at of [3, 4, 9, 20]) label[at] = 1;
    expect(eventsOf(label)).toEqual([
      [3, 9],
      [20, 20],
    ]);
    label[15] = 1;
    expect(eventsOf(label)).toEqual([
      [3, 9],
      [15, 20],
    ]);
  });

  it('catches within the delay only, and a late alarm in the event is neither caught nor false', () => {
    expect(countEvents([[10, 40]], [17], 100, 60_000)).toMatchObject({ caught: 1, falseAlarms: 0, delays: [7] });
    expect(countEvents([[10, 40]], [18], 100, 60_000)).toMatchObject({ caught: 0, falseAlarms: 0 });
    expect(countEvents([[10, 40]], [14], 100, 3_600_000)).toMatchObject({ caught: 0 });
    expect(delayLimit(3_600_000)).toBe(3);
  });

  it('counts runs of alarms, not alarms, and forgives 5 samples around an event', () => {
    expect(countEvents([[50, 52]], [10, 12, 17, 40, 45], 100, 60_000)).toMatchObject({ caught: 0, falseAlarms: 1 });
    expect(countEvents([[50, 52]], [44], 100, 60_000)).toMatchObject({ falseAlarms: 1 });
    expect(countEvents([[50, 52]], [57], 100, 60_000)).toMatchObject({ falseAlarms: 0 });
    expect(countEvents([[50, 52]], [58], 100, 60_000)).toMatchObject({ falseAlarms: 1 });
  });

  it('agrees with a slow twin that looks at every pair', () => {
    const random = seededRandom(11);
    for (let round = 0; round < 200; round++) {
      const rows = 150;
      const label = Uint8Array.from({ length: rows }, () => (random() < 0.04 ? 1 : 0));
      const alarms = Array.from({ length: rows }, (_, i) => i).filter(() => random() < 0.05);
      const events = eventsOf(label);
      const caught = events.filter(([a, b]) => alarms.some((at) => at >= a && at <= Math.min(b, a + 7))).length;
      const runs: number[][] = [];
      for (const at of alarms) {
        const last = runs.at(-1);
        if (last !== undefined && at - last.at(-1)! <= MERGE_GAP) last.push(at);
        else runs.push([at]);
      }
      const wrong = runs.filter(
        (run) => !events.some(([a, b]) => run[0]! <= b + MERGE_GAP && run.at(-1)! >= a - MERGE_GAP),
      ).length;
      expect(countEvents(events, alarms, rows, 60_000)).toMatchObject({
        events: events.length,
        caught,
        falseAlarms: wrong,
      });
    }
  });
});

describe('event curve', () => {
  it('prices a perfect score at full recall without false alarms', () => {
    const label = new Uint8Array(2000);
    label.fill(1, 500, 510);
    label.fill(1, 1500, 1505);
    const score = Float32Array.from(label, (x, i) => x * 5 + (i % 10) / 100);
    const curve = eventCurve([{ label, score, stepMs: 60_000 }]);
    expect(bestEventF1(curve)).toMatchObject({ f1: 1, recall: 1, falseAlarmsPerDay: 0 });
    expect(recallAtBudget(curve, 0.1)).toBe(1);
  });

  it('matches the counts taken directly at each threshold', () => {
    const random = seededRandom(5);
    const series = [0, 1].map(() => ({
      label: Uint8Array.from({ length: 3000 }, (_, i) => (i % 500 < 6 ? 1 : 0)),
      score: Float32Array.from({ length: 3000 }, () => random()),
      stepMs: 60_000,
    }));
    for (const point of eventCurve(series, 12)) {
      expect(figuresOf(eventCountsAt(series, point.threshold), point.threshold)).toEqual(point);
    }
  });
});
