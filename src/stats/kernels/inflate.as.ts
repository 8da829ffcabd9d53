/**
 * DEFLATE (RFC 1951) as an AssemblyScript kernel, after the design of libdeflate: a 64-bit bit buffer refilled without
 * branches, one table look-up a symbol with rare second-level tables, matches copied 16 bytes at a time beyond their end.
 * The caller leaves SLACK bytes behind input and output, so the loop needs one check a symbol.
 * Built by scripts/build-inflate.ts into inflate-wasm.ts.
 */

const LITLEN_BITS: u32 = 11;
const DIST_BITS: u32 = 8;
const MAX_BITS: u32 = 15;
/** Entry: bits 0-7 code length, 8-12 extra bits, 13-15 type, 16-31 literal, base or index of the second-level table. */
const LITERAL: u32 = 0;
const BASE: u32 = 1 << 13;
const END: u32 = 2 << 13;
const SECOND: u32 = 3 << 13;
const INVALID: u32 = 4 << 13;
const TYPE: u32 = 7 << 13;

const SLACK: u32 = 512;
/** A second-level table is as long as the longest code needs; there are at most as many as symbols. */
const litlenTable = memory.data((2048 + 288 * 16) * 4, 16);
const distTable = memory.data((256 + 32 * 128) * 4, 16);
const preTable = memory.data(128 * 4, 16);
const lens = memory.data(320 + 160, 16);
const sorted = memory.data(320 * 2, 16);
const counts = memory.data(16 * 4, 16);
const offsets = memory.data(17 * 4, 16);
const preOrder = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);
const lengthBase = memory.data<u16>([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
]);
const lengthExtra = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
]);
const distBase = memory.data<u16>([
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
]);
const distExtra = memory.data<u8>([
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
]);

let consumed: u32 = 0;

/** Makes room for input and output; returns where the input goes. The output follows at `outputAt(inputBytes)`. */
export function reserve(inputBytes: u32, outputBytes: u32): u32 {
  const need = outputAt(inputBytes) + outputBytes + SLACK;
  const have = (<u32>memory.size()) << 16;
  if (need > have && memory.grow((need - have + 0xffff) >> 16) < 0) return 0;
  return inputAt();
}

export function outputAt(inputBytes: u32): u32 {
  return (inputAt() + inputBytes + SLACK + 15) & ~15;
}

/** Bytes of input that the last call used. */
export function used(): u32 {
  return consumed;
}

function inputAt(): u32 {
  return (<u32>__heap_base + 15) & ~15;
}

