import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { isMap, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { TocsinError } from '../domain/error.ts';
import { interpolate } from './interpolate.ts';

/** One thing wrong with a configuration: where, what, and (in the message) what to do. */
export interface ConfigFault {
  readonly file: string;
  readonly line: number;
  readonly path: string;
  readonly message: string;
}

export interface LoadedConfig<T> {
  readonly config: T;
  /** 16 hex digits over the effective configuration; secrets are in it, but cannot be read back. */
  readonly hash: string;
  readonly files: readonly string[];
  /** Line of a key (of its nearest parent, when only that is written) in the last file that has it; 0 when none has. */
  readonly lineOf: (path: readonly PropertyKey[]) => number;
}

export class ConfigError extends TocsinError {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super('invalid_config', faults.map(formatFault).join('\n'));
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

export const formatFault = (fault: ConfigFault): string =>
  `${fault.file}${fault.line > 0 ? `:${fault.line}` : ''}: ${fault.path === '' ? '' : `${fault.path}: `}${fault.message}`;

interface Source {
  readonly file: string;
  readonly data: Record<string, unknown>;
  lineOf(path: readonly PropertyKey[]): number;
}

/**
 * Reads one YAML file, or every `*.yaml` / `*.yml` of a folder in name order (later files win key by key), fills in
 * variables and `*_file` secrets, and checks the whole against the schema.
 * @throws ConfigError with all faults at once.
 */
export function loadConfig<T>(
  path: string | null,
  schema: z.ZodType<T>,
  env: Readonly<Record<string, string | undefined>>,
): LoadedConfig<T> {
  const faults: ConfigFault[] = [];
  const files = path === null ? [] : filesOf(path);
  const sources = files.map((file) => readSource(file, env, faults)).filter((source) => source !== null);
  const merged = sources.reduce<Record<string, unknown>>((all, source) => merge(all, source.data), {});
  return check(merged, sources, schema, faults, files);
}

/** As `loadConfig`, for text that is not a file (tests, standard input). */
export function parseConfig<T>(
  text: string,
  schema: z.ZodType<T>,
  env: Readonly<Record<string, string | undefined>> = {},
  name = '<input>',
): LoadedConfig<T> {
  const faults: ConfigFault[] = [];
  const source = parseSource(name, text, env, faults);
  return check(source?.data ?? {}, source === null ? [] : [source], schema, faults, [name]);
}

/**
 * A configuration that somebody proposes, checked but not taken into use: a whole one, or (with `base`) a piece laid over these
 * files. It may come over the network, so it reads nothing of this machine: variables without a default and `*_file` secrets
 * become the word `hidden`. What is laid over is read as it is in use.
 * @throws ConfigError with all faults at once.
 */
export function proposeConfig<T>(
  text: string,
  schema: z.ZodType<T>,
  base: { readonly files: readonly string[]; readonly env: Readonly<Record<string, string | undefined>> } | null,
): LoadedConfig<T> {
  const faults: ConfigFault[] = [];
  const under = (base?.files ?? []).map((file) => readSource(file, base!.env, faults)).filter((s) => s !== null);
  const hidden = new Proxy<Record<string, string | undefined>>({}, { get: () => HIDDEN });
  const withDefaults = text.replaceAll(/\$\{(?:env:)?\w+:-([^}]*)\}/g, '$1');
  const over = parseSource('<proposed>', withDefaults, hidden, faults);
  const sources = over === null ? under : [...under, over];
  if (over !== null) hideSecrets(over.data);
  const merged = sources.reduce<Record<string, unknown>>((all, source) => merge(all, source.data), {});
  return check(merged, sources, schema, faults, ['<proposed>']);
}

const HIDDEN = 'hidden';

function hideSecrets(data: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(data)) {
    if (key.endsWith('_file') && typeof value === 'string') {
      data[key.slice(0, -'_file'.length)] ??= HIDDEN;
      delete data[key];
    } else if (value !== null && typeof value === 'object') hideSecrets(value as Record<string, unknown>);
  }
}

function check<T>(
  merged: Record<string, unknown>,
  sources: readonly Source[],
  schema: z.ZodType<T>,
  faults: ConfigFault[],
  files: readonly string[],
): LoadedConfig<T> {
  const parsed = schema.safeParse(merged);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      for (const found of explain(issue)) {
        const source = sources.findLast((candidate) => candidate.lineOf(found.path) > 0) ?? sources.at(-1);
        faults.push({
          file: source?.file ?? '<defaults>',
          line: source?.lineOf(found.path) ?? 0,
          path: found.path.join('.'),
          message: found.message,
        });
      }
    }
  }
  if (faults.length > 0 || !parsed.success) throw new ConfigError(faults);
  const hash = createHash('sha256').update(JSON.stringify(parsed.data)).digest('hex').slice(0, 16);
  const lineOf = (path: readonly PropertyKey[]): number =>
    sources.findLast((source) => source.lineOf(path) > 0)?.lineOf(path) ?? 0;
  return { config: parsed.data, hash, files, lineOf };
}

