import type { DriftReport } from '../../../domain/learning/drift.ts';
import type { NoiseReport, NoiseRow } from '../../../domain/learning/noise.ts';
import { DAY, type EpochMs, HOUR, MINUTE } from '../../../domain/units.ts';

/** A shop whose traces drift since this morning; an empty one has nothing to say. */
export function shopDrift(now: EpochMs, empty: boolean): DriftReport {
  if (empty) return { items: [], classes: [] };
  return {
    items: [
      {
        class: 'trace',
        kind: 'uniformity',
        since: now - 5 * HOUR,
        at: now - MINUTE,
        statistic: 0.034,
        threshold: 0.02,
        text: '3.40 % of the p-values of a day are below 0.01; 0.5 to 2 % should be',
      },
      {
        class: 'trace',
        kind: 'page-hinkley',
        since: now - 6 * HOUR,
        at: now - 6 * HOUR,
        statistic: 61.2,
        threshold: 50,
        text: 'the share of p < 0.1 a minute moves away from 9.8 %',
      },
    ],
    classes: [
      { class: 'metric/gauge', values: 2_410_000, share: 0.0092, enough: true },
      { class: 'metric/counter', values: 1_180_000, share: 0.0118, enough: true },
      { class: 'trace', values: 310_000, share: 0.034, enough: true },
      { class: 'log', values: 3_100, share: 0.012, enough: false },
    ],
  };
}

/** A ledger in which one service costs most and one detector is mostly wrong. */
export function shopNoise(from: EpochMs, to: EpochMs, empty: boolean): NoiseReport {
  const weeks = (to - from) / (7 * DAY);
  const row = (name: string, incidents: number, pages: number, real: number, wrong: number): NoiseRow => ({
    name,
    incidents,
    pages,
    pagesPerWeek: pages / weeks,
    acknowledged: pages === 0 ? null : 0.8,
    acknowledgedAfter: pages === 0 ? null : 4 * MINUTE,
    verdicts: { real, 'false-alarm': wrong, expected: 0, 'new-normal': 0 },
    precision: real + wrong === 0 ? null : real / (real + wrong),
    low: real + wrong === 0 ? null : 0.2,
    high: real + wrong === 0 ? null : 0.95,
  });
  if (empty) return { from, to, complete: true, total: row('', 0, 0, 0, 0), service: [], team: [], detector: [] };
  return {
    from,
    to,
    complete: true,
    total: row('', 14, 11, 5, 3),
    service: [row('payments', 8, 7, 4, 1), row('catalogue', 6, 4, 1, 2)],
    team: [row('money', 8, 7, 4, 1), row('', 6, 4, 1, 2)],
    detector: [row('novelty', 9, 8, 5, 1), row('run-length', 5, 3, 0, 2)],
  };
}
