/**
 * Span names that carry ids ("GET /cart/123") become one operation ("GET /cart/{id}"). A name is cut at `/`, space, `?`,
 * `=` and `&`; a part is an id when it has at least four digits, or when at least half of it is digits and it is not a
 * short version ("v2"). The hash works on bytes, the text on strings; a property test holds the two equal.
 */
const SEED = 0x3c6ef372;
const ID = 0x1f83d9ab;

function isCut(code: number): boolean {
  return code === 0x2f || code === 0x20 || code === 0x3f || code === 0x3d || code === 0x26;
}

function isId(digits: number, length: number, first: number): boolean {
  if (digits === 0) return false;
  if (digits >= 4) return true;
  return digits * 2 >= length && !(first === 0x76 && length <= 3);
}

/** The two halves of the last hash. */
export class OperationHash {
  lo = 0;
  hi = 0;

  /** Hashes the normalised name in `bytes[start .. end)`. */
  hash(bytes: Uint8Array, start: number, end: number, seed: number): void {
    let lo = seed;
    let hi = ~seed;
    let part = SEED;
    let digits = 0;
    let length = 0;
    let first = 0;
    for (let i = start; i < end; i += 1) {
      const byte = bytes[i] as number;
      if (isCut(byte)) {
        if (length > 0) {
          const word = isId(digits, length, first) ? ID : part;
          lo = Math.imul(lo ^ word, 0x9e3779b1 | 0);
          lo ^= lo >>> 15;
          hi = Math.imul((hi << 5) ^ (hi >>> 27) ^ word, 0x85ebca6b | 0);
        }
        lo = Math.imul(lo ^ byte, 0x27d4eb2f);
        hi = (hi << 7) ^ (hi >>> 25) ^ byte;
        part = SEED;
        digits = 0;
        length = 0;
      } else {
        if (length === 0) first = byte;
        length += 1;
        if (byte >= 48 && byte <= 57) digits += 1;
        part = Math.imul(part ^ byte, 0x01000193 | 0);
        part ^= part >>> 13;
      }
    }
    if (length > 0) {
      const word = isId(digits, length, first) ? ID : part;
      lo = Math.imul(lo ^ word, 0x9e3779b1 | 0);
      lo ^= lo >>> 15;
      hi = Math.imul((hi << 5) ^ (hi >>> 27) ^ word, 0x85ebca6b | 0);
    }
    this.lo = lo;
    this.hi = hi;
  }
}

/** The normalised name as text. */
export function operationName(name: string): string {
  return name.replace(/[^/ ?=&]+/gu, (part) => {
    const digits = part.replace(/[^0-9]/gu, '').length;
    // Length in UTF-8 bytes would differ only for parts beyond ASCII with one to three digits: count bytes as the hash does.
    return isId(digits, utf8Length(part), part.charCodeAt(0)) ? '{id}' : part;
  });
}

function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}