function explain(issue: z.core.$ZodIssue): { path: PropertyKey[]; message: string }[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...issue.path, key],
      message: `unknown key; see docs/configuration.md for the keys of ${issue.path.length === 0 ? 'the file' : `'${issue.path.join('.')}'`}`,
    }));
  }
  return [{ path: [...issue.path], message: issue.message }];
}

function filesOf(path: string): string[] {
  if (!existsSync(path)) throw new ConfigError([{ file: path, line: 0, path: '', message: 'no such file or folder' }]);
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path)
    .filter((name) => /\.ya?ml$/.test(name))
    .sort();
  if (names.length === 0)
    throw new ConfigError([{ file: path, line: 0, path: '', message: 'the folder holds no *.yaml file' }]);
  return names.map((name) => join(path, name));
}

function readSource(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
  faults: ConfigFault[],
): Source | null {
  const source = parseSource(file, readFileSync(file, 'utf8'), env, faults);
  if (source !== null) readSecrets(source.data, [], source, faults);
  return source;
}

function parseSource(
  file: string,
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  faults: ConfigFault[],
): Source | null {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: true });
  for (const error of document.errors)
    faults.push({
      file,
      line: error.linePos?.[0].line ?? 0,
      path: '',
      message: error.message.split('\n')[0]!.replace(/ at line.*$/, ''),
    });
  if (document.errors.length > 0) return null;
  const lineOf = (path: readonly PropertyKey[]): number => {
    let node: unknown = document.contents;
    let line = 0;
    for (const key of path) {
      if (isMap(node)) {
        const pair = node.items.find((item) => String((item.key as { value?: unknown }).value) === String(key));
        if (pair === undefined) return line;
        line = lines.linePos((pair.key as Node).range![0]).line;
        node = pair.value;
      } else {
        node = (node as { get?: (key: unknown, keep: boolean) => unknown } | null)?.get?.(key, true);
        const range = (node as Node | undefined)?.range;
        if (range) line = lines.linePos(range[0]).line;
      }
    }
    return line;
  };
  const raw: unknown = document.toJS() ?? {};
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    faults.push({ file, line: 1, path: '', message: 'the file must be a mapping of sections' });
    return null;
  }
  const fill = (value: unknown, path: PropertyKey[]): unknown => {
    if (typeof value === 'string') {
      const filled = interpolate(value, env);
      for (const name of filled.missing)
        faults.push({
          file,
          line: lineOf(path),
          path: path.join('.'),
          message: `environment variable ${name} is not set; set it or write \${${name}:-default}`,
        });
      return filled.text === value ? value : retype(filled.text);
    }
    if (Array.isArray(value)) return value.map((item, i) => fill(item, [...path, i]));
    if (value !== null && typeof value === 'object')
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, [...path, key])]));
    return value;
  };
  return { file, data: fill(raw, []) as Record<string, unknown>, lineOf };
}

/** `port: ${PORT}` must become a number: a filled-in scalar is read as YAML reads it. */
function retype(text: string): unknown {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  return text;
}

/** `token_file: path` becomes `token: <content>`; relative paths start at the configuration file. */
function readSecrets(
  data: Record<string, unknown>,
  path: readonly string[],
  source: Source,
  faults: ConfigFault[],
): void {
  for (const [key, value] of Object.entries(data)) {
    if (key.endsWith('_file') && typeof value === 'string') {
      const target = key.slice(0, -'_file'.length);
      const file = isAbsolute(value) ? value : join(dirname(source.file), value);
      const where = { file: source.file, line: source.lineOf([...path, key]), path: [...path, key].join('.') };
      if (target in data) faults.push({ ...where, message: `give either ${target} or ${key}, not both` });
      else if (!existsSync(file)) faults.push({ ...where, message: `cannot read ${value}` });
      else data[target] = readFileSync(file, 'utf8').trimEnd();
      delete data[key];
    } else if (Array.isArray(value)) {
      value.forEach((item, i) => {
        if (item !== null && typeof item === 'object')
          readSecrets(item as Record<string, unknown>, [...path, key, String(i)], source, faults);
      });
    } else if (value !== null && typeof value === 'object')
      readSecrets(value as Record<string, unknown>, [...path, key], source, faults);
  }
}

function merge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const result = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = result[key];
    const both = [before, value].every((side) => side !== null && typeof side === 'object' && !Array.isArray(side));
    result[key] = both ? merge(before as Record<string, unknown>, value as Record<string, unknown>) : value;
  }
  return result;
}
