/**
 * One step of the LSTM forecaster for many series: see src/stats/lstm/network.ts, whose twin in lstm.test.ts says the same in
 * plain loops. Built by scripts/build-kernels.ts into lstm-wasm.ts.
 *
 * Four series share every load of a weight: 4 series x 8 gate units are accumulated in eight registers. A series' own sums are
 * added in the same order whoever its neighbours are, and multiplication and addition stay apart (no relaxed SIMD), so that
 * scores do not depend on the batch or on the processor.
 *
 * Weights: a row of 128 gate units (input, forget, cell, output; 32 each) for the input, one for each of the 32 hidden units,
 * one of biases; then two rows of 32 and two biases of the head. Row of a series: h[32], c[32], mean, log scale, then what
 * the caller keeps there.
 */

const HIDDEN: u32 = 32;
const GATES_BYTES: u32 = 512;

const network = memory.data(17672, 16);
const gates = memory.data(4 * 512, 16);
/** Row of series that do not exist, where a block is not full. */
const spare = memory.data(1024, 16);

/** First byte that the caller may use. */
export function base(): u32 {
  return u32(__heap_base);
}

/** Where the weights are to be written. */
export function weights(): u32 {
  return u32(network);
}

/** Constants of `tanhOf`, each in memory: the engine builds a vector constant anew at every use, which costs more than to load it. */
const table = memory.data<f32>([
  7.90531110763549805,
  -7.90531110763549805,
  -2.76076847742355e-16,
  2.00018790482477e-13,
  -8.60467152213735e-11,
  5.12229709037114e-8,
  1.48572235717979e-5,
  6.37261928875436e-4,
  4.89352455891786e-3,
  1.19825839466702e-6,
  1.18534705686654e-4,
  2.268434632439e-3,
  4.89352518554385e-3,
  0.5,
], 16);

// @ts-ignore: decorator
@inline
function constant(i: u32): v128 {
  return v128.load32_splat(u32(table) + i * 4);
}

/** tanh to about 3e-7: the rational function of Eigen and XLA, clamped where it reaches 1. */
// @ts-ignore: decorator
@inline
function tanhOf(value: v128): v128 {
  const x = f32x4.pmax(f32x4.pmin(value, constant(0)), constant(1));
  const s = f32x4.mul(x, x);
  let p = f32x4.add(f32x4.mul(constant(2), s), constant(3));
  p = f32x4.add(f32x4.mul(p, s), constant(4));
  p = f32x4.add(f32x4.mul(p, s), constant(5));
  p = f32x4.add(f32x4.mul(p, s), constant(6));
  p = f32x4.add(f32x4.mul(p, s), constant(7));
  p = f32x4.add(f32x4.mul(p, s), constant(8));
  let q = f32x4.add(f32x4.mul(constant(9), s), constant(10));
  q = f32x4.add(f32x4.mul(q, s), constant(11));
  q = f32x4.add(f32x4.mul(q, s), constant(12));
  return f32x4.div(f32x4.mul(x, p), q);
}

// @ts-ignore: decorator
@inline
function sigmoidOf(value: v128): v128 {
  const half = constant(13);
  return f32x4.add(half, f32x4.mul(half, tanhOf(f32x4.mul(half, value))));
}

