/**
 * The detectors of every sample for four series at once, and the models of finished windows: see src/detect/point-tier,
 * whose test holds this equal to the detectors that stand by themselves. Built by scripts/build-kernels.ts into points-wasm.ts.
 *
 * State of series 4b .. 4b + 3 is a block of `WIDTH` vectors, a lane a series. Lanes without a sample carry NaN, which is
 * never valid, and keep their state. Rows of the windows' models lie by series.
 */
import {
  AR_DEVIATION, AR_LAG, AR_LEVEL, AR_WEIGHT, BAND, COUNT, DEVIATION, FAST, FLOOR, FRACTIONAL, GAP, HOLT_DEVIATION,
  HOLT_LEVEL, HOLT_TREND, LARGEST, LEVEL, LONGEST, MOST, NOVELTY_BYTES, NOVELTY_FILL, NOVELTY_HIGH, NOVELTY_LOW, P,
  PREVIOUS, QUANTILE, READY, RUN, RUNS, RUN_MEAN, RUN_VALUE, SHIFT_DEVIATION, SIGMAS_PER_IQR, SLOW, SPREAD,
  STEP_DEVIATION, TWIN_BYTES, TWIN_FILL, TWIN_HIGH, TWIN_LOW, TWIN_ORIGIN, TWIN_SQUARES, TWIN_SUM, WIDTH, add, all,
  get, lanesAt, lanesMode, lanesX, max, moved, mul, out, p, put, say, scaleOf, signed, sub,
} from './points-lanes.as';
import { closeNovelty, closeTwin } from './points-windows.as';

export function parameters(): u32 {
  return u32(P);
}

/** First byte that the caller may use. */
export function base(): u32 {
  return u32(__heap_base);
}

