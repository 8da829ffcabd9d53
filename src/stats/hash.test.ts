import { describe, expect, test } from 'vitest';
import { hashBytes, hashPair, hashText, hex64 } from './hash.ts';

/** Keys as metrics have them: a fixed frame with a few counting digits and words in it. */
function structuredKeys(
  count: number,
  write: (bytes: Uint8Array, i: number) => number,
): { a: Int32Array; b: Int32Array } {
  const bytes = new Uint8Array(128);
  const view = new DataView(bytes.buffer);
  const out = new Int32Array(2);
  const a = new Int32Array(count);
  const b = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const end = write(bytes, i);
    hashBytes(view, 0, end, 7, 11, out, 0);
    a[i] = out[0]!;
    b[i] = out[1]!;
  }
  return { a, b };
}

function digits(bytes: Uint8Array, at: number, value: number, width: number): void {
  let rest = value;
  for (let k = width - 1; k >= 0; k--) {
    bytes[at + k] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

function duplicates(lanes: { a: Int32Array; b: Int32Array }): { full: number; low: number } {
  const keys = new Float64Array(lanes.a.length);
  for (let i = 0; i < keys.length; i++) keys[i] = (lanes.a[i]! >>> 0) * 2097152 + (lanes.b[i]! >>> 11);
  keys.sort();
  let full = 0;
  for (let i = 1; i < keys.length; i++) if (keys[i] === keys[i - 1]) full++;
  const low = lanes.a.slice().sort();
  let same = 0;
  for (let i = 1; i < low.length; i++) if (low[i] === low[i - 1]) same++;
  return { full, low: same };
}

const COUNT = 1 << 20;
const FRAME = new TextEncoder().encode(
  '\n\x13\n\x06method\x12\x05\n\x03GET\n\x1a\n\x04host\x12\x12\n\x10node-00000000.internal\n\x0a',
);

describe('hashBytes', () => {
  test.each([
    [
      'one counter',
      (bytes: Uint8Array, i: number) => {
        bytes.set(FRAME);
        digits(bytes, 40, i, 8);
        return FRAME.length;
      },
    ],
    [
      'two counters in two words',
      (bytes: Uint8Array, i: number) => {
        bytes.set(FRAME);
        digits(bytes, 16, i >> 10, 4);
        digits(bytes, 48, i & 1023, 4);
        return FRAME.length;
      },
    ],
    [
      'low bits of neighbouring words',
      (bytes: Uint8Array, i: number) => {
        bytes.fill(0, 0, 64);
        for (let k = 0; k < 20; k++) bytes[k * 3] = (i >> k) & 1;
        return 64;
      },
    ],
  ])('no 64-bit duplicate among 2^20 keys: %s', (_, write) => {
    const { full, low } = duplicates(structuredKeys(COUNT, write));
    // 53 of the 64 bits are compared: 6e-5 expected.
    expect(full).toBe(0);
    // 32-bit slice: n^2 / 2^33 = 128 expected, standard deviation 11.
    expect(low).toBeGreaterThan(60);
    expect(low).toBeLessThan(220);
  });

  test('depends on every byte, the length, both seeds, and not on the place', () => {
    const bytes = new Uint8Array(200).map((_, i) => i * 31);
    const view = new DataView(bytes.buffer);
    const out = new Int32Array(2);
    const of = (start: number, end: number, a = 1, b = 2): string => {
      hashBytes(view, start, end, a, b, out, 0);
      return hex64(out[0]!, out[1]!);
    };
    for (let length = 0; length < 60; length++) {
      const whole = of(50, 50 + length);
      const seen = new Set([whole, of(50, 51 + length), of(50, 50 + length, 3), of(50, 50 + length, 1, 4)]);
      for (let i = 0; i < length; i++) {
        bytes[50 + i]! ^= 16;
        seen.add(of(50, 50 + length));
        bytes[50 + i]! ^= 16;
      }
      expect(seen.size).toBe(4 + length);
      const moved = new Uint8Array(length + 3);
      moved.set(bytes.subarray(50, 50 + length), 3);
      hashBytes(new DataView(moved.buffer), 3, 3 + length, 1, 2, out, 0);
      expect(hex64(out[0]!, out[1]!)).toBe(whole);
    }
  });

  test('is the same for ever: ids of series are made of it', () => {
    const out = new Int32Array(2);
    const bytes = new TextEncoder().encode('a stable identity of 29 bytes');
    hashBytes(new DataView(bytes.buffer), 0, bytes.length, 1, 2, out, 0);
    const ids = [hex64(out[0]!, out[1]!)];
    hashText('tenant/service', 1, 2, out, 0);
    ids.push(hex64(out[0]!, out[1]!));
    hashPair(5, 6, 1, 2, out, 0);
    ids.push(hex64(out[0]!, out[1]!));
    expect(ids).toMatchInlineSnapshot(`
      [
        "f2b2ea7549300e4f",
        "ac9992ae3236a9e8",
        "2d224b0680a6ded7",
      ]
    `);
  });
});
