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

/** Columns of `samples` samples at `columns`: keys (8 bytes), time, value (f64), start, end, metric (i32); a body at `body`. */
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
    let a = seedA;
    let b = seedB;
    let w: u32 = 0;
    let x: u32 = 0;
    const bytes = runEnd - runStart;
    if (bytes >= 8) {
      const last = runEnd - 8;
      for (let k = runStart; k < last; k += 8) {
        w = load<u32>(k);
        x = load<u32>(k, 4);
        a = rotl<u32>((a ^ (w + x * C1)) * C2, 13);
        b = rotl<u32>((b ^ (x + w * C3)) * C4, 17);
      }
      w = load<u32>(last);
      x = load<u32>(last, 4);
    } else {
      for (let k = runStart, shift: u32 = 0; k < runEnd; k++, shift += 8) {
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
    store<u32>(keys + i * 8, p);
    store<u32>(keys + i * 8, q, 4);
    store<f64>(times + i * 8, time);
    store<f64>(values + i * 8, value);
    store<u32>(starts + i * 4, start - bodyAt);
    store<u32>(ends + i * 4, end - bodyAt);
    store<u32>(metrics + i * 4, metric);
    i++;
    at = end;
  }
  length = i;
  return at - bodyAt;
}