/** Scores and learns one block; gives which lanes finished a window: twin in bits 0..3, novelty in bits 4..7. */
function block(row: u32, given: v128, mode: v128): u32 {
  const zero = all(0);
  const one = all(1);
  const valid = f32x4.lt(f32x4.abs(given), all(LARGEST));
  const x = v128.and(given, valid);
  const learns = v128.and(valid, i32x4.ne(mode, i32x4.splat(0)));
  const fast = i32x4.eq(mode, i32x4.splat(2));
  const usual = v128.and(learns, i32x4.eq(mode, i32x4.splat(1)));
  const speed = v128.bitselect(all(8), one, fast);
  const n = get(row, COUNT);
  const old = f32x4.gt(n, zero);
  const learnsOld = v128.and(learns, old);
  const young = f32x4.div(one, add(n, one));
  const fractional = get(row, FRACTIONAL);
  const least = v128.bitselect(all(0.5), all(1e-12), f32x4.eq(fractional, zero));

  // Level and scale.
  const level = get(row, LEVEL);
  const deviation = get(row, DEVIATION);
  let warm = f32x4.ge(n, p(3));
  let scale = scaleOf(deviation, level, least);
  let residual = sub(x, level);
  let size = f32x4.abs(residual);
  say(0, f32x4.div(size, scale), v128.and(warm, valid));
  const width = mul(scale, all(3));
  const known = v128.and(warm, valid);
  const nan = all(NaN);
  v128.store(out + BAND, v128.bitselect(level, nan, known));
  v128.store(out + BAND + 16, v128.bitselect(sub(level, width), nan, known));
  v128.store(out + BAND + 32, v128.bitselect(add(level, width), nan, known));
  let limit = mul(p(2), scale);
  let clipped = v128.and(v128.and(usual, warm), f32x4.gt(size, limit));
  residual = v128.bitselect(signed(limit, residual), residual, clipped);
  size = v128.bitselect(limit, size, clipped);
  put(row, LEVEL, add(level, mul(max(mul(p(0), speed), young), residual)), level, learns);
  put(row, DEVIATION, add(deviation, mul(max(mul(p(1), speed), young), sub(size, deviation))), deviation, learnsOld);

  // Difference.
  const previous = get(row, PREVIOUS);
  const stepDeviation = get(row, STEP_DEVIATION);
  warm = f32x4.ge(n, p(6));
  scale = scaleOf(stepDeviation, previous, least);
  residual = sub(x, previous);
  size = f32x4.abs(residual);
  say(1, f32x4.div(size, scale), v128.and(warm, valid));
  limit = mul(p(5), scale);
  clipped = v128.and(v128.and(usual, warm), f32x4.gt(size, limit));
  size = v128.bitselect(limit, size, clipped);
  put(row, PREVIOUS, v128.bitselect(add(previous, signed(limit, residual)), x, clipped), previous, learns);
  const stepRate = max(mul(p(4), speed), young);
  put(row, STEP_DEVIATION, add(stepDeviation, mul(stepRate, sub(size, stepDeviation))), stepDeviation, learnsOld);

  // Holt.
  const holtLevel = get(row, HOLT_LEVEL);
  const holtTrend = get(row, HOLT_TREND);
  const holtDeviation = get(row, HOLT_DEVIATION);
  const trend = mul(holtTrend, p(9));
  let forecast = add(holtLevel, trend);
  warm = f32x4.ge(n, p(12));
  scale = scaleOf(holtDeviation, forecast, least);
  residual = sub(x, forecast);
  size = f32x4.abs(residual);
  say(2, f32x4.div(size, scale), v128.and(warm, valid));
  limit = mul(p(11), scale);
  clipped = v128.and(v128.and(usual, warm), f32x4.gt(size, limit));
  residual = v128.bitselect(signed(limit, residual), residual, clipped);
  size = v128.bitselect(limit, size, clipped);
  // Re-anchoring jumps to the new level and takes no trend from the jump; so does the first sample.
  const jump = v128.or(fast, f32x4.eq(n, zero));
  put(row, HOLT_LEVEL, v128.bitselect(x, add(forecast, mul(p(7), residual)), jump), holtLevel, learns);
  put(row, HOLT_TREND, v128.andnot(add(trend, mul(p(8), residual)), jump), holtTrend, learns);
  const holtRate = max(mul(p(10), speed), young);
  put(row, HOLT_DEVIATION, add(holtDeviation, mul(holtRate, sub(size, holtDeviation))), holtDeviation, learnsOld);

  // Autoregression on the cleaned values less a slow level.
  const around = get(row, AR_LEVEL);
  const arDeviation = get(row, AR_DEVIATION);
  const l1 = get(row, AR_LAG);
  const l2 = get(row, AR_LAG + 1);
  const l3 = get(row, AR_LAG + 2);
  const l4 = get(row, AR_LAG + 3);
  const a1 = sub(l1, around);
  const a2 = sub(l2, around);
  const a3 = sub(l3, around);
  const a4 = sub(l4, around);
  const w1 = get(row, AR_WEIGHT);
  const w2 = get(row, AR_WEIGHT + 1);
  const w3 = get(row, AR_WEIGHT + 2);
  const w4 = get(row, AR_WEIGHT + 3);
  // Without a bound, weights that sum above one would run away with the forecast.
  const far = max(max(f32x4.abs(a1), f32x4.abs(a2)), max(f32x4.abs(a3), f32x4.abs(a4)));
  const ahead = add(add(mul(w1, a1), mul(w2, a2)), add(mul(w3, a3), mul(w4, a4)));
  forecast = add(around, f32x4.pmin(far, max(f32x4.neg(far), ahead)));
  warm = f32x4.ge(n, p(17));
  scale = scaleOf(arDeviation, around, least);
  residual = sub(x, forecast);
  size = f32x4.abs(residual);
  say(3, f32x4.div(size, scale), v128.and(warm, valid));
  limit = mul(p(16), scale);
  const beyond = f32x4.gt(size, limit);
  const gentle = v128.bitselect(signed(limit, residual), residual, beyond);
  clipped = v128.and(v128.and(usual, warm), beyond);
  residual = v128.bitselect(gentle, residual, clipped);
  size = v128.bitselect(limit, size, clipped);
  let next = add(forecast, residual);
  let nextLevel = add(around, mul(max(mul(p(14), speed), young), sub(next, around)));
  let nextDeviation = add(arDeviation, mul(max(mul(p(15), speed), young), sub(size, arDeviation)));
  const energy = add(add(mul(a1, a1), mul(a2, a2)), add(mul(a3, a3), mul(a4, a4)));
  const gain = f32x4.div(mul(p(13), gentle), add(energy, mul(scale, scale)));
  let learnsWeights = learns;
  let first = zero;
  const few = v128.and(learns, f32x4.lt(n, all(4)));
  if (v128.any_true(few)) {
    // Nothing to regress on yet: fill the lags, start from "as before".
    first = v128.andnot(few, old);
    learnsWeights = v128.andnot(learns, few);
    next = v128.bitselect(x, next, few);
    const distance = sub(x, around);
    nextLevel = v128.bitselect(add(around, mul(distance, young)), nextLevel, few);
    const grown = v128.and(add(arDeviation, mul(sub(f32x4.abs(distance), arDeviation), young)), old);
    nextDeviation = v128.bitselect(grown, nextDeviation, few);
  }
  put(row, AR_WEIGHT, v128.bitselect(all(0.5), add(w1, mul(gain, a1)), first), w1, v128.or(learnsWeights, first));
  put(row, AR_WEIGHT + 1, add(w2, mul(gain, a2)), w2, learnsWeights);
  put(row, AR_WEIGHT + 2, add(w3, mul(gain, a3)), w3, learnsWeights);
  put(row, AR_WEIGHT + 3, add(w4, mul(gain, a4)), w4, learnsWeights);
  put(row, AR_LAG + 3, v128.bitselect(x, l3, first), l4, learns);
  put(row, AR_LAG + 2, v128.bitselect(x, l2, first), l3, learns);
  put(row, AR_LAG + 1, v128.bitselect(x, l1, first), l2, learns);
  put(row, AR_LAG, next, l1, learns);
  put(row, AR_LEVEL, nextLevel, around, learns);
  put(row, AR_DEVIATION, nextDeviation, arDeviation, learns);

  // Quantiles.
  const q05 = get(row, QUANTILE);
  const q25 = get(row, QUANTILE + 1);
  const q50 = get(row, QUANTILE + 2);
  const q75 = get(row, QUANTILE + 3);
  const q95 = get(row, QUANTILE + 4);
  const spread = get(row, SPREAD);
  warm = f32x4.ge(n, p(19));
  const unit = max(max(mul(sub(q75, q25), all(SIGMAS_PER_IQR)), mul(f32x4.abs(q50), all(FLOOR))), least);
  const up = f32x4.div(sub(x, q75), max(mul(sub(q95, q50), all(0.61)), unit));
  const down = f32x4.div(sub(q25, x), max(mul(sub(q50, q05), all(0.61)), unit));
  say(4, max(max(up, down), zero), v128.and(warm, valid));
  let distance = f32x4.abs(sub(x, q50));
  limit = mul(spread, all(6));
  distance = v128.bitselect(limit, distance, v128.and(v128.and(usual, warm), f32x4.gt(distance, limit)));
  const infant = f32x4.lt(n, all(200));
  const spreadRate = v128.bitselect(young, all(0.005), infant);
  put(row, SPREAD, add(spread, mul(spreadRate, sub(distance, spread))), spread, learnsOld);
  const haste = v128.bitselect(add(one, f32x4.div(all(2000), add(n, all(20)))), one, infant);
  const step = mul(mul(mul(p(18), speed), haste), spread);
  const begins = v128.andnot(learns, old);
  put(row, QUANTILE, v128.bitselect(x, moved(q05, x, step, 0.95), begins), q05, learns);
  put(row, QUANTILE + 1, v128.bitselect(x, moved(q25, x, step, 0.75), begins), q25, learns);
  put(row, QUANTILE + 2, v128.bitselect(x, moved(q50, x, step, 0.5), begins), q50, learns);
  put(row, QUANTILE + 3, v128.bitselect(x, moved(q75, x, step, 0.25), begins), q75, learns);
  put(row, QUANTILE + 4, v128.bitselect(x, moved(q95, x, step, 0.05), begins), q95, learns);

  // Mean shift.
  const recent = get(row, FAST);
  const slow = get(row, SLOW);
  const usualGap = get(row, GAP);
  const shiftDeviation = get(row, SHIFT_DEVIATION);
  warm = f32x4.ge(n, p(24));
  const growing = f32x4.lt(n, p(22));
  const youth = v128.and(young, growing);
  let move = sub(x, recent);
  limit = mul(p(23), scaleOf(shiftDeviation, slow, least));
  move = v128.bitselect(signed(limit, move), move, v128.and(warm, f32x4.gt(f32x4.abs(move), limit)));
  const nextFast = add(recent, mul(max(p(20), youth), move));
  const gap = f32x4.abs(sub(nextFast, slow));
  say(5, f32x4.div(gap, scaleOf(usualGap, slow, least)), v128.and(warm, valid));
  let rate = max(mul(p(21), speed), youth);
  put(row, FAST, nextFast, recent, learns);
  put(row, SLOW, add(slow, mul(rate, sub(nextFast, slow))), slow, learns);
  rate = v128.bitselect(max(rate, f32x4.div(one, sub(n, all(9)))), rate, growing);
  const tenth = v128.and(learns, f32x4.ge(n, all(10)));
  put(row, GAP, add(usualGap, mul(rate, sub(gap, usualGap))), usualGap, tenth);
  const shiftRate = max(youth, all(0.005));
  put(row, SHIFT_DEVIATION, add(shiftDeviation, mul(shiftRate, sub(f32x4.abs(move), shiftDeviation))), shiftDeviation, learnsOld);

  // Run length.
  const runValue = get(row, RUN_VALUE);
  const run = get(row, RUN);
  const longest = get(row, LONGEST);
  const runMean = get(row, RUN_MEAN);
  const runs = get(row, RUNS);
  const same = v128.and(old, f32x4.eq(x, runValue));
  const now = add(v128.and(run, same), one);
  const longRun = add(max(mul(runMean, all(3)), longest), one);
  warm = v128.and(f32x4.ge(n, p(25)), f32x4.ge(runs, all(8)));
  say(6, v128.and(f32x4.div(now, longRun), f32x4.ge(now, all(4))), v128.and(warm, valid));
  put(row, RUN, now, run, learns);
  put(row, RUN_VALUE, x, runValue, learns);
  const ends = v128.andnot(learnsOld, same);
  const runRate = max(p(26), f32x4.div(one, add(runs, one)));
  put(row, RUN_MEAN, add(runMean, mul(runRate, sub(run, runMean))), runMean, ends);
  put(row, LONGEST, max(mul(longest, sub(one, p(26))), run), longest, ends);
  put(row, RUNS, f32x4.pmin(add(runs, one), all(MOST)), runs, ends);

  put(row, FRACTIONAL, v128.bitselect(fractional, one, f32x4.eq(x, f32x4.trunc(x))), fractional, learns);
  put(row, COUNT, f32x4.pmin(add(n, one), all(MOST)), n, learns);

  // Windows. Sums are taken from the first sample, so that a large level does not eat the variance.
  const twinFill = get(row, TWIN_FILL);
  const opens = f32x4.eq(twinFill, zero);
  const origin = get(row, TWIN_ORIGIN);
  const sum = get(row, TWIN_SUM);
  const squares = get(row, TWIN_SQUARES);
  const low = get(row, TWIN_LOW);
  const high = get(row, TWIN_HIGH);
  const offset = v128.andnot(sub(x, origin), opens);
  const twinNext = add(twinFill, one);
  put(row, TWIN_FILL, twinNext, twinFill, learns);
  put(row, TWIN_ORIGIN, v128.bitselect(x, origin, opens), origin, learns);
  put(row, TWIN_SUM, add(sum, offset), sum, learns);
  put(row, TWIN_SQUARES, add(squares, mul(offset, offset)), squares, learns);
  put(row, TWIN_LOW, v128.bitselect(x, f32x4.pmin(low, x), opens), low, learns);
  put(row, TWIN_HIGH, v128.bitselect(x, max(high, x), opens), high, learns);
  const noveltyFill = get(row, NOVELTY_FILL);
  const starts = f32x4.eq(noveltyFill, zero);
  const lowest = get(row, NOVELTY_LOW);
  const highest = get(row, NOVELTY_HIGH);
  const noveltyNext = add(noveltyFill, one);
  put(row, NOVELTY_FILL, noveltyNext, noveltyFill, learns);
  put(row, NOVELTY_LOW, v128.bitselect(x, f32x4.pmin(lowest, x), starts), lowest, learns);
  put(row, NOVELTY_HIGH, v128.bitselect(x, max(highest, x), starts), highest, learns);
  const twinEnds = v128.and(learns, f32x4.ge(twinNext, p(27)));
  const noveltyEnds = v128.and(learns, f32x4.ge(noveltyNext, p(32)));
  return i32x4.bitmask(twinEnds) | (i32x4.bitmask(noveltyEnds) << 4);
}

