import { describe, expect, test } from 'vitest';
import { capacityFor, type Load, simulateSkew } from './capacity.ts';

const LOAD: Load = { points: 1e6, series: 1e7, logs: 1e5, spans: 1e5, retentionHours: 6, services: 1_000, replicas: 3 };

describe('capacity', () => {
  test('grows with what grows, and never below what survives the loss of one', () => {
    const one = capacityFor(LOAD);
    const ten = capacityFor({ ...LOAD, points: 1e7, series: 1e8, logs: 1e6, spans: 1e6 });
    for (const name of ['gatewayCores', 'detectorCores', 'detectorMemoryGb', 'partitions', 'busGb'] as const)
      expect(ten[name]).toBeGreaterThan(one[name]);
    const small = capacityFor({ ...LOAD, points: 100, series: 1_000, logs: 0, spans: 0 });
    expect(small).toMatchObject({ gatewayCores: 2, detectorCores: 2, brokers: 3, partitions: 16 });
    expect(one.partitions).toBeGreaterThanOrEqual(one.detectorCores);
  });

  test('a thousand workers share 4096 partitions, and one more moves a bounded part', () => {
    const skew = simulateSkew(20_000, 4_096, 1_000);
    expect(skew.fullest).toBeGreaterThan(1);
    expect(skew.movedOnJoin).toBeGreaterThan(0);
    expect(skew.movedOnJoin).toBeLessThan(1);
    expect(simulateSkew(20_000, 4_096, 1).fullest).toBe(1);
  });
});
