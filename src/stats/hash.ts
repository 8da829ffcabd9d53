/**
 * A 64-bit hash of bytes without 64-bit integers: two 32-bit lanes, 8 bytes a step, each lane fed with both words, so that
 * a change of any bit reaches both. Two independent lanes (no cross feed) gave thousands of collisions on structured keys;
 * `hash.test.ts` holds the property. Not cryptographic: do not use it against someone who chooses the keys.
 */

const C1 = 0x85ebca6b | 0;
const C2 = 0xcc9e2d51 | 0;
const C3 = 0xc2b2ae35 | 0;
const C4 = 0x1b873593 | 0;

/** Lanes that no other use of the hash starts from. */
export const HASH_SEED_A = 0x243f6a88 | 0;
export const HASH_SEED_B = 0x85a308d3 | 0;

/**
 * Writes the two lanes of `[start, end)` to `out[2 * at]` and `out[2 * at + 1]`. The last step reads the last 8 bytes again
 * where the length is no multiple of 8: cheaper than a loop over the rest, and unambiguous because the length is mixed in.
 */
export function hashBytes(
  view: DataView,
  start: number,
  end: number,
  seedA: number,
  seedB: number,
  out: Int32Array,
  at: number,
): void {
  let a = seedA | 0;
  let b = seedB | 0;
  const length = end - start;
  let w = 0;
  let x = 0;
  if (length >= 8) {
    const last = end - 8;
    for (let i = start; i < last; i += 8) {
      w = view.getInt32(i, true);
      x = view.getInt32(i + 4, true);
      a = Math.imul(a ^ (w + Math.imul(x, C1)), C2);
      b = Math.imul(b ^ (x + Math.imul(w, C3)), C4);
      a = (a << 13) | (a >>> 19);
      b = (b << 17) | (b >>> 15);
    }
    w = view.getInt32(last, true);
    x = view.getInt32(last + 4, true);
  } else {
    for (let i = start, shift = 0; i < end; i++, shift += 8) {
      if (shift < 32) w |= view.getUint8(i) << shift;
      else x |= view.getUint8(i) << (shift - 32);
    }
  }
  a = Math.imul(a ^ (w + Math.imul(x, C1)), C2);
  b = Math.imul(b ^ (x + Math.imul(w, C3)), C4);
  a = (a << 13) | (a >>> 19);
  b = (b << 17) | (b >>> 15);
  finish(a ^ length, b, out, at);
}

/** The hash of a string by its UTF-16 code units; not equal to `hashBytes` of its UTF-8 form. */
export function hashText(text: string, seedA: number, seedB: number, out: Int32Array, at: number): void {
  let a = seedA | 0;
  let b = seedB | 0;
  for (let i = 0; i < text.length; i += 2) {
    const w = text.charCodeAt(i);
    const x = i + 1 < text.length ? text.charCodeAt(i + 1) : 0x10000;
    a = Math.imul(a ^ (w + Math.imul(x, C1)), C2);
    b = Math.imul(b ^ (x + Math.imul(w, C3)), C4);
    a = (a << 13) | (a >>> 19);
    b = (b << 17) | (b >>> 15);
  }
  finish(a ^ text.length, b, out, at);
}

/** Mixes two more words into a pair of lanes: seeds for a nested key, an ordinal, a kind. */
export function hashPair(w: number, x: number, seedA: number, seedB: number, out: Int32Array, at: number): void {
  let a = Math.imul((seedA | 0) ^ (w + Math.imul(x, C1)), C2);
  let b = Math.imul((seedB | 0) ^ (x + Math.imul(w, C3)), C4);
  a = (a << 13) | (a >>> 19);
  b = (b << 17) | (b >>> 15);
  finish(a, b, out, at);
}

/** Cross-mixes the lanes so that every input bit reaches every output bit. */
function finish(a: number, b: number, out: Int32Array, at: number): void {
  let p = (a + Math.imul(b, C3)) | 0;
  p = Math.imul(p ^ (p >>> 16), C1);
  p = Math.imul(p ^ (p >>> 13), C3);
  p ^= p >>> 16;
  let q = (b + Math.imul(p ^ a, C2)) | 0;
  q = Math.imul(q ^ (q >>> 15), C1);
  q = Math.imul(q ^ (q >>> 13), C4);
  q ^= q >>> 16;
  out[2 * at] = p;
  out[2 * at + 1] = q;
}

const DIGITS = '0123456789abcdef';

/** Sixteen hex digits of a pair of lanes. */
export function hex64(a: number, b: number): string {
  let text = '';
  for (let shift = 28; shift >= 0; shift -= 4) text += DIGITS.charAt((a >>> shift) & 15);
  for (let shift = 28; shift >= 0; shift -= 4) text += DIGITS.charAt((b >>> shift) & 15);
  return text;
}
