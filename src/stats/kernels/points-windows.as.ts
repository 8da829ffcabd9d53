/** The models of finished windows, by series: see points.as.ts. */
import {
  FLOOR, FRACTIONAL, MOST, NOVELTY_FILL, NOVELTY_HIGH, NOVELTY_LOW, P, SIGMA, TWIN_FILL, TWIN_HIGH, TWIN_LOW,
  TWIN_ORIGIN, TWIN_SQUARES, TWIN_SUM, add, all, lanesMode, max, mul, signed, sub,
} from './points-lanes.as';

/** Closes the twin's window of one lane; gives the raw score, -1 while warming up. */
export function closeTwin(lane: u32, k: u32, row: u32): f32 {
  const fill = load<f32>(lane + TWIN_FILL * 16);
  const offset = load<f32>(lane + TWIN_SUM * 16) / fill;
  const mean = load<f32>(lane + TWIN_ORIGIN * 16) + offset;
  const variance = load<f32>(lane + TWIN_SQUARES * 16) / fill - offset * offset;
  store<f32>(lane + TWIN_FILL * 16, 0);
  store<f32>(lane + TWIN_SUM * 16, 0);
  store<f32>(lane + TWIN_SQUARES * 16, 0);
  let x = f32x4.splat(mean);
  x = f32x4.replace_lane(x, 1, load<f32>(lane + TWIN_LOW * 16));
  x = f32x4.replace_lane(x, 2, load<f32>(lane + TWIN_HIGH * 16));
  x = f32x4.replace_lane(x, 3, variance > 0 ? sqrt<f32>(variance) : 0);
  const n = load<f32>(row, 64);
  store<f32>(row, n < MOST ? n + 1 : n, 64);
  if (n === 0) {
    v128.store(row, x);
    v128.store(row, x, 32);
    return -1;
  }
  const fast = load<u32>(lanesMode + k * 4) === 2;
  const least: f32 = load<f32>(lane + FRACTIONAL * 16) === 0 ? 0.5 : 1e-12;
  const floor = f32x4.splat(Mathf.max(Mathf.abs(mean) * FLOOR, least));
  const level = v128.load(row);
  const deviation = v128.load(row, 16);
  const previous = v128.load(row, 32);
  const stepDeviation = v128.load(row, 48);
  const scale = max(mul(deviation, all(SIGMA)), floor);
  const stepScale = max(mul(stepDeviation, all(SIGMA)), floor);
  const residual = sub(x, level);
  let size = f32x4.abs(residual);
  let stepSize = f32x4.abs(sub(x, previous));
  const z = f32x4.div(size, scale);
  const zStep = f32x4.div(stepSize, stepScale);
  const young: f32 = 1 / (n + 1);
  const speed: f32 = fast ? 8 : 1;
  const a = f32x4.splat(Mathf.max(load<f32>(P + 28 * 4) * speed, young));
  const b = f32x4.splat(Mathf.max(load<f32>(P + 29 * 4) * speed, young));
  const warm = n >= load<f32>(P + 31 * 4);
  if (warm && !fast) {
    const clip = v128.load32_splat(P + 30 * 4);
    size = f32x4.pmin(mul(clip, scale), size);
    stepSize = f32x4.pmin(mul(clip, stepScale), stepSize);
  }
  v128.store(row, add(level, mul(a, signed(size, residual))));
  v128.store(row, add(deviation, mul(b, sub(size, deviation))), 16);
  v128.store(row, x, 32);
  v128.store(row, add(stepDeviation, mul(b, sub(stepSize, stepDeviation))), 48);
  if (!warm) return -1;
  // The two largest of eight.
  let big = max(z, zStep);
  let small = f32x4.pmin(z, zStep);
  let other = v128.shuffle<f32>(big, big, 2, 3, 0, 1);
  small = max(max(small, v128.shuffle<f32>(small, small, 2, 3, 0, 1)), f32x4.pmin(big, other));
  big = max(big, other);
  other = v128.shuffle<f32>(big, big, 1, 0, 3, 2);
  small = max(max(small, v128.shuffle<f32>(small, small, 1, 0, 3, 2)), f32x4.pmin(big, other));
  big = max(big, other);
  return (f32x4.extract_lane(big, 0) + f32x4.extract_lane(small, 0)) * 0.5;
}

/** Closes novelty's window of one lane; gives the raw score, -1 while warming up. */
export function closeNovelty(lane: u32, k: u32, row: u32): f32 {
  const lowest = load<f32>(lane + NOVELTY_LOW * 16);
  const highest = load<f32>(lane + NOVELTY_HIGH * 16);
  store<f32>(lane + NOVELTY_FILL * 16, 0);
  const n = load<f32>(row, 20);
  const middle = (lowest + highest) * 0.5;
  if (n === 0) {
    store<f32>(row, lowest);
    store<f32>(row, lowest, 4);
    store<f32>(row, highest, 8);
    store<f32>(row, highest, 12);
    store<f32>(row, middle, 16);
  }
  const minLow = load<f32>(row);
  const minHigh = load<f32>(row, 4);
  const maxLow = load<f32>(row, 8);
  const maxHigh = load<f32>(row, 12);
  const centre = load<f32>(row, 16);
  const least: f32 = load<f32>(lane + FRACTIONAL * 16) === 0 ? 0.5 : 1e-12;
  const unit = Mathf.max(maxHigh - minLow, Mathf.max(Mathf.abs(centre) * FLOOR, least));
  const outside = Mathf.max(
    Mathf.max(minLow - lowest, lowest - minHigh),
    Mathf.max(maxLow - highest, highest - maxHigh),
  );
  const fast = load<u32>(lanesMode + k * 4) === 2;
  const shrink = load<f32>(P + 33 * 4) * (fast ? f32(8) : f32(1));
  store<f32>(row, centre + shrink * 4 * (middle - centre), 16);
  store<f32>(row, Mathf.min(lowest, minLow + shrink * (centre - minLow)));
  store<f32>(row, Mathf.max(lowest, minHigh + shrink * (centre - minHigh)), 4);
  store<f32>(row, Mathf.min(highest, maxLow + shrink * (centre - maxLow)), 8);
  store<f32>(row, Mathf.max(highest, maxHigh + shrink * (centre - maxHigh)), 12);
  store<f32>(row, n < MOST ? n + 1 : n, 20);
  if (n < load<f32>(P + 34 * 4)) return -1;
  return outside > 0 ? (20 * outside) / unit : 0;
}
