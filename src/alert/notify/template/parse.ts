import { TocsinError } from '../../../domain/error.ts';
import { FILTERS } from './filters.ts';

export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  | { readonly kind: 'path'; readonly root: boolean; readonly keys: readonly string[]; readonly line: number }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] };

export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly value: Expression }
  | {
      readonly kind: 'if' | 'range' | 'with';
      readonly test: Expression;
      readonly body: readonly Block[];
      readonly otherwise: readonly Block[];
      readonly line: number;
    };

const MAX_DEPTH = 16;

interface Tag {
  readonly text: string;
  readonly line: number;
}
type Piece = { readonly text: string } | { readonly tag: Tag };

const fault = (line: number, message: string): TocsinError =>
  new TocsinError('invalid_config', `template: line ${line}: ${message}`);

/** @throws TocsinError `invalid_config`. */
export function parse(source: string): readonly Block[] {
  const pieces = split(source);
  const cursor = { at: 0 };
  const { blocks, end } = parseBlocks(pieces, cursor, 0);
  if (end !== null) throw fault(end.line, `{{ ${end.text} }} closes nothing`);
  return blocks;
}

/** Text and tags; `{{-` and `-}}` take the white space beside them, a tag between `/*` and its end is a comment. */
function split(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let line = 1;
  let trimNext = false;
  while (at <= source.length) {
    const open = source.indexOf('{{', at);
    let text = open < 0 ? source.slice(at) : source.slice(at, open);
    const lines = text.split('\n').length - 1;
    const trimBefore = open >= 0 && /^-\s/.test(source.slice(open + 2, open + 4));
    if (trimNext) text = text.trimStart();
    if (trimBefore) text = text.trimEnd();
    if (text !== '') pieces.push({ text });
    line += lines;
    if (open < 0) break;
    const close = closeOf(source, open + 2, line);
    let inner = source.slice(open + 2, close);
    const tagLine = line;
    line += inner.split('\n').length - 1;
    if (trimBefore) inner = inner.slice(1);
    trimNext = /\s-$/.test(inner);
    if (trimNext) inner = inner.slice(0, -1);
    inner = inner.trim();
    if (!(inner.startsWith('/*') && inner.endsWith('*/'))) pieces.push({ tag: { text: inner, line: tagLine } });
    at = close + 2;
  }
  return pieces;
}

/** Where the tag ends; braces inside quoted words do not count. */
function closeOf(source: string, from: number, line: number): number {
  let quote = '';
  for (let i = from; i < source.length; i += 1) {
    const c = source[i]!;
    if (quote !== '') {
      if (c === '\\' && quote === '"') i += 1;
      else if (c === quote) quote = '';
    } else if (c === '"' || c === '`') quote = c;
    else if (c === '}' && source[i + 1] === '}') return i;
  }
  throw fault(line, '{{ without }}');
}

function parseBlocks(
  pieces: readonly Piece[],
  cursor: { at: number },
  depth: number,
): { blocks: Block[]; end: Tag | null } {
  if (depth > MAX_DEPTH) throw new TocsinError('invalid_config', `template: nested deeper than ${MAX_DEPTH}`);
  const blocks: Block[] = [];
  while (cursor.at < pieces.length) {
    const piece = pieces[cursor.at]!;
    cursor.at += 1;
    if ('text' in piece) {
      blocks.push({ kind: 'text', text: piece.text });
      continue;
    }
    const { tag } = piece;
    if (tag.text === 'end' || /^else\b/.test(tag.text)) return { blocks, end: tag };
    const opened = /^(if|range|with)\s+(.+)$/s.exec(tag.text);
    if (opened === null) blocks.push({ kind: 'value', value: expressionOf(tag.text, tag.line) });
    else blocks.push(controlOf(opened[1] as 'if' | 'range' | 'with', opened[2]!, tag.line, pieces, cursor, depth));
  }
  return { blocks, end: null };
}

