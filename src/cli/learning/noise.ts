import { type Command, Option } from 'commander';
import { parseDuration } from '../../config/duration.ts';
import { TocsinError } from '../../domain/error.ts';
import { NOISE_DIMENSIONS, type NoiseDimension, type NoiseReport, type NoiseRow } from '../../domain/learning/noise.ts';
import { MINUTE } from '../../domain/units.ts';
import { type ApiOptions, call } from '../incident.ts';
import type { Output } from '../output.ts';

interface NoiseOptions extends ApiOptions {
  readonly last: string;
  readonly dimension: string;
}

/** Adds `tocsin noise`. */
export function noiseCommand(program: Command, output: Output, finish: (code: number) => void): void {
  program
    .command('noise')
    .description('what pages were worth: how many a week, acknowledged, real by verdict; by service, team and detector')
    .option('--last <duration>', 'how far back', '28d')
    .addOption(new Option('--dimension <name>', 'one alone').choices([...NOISE_DIMENSIONS, 'all']).default('all'))
    .option('--api <url>', 'address of a running Tocsin', 'http://127.0.0.1:4400')
    .option('--token <token>', 'bearer token of the API')
    .addOption(new Option('--output <form>', 'how to print').choices(['text', 'json']).default('text'))
    .addHelpText('after', '\nExamples:\n  $ tocsin noise\n  $ tocsin noise --last 7d --dimension team')
    .action(async (options: NoiseOptions) => finish(await noise(options, Date.now(), output)));
}

/** Asks a server for its ledger and prints it. */
export async function noise(options: NoiseOptions, now: number, output: Output): Promise<number> {
  const span = parseDuration(options.last);
  if (span === null || !(span > 0))
    throw new TocsinError('invalid_request', `--last ${options.last}: a duration such as 7d`);
  const report = (await call(options, `noise?from=${now - span}&to=${now}`)) as NoiseReport;
  if (options.output === 'json') {
    output.line(JSON.stringify(report, null, 2));
    return 0;
  }
  const chosen = NOISE_DIMENSIONS.filter((name) => options.dimension === 'all' || options.dimension === name);
  for (const line of linesOf(report, chosen)) output.line(line);
  return 0;
}

function linesOf(report: NoiseReport, dimensions: readonly NoiseDimension[]): string[] {
  const groups: [string, readonly NoiseRow[]][] = [
    ['all', [report.total]],
    ...dimensions.map((name): [string, readonly NoiseRow[]] => [name, report[name]]),
  ];
  const width = Math.max(10, ...groups.flatMap(([, rows]) => rows.map(({ name }) => name.length))) + 2;
  const head = `${'incidents'.padStart(9)} ${'pages'.padStart(6)} ${'a week'.padStart(7)} ${'acknowledged'.padStart(12)} ${'after'.padStart(8)}  real`;
  const lines = [`${' '.repeat(width)}${head}`];
  for (const [title, rows] of groups) {
    lines.push(title);
    for (const row of rows) lines.push(lineOf(row, width));
    if (rows.length === 0) lines.push('  none');
  }
  if (!report.complete) lines.push('only the newest incidents were read');
  return lines;
}

function lineOf(row: NoiseRow, width: number): string {
  const percent = (share: number | null): string => (share === null ? '-' : `${Math.round(100 * share)} %`);
  const after = row.acknowledgedAfter === null ? '-' : `${(row.acknowledgedAfter / MINUTE).toFixed(1)} min`;
  const labelled = Object.values(row.verdicts).reduce((sum, n) => sum + n, 0);
  const real =
    row.precision === null
      ? '-'
      : `${percent(row.precision)} of ${labelled} (${percent(row.low)} to ${percent(row.high)})`;
  return `  ${(row.name === '' ? '-' : row.name).padEnd(width - 2)}${String(row.incidents).padStart(9)} ${String(row.pages).padStart(6)} ${row.pagesPerWeek.toFixed(1).padStart(7)} ${percent(row.acknowledged).padStart(12)} ${after.padStart(8)}  ${real}`;
}
