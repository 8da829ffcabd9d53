import type { Rows } from '../../stats/rows.ts';

/** Words of a row that every sample touches: what the open hour has collected. */
export const HOUR_ROW = {
  hour: 0,
  sum: 1,
  count: 2,
  /** Bins in the pool, 0 for none. */
  slot: 3,
  width: 4,
} as const;

/** Words of the part of a seasonal row that tests for a daily rhythm, touched once an hour. */
export const PERIODICITY = {
  level: 0,
  covariance: 1,
  variance: 2,
  laggedVariance: 3,
  hours: 4,
  perHour: 5,
  /** 24 deviations from the level, one an hour of the day, as the upper halves of 32-bit floats. */
  profile: 6,
  width: 18,
} as const;

const HOURS_OF_MEMORY = 72;

const scratch = new Float32Array(1);
const scratchHalves = new Uint16Array(scratch.buffer);

function readHalf(u16: Uint16Array, at: number): number {
  scratchHalves[0] = 0;
  scratchHalves[1] = u16[at]!;
  return scratch[0]!;
}

function writeHalf(u16: Uint16Array, at: number, value: number): void {
  scratch[0] = value;
  u16[at] = scratchHalves[1]!;
}

/** Usual deviation of the hour of day (0..23) from the 24-hour level. */
export function hourOfProfile(rows: Rows, row: number, hour: number): number {
  return readHalf(rows.u16, (row * PERIODICITY.width + PERIODICITY.profile) * 2 + hour);
}

/**
 * Closes an hour with `count` samples that sum to `sum`: compares its mean (less a 24-hour level) with the same hour of
 * earlier days, then learns it. @returns the correlation between today and the days before, NaN before two full days.
 */
export function closeHour(rows: Rows, row: number, hour: number, sum: number, count: number): number {
  const f = rows.f32;
  const o = row * PERIODICITY.width;
  const hours = f[o + PERIODICITY.hours]!;
  const mean = sum / count;
  const level = hours === 0 ? mean : f[o + PERIODICITY.level]!;
  const at = (o + PERIODICITY.profile) * 2 + (hour % 24);
  const deviation = mean - level;
  const before = readHalf(rows.u16, at);
  let correlation = NaN;
  if (hours >= 24) {
    const pairs = hours - 23;
    const a = pairs < HOURS_OF_MEMORY ? 1 / pairs : 1 / HOURS_OF_MEMORY;
    const covariance = f[o + PERIODICITY.covariance]! + a * (deviation * before - f[o + PERIODICITY.covariance]!);
    const variance = f[o + PERIODICITY.variance]! + a * (deviation * deviation - f[o + PERIODICITY.variance]!);
    const lagged = f[o + PERIODICITY.laggedVariance]! + a * (before * before - f[o + PERIODICITY.laggedVariance]!);
    f[o + PERIODICITY.covariance] = covariance;
    f[o + PERIODICITY.variance] = variance;
    f[o + PERIODICITY.laggedVariance] = lagged;
    if (pairs >= 24) correlation = variance > 0 && lagged > 0 ? covariance / Math.sqrt(variance * lagged) : 0;
  }
  writeHalf(rows.u16, at, hours < 24 ? deviation : before + 0.4 * (deviation - before));
  f[o + PERIODICITY.level] = level + deviation / (hours < 24 ? hours + 1 : 24);
  f[o + PERIODICITY.perHour] =
    hours === 0 ? count : f[o + PERIODICITY.perHour]! + 0.1 * (count - f[o + PERIODICITY.perHour]!);
  if (hours < 1e6) f[o + PERIODICITY.hours] = hours + 1;
  return correlation;
}
