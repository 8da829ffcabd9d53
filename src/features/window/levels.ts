import { WINDOW_SPECS } from '../spec.ts';
import { addTo, addValue, STAT_SLOTS, type Stat } from './stat.ts';

export const WINDOWS = WINDOW_SPECS.map((window) => window.name);
export const WINDOW_MS = WINDOW_SPECS.map((window) => window.ms);
/** Length of the base windows, which go to the history store. */
export const BASE_WINDOW_MS = WINDOW_MS[0] as number;

/** Base windows in each window. */
const SPAN = WINDOW_MS.map((ms) => ms / BASE_WINDOW_MS);
const LEVELS = WINDOWS.length;

// The layout of the kernel, stats/kernels/windows.as.ts. A series has a hot row, which every sample touches, and a cold
// row, which it touches once a minute.
// Hot row in slots (72 bytes): 0 and 1 are the float64 that all values are relative to, so that float32 summaries of a
// large and steady value stay exact enough.
export const HOT = 18;
/** int32: number of the base window under way since 1970; 0 before the first sample. */
const PANE = 2;
export const LAST = 3;
// 4 to 7: expected, lower and upper of the newest sample, largest surprise of the base window.
/** Base window under way; its count is negative once it was given out. */
const STAT0 = 8;
/** Minute under way, without the base window under way. */
const STAT1 = STAT0 + STAT_SLOTS;
// Cold row (100 bytes): previous minute; current and previous 5 minutes; current and previous hour.
export const COLD = 5 * STAT_SLOTS;

/** The rows of all series: `words` and `bases` look at the bytes of `hot` as int32 and float64. */
export interface WindowState {
  readonly hot: Float32Array;
  readonly words: Int32Array;
  readonly bases: Float64Array;
  readonly cold: Float32Array;
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
