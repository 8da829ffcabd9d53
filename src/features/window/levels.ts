import { WINDOW_SPECS } from '../spec.ts';
import { addTo, addValue, mergeTo, move, STAT_SLOTS, type Stat, shift } from './stat.ts';

export const WINDOWS = WINDOW_SPECS.map((window) => window.name);
export const WINDOW_MS = WINDOW_SPECS.map((window) => window.ms);
/** Length of the base windows, which go to the history store. */
export const BASE_WINDOW_MS = WINDOW_MS[0] as number;

/** Base windows in each window. */
const SPAN = WINDOW_MS.map((ms) => ms / BASE_WINDOW_MS);
const LEVELS = WINDOWS.length;
export const MINUTE_SPAN = 6;

// A series has a hot row, which every sample touches, and a cold row, which it touches once a minute.
// Hot row in slots (72 bytes): 0 and 1 are the float64 that all values are relative to, so that float32 summaries of a
// large and steady value stay exact enough.
export const HOT = 18;
/** int32: number of the base window under way since 1970; 0 before the first sample. */
export const PANE = 2;
export const LAST = 3;
export const EXPECTED = 4;
export const LOWER = 5;
export const UPPER = 6;
export const SURPRISE = 7;
/** Base window under way; its count is negative once it was given out. */
export const STAT0 = 8;
/** Minute under way, without the base window under way. */
export const STAT1 = STAT0 + STAT_SLOTS;
// Cold row (100 bytes): previous minute; current and previous 5 minutes; current and previous hour.
export const COLD = 5 * STAT_SLOTS;
/** Values are taken relative to another base when they are this many deviations away from theirs. */
const REBASE_RATIO = 1000;

/** The rows of all series: `words` and `bases` look at the bytes of `hot` as int32 and float64. */
export interface WindowState {
  readonly hot: Float32Array;
  readonly words: Int32Array;
  readonly bases: Float64Array;
  readonly cold: Float32Array;
}

/** Moves a series on from base window `from` to `to`, in another minute: what ended on the way becomes previous. */
export function turn(state: WindowState, s: number, from: number, to: number): void {
  const { hot, cold } = state;
  const c = s * COLD;
  const row = s * HOT;
  const minutes = ((to / MINUTE_SPAN) | 0) - ((from / MINUTE_SPAN) | 0);
  mergeTo(cold, c + currentOf(2), hot, row + STAT1);
  move(cold, c, hot, row + STAT1);
  if (minutes !== 1) cold[c] = 0;
  hot[row + STAT1] = 0;
  for (let level = 2; level < LEVELS; level++) {
    const span = SPAN[level] as number;
    const steps = ((to / span) | 0) - ((from / span) | 0);
    if (steps === 0) return;
    const at = c + currentOf(level);
    if (level + 1 < LEVELS) mergeTo(cold, c + currentOf(level + 1), cold, at);
    move(cold, c + previousOf(level), cold, at);
    if (steps !== 1) cold[c + previousOf(level)] = 0;
    cold[at] = 0;
  }
  rebase(state, s);
}

/** Once an hour: keeps values near the base that they are relative to. */
function rebase(state: WindowState, s: number): void {
  const { hot, cold, bases } = state;
  const c = s * COLD;
  const row = s * HOT;
  const hour = c + previousOf(LEVELS - 1);
  const count = cold[hour] as number;
  const mean = cold[hour + 1] as number;
  if (count === 0 || !(Math.abs(mean) > REBASE_RATIO * Math.sqrt((cold[hour + 2] as number) / count))) return;
  bases[row >> 1] = (bases[row >> 1] as number) + mean;
  hot[row + LAST] = (hot[row + LAST] as number) - mean;
  shift(hot, row + STAT0, mean);
  shift(hot, row + STAT1, mean);
  for (let at = 0; at < COLD; at += STAT_SLOTS) shift(cold, c + at, mean);
}

/** Adds window number `id` of a level to `stat`, its samples counted `share` times. */
export function gather(state: WindowState, stat: Stat, s: number, level: number, id: number, share: number): void {
  const { hot, cold, words } = state;
  const row = s * HOT;
  const c = s * COLD;
  const pane = words[row + PANE] as number;
  const current = Math.floor(pane / (SPAN[level] as number));
  if (id === current - 1 && level > 0) addTo(stat, cold, c + previousOf(level), share);
  if (id !== current) return;
  // What is under way in finer windows is not in the coarser ones yet.
  if (level === 0 || (hot[row + STAT0] as number) > 0) addTo(stat, hot, row + STAT0, share);
  if (level > 0) addTo(stat, hot, row + STAT1, share);
  for (let finer = 2; finer <= level; finer++) addTo(stat, cold, c + currentOf(finer), share);
}

/** True if some window still held covers the late value. */
export function foldLate(state: WindowState, s: number, pane: number, x: number): boolean {
  const { hot, cold, words } = state;
  const row = s * HOT;
  const c = s * COLD;
  const now = words[row + PANE] as number;
  if (pane === now && (hot[row + STAT0] as number) > 0) {
    addValue(hot, row + STAT0, x);
    return true;
  }
  let used = false;
  for (let level = 1; level < LEVELS; level++) {
    const span = SPAN[level] as number;
    const behind = Math.floor(now / span) - Math.floor(pane / span);
    if (behind > 1) continue;
    used = true;
    if (behind === 1) addValue(cold, c + previousOf(level), x);
    else {
      // A window under way is folded into the next one when it ends; a past one was already.
      if (level === 1) addValue(hot, row + STAT1, x);
      else addValue(cold, c + currentOf(level), x);
      break;
    }
  }
  return used;
}

function currentOf(level: number): number {
  return (2 * level - 3) * STAT_SLOTS;
}

/** The previous window of level 1 leads the cold row; its current one is in the hot row. */
function previousOf(level: number): number {
  return (2 * level - 2) * STAT_SLOTS;
}
