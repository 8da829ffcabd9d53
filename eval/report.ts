import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Interval } from './scorers/bootstrap.ts';

/** A Markdown table. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, c) => Math.max(name.length, 3, ...rows.map((row) => (row[c] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text, c) => text.padEnd(widths[c]!)).join(' | ')} |`;
  return [line(header), `|${widths.map((w) => '-'.repeat(w + 2)).join('|')}|`, ...rows.map(line)].join('\n');
}

export function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '-';
}

export function withInterval(value: number, interval: Interval, digits: number): string {
  return `${fixed(value, digits)} [${fixed(interval.low, digits)}, ${fixed(interval.high, digits)}]`;
}

/** What ran, where and when: a figure without it cannot be repeated. */
export function machineLine(): string {
  const all = cpus();
  return `${new Date().toISOString().slice(0, 16)}Z, ${all.length} x ${all[0]?.model.trim() ?? 'unknown CPU'}, Node ${process.versions.node}, commit ${commit()}`;
}

function commit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const changed = git('status', '--porcelain', '--', 'src') === '' ? '' : ' with changes';
    return git('rev-parse', '--short', 'HEAD') + changed;
  } catch {
    return 'unknown';
  }
}

/** Replaces the part of a results file that a suite wrote before, or appends it. */
export function writeSection(path: string, suite: string, body: string): void {
  const open = `<!-- suite: ${suite} -->`;
  const close = `<!-- end: ${suite} -->`;
  const section = `${open}\n${body.trim()}\n${close}\n`;
  const before = existsSync(path)
    ? readFileSync(path, 'utf8')
    : '# Detection quality\n\nWritten by `tocsin eval <suite> --out eval/results.md`; see `eval/README.md`. Do not edit by hand.\n\n';
  const from = before.indexOf(open);
  const to = before.indexOf(close);
  const after =
    from >= 0 && to > from
      ? before.slice(0, from) + section + before.slice(to + close.length).replace(/^\n/, '')
      : `${before.trimEnd()}\n\n${section}`;
  writeFileSync(path, after);
}
