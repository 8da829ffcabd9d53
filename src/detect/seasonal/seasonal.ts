import type { ScoreColumns, SeriesDetector, StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { DAY, HOUR } from '../../domain/units.ts';
import { createRows, joinRows } from '../../stats/rows.ts';
import { flooredScale, LARGEST } from '../../stats/scale-floor.ts';
import { closeHour, HOUR_ROW, hourOfProfile, PERIODICITY } from './periodicity.ts';
import { createProfilePool } from './profile-pool.ts';

export const SEASONAL_OPTIONS = {
  dayRate: { type: 'number', default: 0.3, min: 0.01, max: 1, doc: 'Share of a bin that one day renews.' },
  offsetRate: { type: 'number', default: 0.05, min: 0, max: 1, doc: 'Smoothing of the fast offset from the profile.' },
  scaleSamples: { type: 'number', default: 1000, min: 10, doc: 'Memory of the scale, in samples.' },
  clip: { type: 'number', default: 4, min: 1, doc: 'Residuals are learnt only up to this many scales (Huber).' },
  activate: { type: 'number', default: 0.5, min: 0, max: 1, doc: 'Correlation between days from which bins are kept.' },
  deactivate: {
    type: 'number',
    default: 0.15,
    min: -1,
    max: 1,
    doc: 'Correlation between days below which bins are given up.',
  },
  warmup: { type: 'integer', default: 60, min: 2, doc: 'Samples after activation before scores may be used.' },
} as const satisfies OptionsSpec;

const VERSION = 2;
/** Ten minutes on weekdays, half an hour at weekends. */
const BINS = 144;
const WEEKEND_BINS = 48;
const ORIGIN = 0;
const STEP = 1;
const OFFSET = 2;
const DEVIATION = 3;
const COUNT = 4;
const FRACTIONAL = 5;
const HEADER = 6;
const POOL_WIDTH = HEADER + (BINS + WEEKEND_BINS) / 2;
const SIGMA_OF_MEAN_DEVIATION = 1.2533;
/** Bins count in hundredths of the scale at activation. */
const STEPS_PER_SCALE = 100;

/**
 * Time-of-day baseline: score = |value - (profile at this time of day + fast offset)| / scale. Profile bins are 16-bit
 * exponentially weighted means, weekdays and weekends apart, kept only for series that pass a daily-rhythm test; the others
 * are never ready here. Times are event time in UTC.
 */
export function createSeasonal(
  options: Options<typeof SEASONAL_OPTIONS> = defaultsOf(SEASONAL_OPTIONS),
): SeriesDetector {
  const open = createRows(HOUR_ROW.width);
  const rows = createRows(PERIODICITY.width);
  const both = joinRows({ rows: open, days: rows });
  const pool = createProfilePool(POOL_WIDTH);
  const { clip, warmup, activate, deactivate, dayRate, offsetRate } = options;
  const scaleRate = 1 / options.scaleSamples;

  function start(series: number): void {
    const slot = pool.take();
    open.f32[series * HOUR_ROW.width + HOUR_ROW.slot] = slot;
    const p = pool.rows.f32;
    const o = slot * POOL_WIDTH;
    const f = rows.f32;
    const variance = f[series * PERIODICITY.width + PERIODICITY.variance]!;
    const step = Math.max(Math.sqrt(variance) / STEPS_PER_SCALE, 1e-12);
    p[o + ORIGIN] = f[series * PERIODICITY.width + PERIODICITY.level]!;
    p[o + STEP] = step;
    const bins = pool.rows.i16;
    const at = (o + HEADER) * 2;
    for (let b = 0; b < BINS + WEEKEND_BINS; b++) {
      const hour = b < BINS ? ((b + 0.5) * 24) / BINS : ((b - BINS + 0.5) * 24) / WEEKEND_BINS;
      const position = hour - 0.5 + 24;
      const whole = Math.floor(position);
      const share = position - whole;
      const here = hourOfProfile(rows, series, whole % 24);
      const next = hourOfProfile(rows, series, (whole + 1) % 24);
      bins[at + b] = clampBin((here + share * (next - here)) / step);
    }
  }

  function stop(series: number): void {
    const at = series * HOUR_ROW.width + HOUR_ROW.slot;
    pool.release(open.f32[at]!);
    open.f32[at] = 0;
  }

  /** Doubles the unit of a row whose bins no longer fit 16 bits. */
  function widen(slot: number): void {
    const o = slot * POOL_WIDTH;
    pool.rows.f32[o + STEP] = pool.rows.f32[o + STEP]! * 2;
    const at = (o + HEADER) * 2;
    const bins = pool.rows.i16;
    for (let b = 0; b < BINS + WEEKEND_BINS; b++) bins[at + b] = bins[at + b]! >> 1;
  }

  function observe(batch: PointBatch, learn: Uint8Array, out: ScoreColumns): void {
    const { series, value, time, length } = batch;
    const { raw, expected, lower, upper, ready } = out;
    const f = open.f32;
    for (let i = 0; i < length; i++) {
      const x = value[i]!;
      const s = series[i]!;
      const t = time[i]!;
      const o = s * HOUR_ROW.width;
      const slot = f[o + HOUR_ROW.slot]!;
      const valid = x < LARGEST && x > -LARGEST;
      const mode = learn[i]!;
      if (valid && mode !== 0) {
        const hour = Math.floor(t / HOUR);
        if (hour === f[o + HOUR_ROW.hour]!) {
          f[o + HOUR_ROW.sum] = f[o + HOUR_ROW.sum]! + x;
          f[o + HOUR_ROW.count] = f[o + HOUR_ROW.count]! + 1;
        } else {
          if (f[o + HOUR_ROW.count]! > 0) turnHour(s, slot);
          f[o + HOUR_ROW.hour] = hour;
          f[o + HOUR_ROW.sum] = x;
          f[o + HOUR_ROW.count] = 1;
        }
      }
      if (slot === 0 || f[o + HOUR_ROW.slot] === 0) {
        raw[i] = 0;
        ready[i] = 0;
        continue;
      }
      const p = pool.rows.f32;
      const bins = pool.rows.i16;
      const a = slot * POOL_WIDTH;
      const day = Math.floor(t / DAY);
      const weekday = (day + 4) % 7;
      const weekend = weekday === 0 || weekday === 6;
      const count = weekend ? WEEKEND_BINS : BINS;
      const first = (a + HEADER) * 2 + (weekend ? BINS : 0);
      const position = ((t - day * DAY) / DAY) * count - 0.5;
      const low = Math.floor(position);
      const share = position - low;
      const left = low < 0 ? count - 1 : low;
      const right = left + 1 === count ? 0 : left + 1;
      const step = p[a + STEP]!;
      const profile = p[a + ORIGIN]! + step * (bins[first + left]! * (1 - share) + bins[first + right]! * share);
      const offset = p[a + OFFSET]!;
      const forecast = profile + offset;
      const deviation = p[a + DEVIATION]!;
      const n = p[a + COUNT]!;
      const fractional = p[a + FRACTIONAL]!;
      const scale = flooredScale(deviation * SIGMA_OF_MEAN_DEVIATION, profile, fractional);
      const width = 3 * scale;
      expected[i] = forecast;
      lower[i] = forecast - width;
      upper[i] = forecast + width;
      if (!valid) {
        raw[i] = 0;
        ready[i] = 0;
        continue;
      }
      const residual = x - forecast;
      const size = Math.abs(residual);
      raw[i] = size / scale;
      ready[i] = n >= warmup ? 1 : 0;
      if (mode === 0) continue;
      const limit = clip * scale;
      const clipped = mode === 1 && n >= warmup && size > limit;
      const learnt = clipped ? limit : size;
      const move = residual < 0 ? -learnt : learnt;
      const young = 1 / (n + 1);
      let rate = mode === 2 ? scaleRate * 8 : scaleRate;
      if (rate < young) rate = young;
      p[a + DEVIATION] = deviation + rate * (learnt - deviation);
      p[a + OFFSET] = offset + (mode === 2 ? Math.min(1, offsetRate * 8) : offsetRate) * move;
      // A bin is renewed by `dayRate` a day, however many samples of the day fall into it.
      const visits = (rows.f32[s * PERIODICITY.width + PERIODICITY.perHour]! * 24) / count;
      const renew = dayRate / (visits > 1 ? visits : 1);
      const bin = first + (share < 0.5 ? left : right);
      const old = bins[bin]!;
      // Moves below one unit are rounded at random (by the time, so that a replay is equal).
      const dither = (Math.imul((t / 1000) | 0, 0x9e3779b1) >>> 0) / 4294967296;
      const next = Math.floor(old + (renew * (move + offset)) / step + dither);
      if (next > 32000 || next < -32000) widen(slot);
      else bins[bin] = next;
      if (n < 1e6) p[a + COUNT] = n + 1;
      if (fractional === 0 && x !== Math.trunc(x)) p[a + FRACTIONAL] = 1;
    }
  }

  function turnHour(series: number, slot: number): void {
    const f = open.f32;
    const o = series * HOUR_ROW.width;
    const correlation = closeHour(rows, series, f[o + HOUR_ROW.hour]!, f[o + HOUR_ROW.sum]!, f[o + HOUR_ROW.count]!);
    if (slot === 0) {
      if (correlation > activate) start(series);
    } else if (correlation < deactivate) stop(series);
  }

  return {
    name: 'seasonal',
    bytesPerSeries: both.bytesPerRow,
    grow: both.grow,
    observe,
    reset(series) {
      if (series >= open.capacity) return;
      stop(series);
      both.reset(series);
    },
    copy(from, to) {
      stop(to);
      both.copy(from, to);
      const slot = open.f32[from * HOUR_ROW.width + HOUR_ROW.slot]!;
      if (slot === 0) return;
      const own = pool.take();
      pool.rows.copy(slot, own);
      open.f32[to * HOUR_ROW.width + HOUR_ROW.slot] = own;
    },
    save(live = false): StateBlob {
      const main = both.save(VERSION, live);
      const profiles = pool.rows.save(VERSION);
      return {
        version: VERSION,
        arrays: { ...main.arrays, profiles: profiles.arrays['rows']!, free: Int32Array.from(pool.free) },
        meta: { width: HOUR_ROW.width, main: main.meta, profiles: profiles.meta, used: pool.used },
        ...(live ? { live: main.live! } : {}),
      };
    },
    restore(state) {
      const meta = state.meta as { readonly main: unknown; readonly profiles: unknown; readonly used: number } | null;
      const { profiles, free } = state.arrays;
      if (!meta || !profiles || !free) throw new TocsinError('state_version', 'not the state of seasonal');
      both.restore({ ...state, meta: meta.main }, VERSION);
      pool.rows.restore({ version: state.version, arrays: { rows: profiles }, meta: meta.profiles }, VERSION);
      pool.used = meta.used;
      pool.free = Array.from(free);
    },
  };
}

function clampBin(value: number): number {
  return value > 32000 ? 32000 : value < -32000 ? -32000 : Math.round(value);
}
