import { createRows, type Rows } from '../../stats/rows.ts';

/** Rows handed out on demand, numbered from 1 (0 = none), so that series without a daily rhythm pay nothing for bins. */
export interface ProfilePool {
  readonly rows: Rows;
  readonly inUse: number;
  take(): number;
  release(slot: number): void;
  /** Slots handed out so far and those given back, for `save` and `load`. */
  used: number;
  free: number[];
}

export function createProfilePool(width: number): ProfilePool {
  const rows = createRows(width);
  const pool = {
    rows,
    used: 0,
    free: [] as number[],
    get inUse() {
      return pool.used - pool.free.length;
    },
    take(): number {
      const reused = pool.free.pop();
      if (reused !== undefined) return reused;
      pool.used++;
      if (pool.used >= rows.capacity) rows.grow(Math.max(16, Math.ceil(rows.capacity * 1.25)));
      return pool.used;
    },
    release(slot: number): void {
      if (slot === 0) return;
      rows.reset(slot);
      pool.free.push(slot);
    },
  };
  return pool;
}
