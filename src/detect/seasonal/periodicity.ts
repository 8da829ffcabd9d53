import type { Rows } from '../../stats/rows.ts';

/** Words of the part of a seasonal row that tests for a daily rhythm. */
export const PERIODICITY = {
  level: 0,
  sum: 1,
  count: 2,
  hour: 3,
  covariance: 4,
  variance: 5,
  laggedVariance: 6,
  hours: 7,
  perHour: 8,
  slot: 9,
  /** 24 deviations from the level, one an hour of the day, as the upper halves of 32-bit floats. */
  profile: 12,
  width: 24,
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
 * Closes the hour that the row has been collecting: compares its mean (less a 24-hour level) with the same hour of earlier
 * days, then learns it. @returns the correlation between today and the days before, NaN before two full days.
 */
export function closeHour(rows: Rows, row: number): number {
  const f = rows.f32;
  const o = row * PERIODICITY.width;
  const count = f[o + PERIODICITY.count]!;
  const hours = f[o + PERIODICITY.hours]!;
  const level = f[o + PERIODICITY.level]!;
  const mean = level + f[o + PERIODICITY.sum]! / count;
  const hourOfDay = f[o + PERIODICITY.hour]! % 24;
  const at = (o + PERIODICITY.profile) * 2 + hourOfDay;
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
  f[o + PERIODICITY.sum] = 0;
  f[o + PERIODICITY.count] = 0;
  if (hours < 1e6) f[o + PERIODICITY.hours] = hours + 1;
  return correlation;
}
