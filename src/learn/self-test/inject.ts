import { createRng } from '../../stats/rng.ts';
import { type Background, DAY_ROWS } from './backgrounds.ts';

const HOUR_ROWS = 60;

/** Sizes of a kind and what they mean. */
interface Sizes {
  readonly sizes: readonly [number, number, number, number, number];
  readonly unit: string;
}

/**
 * What is wrong, and must be found. Sizes in sigma are multiples of the background's own short-term noise (`noiseOf`);
 * the middle one is that of the published suites, or near it.
 */
export const ANOMALY_KINDS = {
  spike: { sizes: [6, 8, 12, 16, 24], unit: 'sigma, 1 sample' },
  dip: { sizes: [6, 8, 12, 16, 24], unit: 'sigma, 1 sample' },
  'level-shift': { sizes: [4, 6, 8, 12, 16], unit: 'sigma, 60 min' },
  ramp: { sizes: [6, 9, 12, 18, 24], unit: 'sigma after 120 min' },
  variance: { sizes: [3, 4, 6, 8, 12], unit: 'x noise, 60 min' },
  'flat-line': { sizes: [15, 30, 60, 120, 240], unit: 'min' },
  oscillation: { sizes: [3, 4, 5, 8, 12], unit: 'sigma, period 10 min, 60 min' },
  'wrong-time-of-day': { sizes: [20, 30, 60, 120, 240], unit: 'min of 12 h before' },
  'trend-break': { sizes: [2, 4, 8, 16, 32], unit: 'sigma an hour, 4 h' },
  'missing-points': { sizes: [5, 10, 20, 40, 80], unit: 'min without samples' },
  'seasonality-loss': { sizes: [60, 120, 240, 480, 720], unit: 'min at the mean of the day' },
  'cold-start': { sizes: [1, 2, 4, 8, 24], unit: 'h of history, then 12 sigma for 30 min' },
  'correlation-break': { sizes: [30, 60, 120, 240, 480], unit: "min of another series' values" },
  'slow-leak': { sizes: [1, 2, 4, 8, 16], unit: 'sigma an hour, 12 h' },
} as const satisfies Record<string, Sizes>;

/** What looks odd and is none of the service's doing: it must raise nothing. */
export const ORDINARY_KINDS = {
  late: { sizes: [1, 2, 3, 4, 10], unit: 'min late, every third sample of an hour' },
  duplicate: { sizes: [1, 2, 3, 5, 10], unit: 'more copies of each sample of an hour' },
  'out-of-order': { sizes: [1, 2, 3, 5, 10], unit: 'min that each sample of an hour may come late' },
  'counter-reset': { sizes: [1, 2, 3, 5, 10], unit: 'restarts within 6 h' },
  'daylight-saving': { sizes: [-60, -30, 30, 60, 120], unit: 'min by which the day moves, 24 h' },
} as const satisfies Record<string, Sizes>;

export type AnomalyCase = keyof typeof ANOMALY_KINDS;
export type OrdinaryCase = keyof typeof ORDINARY_KINDS;

/** One copy of a background with something done to it. */
export interface InjectedCase {
  readonly kind: AnomalyCase | OrdinaryCase;
  readonly size: number;
  /** Which of the five sizes. */
  readonly grade: number;
  /** Rows of the injection, both inclusive. */
  readonly from: number;
  readonly to: number;
  /** A minute a row, in event time; NaN where no sample exists. A running total for `counter-reset`. */
  readonly value: Float64Array;
  /** Rows in the order of arrival, several a minute where samples are late or repeated; null: as they are. */
  readonly arrival: readonly (readonly number[])[] | null;
  readonly counter: boolean;
  /** Rows by which the values of the untouched series were moved: its own oddities are that much elsewhere. */
  readonly moved: number;
}

/** Robust short-term noise: 1.4826 MAD of first differences over sqrt 2, at least a twentieth of the whole spread. */
export function noiseOf(value: Float64Array): number {
  const steps: number[] = [];
  let mean = 0;
  let square = 0;
  let n = 0;
  for (let i = 0; i < value.length; i++) {
    const x = value[i]!;
    if (Number.isNaN(x)) continue;
    n++;
    const d = x - mean;
    mean += d / n;
    square += d * (x - mean);
    const before = i === 0 ? Number.NaN : value[i - 1]!;
    if (!Number.isNaN(before)) steps.push(Math.abs(x - before));
  }
  steps.sort((a, b) => a - b);
  const spread = Math.sqrt(square / Math.max(1, n));
  return Math.max((1.4826 * (steps[steps.length >> 1] ?? 0)) / Math.SQRT2, spread / 20, 1e-9);
}

