import type { EpochMs } from '../../domain/units.ts';
import { DAY } from '../../domain/units.ts';

/**
 * Learns from verdicts how strict to be with a service: multiplies the budget's p limit. A false alarm tightens it, a
 * real incident loosens it a little, and both fade with a half-life of two weeks, so that one bad day is not forever.
 */
export interface BudgetController {
  /** Factor on the p limit, 1/30 to 3; 1 for a service without verdicts. */
  factor(key: string, at: EpochMs): number;
  verdict(key: string, falseAlarm: boolean, at: EpochMs): void;
  save(): BudgetState;
  restore(state: BudgetState): void;
}
export interface BudgetState {
  readonly version: 1;
  /** Service key, natural logarithm of the factor, time it was set; sorted by key. */
  readonly rows: readonly (readonly [string, number, EpochMs])[];
}

const HALF_LIFE = 14 * DAY;
const TIGHTEN = 0.7;
const LOOSEN = 0.25;
const LOWEST = Math.log(1 / 30);
const HIGHEST = Math.log(3);

export function createBudgetController(): BudgetController {
  let rows = new Map<string, { log: number; at: EpochMs }>();

  function logAt(key: string, at: EpochMs): number {
    const row = rows.get(key);
    return row === undefined ? 0 : row.log * 0.5 ** (Math.max(0, at - row.at) / HALF_LIFE);
  }

  return {
    factor: (key, at) => Math.exp(logAt(key, at)),
    verdict(key, falseAlarm, at) {
      const log = logAt(key, at) + (falseAlarm ? -TIGHTEN : LOOSEN);
      rows.set(key, { log: Math.min(HIGHEST, Math.max(LOWEST, log)), at });
    },
    save: () => ({
      version: 1,
      rows: [...rows].map(([key, row]) => [key, row.log, row.at] as const).sort((a, b) => (a[0] < b[0] ? -1 : 1)),
    }),
    restore(state) {
      rows = new Map(state.rows.map(([key, log, at]) => [key, { log, at }]));
    },
  };
}
