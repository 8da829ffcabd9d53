import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shareOut } from './sharing.ts';

const members = (count: number): string[] => Array.from({ length: count }, (_, i) => `worker-${i}`);

describe('sharing out partitions', () => {
  test('is even, whole and the same in any order of members', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 30 }), (partitions, count) => {
        const owners = shareOut(partitions, members(count));
        expect(owners).toEqual(shareOut(partitions, members(count).reverse()));
        const counts = members(count).map((name) => owners.filter((owner) => owner === name).length);
        expect(counts.reduce((sum, n) => sum + n, 0)).toBe(partitions);
        expect(Math.max(...counts)).toBeLessThanOrEqual(Math.ceil(partitions / count));
      }),
    );
  });

  test('moves little when a member comes or goes', () => {
    for (const count of [4, 16, 64]) {
      const before = shareOut(1_024, members(count));
      const after = shareOut(1_024, members(count + 1));
      const moved = before.filter((owner, i) => owner !== after[i]).length;
      expect(moved).toBeLessThan((3 * 1_024) / (count + 1));
    }
  });
});