/** Running total of a background taken as a rate per second. */
export function counterOf(value: Float64Array): Float64Array {
  const total = new Float64Array(value.length);
  let sum = 0;
  for (let i = 0; i < value.length; i++) {
    const rate = Math.max(0, value[i]!);
    if (!Number.isNaN(rate)) sum += rate * 60;
    total[i] = Number.isNaN(rate) ? Number.NaN : sum;
  }
  return total;
}

/** Longest injection, in rows: what must be left before the end. */
const LONGEST = DAY_ROWS + HOUR_ROWS;

/**
 * Every kind in every size, a copy of the background each, at places drawn from `seed` behind `warmUp` rows; without the
 * cases that would be nothing wrong on this background (a flat line where values stand still anyhow).
 * `other` gives the values of another series for `correlation-break`, moved to this one's level and spread.
 */
export function injectAll(background: Background, other: Background, warmUp: number, seed: number): InjectedCase[] {
  const { value } = background;
  const sigma = noiseOf(value);
  const rng = createRng(seed);
  const cases: InjectedCase[] = [];
  const steadiest = longestRun(value);
  const room = Math.max(1, value.length - warmUp - LONGEST);
  for (const kind of Object.keys(ANOMALY_KINDS) as AnomalyCase[])
    ANOMALY_KINDS[kind].sizes.forEach((size, grade) => {
      if (kind === 'flat-line' && steadiest * 2 >= size) return;
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const at = warmUp + rng.int(room);
        if (!isFit(background, at)) continue;
        const done = anomaly(kind, size, value, other.value, at, sigma, () => rng.normal());
        if (BORROWED.has(kind) && changeOf(value, done) < LEAST_CHANGE * sigma) continue;
        cases.push({ kind, size, grade, arrival: null, counter: false, moved: 0, ...done });
        return;
      }
    });
  for (const kind of Object.keys(ORDINARY_KINDS) as OrdinaryCase[])
    ORDINARY_KINDS[kind].sizes.forEach((size, grade) => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const at = warmUp + rng.int(room);
        if (!isFit(background, at)) continue;
        cases.push({
          kind,
          size,
          grade,
          moved: kind === 'daylight-saving' ? size : 0,
          ...ordinary(kind, size, value, at, () => rng.next()),
        });
        return;
      }
    });
  return cases;
}

const ATTEMPTS = 60;
/** Kinds whose values come from elsewhere and may happen to be those that were there: then nothing is wrong. */
const BORROWED: ReadonlySet<AnomalyCase> = new Set(['wrong-time-of-day', 'seasonality-loss', 'correlation-break']);
/** Mean absolute change, in sigma, from which a borrowed segment counts as another. */
const LEAST_CHANGE = 3;

function changeOf(clean: Float64Array, { from, to, value }: Done): number {
  let sum = 0;
  for (let row = from; row <= to; row++) sum += Math.abs((value[row]! || 0) - (clean[row]! || 0));
  return sum / (to - from + 1);
}

/** Most rows in a row with the same value: a shorter flat line is nothing new. */
function longestRun(value: Float64Array): number {
  let most = 1;
  let run = 1;
  for (let i = 1; i < value.length; i++) {
    run = value[i] === value[i - 1] ? run + 1 : 1;
    if (run > most) most = run;
  }
  return most;
}

function isFit({ unfit, value }: Background, at: number): boolean {
  for (let i = at - 60; i < Math.min(value.length, at + LONGEST); i++)
    if (unfit?.[i] === 1 || (i < at + 30 && Number.isNaN(value[i]!))) return false;
  return true;
}

type Done = Pick<InjectedCase, 'from' | 'to' | 'value'>;

