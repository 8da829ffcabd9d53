import { WILDCARD } from './drain.ts';

/**
 * How a line becomes masked tokens, on strings. `signature.ts` does the same on bytes without making them; a property
 * test holds the two equal.
 *
 * - Tokens end at bytes <= 0x20; in a body that starts with `{` also at JSON punctuation.
 * - A token that holds a digit, or is a path (starts with `/`, longer than one character), is masked.
 * - A run of masked tokens is one, so that lists of any length meet; a unit ("ms", "KB),") or "()" after a masked token
 *   belongs to it.
 * - Only the first line of a body counts (stack traces), and at most `MAX_LINE_BYTES` of it.
 */
export const MAX_LINE_BYTES = 1024;

const UNIT_WORDS =
  '() [] b kb mb gb tb kib mib gib byte bytes ns us ms s sec secs second seconds min mins minutes hours h days %';
const UNIT_TAILS = ['', ',', ')', '),', '.', ';', ']'];

/** Every spelling of a unit that is absorbed by the number before it; none is longer than `MAX_UNIT_BYTES`. */
export const UNITS: readonly string[] = [
  ...new Set(
    UNIT_WORDS.split(' ').flatMap((word) =>
      [word, word.toUpperCase(), word.slice(0, 1).toUpperCase() + word.slice(1)].flatMap((form) =>
        UNIT_TAILS.map((tail) => form + tail),
      ),
    ),
  ),
];
export const MAX_UNIT_BYTES = 9;

const UNIT_SET: ReadonlySet<string> = new Set(UNITS);

/** Masked tokens of one body. Slow path: runs once per new shape of line. */
export function maskTokens(body: string): string[] {
  const out: string[] = [];
  const isJson = body.charCodeAt(0) === 0x7b;
  let afterMask = false;
  let i = 0;
  while (i < body.length) {
    const from = i;
    while (i < body.length && !isBreak(body.charCodeAt(i), isJson)) i += 1;
    if (i > from) {
      const token = body.slice(from, i);
      if (isMasked(token)) {
        if (!afterMask) out.push(WILDCARD);
        afterMask = true;
      } else if (!(afterMask && UNIT_SET.has(token))) {
        out.push(token);
        afterMask = false;
      }
    }
    if (body.charCodeAt(i) === 10 && out.length > 0) break;
    i += 1;
  }
  return out;
}

function isBreak(code: number, isJson: boolean): boolean {
  if (code <= 0x20) return true;
  return isJson && (code === 0x22 || code === 0x2c || code === 0x3a || code === 0x7b || code === 0x7d);
}

function isMasked(token: string): boolean {
  if (token.length > 1 && token.charCodeAt(0) === 0x2f) return true;
  for (let i = 0; i < token.length; i += 1) {
    const code = token.charCodeAt(i);
    if (code >= 48 && code <= 57) return true;
  }
  return false;
}
