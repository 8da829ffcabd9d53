import { TocsinError } from '../../domain/error.ts';

/** In JSON every control character is escaped: between two of these stands the key of a part that is kept by itself. */
const MARK = '\u0001';

/** What stands in a text for the part of this key (digits). */
export const pieceMark = (key: string): string => MARK + key + MARK;

/** The text with every part, and the parts of these, put back. @throws TocsinError `corrupt` when one is missing. */
export function joinPieces(text: string, pieces: ReadonlyMap<string, string>): string {
  const whole = new Map<string, string>();
  const joined = (given: string): string => {
    if (!given.includes(MARK)) return given;
    return given
      .split(MARK)
      .map((part, i) => (i % 2 === 0 ? part : partOf(part)))
      .join('');
  };
  const partOf = (key: string): string => {
    let part = whole.get(key);
    if (part === undefined) {
      const kept = pieces.get(key);
      if (kept === undefined) throw new TocsinError('corrupt', `part ${key} of the saved state is missing`);
      part = joined(kept);
      whole.set(key, part);
    }
    return part;
  };
  return joined(text);
}
