import { describe, expect, test } from 'vitest';
import type { StateBlob } from '../../domain/detector.ts';
import { createRng } from '../../stats/rng.ts';

/** Watches one figure over time and says when its mean has moved. */
export interface DriftDetector {
  /** Takes the next value. True: the mean has moved; what was before is forgotten. */
  update(x: number): boolean;
  /** How far the last value brought it, and how far is drift. */
  readonly statistic: number;
  readonly threshold: number;
  reset(): void;
  save(): StateBlob;
  restore(state: StateBlob): void;
}

/** What every drift detector must hold. */
export function driftContract(name: string, create: () => DriftDetector): void {
  describe(`${name} keeps the contract of drift detectors`, () => {
    const stream = (seed: number): number[] => {
      const rng = createRng(seed);
      return Array.from({ length: 3_000 }, (_, i) => rng.normal() + (i >= 2_000 ? 1.5 : 0));
    };

    test('it is quiet before a change, speaks after it, and its statistic is above its threshold when it does', () => {
      const detector = create();
      const found: number[] = [];
      stream(1).forEach((x, i) => {
        if (!detector.update(x)) return;
        expect(detector.statistic).toBeGreaterThan(detector.threshold);
        found.push(i);
      });
      expect(found.length).toBeGreaterThan(0);
      expect(found[0]).toBeGreaterThanOrEqual(2_000);
      expect(found[0]).toBeLessThan(2_200);
    });

    test('saved and restored anywhere, it goes on as if nothing had been', () => {
      const whole = create();
      let parts = create();
      stream(2).forEach((x, i) => {
        if (i % 97 === 0) {
          const saved = structuredClone(parts.save());
          parts = create();
          parts.restore(saved);
        }
        expect(parts.update(x)).toBe(whole.update(x));
        if (parts.statistic !== whole.statistic) expect.fail(`at ${i}`);
      });
    });

    test('after a reset it is as new, and values that are no numbers change nothing', () => {
      const used = create();
      for (const x of stream(3)) used.update(x);
      used.reset();
      used.update(Number.NaN);
      used.update(Number.POSITIVE_INFINITY);
      expect(used.save()).toEqual(create().save());
    });

    test('another version of its state is refused', () => {
      expect(() => create().restore({ version: 99, arrays: {}, meta: {} })).toThrow(/state/);
    });
  });
}
