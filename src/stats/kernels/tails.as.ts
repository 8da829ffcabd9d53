/**
 * The tails of all detectors of a series at once, four detectors a step: see src/fuse/calibrate/tail-bank.ts, whose slow twin
 * in its test says the same in plain words. Built by scripts/build-kernels.ts into tails-wasm.ts.
 *
 * Row of a series: pairs (quantile f32, excess f32) of every detector, then a count byte each. Columns of a batch: raw scores
 * and ready flags by detector, `room` samples each. Reads up to 32 bytes behind a row: the caller leaves them.
 */

const AT_QUANTILE: f32 = 1.30103;
const LOG10E: f32 = 0.4342944819;
const EXCESS_SHARE: f32 = 0.05;
const QUANTILE_RATE: f32 = 0.01;
const YOUNG: u32 = 96;
const EXCESS_RATE: f32 = 0.02;
const CAP: f32 = 8;
const SMALLEST_QUANTILE: f32 = 1;
const SMALLEST_EXCESS: f32 = 0.12;
const FIRST_EXCESS: f32 = 0.3;
const OLD: u32 = 0xffffffff;

/** Rate of the quantile by count. */
const rates = memory.data(256 * 4, 16);

/** First byte that the caller may use. */
export function base(): u32 {
  for (let n: u32 = 0; n < 256; n++) store<f32>(rates + n * 4, n < YOUNG ? f32(1) / f32(n + 4) : QUANTILE_RATE);
  return u32(__heap_base);
}

// @ts-ignore: decorator
@inline
function rateOf(n: v128): v128 {
  let rate = f32x4.splat(load<f32>(rates + i32x4.extract_lane(n, 0) * 4));
  rate = f32x4.replace_lane(rate, 1, load<f32>(rates + i32x4.extract_lane(n, 1) * 4));
  rate = f32x4.replace_lane(rate, 2, load<f32>(rates + i32x4.extract_lane(n, 2) * 4));
  return f32x4.replace_lane(rate, 3, load<f32>(rates + i32x4.extract_lane(n, 3) * 4));
}

