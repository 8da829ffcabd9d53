import { z } from 'zod';
import { formatDuration } from './duration.ts';

interface Node {
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly default?: unknown;
  readonly written?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
}

/** The reference page of a configuration schema: one table row a key, from the schema alone. */
export function referenceOf(schema: z.ZodType): string {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Node;
  const lines: string[] = [];
  section(root, '', lines);
  return lines.join('\n');
}

function section(node: Node, path: string, lines: string[]): void {
  const entries = Object.entries(node.properties ?? {});
  const plain = entries.filter(([, child]) => !isSection(child));
  const nested = entries.filter(([, child]) => isSection(child));
  if (plain.length > 0) {
    lines.push(
      '',
      path === '' ? '## Top level' : `## \`${path}\``,
      '',
      '| key | type | default | meaning |',
      '|---|---|---|---|',
    );
    for (const [key, child] of plain)
      lines.push(`| \`${key}\` | ${typeOf(child)} | ${defaultOf(child)} | ${cell(child.description ?? '')} |`);
  }
  for (const [key, child] of nested) {
    const inner = child.items !== undefined && child.properties === undefined ? child.items : child;
    section(inner, `${path === '' ? '' : `${path}.`}${key}${inner === child ? '' : '[]'}`, lines);
  }
}

const isSection = (node: Node): boolean => node.properties !== undefined || node.items?.properties !== undefined;

function typeOf(node: Node): string {
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(' ');
  if (node.type === 'array') return `list of ${node.items === undefined ? 'values' : typeOf(node.items)}`;
  const range = [node.minimum, node.maximum].map((limit) =>
    limit === undefined || Math.abs(limit) >= Number.MAX_SAFE_INTEGER ? '' : String(limit),
  );
  const limits = range.some((limit) => limit !== '') ? ` ${range[0]}..${range[1]}` : '';
  return `${typeof node.type === 'string' ? node.type : 'text'}${limits}`;
}

function defaultOf(node: Node): string {
  const value = node.written ?? node.default;
  if (value === undefined) return '';
  if (typeof value === 'number' && node.type === 'duration') return `\`${formatDuration(value)}\``;
  return `\`${typeof value === 'string' ? (value === '' ? '""' : value) : JSON.stringify(value)}\``;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
