/**
 * The tails of every detector for four series at once: see src/fuse/calibrate/tail-bank.ts, whose slow twin in its test says the
 * same in plain words. Built by scripts/build-kernels.ts into tails-wasm.ts.
 *
 * State of series 4b .. 4b + 3 is a block: of each detector four quantiles, four excesses (f32) and four count bytes. Columns
 * of a batch: raw scores, ready flags and -log10 p by detector, `room` samples each.
 */

/** Bytes of a detector in a block. */
const DETECTOR: u32 = 36;
/** Weighted sums of ordinary and of rare detectors, four partial ones each: detectors 0, 4, 8 .. go to the first. */
const partial = memory.data(8 * 16, 16);
/** Lanes of a block that does not lie in the batch as four neighbours. */
const lanesAt = memory.data(16, 16);
const lanesScore = memory.data(16, 16);
const lanesOut = memory.data(16, 16);

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

/** Scores four samples by one detector, then learns those that are ready and learn. `flags` has a byte 0 or 1 a lane. */
// @ts-ignore: decorator
@inline
function tail(at: u32, score: v128, flags: u32, learns: v128): v128 {
  const one = f32x4.splat(1);
  const isReady = i32x4.ne(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(i32x4.splat(flags))), i32x4.splat(0));
  const quantileWas = v128.load(at);
  const excessWas = v128.load(at, 16);
  const counts = load<u32>(at, 32);
  let quantile = quantileWas;
  let excess = excessWas;
  let rate = f32x4.splat(QUANTILE_RATE);
  const isYoung = counts != OLD;
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
  let step = f32x4.sub(one, f32x4.mul(rate, f32x4.splat(EXCESS_SHARE)));
  if (v128.any_true(above)) {
    const over = logOf(ratio);
    const high = f32x4.add(f32x4.splat(AT_QUANTILE), f32x4.div(f32x4.mul(f32x4.splat(LOG10E), over), excess));
    strange = v128.bitselect(f32x4.pmin(high, f32x4.splat(CAP)), strange, above);
    step = v128.bitselect(f32x4.add(one, f32x4.mul(rate, f32x4.splat(1 - EXCESS_SHARE))), step, above);
    const limit = f32x4.mul(f32x4.splat(10), excess);
    const moved = f32x4.add(excess, f32x4.mul(f32x4.splat(EXCESS_RATE), f32x4.sub(f32x4.pmin(over, limit), excess)));
    excess = v128.bitselect(moved, excess, above);
  }
  quantile = f32x4.max(f32x4.mul(quantile, step), f32x4.splat(SMALLEST_QUANTILE));
  excess = f32x4.max(excess, f32x4.splat(SMALLEST_EXCESS));
  const learnt = v128.and(isReady, learns);
  v128.store(at, v128.bitselect(quantile, quantileWas, learnt));
  v128.store(at, v128.bitselect(excess, excessWas, learnt), 16);
  if (isYoung) {
    const half = i16x8.narrow_i32x4_s(learnt, learnt);
    const bytes = v128.and(i8x16.narrow_i16x8_s(half, half), i8x16.splat(1));
    store<u32>(at, u32(i32x4.extract_lane(i8x16.add_sat_u(i32x4.splat(counts), bytes), 0)), 32);
  }
  return v128.and(strange, isReady);
}

/** Adds what a detector says to the weighted sums. */
// @ts-ignore: decorator
@inline
function weigh(strange: v128, d: u32, weights: u32, rareWeights: u32): void {
  const at = partial + (d & 3) * 32;
  v128.store(at, f32x4.add(v128.load(at), f32x4.mul(strange, v128.load32_splat(weights + d * 4))));
  v128.store(at, f32x4.add(v128.load(at, 16), f32x4.mul(strange, v128.load32_splat(rareWeights + d * 4))), 16);
}

// @ts-ignore: decorator
@inline
function total(offset: u32): v128 {
  const first = f32x4.add(v128.load(partial + offset), v128.load(partial + 32 + offset));
  return f32x4.add(f32x4.add(first, v128.load(partial + 64 + offset)), v128.load(partial + 96 + offset));
}

