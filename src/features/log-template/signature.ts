import { MAX_LINE_BYTES, MAX_UNIT_BYTES, UNITS } from './mask.ts';

/**
 * 64-bit signature of a line's masked tokens straight from its bytes: no string, no object. Four bytes a step (SWAR): a
 * word is tested for separators and digits with a handful of integer operations. Two lines get the same signature when
 * `maskTokens` gives the same tokens (and, but for hash collisions, only then).
 */
const TOKEN_SEED = 0x2f0b4a27;
const MASKED_TOKEN = 0x5bd1e995;
/** Keeps the lowest n bytes of a little-endian word. */
const LOW_BYTES = Int32Array.of(0, 0xff, 0xffff, 0xffffff, -1);
const UNIT_SLOTS = 4096;

function mix(hash: number, word: number): number {
  const h = Math.imul(hash ^ word, 0x9e3779b1 | 0);
  return h ^ (h >>> 15);
}

/** Top bit of each byte that is an ASCII digit. */
function digitsOf(word: number): number {
  const t = word ^ 0x30303030;
  return ~(((t & 0x7f7f7f7f) + 0x76767676) | t) & 0x80808080;
}

function hashAscii(text: string): number {
  let hash = TOKEN_SEED;
  for (let i = 0; i < text.length; i += 4) {
    let word = 0;
    for (let j = Math.min(text.length, i + 4) - 1; j >= i; j -= 1) word = (word << 8) | text.charCodeAt(j);
    hash = mix(hash, word);
  }
  return hash;
}

/** Hashes of all unit spellings, open addressing; 0 is free (no unit hashes to 0, a test would fail). */
const unitTable = new Int32Array(UNIT_SLOTS);
for (const unit of UNITS) {
  const hash = hashAscii(unit);
  let slot = hash & (UNIT_SLOTS - 1);
  while (unitTable[slot] !== 0 && unitTable[slot] !== hash) slot = (slot + 1) & (UNIT_SLOTS - 1);
  unitTable[slot] = hash;
}

function isUnit(hash: number): boolean {
  let slot = hash & (UNIT_SLOTS - 1);
  for (;;) {
    const at = unitTable[slot] as number;
    if (at === hash) return true;
    if (at === 0) return false;
    slot = (slot + 1) & (UNIT_SLOTS - 1);
  }
}

/** Scans bodies of one buffer at a time; `lo` and `hi` hold the result of the last `scan`. */
export class SignatureScanner {
  lo = 0;
  hi = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** Up to here four bytes may be loaded at once. */
  #safe = -4;

  use(buffer: Uint8Array): void {
    if (this.#bytes === buffer) return;
    this.#bytes = buffer;
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    this.#safe = buffer.byteLength - 4;
  }

  scan(start: number, bodyEnd: number, seed: number): void {
    const end = bodyEnd - start > MAX_LINE_BYTES ? start + MAX_LINE_BYTES : bodyEnd;
    if (end > start && this.#bytes[start] === 0x7b) this.#scanJson(start, end, seed);
    else this.#scanPlain(start, end, seed);
  }

  #scanPlain(start: number, end: number, seed: number): void {
    const view = this.#view;
    const bytes = this.#bytes;
    const safe = this.#safe;
    let lo = seed;
    let hi = ~seed;
    let afterMask = false;
    let any = false;
    let from = start;
    while (from < end) {
      let hash = TOKEN_SEED;
      let digits = 0;
      let at = from;
      for (;;) {
        let word = at <= safe ? view.getInt32(at, true) : this.#tail(at, end);
        // Bytes past the end become 0, which separates.
        if (end - at < 4) word &= LOW_BYTES[end - at] as number;
        const breaks = (word - 0x21212121) & ~word & 0x80808080;
        if (breaks === 0) {
          hash = mix(hash, word);
          digits |= digitsOf(word);
          at += 4;
          continue;
        }
        const length = (31 - Math.clz32(breaks & -breaks)) >> 3;
        if (length > 0) {
          word &= LOW_BYTES[length] as number;
          hash = mix(hash, word);
          digits |= digitsOf(word);
          at += length;
        }
        break;
      }
      const length = at - from;
      if (length > 0) {
        if (digits !== 0 || (length > 1 && bytes[from] === 0x2f)) {
          if (!afterMask) {
            lo = mix(lo, MASKED_TOKEN);
            hi = Math.imul((hi << 5) ^ (hi >>> 27) ^ MASKED_TOKEN, 0x85ebca6b | 0);
          }
          afterMask = true;
          any = true;
        } else if (!(afterMask && length <= MAX_UNIT_BYTES && isUnit(hash))) {
          lo = mix(lo, hash);
          hi = Math.imul((hi << 5) ^ (hi >>> 27) ^ hash, 0x85ebca6b | 0);
          afterMask = false;
          any = true;
        }
      }
      if (any && at < end && bytes[at] === 10) break;
      from = at + 1;
    }
    this.lo = lo;
    this.hi = hi;
  }

  /** JSON bodies: punctuation separates as well. A byte at a time; such lines are rarer and longer. */
  #scanJson(start: number, end: number, seed: number): void {
    const bytes = this.#bytes;
    let lo = seed;
    let hi = ~seed;
    let afterMask = false;
    let any = false;
    let from = start;
    while (from < end) {
      let hash = TOKEN_SEED;
      let word = 0;
      let filled = 0;
      let isMasked = false;
      let at = from;
      for (; at < end; at += 1) {
        const byte = bytes[at] as number;
        if (byte <= 0x20 || byte === 0x22 || byte === 0x2c || byte === 0x3a || byte === 0x7b || byte === 0x7d) break;
        if (byte >= 48 && byte <= 57) isMasked = true;
        word |= byte << (filled << 3);
        filled += 1;
        if (filled === 4) {
          hash = mix(hash, word);
          word = 0;
          filled = 0;
        }
      }
      if (filled > 0) hash = mix(hash, word);
      const length = at - from;
      if (length > 0) {
        if (isMasked || (length > 1 && bytes[from] === 0x2f)) {
          if (!afterMask) {
            lo = mix(lo, MASKED_TOKEN);
            hi = Math.imul((hi << 5) ^ (hi >>> 27) ^ MASKED_TOKEN, 0x85ebca6b | 0);
          }
          afterMask = true;
          any = true;
        } else if (!(afterMask && length <= MAX_UNIT_BYTES && isUnit(hash))) {
          lo = mix(lo, hash);
          hi = Math.imul((hi << 5) ^ (hi >>> 27) ^ hash, 0x85ebca6b | 0);
          afterMask = false;
          any = true;
        }
      }
      if (any && at < end && bytes[at] === 10) break;
      from = at + 1;
    }
    this.lo = lo;
    this.hi = hi;
  }

  /** The word at `at` where four bytes would run past the buffer. */
  #tail(at: number, end: number): number {
    let word = 0;
    for (let i = Math.min(at + 4, end) - 1; i >= at; i -= 1) word = (word << 8) | (this.#bytes[i] as number);
    return word;
  }
}