/** Natural logarithm of normal positive numbers, to about 1e-7 (the polynomial of Cephes' logf, without its last correction). */
// @ts-ignore: decorator
@inline
function logOf(x: v128): v128 {
  // Mantissa in [sqrt(1/2), sqrt(2)).
  const shifted = i32x4.sub(x, i32x4.splat(0x3f3504f3));
  const exponent = i32x4.shr_s(shifted, 23);
  const mantissa = i32x4.add(v128.and(shifted, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3));
  const m = f32x4.sub(mantissa, f32x4.splat(1));
  const square = f32x4.mul(m, m);
  let p = f32x4.splat(7.0376836292e-2);
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-1.151461031e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(1.1676998740e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-1.2420140846e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(1.4249322787e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-1.6668057665e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(2.0000714765e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(-2.4999993993e-1));
  p = f32x4.add(f32x4.mul(p, m), f32x4.splat(3.3333331174e-1));
  const tail = f32x4.sub(f32x4.mul(f32x4.mul(p, m), square), f32x4.mul(square, f32x4.splat(0.5)));
  return f32x4.add(f32x4.add(m, tail), f32x4.mul(f32x4.convert_i32x4_s(exponent), f32x4.splat(0.69314718056)));
}

/**
 * Scores samples [0, n) of `series`, then learns those whose `mode` is 1. `weights` holds `groups * 4` weights of ordinary
 * detectors, then as many of rare ones. Writes `groups * 4` -log10 p a sample to `surprise`, the two weighted sums to `sum` and `rare`,
 * and to `known` whether any detector was ready.
 */
export function observe(
  n: u32,
  detectors: u32,
  rows: u32,
  series: u32,
  mode: u32,
  raw: u32,
  ready: u32,
  room: u32,
  weights: u32,
  surprise: u32,
  sum: u32,
  rare: u32,
  known: u32,
): void {
  const groups = (detectors + 3) >> 2;
  const rowBytes = detectors * 8 + ((detectors + 3) & ~3);
  const one = f32x4.splat(1);
  for (let i: u32 = 0; i < n; i++) {
    const row = rows + load<u32>(series + i * 4) * rowBytes;
    const learns = load<u8>(mode + i) == 1;
    let ordinary = f32x4.splat(0);
    let seldom = f32x4.splat(0);
    let anyReady: u32 = 0;
    for (let g: u32 = 0; g < groups; g++) {
      const d = g * 4;
      const left = detectors - d;
      const flagAt = ready + d * room + i;
      let flags = u32(load<u8>(flagAt));
      if (left > 1) flags |= u32(load<u8>(flagAt + room)) << 8;
      if (left > 2) flags |= u32(load<u8>(flagAt + 2 * room)) << 16;
      if (left > 3) flags |= u32(load<u8>(flagAt + 3 * room)) << 24;
      const out = surprise + (i * groups + g) * 16;
      if (flags == 0) {
        v128.store(out, f32x4.splat(0));
        continue;
      }
      anyReady = 1;
      const scoreAt = raw + (d * room + i) * 4;
      let score = v128.load32_zero(scoreAt);
      if (left > 1) score = v128.load_lane<f32>(scoreAt + room * 4, score, 1);
      if (left > 2) score = v128.load_lane<f32>(scoreAt + room * 8, score, 2);
      if (left > 3) score = v128.load_lane<f32>(scoreAt + room * 12, score, 3);
      const isReady = i32x4.ne(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(i32x4.splat(flags))), i32x4.splat(0));
      const at = row + d * 8;
      const first = v128.load(at);
      const second = v128.load(at, 16);
      const quantileWas = v128.shuffle<f32>(first, second, 0, 2, 4, 6);
      const excessWas = v128.shuffle<f32>(first, second, 1, 3, 5, 7);
      let quantile = quantileWas;
      let excess = excessWas;
      const countAt = row + detectors * 8 + d;
      const counts = load<u32>(countAt);
      let rate = f32x4.splat(QUANTILE_RATE);
      const isYoung = counts != (left < 4 ? (u32(1) << (left * 8)) - 1 : OLD);
      if (isYoung) {
        const count = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(i32x4.splat(counts)));
        const isNew = i32x4.eq(count, i32x4.splat(0));
        quantile = v128.bitselect(f32x4.max(score, f32x4.splat(SMALLEST_QUANTILE)), quantile, isNew);
        excess = v128.bitselect(f32x4.splat(FIRST_EXCESS), excess, isNew);
        rate = rateOf(count);
      }
      const ratio = f32x4.div(score, quantile);
      const above = v128.and(f32x4.gt(ratio, one), isReady);
      let strange = f32x4.mul(f32x4.mul(f32x4.splat(AT_QUANTILE * 0.5), ratio), f32x4.add(one, ratio));
      const isAbove = v128.any_true(above);
      let over = f32x4.splat(0);
      if (isAbove) {
        over = logOf(ratio);
        const high = f32x4.add(f32x4.splat(AT_QUANTILE), f32x4.div(f32x4.mul(f32x4.splat(LOG10E), over), excess));
        strange = v128.bitselect(f32x4.pmin(high, f32x4.splat(CAP)), strange, above);
      }
      strange = v128.and(strange, isReady);
      v128.store(out, strange);
      ordinary = f32x4.add(ordinary, f32x4.mul(strange, v128.load(weights + d * 4)));
      seldom = f32x4.add(seldom, f32x4.mul(strange, v128.load(weights + (groups * 4 + d) * 4)));
      if (!learns) continue;
      let step = f32x4.sub(one, f32x4.mul(rate, f32x4.splat(EXCESS_SHARE)));
      if (isAbove) {
        const up = f32x4.add(one, f32x4.mul(rate, f32x4.splat(1 - EXCESS_SHARE)));
        step = v128.bitselect(up, step, above);
        const limit = f32x4.mul(f32x4.splat(10), excess);
        const moved = f32x4.add(excess, f32x4.mul(f32x4.splat(EXCESS_RATE), f32x4.sub(f32x4.pmin(over, limit), excess)));
        excess = v128.bitselect(moved, excess, above);
      }
      quantile = f32x4.max(f32x4.mul(quantile, step), f32x4.splat(SMALLEST_QUANTILE));
      excess = f32x4.max(excess, f32x4.splat(SMALLEST_EXCESS));
      quantile = v128.bitselect(quantile, quantileWas, isReady);
      excess = v128.bitselect(excess, excessWas, isReady);
      const low = v128.shuffle<f32>(quantile, excess, 0, 4, 1, 5);
      if (left == 1) v128.store_lane<u64>(at, low, 0);
      else v128.store(at, low);
      if (left > 2) {
        const high = v128.shuffle<f32>(quantile, excess, 2, 6, 3, 7);
        if (left == 3) v128.store_lane<u64>(at, high, 0, 16);
        else v128.store(at, high, 16);
      }
      if (isYoung) store<u32>(countAt, u32(i32x4.extract_lane(i8x16.add_sat_u(i32x4.splat(counts), i32x4.splat(flags)), 0)));
    }
    store<f32>(sum + i * 4, f32x4.extract_lane(ordinary, 0) + f32x4.extract_lane(ordinary, 1) + f32x4.extract_lane(ordinary, 2) + f32x4.extract_lane(ordinary, 3));
    store<f32>(rare + i * 4, f32x4.extract_lane(seldom, 0) + f32x4.extract_lane(seldom, 1) + f32x4.extract_lane(seldom, 2) + f32x4.extract_lane(seldom, 3));
    store<u8>(known + i, anyReady);
  }
}
