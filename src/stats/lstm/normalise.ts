import { flooredScale } from '../scale-floor.ts';

/** Words of a series' normalisation, from the given offset on. */
export const NORMAL = { level: 0, deviation: 1, count: 2, fractional: 3, width: 4 } as const;
/** Inputs beyond so many scales are cut: the network has seen none in training. */
const LARGEST_INPUT = 8;
const LEVEL_RATE = 1 / 240;
const SCALE_RATE = 1 / 1000;
const CLIP = 4;
const SIGMA_OF_MEAN_DEVIATION = 1.2533;
/** While so young, a level is the mean of all values so far. */
const YOUNG = 1000;

/** The scale of a series now, in its own unit. */
export function scaleOf(rows: Float32Array, at: number): number {
  return flooredScale(
    rows[at + NORMAL.deviation]! * SIGMA_OF_MEAN_DEVIATION,
    rows[at + NORMAL.level]!,
    rows[at + NORMAL.fractional]!,
  );
}

/** What the network gets for `value`: its distance from the level so far in scales so far, within +-8; 0 for the first. */
export function inputOf(rows: Float32Array, at: number, value: number): number {
  if (rows[at + NORMAL.count] === 0) return 0;
  const input = (value - rows[at + NORMAL.level]!) / scaleOf(rows, at);
  return input > LARGEST_INPUT ? LARGEST_INPUT : input < -LARGEST_INPUT ? -LARGEST_INPUT : input;
}

/** Learns `value`: robust level and scale, clipped after Huber once warm; `mode` 2 learns fast and unclipped. */
export function learnNormal(rows: Float32Array, at: number, value: number, mode: number): void {
  const n = rows[at + NORMAL.count]!;
  const level = rows[at + NORMAL.level]!;
  const deviation = rows[at + NORMAL.deviation]!;
  let step = value - level;
  let size = step < 0 ? -step : step;
  let levelRate = LEVEL_RATE;
  let scaleRate = SCALE_RATE;
  if (mode === 2) {
    levelRate *= 8;
    scaleRate *= 8;
  } else if (n >= 30) {
    const limit = CLIP * scaleOf(rows, at);
    if (size > limit) {
      step = step < 0 ? -limit : limit;
      size = limit;
    }
  }
  if (n < YOUNG) {
    const young = 1 / (n + 1);
    if (levelRate < young) levelRate = young;
    if (scaleRate < young) scaleRate = young;
  }
  rows[at + NORMAL.level] = level + levelRate * step;
  if (n > 0) rows[at + NORMAL.deviation] = deviation + scaleRate * (size - deviation);
  if (n < 1e6) rows[at + NORMAL.count] = n + 1;
  if (value !== Math.trunc(value)) rows[at + NORMAL.fractional] = 1;
}

/** The inputs that the network would have got for a whole series, for training. */
export function normalised(values: ArrayLike<number>): Float32Array {
  const rows = new Float32Array(NORMAL.width);
  const inputs = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    inputs[i] = inputOf(rows, 0, values[i]!);
    learnNormal(rows, 0, values[i]!, 1);
  }
  return inputs;
}
