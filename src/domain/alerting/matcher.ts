import { TocsinError } from '../error.ts';

/** A label matcher with Alertmanager's meaning and field names: `=`, `!=`, `=~`, `!~`. A missing label is the empty string. */
export interface Matcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
}

const MAX_PATTERN = 512;
/** Longer label values are cut before they meet an expression. */
const MAX_VALUE = 1024;
const NAME = /^[a-zA-Z_][a-zA-Z0-9_.:]*$/;

/** Compiled once, used for every incident. @throws TocsinError `invalid_request` with the reason. */
export function compileMatchers(matchers: readonly Matcher[]): (labels: Readonly<Record<string, string>>) => boolean {
  const tests = matchers.map((m) => {
    if (!NAME.test(m.name)) throw new TocsinError('invalid_request', `matcher: bad label name "${m.name}"`);
    const pattern = m.isRegex ? anchored(m.value) : null;
    return (labels: Readonly<Record<string, string>>): boolean => {
      const value = labels[m.name] ?? '';
      const equal = pattern === null ? value === m.value : pattern.test(value.slice(0, MAX_VALUE));
      return equal === m.isEqual;
    };
  });
  return (labels) => tests.every((test) => test(labels));
}

/**
 * The expression anchored at both ends, restricted to what RE2 also takes (no look-around, no back-references), and
 * without a repeated group that itself repeats: those make a backtracking engine hang.
 */
export function anchored(pattern: string): RegExp {
  const fault = faultOf(pattern);
  if (fault !== null)
    throw new TocsinError('invalid_request', `matcher: expression "${pattern.slice(0, 80)}" ${fault}`);
  try {
    return new RegExp(`^(?:${pattern})$`, 's');
  } catch (cause) {
    throw new TocsinError('invalid_request', `matcher: bad expression "${pattern.slice(0, 80)}"`, { cause });
  }
}

function faultOf(pattern: string): string | null {
  if (pattern.length > MAX_PATTERN) return `is longer than ${MAX_PATTERN} characters`;
  /** Per open group: does it contain something repeated or a choice? */
  const risky: boolean[] = [false];
  let inClass = false;
  let justClosed = false;
  for (let i = 0; i < pattern.length; i += 1) {
    const c = pattern[i];
    if (c === '\\') {
      if (/[1-9k]/.test(pattern[i + 1] ?? '')) return 'uses a back-reference';
      i += 1;
      justClosed = false;
    } else if (inClass) inClass = c !== ']';
    else if (c === '[') {
      inClass = true;
      justClosed = false;
    } else if (c === '(') {
      if (/^\(\?(<?[=!])/.test(pattern.slice(i))) return 'uses look-around';
      risky.push(false);
    } else if (c === ')') {
      const inner = risky.pop() ?? false;
      if (risky.length === 0) return 'has an unmatched parenthesis';
      const repeated = /^(\*|\+|\{\d+,)/.test(pattern.slice(i + 1));
      if (inner && repeated) return 'repeats a group that itself repeats or chooses';
      if (inner || repeated) risky[risky.length - 1] = true;
      justClosed = true;
    } else {
      const repeats = c === '*' || c === '+' || (c === '{' && /^\{\d+,/.test(pattern.slice(i)));
      if (repeats || (c === '|' && risky.length > 1)) risky[risky.length - 1] = true;
      if (!repeats || !justClosed) justClosed = false;
    }
  }
  return null;
}

/** Reads `service=~"pay.*"`, `severity != info`, several joined by commas, with or without braces. */
export function parseMatchers(text: string): Matcher[] {
  const inner = text.trim().replace(/^\{(.*)\}$/s, '$1');
  const out: Matcher[] = [];
  const item = /\s*([a-zA-Z_][a-zA-Z0-9_.:]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^,"]*)\s*(?:,|$)/y;
  while (item.lastIndex < inner.length) {
    const start = item.lastIndex;
    const found = item.exec(inner);
    if (found === null)
      throw new TocsinError('invalid_request', `matcher: cannot read "${inner.slice(start, start + 80)}"`);
    const [, name = '', operator = '=', raw = ''] = found;
    const value = raw.startsWith('"')
      ? raw.slice(1, -1).replace(/\\(["\\n])/g, (_, c: string) => (c === 'n' ? '\n' : c))
      : raw.trim();
    const matcher = { name, value, isRegex: operator.endsWith('~'), isEqual: operator.startsWith('=') };
    if (matcher.isRegex) anchored(value);
    out.push(matcher);
  }
  return out;
}

export function formatMatcher(m: Matcher): string {
  const operator = m.isRegex ? (m.isEqual ? '=~' : '!~') : m.isEqual ? '=' : '!=';
  return `${m.name}${operator}"${m.value.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * Whether matchers cover an incident: all its services, or the one that is probably the cause (half of the blame or more).
 * A silence on one victim must not hide a story that has spread to others.
 */
export function coversStory(
  matches: (labels: Readonly<Record<string, string>>) => boolean,
  labels: Readonly<Record<string, string>>,
  services: readonly string[],
  causes: readonly { readonly service: string; readonly share: number }[],
): boolean {
  const of = (service: string) => matches({ ...labels, service });
  const cause = causes[0];
  if (cause !== undefined && cause.share >= 0.5 && of(cause.service)) return true;
  return services.length === 0 ? matches(labels) : services.every(of);
}