function anomaly(
  kind: AnomalyCase,
  size: number,
  clean: Float64Array,
  other: Float64Array,
  from: number,
  sigma: number,
  normal: () => number,
): Done {
  const value = clean.slice();
  /** Changes `length` rows from `from` on. */
  const over = (length: number, change: (i: number, x: number) => number): Done => {
    const to = Math.min(value.length, from + length) - 1;
    for (let row = from; row <= to; row++) value[row] = change(row - from, clean[row]!);
    return { from, to, value };
  };
  switch (kind) {
    case 'spike':
      return over(1, (_, x) => x + size * sigma);
    case 'dip':
      return over(1, (_, x) => x - size * sigma);
    case 'level-shift':
      return over(HOUR_ROWS, (_, x) => x + size * sigma);
    case 'ramp':
      return over(2 * HOUR_ROWS, (i, x) => x + (size * sigma * (i + 1)) / (2 * HOUR_ROWS));
    case 'variance':
      return over(HOUR_ROWS, (_, x) => x + size * sigma * normal());
    case 'flat-line': {
      const held = clean[from - 1]!;
      return over(size, () => held);
    }
    case 'oscillation':
      return over(HOUR_ROWS, (i, x) => x + size * sigma * Math.sin((2 * Math.PI * (i + 2)) / 10));
    case 'wrong-time-of-day':
      return over(size, (i) => clean[from + i - DAY_ROWS / 2]!);
    case 'trend-break':
      return over(4 * HOUR_ROWS, (i, x) => x + (size * sigma * (i + 1)) / HOUR_ROWS);
    case 'slow-leak':
      return over(12 * HOUR_ROWS, (i, x) => x + (size * sigma * (i + 1)) / HOUR_ROWS);
    case 'missing-points':
      return over(size, () => Number.NaN);
    case 'seasonality-loss': {
      const { mean } = levelOf(clean.subarray(from - DAY_ROWS, from));
      return over(size, () => mean + sigma * normal());
    }
    case 'cold-start': {
      const done = over(30, (_, x) => x + 12 * sigma);
      value.fill(Number.NaN, 0, Math.max(0, from - size * HOUR_ROWS));
      return done;
    }
    case 'correlation-break': {
      const own = levelOf(clean);
      const strange = levelOf(other);
      return over(size, (i, x) => {
        const y = other[from + i]!;
        return Number.isNaN(y) ? x : own.mean + ((y - strange.mean) * own.spread) / Math.max(strange.spread, 1e-12);
      });
    }
  }
}

function ordinary(
  kind: OrdinaryCase,
  size: number,
  clean: Float64Array,
  from: number,
  next: () => number,
): Omit<InjectedCase, 'kind' | 'size' | 'grade' | 'moved'> {
  const to = from + HOUR_ROWS - 1;
  switch (kind) {
    case 'late':
      return {
        from,
        to: to + size,
        value: clean,
        counter: false,
        arrival: arrivals(clean.length, (row) => (row >= from && row <= to && row % 3 === 0 ? row + size : row)),
      };
    case 'duplicate': {
      const arrival = arrivals(clean.length, (row) => row);
      for (let row = from; row <= to; row++)
        for (let copy = 0; copy < size; copy++) arrival[row + (copy % 3)]!.push(row);
      return { from, to: to + 2, value: clean, counter: false, arrival };
    }
    case 'out-of-order':
      return {
        from,
        to: to + size,
        value: clean,
        counter: false,
        arrival: arrivals(clean.length, (row) =>
          row >= from && row <= to ? row + Math.floor(next() * (size + 1)) : row,
        ),
      };
    case 'counter-reset': {
      const value = counterOf(clean);
      const last = from + 6 * HOUR_ROWS - 1;
      // Apart from each other: a counter that restarts twice within a minute looks as if it had only paused.
      const slot = (last - from) / size;
      const places = Array.from({ length: size }, (_, n) => from + Math.floor((n + next() / 2) * slot));
      for (const at of places) {
        const before = value[at - 1]!;
        if (Number.isNaN(before)) continue;
        for (let row = at; row < value.length; row++) value[row] = value[row]! - before;
      }
      return { from, to: last, value, counter: true, arrival: null };
    }
    case 'daylight-saving': {
      const value = clean.slice();
      const last = Math.min(value.length, from + DAY_ROWS) - 1;
      for (let row = from; row < value.length; row++) value[row] = clean[Math.min(clean.length - 1, row + size)]!;
      return { from, to: last, value, counter: false, arrival: null };
    }
  }
}

function arrivals(rows: number, arrivesAt: (row: number) => number): number[][] {
  const at: number[][] = Array.from({ length: rows }, () => []);
  for (let row = 0; row < rows; row++) at[Math.min(rows - 1, arrivesAt(row))]!.push(row);
  return at;
}

function levelOf(value: Float64Array): { mean: number; spread: number } {
  let n = 0;
  let mean = 0;
  let square = 0;
  for (const x of value) {
    if (Number.isNaN(x)) continue;
    n++;
    const d = x - mean;
    mean += d / n;
    square += d * (x - mean);
  }
  return { mean, spread: Math.sqrt(square / Math.max(1, n)) };
}
