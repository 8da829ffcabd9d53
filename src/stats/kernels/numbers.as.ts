/**
 * Gauge and sum points of an OTLP body: time, value and raw hash of each, as src/ingest/otlp/metrics-scan.ts reads them one by
 * one, which is its twin. What is not plain (flags, attributes in several runs, unknown fields, anything malformed) stops the
 * kernel before that point: the caller reads it and comes back. The hash is that of src/stats/hash.ts, lane by lane.
 * Built by scripts/build-kernels.ts into numbers-wasm.ts.
 */

const C1: u32 = 0x85ebca6b;
const C2: u32 = 0xcc9e2d51;
const C3: u32 = 0xc2b2ae35;
const C4: u32 = 0x1b873593;

let columnsAt: u32 = 0;
let room: u32 = 0;
let bodyAt: u32 = 0;
/** Samples in the columns. */
let length: u32 = 0;

/** First byte that the caller may use. */
export function base(): u32 {
  return u32(__heap_base);
}

/** Columns of `samples` samples at `columns`: keys (8 bytes), time, value (f64), start, end, metric (i32), 8 bytes to work with; a body at `body`. */
export function place(columns: u32, samples: u32, body: u32): void {
  columnsAt = columns;
  room = samples;
  bodyAt = body;
}

/** Samples in the columns after the last call of `numbers`. */
export function count(): u32 {
  return length;
}

/**
 * Reads the points (field 1) of a Gauge or Sum from place `from` to `to` of the body, as samples `first` and on; gives the place
 * of the first field that is not a plain point, or `to`.
 */
export function numbers(from: u32, to: u32, metric: u32, seedA: u32, seedB: u32, first: u32): u32 {
  const stop = bodyAt + to;
  let at = bodyAt + from;
  let i = first;
  const keys = columnsAt;
  const times = keys + room * 8;
  const values = times + room * 8;
  const starts = values + room * 8;
  const ends = starts + room * 4;
  const metrics = ends + room * 4;
  const runs = metrics + room * 4;
  while (at + 2 <= stop && i < room) {
    if (load<u8>(at) !== 0x0a) break;
    let size = u32(load<u8>(at, 1));
    let pos = at + 2;
    if (size >= 128) {
      if (pos >= stop) break;
      const next = u32(load<u8>(pos++));
      if (next >= 128) break;
      size = (size & 127) | (next << 7);
    }
    const start = pos;
    const end = pos + size;
    if (end > stop) break;
    let time: f64 = 0;
    let value: f64 = NaN;
    let runStart = start;
    let runEnd = start;
    let plain = true;
    while (pos < end) {
      const tag = load<u8>(pos);
      if (tag === 0x3a) {
        const begin = pos;
        if (pos + 2 > end) {
          plain = false;
          break;
        }
        let bytes = u32(load<u8>(pos, 1));
        pos += 2;
        if (bytes >= 128) {
          const next = pos < end ? u32(load<u8>(pos)) : 128;
          pos++;
          if (next >= 128) {
            plain = false;
            break;
          }
          bytes = (bytes & 127) | (next << 7);
        }
        pos += bytes;
        if (begin !== runEnd) {
          if (runEnd > runStart) {
            plain = false;
            break;
          }
          runStart = begin;
        }
        runEnd = pos;
        continue;
      }
      const next = pos + 9;
      if (tag === 0x19) time = f64(load<u64>(pos, 1)) / 1e6;
      else if (tag === 0x21) value = load<f64>(pos, 1);
      else if (tag === 0x31) value = f64(load<i64>(pos, 1));
      else if (tag !== 0x11) {
        plain = false;
        break;
      }
      pos = next;
    }
    // A field that ended beyond the point, no finite value, no time: somebody else says what is wrong with it.
    if (!plain || pos !== end || !(value - value === 0) || time === 0) break;
    store<u32>(runs + i * 8, runStart);
    store<u32>(runs + i * 8, runEnd, 4);
    store<f64>(times + i * 8, time);
    store<f64>(values + i * 8, value);
    store<u32>(starts + i * 4, start - bodyAt);
    store<u32>(ends + i * 4, end - bodyAt);
    store<u32>(metrics + i * 4, metric);
    i++;
    at = end;
  }
  length = i;
  let k = first;
  for (; k + 4 <= i; k += 4) hashFour(runs + k * 8, keys + k * 8, seedA, seedB);
  for (; k < i; k++) {
    const from = load<u32>(runs + k * 8);
    const to = load<u32>(runs + k * 8, 4);
    hashRest(from, from, to, seedA, seedB, keys + k * 8);
  }
  return at - bodyAt;
}

