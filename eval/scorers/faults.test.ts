import { describe, expect, it } from 'vitest';
import type { SeenIncident } from './faults.ts';
import { scoreFaults } from './faults.ts';

const MINUTE = 60_000;
const fault = (minute: number, service: string): { at: number; service: string; type: string } => ({
  at: minute * MINUTE,
  service,
  type: 'cpu',
});
const incident = (minute: number, atOpening: readonly string[], later = atOpening): SeenIncident => ({
  id: `i${minute}`,
  openedAt: minute * MINUTE,
  atOpening,
  later,
});

describe('fault scoring', () => {
  it('matches windows, ranks and counts', () => {
    const faults = [fault(10, 'a'), fault(20, 'b'), fault(30, 'c')];
    const incidents = [
      incident(9.5, ['x', 'a'], ['a']),
      incident(14, ['a']),
      incident(22, ['x', 'y', 'z', 'q', 'r', 'b']),
      incident(50, ['x']),
      incident(200, ['x']),
    ];
    const score = scoreFaults(faults, incidents, [[0, 100 * MINUTE]], [[150 * MINUTE, 300 * MINUTE]], 0.5);
    expect(score).toMatchObject({
      found: 2,
      foundEarly: 1,
      precision: 3 / 5,
      medianDelay: 2 * MINUTE,
      incidentsPerFound: 1.5,
      falsePerQuietDay: 2,
    });
    expect(score.openingAll).toEqual([0, 1 / 3, 1 / 3]);
    expect(score.openingFound).toEqual([0, 0.5, 0.5]);
    expect(score.laterAll).toEqual([1 / 3, 1 / 3, 1 / 3]);
  });

  it('cuts the window 30 s before the next injection, and gives an incident to one fault only', () => {
    const faults = [fault(10, 'a'), fault(12, 'b')];
    const score = scoreFaults(faults, [incident(11.4, ['a']), incident(11.6, ['b'])], [], [], 0);
    expect(score.outcomes.map((o) => o.incidents.map((i) => i.id))).toEqual([['i11.4'], ['i11.6']]);
  });

  it('misses everything when nothing opens', () => {
    const score = scoreFaults([fault(1, 'a')], [], [], [], 1);
    expect(score).toMatchObject({ found: 0, precision: 0, falsePerQuietDay: 0 });
    expect(score.medianDelay).toBeNaN();
  });
});
