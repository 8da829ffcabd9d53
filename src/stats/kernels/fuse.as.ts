/**
 * The ordinary course of src/fuse/series-fusion.ts for all samples of a batch: the weighed score, what a score below `ORDINARY`
 * means by the common curve, the calm learning gate, a score counted where nothing else changes. Samples beyond
 * that are listed for the caller, who judges them one by one. Built by scripts/build-kernels.ts into fuse-wasm.ts.
 */

/** Row of the calibrator, bytes: 32 counts of 16 bits, then total, threshold and more. */
const CALIBRATOR: u32 = 88;
const TOTAL: u32 = 64;
const THRESHOLD: u32 = 68;
const BINS: i32 = 32;
const FIRST_BIN: i32 = (127 - 5) << 2;
/** Row of the gate. */
const GATE: u32 = 32;
const FROZEN: u32 = 16;
const FAST_LEFT: u32 = 20;
const EXTENT: u32 = 24;

const TO_GATE: u32 = 1;
const TO_LEARN: u32 = 2;

/** Edges of the bins and the common curve there, 33 each. */
const tables = memory.data(66 * 8, 16);
/** cap of ordinary scores, most, ordinary below, warm-up, halved at, calm below, share of the extent that is left. */
const P = memory.data(7 * 8, 16);

let room: u32 = 0;
let columns: u32 = 0;
let calibrators: u32 = 0;
let gates: u32 = 0;

export function base(): u32 {
  return u32(__heap_base);
}

export function tablesAt(): u32 {
  return u32(tables);
}

export function parametersAt(): u32 {
  return u32(P);
}

/**
 * Columns of `samples` samples at `at`: fused, strange (f64), series, sum, rare, surprise, extent, two lists (4 bytes), known,
 * mode, change point, ready (bytes).
 */
export function place(at: u32, samples: u32, calibratorRows: u32, gateRows: u32): void {
  columns = at;
  room = samples;
  calibrators = calibratorRows;
  gates = gateRows;
}

// @ts-expect-error: decorator
@inline
function wide(k: u32): u32 {
  return columns + k * room * 8;
}

// @ts-expect-error: decorator
@inline
function narrow(k: u32): u32 {
  return columns + 16 * room + k * room * 4;
}

// @ts-expect-error: decorator
@inline
function byte(k: u32): u32 {
  return columns + 44 * room + k * room;
}

// @ts-expect-error: decorator
@inline
function p(k: u32): f64 {
  return load<f64>(P + k * 8);
}

// @ts-expect-error: decorator
@inline
function binOf(score: f64): u32 {
  const bin = i32(reinterpret<u32>(f32(score)) >> 21) - FIRST_BIN;
  return bin < 0 ? 0 : bin < BINS ? bin : BINS - 1;
}

/** How each of the first `n` samples is to be learnt. */
export function modes(n: u32): void {
  const series = narrow(0);
  const mode = byte(1);
  for (let i: u32 = 0; i < n; i++) {
    const gate = gates + load<u32>(series + i * 4) * GATE;
    store<u8>(mode + i, load<f32>(gate, FAST_LEFT) > 0 ? 2 : load<f32>(gate, FROZEN) > 0 ? 0 : 1);
  }
}

/** Weighs the scores and judges ordinary ones; gives the number of others, listed in the first list. */
export function judge(n: u32): u32 {
  const cap = p(0);
  const most = p(1);
  const ordinary = p(2);
  const warmup = p(3);
  const list = narrow(5);
  let listed: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    let score = f64(load<f32>(narrow(1) + i * 4));
    if (score > cap) score = cap + 0.1 * (score - cap);
    score += f64(load<f32>(narrow(2) + i * 4));
    if (score > most) score = most;
    store<f64>(wide(0) + i * 8, score);
    let strange: f64 = 0;
    if (load<u8>(byte(0) + i) !== 0) {
      if (score >= ordinary) store<u32>(list + listed++ * 4, i);
      else {
        const at = tables + binOf(score) * 8;
        const high = load<f64>(at, 8);
        const share = (high - score) / (high - load<f64>(at));
        const above = load<f64>(at, 34 * 8);
        const row = calibrators + load<u32>(narrow(0) + i * 4) * CALIBRATOR;
        if (!(f64(load<f32>(row, TOTAL)) < warmup)) strange = above + share * (load<f64>(at, 33 * 8) - above);
      }
    }
    store<f64>(wide(1) + i * 8, strange);
  }
  return listed;
}

/**
 * Takes what the samples turned out to be: moves calm gates on and counts scores. Gives the number of samples of which that was
 * not all, in the second list as 4 i + (1: the gate is to be updated) + (2: the score is to be learnt).
 */
export function settle(n: u32): u32 {
  const halved = p(4);
  const calm = p(5);
  const fade = p(6);
  const list = narrow(6);
  let listed: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const s = load<u32>(narrow(0) + i * 4);
    const strange = load<f64>(wide(1) + i * 8);
    const gate = gates + s * GATE;
    let left: u32 = 0;
    if (load<u8>(byte(0) + i) !== 0) {
      if (strange < calm && load<f32>(gate, FAST_LEFT) === 0) {
        const faded = f64(load<f32>(gate, EXTENT)) * fade;
        store<f32>(gate, f32(strange > faded ? strange : faded), EXTENT);
        store<f32>(gate, 0, FROZEN);
      } else left = TO_GATE;
      if (load<u8>(byte(1) + i) === 1) {
        const score = load<f64>(wide(0) + i * 8);
        const row = calibrators + s * CALIBRATOR;
        const total = f64(load<f32>(row, TOTAL)) + 1;
        if (score > f64(load<f32>(row, THRESHOLD)) || total >= halved || (u32(total) & 63) === 0) left |= TO_LEARN;
        else {
          const count = row + binOf(score) * 2;
          store<u16>(count, load<u16>(count) + 1);
          store<f32>(row, f32(total), TOTAL);
        }
      }
    }
    store<f32>(narrow(3) + i * 4, f32(strange));
    store<f32>(narrow(4) + i * 4, load<f32>(gate, EXTENT));
    store<u8>(byte(2) + i, 0);
    store<u8>(byte(3) + i, strange > 0 ? 1 : 0);
    if (left !== 0) store<u32>(list + listed++ * 4, i * 4 + left);
  }
  return listed;
}