/** Inflates `inputBytes`; returns the bytes written, or -1 when it is no DEFLATE, is cut or needs more than `outputBytes`. */
export function inflate(inputBytes: u32, outputBytes: u32): i32 {
  const input = inputAt();
  const inputEnd = input + inputBytes;
  const output = outputAt(inputBytes);
  const outputEnd = output + outputBytes;
  memory.fill(inputEnd, 0, 64);
  let next: u32 = input;
  let out: u32 = output;
  let bits: u64 = 0;
  let have: u32 = 0;
  let last: u32 = 0;
  do {
    bits |= load<u64>(next) << have;
    next += (63 - have) >> 3;
    have |= 56;
    last = <u32>bits & 1;
    const kind = (<u32>bits >> 1) & 3;
    bits >>= 3;
    have -= 3;
    if (kind === 0) {
      // Stored: back to the byte that the length starts at.
      next -= have >> 3;
      bits = 0;
      have = 0;
      if (next + 4 > inputEnd) return -1;
      const length = <u32>load<u16>(next);
      if (length !== (<u32>load<u16>(next, 2) ^ 0xffff)) return -1;
      next += 4;
      if (next + length > inputEnd || out + length > outputEnd) return -1;
      memory.copy(out, next, length);
      next += length;
      out += length;
      continue;
    }
    if (kind === 3) return -1;
    if (kind === 1) {
      memory.fill(lens, 8, 144);
      memory.fill(lens + 144, 9, 112);
      memory.fill(lens + 256, 7, 24);
      memory.fill(lens + 280, 8, 8);
      if (!build(lens, 288, litlenTable, LITLEN_BITS, 0)) return -1;
      memory.fill(lens, 5, 32);
      if (!build(lens, 32, distTable, DIST_BITS, 1)) return -1;
    } else {
      const nLit = (<u32>bits & 31) + 257;
      const nDist = ((<u32>bits >> 5) & 31) + 1;
      const nPre = ((<u32>bits >> 10) & 15) + 4;
      if (nLit > 286 || nDist > 30) return -1;
      bits >>= 14;
      have -= 14;
      memory.fill(lens, 0, 19);
      for (let i: u32 = 0; i < nPre; i++) {
        if (have < 3) {
          bits |= load<u64>(next) << have;
          next += (63 - have) >> 3;
          have |= 56;
        }
        store<u8>(lens + load<u8>(preOrder + i), <u8>(bits & 7));
        bits >>= 3;
        have -= 3;
      }
      if (!build(lens, 19, preTable, 7, 2)) return -1;
      memory.fill(lens, 0, 480);
      let at: u32 = 0;
      const total = nLit + nDist;
      while (at < total) {
        if (next > inputEnd + 16) return -1;
        bits |= load<u64>(next) << have;
        next += (63 - have) >> 3;
        have |= 56;
        const entry = load<u32>(preTable + ((<u32>bits & 127) << 2));
        if ((entry & TYPE) === INVALID) return -1;
        bits >>= entry & 255;
        have -= entry & 255;
        const symbol = entry >> 16;
        if (symbol < 16) {
          store<u8>(lens + at++, <u8>symbol);
          continue;
        }
        let value: u8 = 0;
        let repeat: u32 = 0;
        if (symbol === 16) {
          if (at === 0) return -1;
          value = load<u8>(lens + at - 1);
          repeat = 3 + (<u32>bits & 3);
          bits >>= 2;
          have -= 2;
        } else if (symbol === 17) {
          repeat = 3 + (<u32>bits & 7);
          bits >>= 3;
          have -= 3;
        } else {
          repeat = 11 + (<u32>bits & 127);
          bits >>= 7;
          have -= 7;
        }
        if (at + repeat > total) return -1;
        memory.fill(lens + at, value, repeat);
        at += repeat;
      }
      if (load<u8>(lens + 256) === 0) return -1;
      if (!build(lens + nLit, nDist, distTable, DIST_BITS, 1)) return -1;
      if (!build(lens, nLit, litlenTable, LITLEN_BITS, 0)) return -1;
    }
    for (;;) {
      if (next > inputEnd + 16 || out > outputEnd) return -1;
      bits |= load<u64>(next) << have;
      next += (63 - have) >> 3;
      have |= 56;
      let entry = load<u32>(litlenTable + ((<u32>bits & 2047) << 2));
      if ((entry & TYPE) === LITERAL) {
        // Three literals of at most 11 bits fit into one refill and leave enough for a look at the next symbol.
        bits >>= entry & 255;
        have -= entry & 255;
        store<u8>(out++, <u8>(entry >> 16));
        entry = load<u32>(litlenTable + ((<u32>bits & 2047) << 2));
        if ((entry & TYPE) === LITERAL) {
          bits >>= entry & 255;
          have -= entry & 255;
          store<u8>(out++, <u8>(entry >> 16));
          entry = load<u32>(litlenTable + ((<u32>bits & 2047) << 2));
          if ((entry & TYPE) === LITERAL) {
            bits >>= entry & 255;
            have -= entry & 255;
            store<u8>(out++, <u8>(entry >> 16));
            continue;
          }
        }
        bits |= load<u64>(next) << have;
        next += (63 - have) >> 3;
        have |= 56;
      }
      if ((entry & TYPE) === SECOND) {
        bits >>= LITLEN_BITS;
        have -= LITLEN_BITS;
        entry = load<u32>(litlenTable + (((entry >> 16) + (<u32>bits & 15)) << 2));
      }
      bits >>= entry & 255;
      have -= entry & 255;
      const type = entry & TYPE;
      if (type === LITERAL) {
        store<u8>(out++, <u8>(entry >> 16));
        continue;
      }
      if (type !== BASE) {
        if (type === END) break;
        return -1;
      }
      let extra = (entry >> 8) & 31;
      const length = (entry >> 16) + (<u32>bits & ((1 << extra) - 1));
      bits >>= extra;
      have -= extra;
      entry = load<u32>(distTable + ((<u32>bits & 255) << 2));
      if ((entry & TYPE) === SECOND) {
        bits >>= DIST_BITS;
        have -= DIST_BITS;
        entry = load<u32>(distTable + (((entry >> 16) + (<u32>bits & 127)) << 2));
      }
      if ((entry & TYPE) !== BASE) return -1;
      bits >>= entry & 255;
      have -= entry & 255;
      extra = (entry >> 8) & 31;
      const distance = (entry >> 16) + (<u32>bits & ((1 << extra) - 1));
      bits >>= extra;
      have -= extra;
      if (distance > out - output) return -1;
      let from = out - distance;
      const stop = out + length;
      if (stop > outputEnd) return -1;
      if (distance >= 16) {
        do {
          v128.store(out, v128.load(from));
          out += 16;
          from += 16;
        } while (out < stop);
      } else if (distance >= 8) {
        do {
          store<u64>(out, load<u64>(from));
          out += 8;
          from += 8;
        } while (out < stop);
      } else if (distance === 1) {
        memory.fill(out, load<u8>(from), length);
      } else {
        do store<u8>(out++, load<u8>(from++));
        while (out < stop);
      }
      out = stop;
    }
  } while (last === 0);
  if (out > outputEnd) return -1;
  consumed = next - input - (have >> 3);
  if (consumed > inputBytes) return -1;
  return out - output;
}

