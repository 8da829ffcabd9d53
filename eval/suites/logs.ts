import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createLogBatch } from '../../src/domain/signal/batch.ts';
import { createLogTemplates, createLogTick } from '../../src/features/log-template/log-template.ts';
import { readBytes } from '../data/csv.ts';
import { requireFolder } from '../data/metric-sets.ts';
import { parseQuoted } from '../data/quoted-csv.ts';
import { fixed, machineLine, table } from '../report.ts';
import type { GroupingScore } from '../scorers/grouping.ts';
import { scoreGrouping } from '../scorers/grouping.ts';
import { hdfsReport } from './hdfs.ts';

export interface LogsOptions {
  readonly data: string;
  readonly progress: (line: string) => void;
}

/** Grouping accuracy with hand-written patterns for every system (loghub). */
const DRAIN_GA: Readonly<Record<string, number>> = {
  HDFS: 0.998,
  Hadoop: 0.948,
  Spark: 0.92,
  Zookeeper: 0.967,
  BGL: 0.963,
  Linux: 0.69,
  Apache: 1,
  Proxifier: 0.527,
  OpenSSH: 0.788,
  OpenStack: 0.733,
};

interface Parsed {
  readonly group: ArrayLike<number>;
  readonly textOf: (group: number) => string;
  readonly nsPerLine: number;
}

/** The product: one service per system, cold, lines in order, in batches of 100, defaults. */
export function parseWithProduct(lines: readonly string[]): Parsed {
  const decoder = new TextDecoder();
  const templates = createLogTemplates((bytes) => decoder.decode(bytes));
  const group = new Int32Array(lines.length);
  const out = new Int32Array(100);
  const tick = createLogTick();
  let micros = 0;
  for (let from = 0; from < lines.length; from += 100) {
    const bodies = lines.slice(from, from + 100).map((line) => Buffer.from(line));
    const batch = createLogBatch(bodies.length);
    batch.buffer = Buffer.concat(bodies);
    let at = 0;
    bodies.forEach((body, i) => {
      batch.bodyStart[i] = at;
      at += body.length;
      batch.bodyEnd[i] = at;
      batch.time[i] = from * 1000;
    });
    batch.length = bodies.length;
    const before = process.threadCpuUsage();
    templates.assign(batch, out);
    templates.closeTick(from * 1000, 10_000, tick);
    const cpu = process.threadCpuUsage(before);
    micros += cpu.user + cpu.system;
    group.set(out.subarray(0, bodies.length), from);
  }
  return { group, textOf: (id) => templates.textOf(id), nsPerLine: (micros * 1000) / lines.length };
}

/** Baseline: words with a digit are parameters; equal rest, equal group. */
export function parseByDigits(lines: readonly string[]): Parsed {
  const ids = new Map<string, number>();
  const texts: string[] = [];
  const started = process.hrtime.bigint();
  const group = lines.map((line) => {
    const text = line
      .trim()
      .split(/\s+/)
      .map((word) => (/\d/.test(word) ? '<*>' : word))
      .join(' ');
    let id = ids.get(text);
    if (id === undefined) {
      id = texts.push(text) - 1;
      ids.set(text, id);
    }
    return id;
  });
  return { group, textOf: (id) => texts[id]!, nsPerLine: Number(process.hrtime.bigint() - started) / lines.length };
}

/** Log suites as Markdown. */
export function runLogs(options: LogsOptions): string {
  const folder = requireFolder(join(options.data, 'logs/loghub-2k/corrected'));
  const systems = readdirSync(folder)
    .filter((file) => file.endsWith('structured_corrected.csv.gz'))
    .sort();
  const rows: string[][] = [];
  const product: GroupingScore[] = [];
  const digits: GroupingScore[] = [];
  let nanos = 0;
  for (const file of systems) {
    const [header, ...cells] = parseQuoted(readBytes(join(folder, file)).toString());
    const content = header!.indexOf('Content');
    const template = header!.indexOf('EventTemplate');
    const lines = cells.map((row) => row[content] ?? '');
    const truth = cells.map((row) => row[template] ?? '');
    const ours = parseWithProduct(lines);
    const simple = parseByDigits(lines);
    const a = scoreGrouping(ours.group, ours.textOf, truth);
    const b = scoreGrouping(simple.group, simple.textOf, truth);
    product.push(a);
    digits.push(b);
    nanos += ours.nsPerLine / systems.length;
    const name = file.split('_')[0]!;
    rows.push([name, ...four(a), ...four(b), fixed(DRAIN_GA[name] ?? Number.NaN, 3)]);
    options.progress(`${name}: ${lines.length} lines`);
  }
  const mean = (all: readonly GroupingScore[]): GroupingScore => ({
    ga: average(all.map((s) => s.ga)),
    pa: average(all.map((s) => s.pa)),
    fga: average(all.map((s) => s.fga)),
    fta: average(all.map((s) => s.fta)),
  });
  rows.push(['**mean**', ...four(mean(product)), ...four(mean(digits)), fixed(average(Object.values(DRAIN_GA)), 3)]);
  const header = ['system', 'GA', 'PA', 'FGA', 'FTA', 'digits GA', 'PA', 'FGA', 'FTA', "Drain's GA, patterns by hand"];
  return [
    '## Logs',
    machineLine(),
    '### Template grouping: loghub 2k, corrected templates, cold, in order, one configuration',
    table(header, rows),
    `Tocsin: ${fixed(nanos, 0)} ns a line, cold. "digits": words with a digit are parameters. PA and FTA compare after words with a parameter became \`<*>\` and neighbours merged.`,
    ...hdfsReport(options.data),
  ].join('\n\n');
}

function four(s: GroupingScore): string[] {
  return [s.ga, s.pa, s.fga, s.fta].map((value) => fixed(value, 3));
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
