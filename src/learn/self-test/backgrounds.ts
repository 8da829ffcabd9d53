import { createRng, type Rng } from '../../stats/rng.ts';

/** Rows a day: backgrounds are sampled once a minute. */
export const DAY_ROWS = 1_440;
const WEEK_ROWS = 7 * DAY_ROWS;

/** A series in which nothing is wrong, one value a minute; NaN where there was none. */
export interface Background {
  readonly name: string;
  readonly value: Float64Array;
  /** 1 where something was wrong after all (recorded backgrounds): nothing is injected or counted there. */
  readonly unfit: Uint8Array | null;
}

type Shape = (rng: Rng, rows: number) => (row: number) => number;

/** 0 at night, 1 by day, two humps; a weekend has 0.6 of it. */
function daily(row: number, phase: number): number {
  const day = ((row + phase) % DAY_ROWS) / DAY_ROWS;
  const week = Math.floor(((row + phase) % WEEK_ROWS) / DAY_ROWS);
  const hump = 0.5 - 0.5 * Math.cos(2 * Math.PI * day) + 0.15 * Math.sin(4 * Math.PI * day);
  return Math.max(0, hump) * (week >= 5 ? 0.6 : 1);
}

/** What operations data look like, a shape each. */
const SHAPES: Readonly<Record<string, Shape>> = {
  flat: (rng) => () => 50 + 2 * rng.normal(),
  requests: (rng) => {
    const phase = rng.int(DAY_ROWS);
    return (row) => (200 + 800 * daily(row, phase)) * (1 + 0.04 * rng.normal());
  },
  latency: (rng) => {
    const phase = rng.int(DAY_ROWS);
    return (row) => 80 * Math.exp(0.2 * daily(row, phase) + 0.15 * rng.normal());
  },
  wander: (rng) => {
    let level = 0;
    return () => {
      level = 0.98 * level + rng.normal();
      return 100 + level + 0.5 * rng.normal();
    };
  },
  sawtooth: (rng) => {
    let used = 400;
    return () => {
      used += 4 + rng.normal();
      if (used > 700 + 20 * rng.normal()) used = 400 + 5 * rng.normal();
      return used;
    };
  },
  'hourly-job': (rng) => (row) => 20 + 1.5 * rng.normal() + (row % 60 < 5 ? 30 + 3 * rng.normal() : 0),
  counts: (rng) => {
    const phase = rng.int(DAY_ROWS);
    return (row) => poisson(rng, 2 + 8 * daily(row, phase));
  },
  'error-share': (rng) => () => Math.max(0, 0.01 + 0.006 * rng.normal() + (rng.next() < 0.01 ? 0.02 * rng.next() : 0)),
  cpu: (rng) => {
    const phase = rng.int(DAY_ROWS);
    return (row) => {
      const load = 0.2 + 0.5 * daily(row, phase);
      return Math.min(1, Math.max(0, load * (1 + 0.1 * rng.normal())));
    };
  },
  growth: (rng, rows) => {
    const phase = rng.int(DAY_ROWS);
    return (row) => 1_000 + (500 * row) / rows + 100 * daily(row, phase) + 8 * rng.normal();
  },
  queue: (rng) => {
    let length = 0;
    return () => {
      length = Math.max(0, length + poisson(rng, 9) - poisson(rng, 10));
      return length;
    };
  },
  replicas: (rng) => {
    const phase = rng.int(DAY_ROWS);
    return (row) => 3 + Math.round(6 * daily(row, phase));
  },
};

export const SHAPE_NAMES: readonly string[] = Object.keys(SHAPES);

/** `count` synthetic backgrounds of `rows` minutes, shapes in turn: same seed, same values. */
export function syntheticBackgrounds(count: number, rows: number, seed: number): Background[] {
  return Array.from({ length: count }, (_, i) => {
    const name = SHAPE_NAMES[i % SHAPE_NAMES.length]!;
    const next = SHAPES[name]!(createRng(seed * 1_000 + i), rows);
    return {
      name: `${name}-${Math.floor(i / SHAPE_NAMES.length) + 1}`,
      value: Float64Array.from({ length: rows }, (_, row) => next(row)),
      unfit: null,
    };
  });
}

function poisson(rng: Rng, mean: number): number {
  let left = mean;
  let n = -1;
  do {
    left -= rng.exponential();
    n++;
  } while (left > 0);
  return n;
}