function controlOf(
  kind: 'if' | 'range' | 'with',
  test: string,
  line: number,
  pieces: readonly Piece[],
  cursor: { at: number },
  depth: number,
): Block {
  const expression = expressionOf(test, line);
  const first = parseBlocks(pieces, cursor, depth + 1);
  if (first.end === null) throw fault(line, `{{ ${kind} }} has no {{ end }}`);
  if (first.end.text === 'end') return { kind, test: expression, body: first.blocks, otherwise: [], line };
  const chained = /^else\s+(if|with)\s+(.+)$/s.exec(first.end.text);
  if (chained !== null) {
    const next = controlOf(chained[1] as 'if' | 'with', chained[2]!, first.end.line, pieces, cursor, depth + 1);
    return { kind, test: expression, body: first.blocks, otherwise: [next], line };
  }
  if (first.end.text !== 'else') throw fault(first.end.line, `cannot read {{ ${first.end.text} }}`);
  const second = parseBlocks(pieces, cursor, depth + 1);
  if (second.end?.text !== 'end') throw fault(line, `{{ ${kind} }} has no {{ end }}`);
  return { kind, test: expression, body: first.blocks, otherwise: second.blocks, line };
}

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*")|`([^`]*)`|(-?\d+(?:\.\d+)?)|(\$?(?:\.[a-zA-Z_][a-zA-Z0-9_]*)+|\$|\.)|([a-zA-Z_][a-zA-Z0-9_]*)|([|()]))/y;

type Token =
  | { readonly kind: 'value'; readonly value: Expression }
  | { readonly kind: 'word' | 'mark'; readonly text: string };

function tokensOf(text: string, line: number): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (text.slice(at).trim() !== '') {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (found === null) throw fault(line, `cannot read "${text.slice(at, at + 40).trim()}"`);
    at = TOKEN.lastIndex;
    const [, quoted, raw, number, path, word, mark] = found;
    if (quoted !== undefined) tokens.push(literal(unquote(quoted, line)));
    else if (raw !== undefined) tokens.push(literal(raw));
    else if (number !== undefined) tokens.push(literal(Number(number)));
    else if (path !== undefined) {
      const keys = path.replace(/^\$/, '').split('.').filter(Boolean);
      tokens.push({ kind: 'value', value: { kind: 'path', root: path.startsWith('$'), keys, line } });
    } else if (word === 'true' || word === 'false') tokens.push(literal(word === 'true'));
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else tokens.push({ kind: 'mark', text: mark! });
  }
  return tokens;
}

const literal = (value: string | number | boolean): Token => ({ kind: 'value', value: { kind: 'literal', value } });

function unquote(text: string, line: number): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    throw fault(line, `cannot read the quoted text ${text.slice(0, 40)}`);
  }
}

/** `.x | upper | truncate 10`: what comes before a bar is the last argument of what comes after it, as in Go. */
function expressionOf(text: string, line: number): Expression {
  const tokens = tokensOf(text, line);
  const cursor = { at: 0 };
  const value = pipeline(tokens, cursor, line, 0);
  if (cursor.at < tokens.length) throw fault(line, 'a ) too many');
  return value;
}

function pipeline(tokens: readonly Token[], cursor: { at: number }, line: number, depth: number): Expression {
  if (depth > MAX_DEPTH) throw fault(line, 'too many parentheses');
  let value: Expression | null = null;
  for (;;) {
    value = command(tokens, cursor, line, depth, value);
    const next = tokens[cursor.at];
    if (next?.kind !== 'mark' || next.text !== '|') return value;
    cursor.at += 1;
  }
}

function command(
  tokens: readonly Token[],
  cursor: { at: number },
  line: number,
  depth: number,
  piped: Expression | null,
): Expression {
  const head = tokens[cursor.at];
  if (head === undefined) throw fault(line, piped === null ? 'an empty {{ }}' : 'nothing after |');
  const args: Expression[] = [];
  const named = head.kind === 'word';
  if (named) cursor.at += 1;
  for (let token = tokens[cursor.at]; token !== undefined; token = tokens[cursor.at]) {
    if (token.kind === 'value') args.push(token.value);
    else if (token.kind === 'mark' && token.text === '(') {
      cursor.at += 1;
      args.push(pipeline(tokens, cursor, line, depth + 1));
      const close = tokens[cursor.at];
      if (close?.kind !== 'mark' || close.text !== ')') throw fault(line, 'a ( without )');
    } else if (token.kind === 'mark') break;
    else throw fault(line, `"${token.text}" must stand first or in parentheses`);
    cursor.at += 1;
  }
  if (!named) {
    if (args.length !== 1 || piped !== null) throw fault(line, 'only a filter takes arguments');
    return args[0]!;
  }
  const filter = Object.hasOwn(FILTERS, head.text) ? FILTERS[head.text] : undefined;
  if (filter === undefined)
    throw fault(line, `there is no filter "${head.text}"; there are: ${Object.keys(FILTERS).sort().join(', ')}`);
  if (piped !== null) args.push(piped);
  const [least, most] = filter.takes;
  if (args.length < least || args.length > most)
    throw fault(
      line,
      `${head.text} takes ${least === most ? least : `${least} to ${most}`} values, not ${args.length}`,
    );
  return { kind: 'call', name: head.text, args };
}
