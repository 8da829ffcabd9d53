import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readMetricSet } from '../data/metric-sets.ts';
import { seededRandom } from './bootstrap.ts';
import type { ScoredSeries } from './delay-f1.ts';
import { bestDelayThreshold, delayCounts, f1Of, sumCounts } from './delay-f1.ts';

function series(label: readonly number[], score: readonly number[]): ScoredSeries {
  return { label: Uint8Array.from(label), score: Float32Array.from(score), stepMs: 60_000 };
}

function shifted(label: Uint8Array, by: number): Float32Array {
  const out = new Float32Array(label.length);
  for (let i = by; i < out.length; i++) out[i] = label[i - by]!;
  return out;
}

describe('delay-limited F1', () => {
  const label = Uint8Array.from({ length: 60 }, (_, i) => (i >= 10 && i < 22 ? 1 : 0));

  it('is 1 for predictions equal to the labels', () => {
    expect(f1Of(delayCounts({ label, score: shifted(label, 0), stepMs: 1 }, 1))).toBe(1);
  });

  it('still finds a run 7 rows late and none 8 rows late', () => {
    expect(delayCounts({ label, score: shifted(label, 7), stepMs: 1 }, 1)).toEqual({ tp: 12, fp: 7, fn: 0 });
    expect(delayCounts({ label, score: shifted(label, 8), stepMs: 1 }, 1)).toEqual({ tp: 0, fp: 8, fn: 12 });
  });

  it('counts a whole run for one timely alarm', () => {
    expect(delayCounts(series([0, 1, 1, 1, 0], [0, 0, 1, 0, 1]), 1)).toEqual({ tp: 3, fp: 1, fn: 0 });
  });

  it('finds the threshold that an exhaustive search finds', () => {
    const random = seededRandom(3);
    for (let round = 0; round < 30; round++) {
      const all = [0, 1].map(() => {
        const l = Array.from({ length: 200 }, (_, i) => (Math.floor(i / 11) % 5 === 2 ? 1 : 0));
        return series(
          l,
          l.map((x) => Math.fround(Math.round(20 * (random() + 0.3 * x)) / 20)),
        );
      });
      const best = bestDelayThreshold(all);
      let exhaustive = 0;
      for (let t = 0; t <= 1.4; t += 0.025)
        exhaustive = Math.max(exhaustive, f1Of(sumCounts(all.map((s) => delayCounts(s, t)))));
      expect(best.f1).toBeCloseTo(exhaustive, 9);
      expect(f1Of(sumCounts(all.map((s) => delayCounts(s, best.threshold))))).toBeCloseTo(best.f1, 9);
    }
  });
});

const data = process.env['TOCSIN_DATA'];
describe.skipIf(data === undefined)('delay-limited F1 on the KPI labels', () => {
  it('is 1 for the labels themselves, and 0 on runs longer than 8 when they come 8 rows late', () => {
    const all = readMetricSet(join(data!), 'kpi-train');
    for (const s of all) {
      expect(f1Of(delayCounts({ label: s.label, score: shifted(s.label, 0), stepMs: 1 }, 1))).toBe(1);
      const long = new Uint8Array(s.label.length);
      for (const [a, b] of s.windows) if (b - a + 1 > 8) long.fill(1, a, b + 1);
      // Runs can follow each other closely: then an earlier run's late alarm may fall into a later run.
      const isolated = s.windows.every(([a], i) => i === 0 || a - s.windows[i - 1]![1] > 16);
      if (isolated) expect(delayCounts({ label: long, score: shifted(long, 8), stepMs: 1 }, 1).tp).toBe(0);
    }
  });
});