/** Two words of four runs: of the first two, then of the others. */
// @ts-expect-error: decorator
@inline
function pairs(first: u32, second: u32): v128 {
  return v128.load64_lane(second, v128.load64_zero(first), 1);
}

/** (state ^ (own + other * c)) * d, rotated left. */
// @ts-expect-error: decorator
@inline
function mixed(state: v128, own: v128, other: v128, c: u32, d: u32, by: i32): v128 {
  const next = i32x4.mul(v128.xor(state, i32x4.add(own, i32x4.mul(other, i32x4.splat(c)))), i32x4.splat(d));
  return v128.or(i32x4.shl(next, by), i32x4.shr_u(next, 32 - by));
}

/** Hashes four runs together for as long as all of them last: the steps of one run wait for each other, those of four do not. */
function hashFour(runs: u32, keys: u32, seedA: u32, seedB: u32): void {
  const from0 = load<u32>(runs);
  const to0 = load<u32>(runs, 4);
  const from1 = load<u32>(runs, 8);
  const to1 = load<u32>(runs, 12);
  const from2 = load<u32>(runs, 16);
  const to2 = load<u32>(runs, 20);
  const from3 = load<u32>(runs, 24);
  const to3 = load<u32>(runs, 28);
  const shortest = min(min(to0 - from0, to1 - from1), min(to2 - from2, to3 - from3));
  // The last eight bytes of each are left: they are read from its end.
  const steps = shortest > 8 ? (shortest - 1) >> 3 : 0;
  let a = i32x4.splat(seedA);
  let b = i32x4.splat(seedB);
  const bytes = steps * 8;
  for (let k: u32 = 0; k < bytes; k += 8) {
    const low = pairs(from0 + k, from1 + k);
    const high = pairs(from2 + k, from3 + k);
    const w = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
    const x = v128.shuffle<i32>(low, high, 1, 3, 5, 7);
    a = mixed(a, w, x, C1, C2, 13);
    b = mixed(b, x, w, C3, C4, 17);
  }
  hashRest(from0, from0 + bytes, to0, i32x4.extract_lane(a, 0), i32x4.extract_lane(b, 0), keys);
  hashRest(from1, from1 + bytes, to1, i32x4.extract_lane(a, 1), i32x4.extract_lane(b, 1), keys + 8);
  hashRest(from2, from2 + bytes, to2, i32x4.extract_lane(a, 2), i32x4.extract_lane(b, 2), keys + 16);
  hashRest(from3, from3 + bytes, to3, i32x4.extract_lane(a, 3), i32x4.extract_lane(b, 3), keys + 24);
}

/** Hashes the run from `from` to `to`, of which all before `at` has been, and stores both lanes. */
function hashRest(from: u32, at: u32, to: u32, seedA: u32, seedB: u32, key: u32): void {
  let a = seedA;
  let b = seedB;
  let w: u32 = 0;
  let x: u32 = 0;
  const bytes = to - from;
  if (bytes >= 8) {
    const last = to - 8;
    for (let k = at; k < last; k += 8) {
      w = load<u32>(k);
      x = load<u32>(k, 4);
      a = rotl<u32>((a ^ (w + x * C1)) * C2, 13);
      b = rotl<u32>((b ^ (x + w * C3)) * C4, 17);
    }
    w = load<u32>(last);
    x = load<u32>(last, 4);
  } else {
    for (let k = at, shift: u32 = 0; k < to; k++, shift += 8) {
      if (shift < 32) w |= u32(load<u8>(k)) << shift;
      else x |= u32(load<u8>(k)) << (shift - 32);
    }
  }
  a = rotl<u32>((a ^ (w + x * C1)) * C2, 13) ^ bytes;
  b = rotl<u32>((b ^ (x + w * C3)) * C4, 17);
  let p = a + b * C3;
  p = (p ^ (p >> 16)) * C1;
  p = (p ^ (p >> 13)) * C3;
  p ^= p >> 16;
  let q = b + (p ^ a) * C2;
  q = (q ^ (q >> 15)) * C1;
  q = (q ^ (q >> 13)) * C4;
  q ^= q >> 16;
  store<u32>(key, p);
  store<u32>(key, q, 4);
}