// @ts-expect-error: decorator
@inline
function speak(raw: u32, ready: u32, column: u32, room: u32, i: u32, score: f32): void {
  if (score < 0) return;
  store<f32>(raw + (column * room + i) * 4, score);
  store<u8>(ready + column * room + i, 1);
}

/**
 * Scores samples [0, n), then learns them. `raw` and `ready` hold nine columns of `room` samples each, `band` three
 * (expected, lower, upper).
 */
export function observe(
  n: u32,
  series: u32,
  mode: u32,
  value: u32,
  raw: u32,
  ready: u32,
  band: u32,
  room: u32,
  points: u32,
  twins: u32,
  novelties: u32,
): void {
  memory.fill(ready + 7 * room, 0, n);
  memory.fill(ready + 8 * room, 0, n);
  let i: u32 = 0;
  while (i < n) {
    const s = load<u32>(series + i * 4);
    const row = points + (s >> 2) * (WIDTH * 16);
    if ((s & 3) === 0 && i + 4 <= n) {
      const neighbours = i32x4.add(i32x4.splat(s), i32x4(0, 1, 2, 3));
      if (v128.any_true(v128.xor(v128.load(series + i * 4), neighbours)) === 0) {
        const low = f32x4.demote_f64x2_zero(v128.load(value + i * 8));
        const high = f32x4.demote_f64x2_zero(v128.load(value + i * 8, 16));
        const modes = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(mode + i)));
        const ends = block(row, v128.shuffle<f32>(low, high, 0, 1, 4, 5), modes);
        for (let d: u32 = 0; d < 7; d++) {
          v128.store(raw + (d * room + i) * 4, v128.load(out + d * 16));
          const mask = v128.load(out + READY + d * 16);
          const half = i16x8.narrow_i32x4_s(mask, mask);
          const flags = i32x4.extract_lane(i8x16.narrow_i16x8_s(half, half), 0);
          store<u32>(ready + d * room + i, flags & 0x01010101);
        }
        for (let d: u32 = 0; d < 3; d++) v128.store(band + (d * room + i) * 4, v128.load(out + BAND + d * 16));
        if (ends !== 0) {
          v128.store(lanesMode, modes);
          for (let k: u32 = 0; k < 4; k++) {
            const at = row + k * 4;
            if (ends & (1 << k)) speak(raw, ready, 7, room, i + k, closeTwin(at, k, twins + (s + k) * TWIN_BYTES));
            if (ends & (16 << k)) speak(raw, ready, 8, room, i + k, closeNovelty(at, k, novelties + (s + k) * NOVELTY_BYTES));
          }
        }
        i += 4;
        continue;
      }
    }
    // Some of the block's series only, in any order.
    v128.store(lanesX, f32x4.splat(NaN));
    v128.store(lanesMode, i32x4.splat(0));
    v128.store(lanesAt, i32x4.splat(-1));
    while (i < n) {
      const next = load<u32>(series + i * 4);
      if (next >> 2 !== s >> 2) break;
      const lane = (next & 3) * 4;
      store<f32>(lanesX + lane, f32(load<f64>(value + i * 8)));
      store<u32>(lanesMode + lane, load<u8>(mode + i));
      store<u32>(lanesAt + lane, i);
      i++;
    }
    const ends = block(row, v128.load(lanesX), v128.load(lanesMode));
    for (let k: u32 = 0; k < 4; k++) {
      const at = load<u32>(lanesAt + k * 4);
      if (at === 0xffffffff) continue;
      for (let d: u32 = 0; d < 7; d++) {
        store<f32>(raw + (d * room + at) * 4, load<f32>(out + d * 16 + k * 4));
        store<u8>(ready + d * room + at, load<u8>(out + READY + d * 16 + k * 4) & 1);
      }
      for (let d: u32 = 0; d < 3; d++) store<f32>(band + (d * room + at) * 4, load<f32>(out + BAND + d * 16 + k * 4));
      const own = (s & ~3) + k;
      if (ends & (1 << k)) speak(raw, ready, 7, room, at, closeTwin(row + k * 4, k, twins + own * TWIN_BYTES));
      if (ends & (16 << k)) speak(raw, ready, 8, room, at, closeNovelty(row + k * 4, k, novelties + own * NOVELTY_BYTES));
    }
  }
}