/**
 * Scores samples [0, n) of `series`, then learns those whose `mode` is 1. `weights` holds a weight of each ordinary detector, in
 * as many places as detectors rounded up to four, then of rare ones. Writes -log10 p by detector to `surprise`, the two
 * weighted sums to `sum` and `rare`, and to `known` whether any detector was ready.
 */
export function observe(
  n: u32,
  detectors: u32,
  blocks: u32,
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
  const blockBytes = detectors * DETECTOR;
  const rareWeights = weights + ((detectors + 3) & ~3) * 4;
  let i: u32 = 0;
  while (i < n) {
    const s = load<u32>(series + i * 4);
    const block = blocks + (s >> 2) * blockBytes;
    // Not memory.fill: it is a call out of the kernel.
    for (let k: u32 = 0; k < 128; k += 16) v128.store(partial + k, i32x4.splat(0));
    let anyReady: u32 = 0;
    if ((s & 3) === 0 && i + 4 <= n) {
      const neighbours = i32x4.add(i32x4.splat(s), i32x4(0, 1, 2, 3));
      if (v128.any_true(v128.xor(v128.load(series + i * 4), neighbours)) === 0) {
        const modes = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(mode + i)));
        const learns = i32x4.eq(modes, i32x4.splat(1));
        for (let d: u32 = 0; d < detectors; d++) {
          const column = d * room + i;
          const flags = load<u32>(ready + column);
          if (flags == 0) {
            v128.store(surprise + column * 4, i32x4.splat(0));
            continue;
          }
          anyReady |= flags;
          const strange = tail(block + d * DETECTOR, v128.load(raw + column * 4), flags, learns);
          v128.store(surprise + column * 4, strange);
          weigh(strange, d, weights, rareWeights);
        }
        v128.store(sum + i * 4, total(0));
        v128.store(rare + i * 4, total(16));
        store<u32>(known + i, anyReady);
        i += 4;
        continue;
      }
    }
    // Some of the block's series only, in any order; each at most once.
    const first = i;
    let learns = i32x4.splat(0);
    v128.store(lanesAt, i32x4.splat(-1));
    v128.store(lanesScore, learns);
    while (i < n) {
      const next = load<u32>(series + i * 4);
      if (next >> 2 !== s >> 2) break;
      const lane = (next & 3) * 4;
      store<u32>(lanesAt + lane, i);
      store<u32>(lanesScore + lane, load<u8>(mode + i) == 1 ? OLD : 0);
      i++;
    }
    learns = v128.load(lanesScore);
    for (let d: u32 = 0; d < detectors; d++) {
      let flags: u32 = 0;
      for (let k: u32 = 0; k < 4; k++) {
        const at = load<u32>(lanesAt + k * 4);
        if (at === OLD) continue;
        flags |= u32(load<u8>(ready + d * room + at)) << (k * 8);
        store<f32>(lanesScore + k * 4, load<f32>(raw + (d * room + at) * 4));
      }
      let strange = i32x4.splat(0);
      if (flags != 0) {
        anyReady |= flags;
        strange = tail(block + d * DETECTOR, v128.load(lanesScore), flags, learns);
        weigh(strange, d, weights, rareWeights);
      }
      v128.store(lanesOut, strange);
      for (let k: u32 = 0; k < 4; k++) {
        const at = load<u32>(lanesAt + k * 4);
        if (at !== OLD) store<f32>(surprise + (d * room + at) * 4, load<f32>(lanesOut + k * 4));
      }
    }
    v128.store(lanesScore, total(0));
    v128.store(lanesOut, total(16));
    for (let at = first; at < i; at++) {
      const k = load<u32>(series + at * 4) & 3;
      store<f32>(sum + at * 4, load<f32>(lanesScore + k * 4));
      store<f32>(rare + at * 4, load<f32>(lanesOut + k * 4));
      store<u8>(known + at, u8((anyReady >> (k * 8)) & 255));
    }
  }
}