/** Fills a decoding table from code lengths; kind 0 literals and lengths, 1 distances, 2 code lengths. False: no code. */
function build(from: usize, n: u32, table: usize, tableBits: u32, kind: u32): bool {
  memory.fill(counts, 0, 64);
  for (let i: u32 = 0; i < n; i++) {
    const at = counts + ((<u32>load<u8>(from + i)) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let left: i32 = 1;
  let codes: u32 = 0;
  store<u32>(counts, 0);
  store<u32>(offsets + 4, 0);
  for (let length: u32 = 1; length <= MAX_BITS; length++) {
    const count = load<u32>(counts + (length << 2));
    left = (left << 1) - <i32>count;
    if (left < 0) return false;
    codes += count;
    store<u32>(offsets + ((length + 1) << 2), load<u32>(offsets + (length << 2)) + count);
  }
  // As zlib: only a code of at most one symbol of one bit, for distances, may be incomplete.
  if (left > 0 && (kind !== 1 || codes > 1 || (codes === 1 && load<u32>(counts + 4) !== 1))) return false;
  for (let i: u32 = 0; i < n; i++) {
    const length = <u32>load<u8>(from + i);
    if (length === 0) continue;
    const at = offsets + (length << 2);
    const position = load<u32>(at);
    store<u16>(sorted + (position << 1), <u16>i);
    store<u32>(at, position + 1);
  }
  const size: u32 = 1 << tableBits;
  const subBits: u32 = MAX_BITS - tableBits;
  let nextTable = size;
  for (let i: u32 = 0; i < size; i++) store<u32>(table + (i << 2), INVALID);
  let code: u32 = 0;
  let position: u32 = 0;
  for (let length: u32 = 1; length <= MAX_BITS; length++) {
    const count = load<u32>(counts + (length << 2));
    for (let k: u32 = 0; k < count; k++, code++, position++) {
      const symbol = <u32>load<u16>(sorted + (position << 1));
      const entry = entryOf(symbol, kind);
      const reversed = reverse(code, length);
      if (length <= tableBits) {
        for (let i = reversed; i < size; i += 1 << length) store<u32>(table + (i << 2), entry | length);
        continue;
      }
      const prefix = table + ((reversed & (size - 1)) << 2);
      let second = load<u32>(prefix);
      if ((second & TYPE) !== SECOND) {
        second = (nextTable << 16) | SECOND | tableBits;
        store<u32>(prefix, second);
        nextTable += 1 << subBits;
      }
      const base = second >> 16;
      for (let i = reversed >> tableBits; i < <u32>(1 << subBits); i += 1 << (length - tableBits)) {
        store<u32>(table + ((base + i) << 2), entry | (length - tableBits));
      }
    }
    code <<= 1;
  }
  return true;
}

function entryOf(symbol: u32, kind: u32): u32 {
  if (kind === 2) return (symbol << 16) | BASE;
  if (kind === 1) {
    if (symbol > 29) return INVALID;
    return ((<u32>load<u16>(distBase + (symbol << 1))) << 16) | BASE | ((<u32>load<u8>(distExtra + symbol)) << 8);
  }
  if (symbol < 256) return (symbol << 16) | LITERAL;
  if (symbol === 256) return END;
  if (symbol > 285) return INVALID;
  const at = symbol - 257;
  return ((<u32>load<u16>(lengthBase + (at << 1))) << 16) | BASE | ((<u32>load<u8>(lengthExtra + at)) << 8);
}

function reverse(code: u32, length: u32): u32 {
  let out: u32 = 0;
  let rest = code;
  for (let i: u32 = 0; i < length; i++) {
    out = (out << 1) | (rest & 1);
    rest >>= 1;
  }
  return out;
}