// @ts-ignore: decorator
@inline
function sumOf(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

/** Sums of all gates of four series, for 8 gate units a round. */
// @ts-ignore: decorator
@inline
function accumulate(a: u32, b: u32, c: u32, d: u32, inputs: u32): void {
  const xa = v128.load32_splat(inputs);
  const xb = v128.load32_splat(inputs, 4);
  const xc = v128.load32_splat(inputs, 8);
  const xd = v128.load32_splat(inputs, 12);
  for (let unit: u32 = 0; unit < GATES_BYTES; unit += 32) {
    let at = u32(network) + unit;
    let w = v128.load(at);
    let v = v128.load(at, 16);
    const bias = v128.load(at + 33 * GATES_BYTES);
    const bias2 = v128.load(at + 33 * GATES_BYTES, 16);
    let a0 = f32x4.add(bias, f32x4.mul(w, xa));
    let a1 = f32x4.add(bias2, f32x4.mul(v, xa));
    let b0 = f32x4.add(bias, f32x4.mul(w, xb));
    let b1 = f32x4.add(bias2, f32x4.mul(v, xb));
    let c0 = f32x4.add(bias, f32x4.mul(w, xc));
    let c1 = f32x4.add(bias2, f32x4.mul(v, xc));
    let d0 = f32x4.add(bias, f32x4.mul(w, xd));
    let d1 = f32x4.add(bias2, f32x4.mul(v, xd));
    // Four hidden units a round, at constant offsets.
    for (let k: u32 = 0; k < HIDDEN * 4; k += 16) {
      w = v128.load(at, 512);
      v = v128.load(at, 528);
      let h = v128.load32_splat(a + k);
      a0 = f32x4.add(a0, f32x4.mul(w, h));
      a1 = f32x4.add(a1, f32x4.mul(v, h));
      h = v128.load32_splat(b + k);
      b0 = f32x4.add(b0, f32x4.mul(w, h));
      b1 = f32x4.add(b1, f32x4.mul(v, h));
      h = v128.load32_splat(c + k);
      c0 = f32x4.add(c0, f32x4.mul(w, h));
      c1 = f32x4.add(c1, f32x4.mul(v, h));
      h = v128.load32_splat(d + k);
      d0 = f32x4.add(d0, f32x4.mul(w, h));
      d1 = f32x4.add(d1, f32x4.mul(v, h));
      w = v128.load(at, 1024);
      v = v128.load(at, 1040);
      h = v128.load32_splat(a + k, 4);
      a0 = f32x4.add(a0, f32x4.mul(w, h));
      a1 = f32x4.add(a1, f32x4.mul(v, h));
      h = v128.load32_splat(b + k, 4);
      b0 = f32x4.add(b0, f32x4.mul(w, h));
      b1 = f32x4.add(b1, f32x4.mul(v, h));
      h = v128.load32_splat(c + k, 4);
      c0 = f32x4.add(c0, f32x4.mul(w, h));
      c1 = f32x4.add(c1, f32x4.mul(v, h));
      h = v128.load32_splat(d + k, 4);
      d0 = f32x4.add(d0, f32x4.mul(w, h));
      d1 = f32x4.add(d1, f32x4.mul(v, h));
      w = v128.load(at, 1536);
      v = v128.load(at, 1552);
      h = v128.load32_splat(a + k, 8);
      a0 = f32x4.add(a0, f32x4.mul(w, h));
      a1 = f32x4.add(a1, f32x4.mul(v, h));
      h = v128.load32_splat(b + k, 8);
      b0 = f32x4.add(b0, f32x4.mul(w, h));
      b1 = f32x4.add(b1, f32x4.mul(v, h));
      h = v128.load32_splat(c + k, 8);
      c0 = f32x4.add(c0, f32x4.mul(w, h));
      c1 = f32x4.add(c1, f32x4.mul(v, h));
      h = v128.load32_splat(d + k, 8);
      d0 = f32x4.add(d0, f32x4.mul(w, h));
      d1 = f32x4.add(d1, f32x4.mul(v, h));
      w = v128.load(at, 2048);
      v = v128.load(at, 2064);
      h = v128.load32_splat(a + k, 12);
      a0 = f32x4.add(a0, f32x4.mul(w, h));
      a1 = f32x4.add(a1, f32x4.mul(v, h));
      h = v128.load32_splat(b + k, 12);
      b0 = f32x4.add(b0, f32x4.mul(w, h));
      b1 = f32x4.add(b1, f32x4.mul(v, h));
      h = v128.load32_splat(c + k, 12);
      c0 = f32x4.add(c0, f32x4.mul(w, h));
      c1 = f32x4.add(c1, f32x4.mul(v, h));
      h = v128.load32_splat(d + k, 12);
      d0 = f32x4.add(d0, f32x4.mul(w, h));
      d1 = f32x4.add(d1, f32x4.mul(v, h));
      at += 4 * GATES_BYTES;
    }
    const out = u32(gates) + unit;
    v128.store(out, a0);
    v128.store(out, a1, 16);
    v128.store(out + GATES_BYTES, b0);
    v128.store(out + GATES_BYTES, b1, 16);
    v128.store(out + 2 * GATES_BYTES, c0);
    v128.store(out + 2 * GATES_BYTES, c1, 16);
    v128.store(out + 3 * GATES_BYTES, d0);
    v128.store(out + 3 * GATES_BYTES, d1, 16);
  }
}

/** Gates in place. Apart from `finish`, so that no value waits for another and the processor overlaps them. */
// @ts-ignore: decorator
@inline
function squash(from: u32, to: u32): void {
  for (let at = from; at < to; at += GATES_BYTES) {
    for (let u = at; u < at + 256; u += 16) v128.store(u, sigmoidOf(v128.load(u)));
    for (let u = at + 256; u < at + 384; u += 16) v128.store(u, tanhOf(v128.load(u)));
    for (let u = at + 384; u < at + 512; u += 16) v128.store(u, sigmoidOf(v128.load(u)));
  }
}

/** From the gates of one series to its new state and forecast. */
// @ts-ignore: decorator
@inline
function finish(row: u32, gate: u32): void {
  let mean = f32x4.splat(0);
  let scale = f32x4.splat(0);
  const head = u32(network) + 34 * GATES_BYTES;
  for (let u: u32 = 0; u < HIDDEN * 4; u += 16) {
    const kept = f32x4.mul(v128.load(gate + u, 128), v128.load(row + u, 128));
    const c = f32x4.add(kept, f32x4.mul(v128.load(gate + u), v128.load(gate + u, 256)));
    const h = f32x4.mul(v128.load(gate + u, 384), tanhOf(c));
    v128.store(row + u, c, 128);
    v128.store(row + u, h);
    mean = f32x4.add(mean, f32x4.mul(h, v128.load(head + u)));
    scale = f32x4.add(scale, f32x4.mul(h, v128.load(head + u, 128)));
  }
  store<f32>(row + 256, sumOf(mean) + load<f32>(head + 256));
  store<f32>(row + 260, sumOf(scale) + load<f32>(head + 260));
}

/**
 * One step of the series in `series[0..n)`, whose inputs are `inputs[0..n)` (room for a multiple of 4); `rows` is the first
 * row, `bytes` its length.
 */
export function step(n: u32, series: u32, inputs: u32, rows: u32, bytes: u32): void {
  for (let i: u32 = 0; i < n; i += 4) {
    const left = n - i;
    const at = series + i * 4;
    const a = rows + load<u32>(at) * bytes;
    const b = left > 1 ? rows + load<u32>(at, 4) * bytes : u32(spare);
    const c = left > 2 ? rows + load<u32>(at, 8) * bytes : u32(spare);
    const d = left > 3 ? rows + load<u32>(at, 12) * bytes : u32(spare);
    accumulate(a, b, c, d, inputs + i * 4);
    squash(u32(gates), u32(gates) + min(left, 4) * GATES_BYTES);
    finish(a, u32(gates));
    if (left > 1) finish(b, u32(gates) + GATES_BYTES);
    if (left > 2) finish(c, u32(gates) + 2 * GATES_BYTES);
    if (left > 3) finish(d, u32(gates) + 3 * GATES_BYTES);
  }
}
