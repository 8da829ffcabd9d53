/** Layout of the state of four series, a lane each, and what is done to all four at once: see points.as.ts. */

/** Vectors of a block, as in layout.ts. */
export const WIDTH: u32 = 43;
export const COUNT: u32 = 0;
export const FRACTIONAL: u32 = 1;
export const LEVEL: u32 = 2;
export const DEVIATION: u32 = 3;
export const PREVIOUS: u32 = 4;
export const STEP_DEVIATION: u32 = 5;
export const HOLT_LEVEL: u32 = 6;
export const HOLT_TREND: u32 = 7;
export const HOLT_DEVIATION: u32 = 8;
export const AR_LEVEL: u32 = 9;
export const AR_DEVIATION: u32 = 10;
export const AR_WEIGHT: u32 = 11;
export const AR_LAG: u32 = 15;
export const QUANTILE: u32 = 19;
export const SPREAD: u32 = 24;
export const RUN_VALUE: u32 = 25;
export const RUN: u32 = 26;
export const LONGEST: u32 = 27;
export const RUN_MEAN: u32 = 28;
export const RUNS: u32 = 29;
export const FAST: u32 = 30;
export const SLOW: u32 = 31;
export const GAP: u32 = 32;
export const SHIFT_DEVIATION: u32 = 33;
export const TWIN_FILL: u32 = 34;
export const TWIN_ORIGIN: u32 = 35;
export const TWIN_SUM: u32 = 36;
export const TWIN_SQUARES: u32 = 37;
export const TWIN_LOW: u32 = 38;
export const TWIN_HIGH: u32 = 39;
export const NOVELTY_FILL: u32 = 40;
export const NOVELTY_LOW: u32 = 41;
export const NOVELTY_HIGH: u32 = 42;

/** Row of the twin: levels, deviations, previous values and deviations of steps of mean, min, max, std; windows seen. */
export const TWIN_BYTES: u32 = 80;
/** Row of novelty: lowest and highest minimum, lowest and highest maximum, centre, windows seen. */
export const NOVELTY_BYTES: u32 = 24;

/** Parameters, 32-bit floats in the order of `PARAMETERS` in kernel-memory.ts. */
export const P = memory.data(40 * 4, 16);
/** Lanes of a block that does not lie in the batch as four neighbours: values, modes, sample of each lane. */
export const lanesX = memory.data(16, 16);
export const lanesMode = memory.data(16, 16);
export const lanesAt = memory.data(16, 16);
/** What a block says: 7 raw scores, 7 readiness masks, expected, lower, upper. */
export const out = memory.data(17 * 16, 16);
export const READY: u32 = 7 * 16;
export const BAND: u32 = 14 * 16;

export const SIGMA: f32 = 1.2533;
export const SIGMAS_PER_IQR: f32 = 0.7412898443291327;
export const FLOOR: f32 = 0.003;
export const LARGEST: f32 = 1e30;
export const MOST: f32 = 1e6;

// @ts-expect-error: decorator
@inline
export function p(index: u32): v128 {
  return v128.load32_splat(P + index * 4);
}

// @ts-expect-error: decorator
@inline
export function get(row: u32, field: u32): v128 {
  return v128.load(row + field * 16);
}

/** Stores `next` where `mask`, keeps `old` elsewhere. */
// @ts-expect-error: decorator
@inline
export function put(row: u32, field: u32, next: v128, old: v128, mask: v128): void {
  v128.store(row + field * 16, v128.bitselect(next, old, mask));
}

// @ts-expect-error: decorator
@inline
export function add(a: v128, b: v128): v128 {
  return f32x4.add(a, b);
}

// @ts-expect-error: decorator
@inline
export function sub(a: v128, b: v128): v128 {
  return f32x4.sub(a, b);
}

// @ts-expect-error: decorator
@inline
export function mul(a: v128, b: v128): v128 {
  return f32x4.mul(a, b);
}

// @ts-expect-error: decorator
@inline
export function max(a: v128, b: v128): v128 {
  return f32x4.pmax(a, b);
}

// @ts-expect-error: decorator
@inline
export function all(x: f32): v128 {
  return f32x4.splat(x);
}

/** Learnt deviation as a scale, not below its floor about `level`. */
// @ts-expect-error: decorator
@inline
export function scaleOf(deviation: v128, level: v128, least: v128): v128 {
  return max(max(mul(deviation, all(SIGMA)), mul(f32x4.abs(level), all(FLOOR))), least);
}

// @ts-expect-error: decorator
@inline
export function signed(size: v128, like: v128): v128 {
  return v128.or(size, v128.and(like, i32x4.splat(0x80000000)));
}

// @ts-expect-error: decorator
@inline
export function say(column: u32, raw: v128, ready: v128): void {
  v128.store(out + column * 16, raw);
  v128.store(out + READY + column * 16, ready);
}

/** A quantile after a sample: up by its share of the step if the sample lies above, else down by the rest. */
// @ts-expect-error: decorator
@inline
export function moved(q: v128, x: v128, step: v128, down: f32): v128 {
  return add(q, mul(v128.bitselect(all(1 - down), all(-down), f32x4.gt(x, q)), step));
}
