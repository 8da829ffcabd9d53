import { TocsinError } from '../../../domain/error.ts';
import { FILTERS, truthy } from './filters.ts';
import { type Block, type Expression, parse } from './parse.ts';
import type { Shape } from './shape.ts';

export const MAX_TEMPLATE = 16_384;
/** Output beyond this is cut; no receiver takes as much. */
export const MAX_OUTPUT = 65_536;
/** Nodes visited in one rendering. */
const MAX_STEPS = 50_000;

export type Template = (data: unknown) => string;

/**
 * A text with `{{ … }}` in it, in the words of Go's templates: fields, filters joined by `|`, `if`, `range`, `with`. It has
 * no variables, no definitions and no way to call anything but the filters listed in README.md, so it always ends, and what
 * it gives is bounded. With a `shape`, a field that the data can never have is a fault here and not an empty text at night.
 * @throws TocsinError `invalid_config` with line and reason.
 */
export function compileTemplate(source: string, shape?: Shape): Template {
  if (source.length > MAX_TEMPLATE)
    throw new TocsinError('invalid_config', `template: longer than ${MAX_TEMPLATE} characters`);
  const blocks = parse(source);
  if (shape !== undefined) checkBlocks(blocks, shape, shape);
  return (data) => {
    const run: Run = { root: data, steps: 0, length: 0, parts: [] };
    render(blocks, data, run);
    return run.parts.join('');
  };
}

interface Run {
  readonly root: unknown;
  steps: number;
  length: number;
  readonly parts: string[];
}

function render(blocks: readonly Block[], dot: unknown, run: Run): void {
  for (const block of blocks) {
    run.steps += 1;
    if (run.steps > MAX_STEPS || run.length >= MAX_OUTPUT) return;
    switch (block.kind) {
      case 'text':
        write(block.text, run);
        break;
      case 'value':
        write(textOf(evaluate(block.value, dot, run)), run);
        break;
      case 'if':
        render(truthy(evaluate(block.test, dot, run)) ? block.body : block.otherwise, dot, run);
        break;
      case 'with': {
        const value = evaluate(block.test, dot, run);
        if (truthy(value)) render(block.body, value, run);
        else render(block.otherwise, dot, run);
        break;
      }
      case 'range': {
        const value = evaluate(block.test, dot, run);
        const items = itemsOf(value);
        for (const item of items) render(block.body, item, run);
        if (items.length === 0) render(block.otherwise, dot, run);
        break;
      }
    }
  }
}

function write(text: string, run: Run): void {
  const room = MAX_OUTPUT - run.length;
  const part = text.length > room ? text.slice(0, room) : text;
  run.parts.push(part);
  run.length += part.length;
}

/** A map is walked in the order of its keys, as pairs of `key` and `value`. */
function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => ({ key, value: item as unknown }));
}

function evaluate(expression: Expression, dot: unknown, run: Run): unknown {
  run.steps += 1;
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'path': {
      let value = expression.root ? run.root : dot;
      for (const key of expression.keys) value = fieldOf(value, key);
      return value;
    }
    case 'call': {
      const filter = FILTERS[expression.name]!;
      const values = expression.args.map((argument) => evaluate(argument, dot, run));
      return filter.apply(values);
    }
  }
}

/** Own fields only: nothing of JavaScript shows through. */
const fieldOf = (value: unknown, key: string): unknown =>
  value !== null && typeof value === 'object' && !Array.isArray(value) && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return JSON.stringify(value);
}

function checkBlocks(blocks: readonly Block[], dot: Shape, root: Shape): void {
  for (const block of blocks) {
    if (block.kind === 'text') continue;
    if (block.kind === 'value') {
      shapeOf(block.value, dot, root);
      continue;
    }
    const value = shapeOf(block.test, dot, root);
    const inner = block.kind === 'with' ? value : block.kind === 'range' ? itemShape(value, block.line) : dot;
    checkBlocks(block.body, inner, root);
    checkBlocks(block.otherwise, dot, root);
  }
}

function itemShape(shape: Shape, line: number): Shape {
  if (shape.kind === 'list') return shape.item;
  if (shape.kind === 'map') return { kind: 'object', fields: { key: { kind: 'text' }, value: shape.item } };
  if (shape.kind === 'any') return shape;
  throw new TocsinError('invalid_config', `template: line ${line}: range needs a list or a map`);
}

function shapeOf(expression: Expression, dot: Shape, root: Shape): Shape {
  if (expression.kind === 'literal') return { kind: 'any' };
  if (expression.kind === 'call') {
    const shapes = expression.args.map((argument) => shapeOf(argument, dot, root));
    return FILTERS[expression.name]!.shape?.(shapes) ?? { kind: 'any' };
  }
  let shape = expression.root ? root : dot;
  for (const key of expression.keys) {
    if (shape.kind === 'any') return shape;
    if (shape.kind === 'map') shape = shape.item;
    else if (shape.kind === 'object' && Object.hasOwn(shape.fields, key)) shape = shape.fields[key]!;
    else {
      const known = shape.kind === 'object' ? `; there are: ${Object.keys(shape.fields).join(', ')}` : '';
      throw new TocsinError(
        'invalid_config',
        `template: line ${expression.line}: there is no field .${key} here${known}`,
      );
    }
  }
  return shape;
}
