/**
 * The regular course of src/features/event-time: samples in order, each series once, with no pause worth telling. The kernel stops
 * before the first sample that is anything else; event-time.ts, which does the same one by one, takes it from there.
 * Built by scripts/build-kernels.ts into arrival-wasm.ts.
 */

const NEAR_LOW: f64 = 0.75;
const NEAR_HIGH: f64 = 4.0 / 3.0;
const NEAR_RATE: f64 = 1.0 / 8.0;
const GAP_RATIO: f64 = 1.5;
const STEP: f64 = 1.06;
const FAR: f64 = 4;
const FAR_STEP: f64 = 1.25;
const LAG_DECAY: f64 = 0.98;

let seriesAt: u32 = 0;
let timeAt: u32 = 0;
let seenAt: u32 = 0;
let stepsAt: u32 = 0;
let intervalAt: u32 = 0;
let lagAt: u32 = 0;
let high: f64 = 0;

/** First byte that the caller may use. */
export function base(): u32 {
  return u32(__heap_base);
}

export function place(series: u32, time: u32, seen: u32, steps: u32, interval: u32, lag: u32): void {
  seriesAt = series;
  timeAt = time;
  seenAt = seen;
  stepsAt = steps;
  intervalAt = interval;
  lagAt = lag;
}

/** Newest time after the last call of `admit`. */
export function newest(): f64 {
  return high;
}

/** Takes samples `from` to `n` and gives the first that it did not take, `n` if none. Marks below `mark` are of earlier batches. */
export function admit(from: u32, n: u32, mark: u32, limit: f64, newestBefore: f64): u32 {
  high = newestBefore;
  let i = from;
  for (; i < n; i++) {
    const s = load<u32>(seriesAt + i * 4);
    const t = load<f64>(timeAt + i * 8);
    const last = load<f64>(seenAt + s * 8);
    const step = stepsAt + s * 8;
    if (!(t > last) || t > limit || load<u32>(step) >= mark) break;
    const dt = t - last;
    const interval = intervalAt + s * 4;
    const usual = f64(load<f32>(interval));
    if (dt < usual * NEAR_HIGH && dt > usual * NEAR_LOW) store<f32>(interval, f32(usual + (dt - usual) * NEAR_RATE));
    else if (dt !== Infinity) {
      if (usual === 0) store<f32>(interval, f32(dt));
      else if (dt > usual) {
        if (dt > usual * GAP_RATIO) break;
        store<f32>(interval, f32(usual * STEP));
      } else store<f32>(interval, f32(usual / (dt * FAR < usual ? FAR_STEP : STEP)));
    }
    store<u32>(step, mark);
    store<f32>(step, f32(dt), 4);
    store<f64>(seenAt + s * 8, t);
    if (t > high) high = t;
    const behind = high - t;
    const known = f64(load<f32>(lagAt + s * 4)) * LAG_DECAY;
    store<f32>(lagAt + s * 4, f32(behind > known ? behind : known));
  }
  return i;
}
