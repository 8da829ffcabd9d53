import { type Command, Option } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { TocsinError } from '../../domain/error.ts';
import { DAY_ROWS, syntheticBackgrounds } from '../../learn/self-test/backgrounds.ts';
import { ANOMALY_KINDS, ORDINARY_KINDS } from '../../learn/self-test/inject.ts';
import { figuresOf, type KindFigures, scoreAll, thresholdAt } from '../../pipeline/self-test/measure.ts';
import { scoreThroughShard } from '../../pipeline/self-test/tier.ts';
import { settingsSchema } from '../../pipeline/settings.ts';
import type { Output } from '../output.ts';

const ROWS = 14 * DAY_ROWS;
const FAILED = 1;

export interface SelfTestOptions {
  readonly config?: string;
  readonly seed: string;
  readonly backgrounds: string;
  readonly falseAlarms: string;
  readonly floor?: readonly string[];
  readonly output: string;
}

/** Adds `tocsin self-test`. */
export function selfTestCommand(program: Command, output: Output, finish: (code: number) => void): void {
  program
    .command('self-test')
    .description('inject every kind of anomaly into synthetic series and say what this configuration would find')
    .option('-c, --config <path>', 'YAML file or folder of them')
    .option('--seed <n>', 'same seed, same series and same places', '1')
    .option('--backgrounds <n>', 'series to inject into, of twelve shapes in turn', '6')
    .option('--false-alarms <n>', 'a series-week, at which is read what is found', '3')
    .option('--floor <kind=share...>', 'exit code 1 when less is found; a share alone is for every kind')
    .addOption(new Option('--output <form>', 'how to print').choices(['text', 'json']).default('text'))
    .addHelpText(
      'after',
      '\nExamples:\n  $ tocsin self-test\n  $ tocsin self-test -c tocsin.yaml --floor 0.5 spike=0.9 missing-points=1',
    )
    .action((options: SelfTestOptions) => finish(selfTest(options, output)));
}

/** Prints what would be found, by kind. Exit code 1 when a kind stays below its floor. */
export function selfTest(options: SelfTestOptions, output: Output): number {
  const settings = loadConfig(options.config ?? null, settingsSchema, process.env).config;
  const seed = numberOf('--seed', options.seed);
  const perWeek = numberOf('--false-alarms', options.falseAlarms);
  const floors = floorsOf(options.floor ?? []);
  const backgrounds = syntheticBackgrounds(numberOf('--backgrounds', options.backgrounds), ROWS, seed);
  const { cases, quiet } = scoreAll(backgrounds, (series) => scoreThroughShard(series, settings), seed);
  const threshold = thresholdAt(quiet, perWeek);
  const anomalies = Object.keys(ANOMALY_KINDS).map((kind) => figuresOf(cases, kind, threshold));
  const ordinary = Object.keys(ORDINARY_KINDS).map((kind) => figuresOf(cases, kind, threshold));
  const measured = anomalies.filter((one) => one.cases > 0);
  const mean = measured.reduce((sum, one) => sum + one.found / one.cases, 0) / Math.max(1, measured.length);
  const below = measured.filter((one) => one.found / one.cases < (floors.get(one.kind) ?? floors.get('') ?? 0));
  if (options.output === 'json')
    output.line(
      JSON.stringify(
        {
          seed,
          falseAlarmsPerWeek: perWeek,
          threshold,
          mean,
          anomalies,
          ordinary,
          below: below.map(({ kind }) => kind),
        },
        null,
        2,
      ),
    );
  else {
    output.line(`${'kind'.padEnd(18)} ${'found'.padStart(7)}   smallest to largest           delay`);
    for (const one of anomalies) output.line(anomalyLine(one));
    output.line(`${'mean over kinds'.padEnd(18)} ${percent(mean)}`);
    output.line('');
    output.line('no anomalies: cases that raise an alarm all the same');
    for (const { kind, found, cases: all } of ordinary)
      output.line(`${kind.padEnd(18)} ${String(found).padStart(4)} of ${all}`);
    output.line('');
    output.line(
      `at ${perWeek} false alarms a series-week (p ${(10 ** -threshold).toExponential(1)}), ${backgrounds.length} series of 14 days, seed ${seed}`,
    );
    for (const one of below)
      output.error(`${one.kind}: ${percent(one.found / one.cases).trim()} found, less than its floor`);
  }
  return below.length > 0 ? FAILED : 0;
}

function anomalyLine({ kind, cases, found, byGrade, delay }: KindFigures): string {
  const sizes = byGrade.map((share) => percent(share)).join(' ');
  return `${kind.padEnd(18)} ${percent(found / cases)}   ${sizes}   ${Number.isNaN(delay) ? '-' : `${delay} min`}`;
}

const percent = (share: number): string => (Number.isNaN(share) ? '-' : `${Math.round(share * 100)} %`).padStart(5);

function numberOf(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new TocsinError('invalid_request', `${option} ${text}: a number above 0 is wanted`);
  return value;
}

/** `spike=0.9` or `0.5` (then the kind is empty: all of them). */
function floorsOf(texts: readonly string[]): Map<string, number> {
  return new Map(
    texts.map((text) => {
      const [kind, share] = text.includes('=') ? (text.split('=') as [string, string]) : ['', text];
      const value = Number(share);
      if (!(value >= 0 && value <= 1) || share === '')
        throw new TocsinError('invalid_request', `--floor ${text}: KIND=SHARE is wanted, the share from 0 to 1`);
      if (kind !== '' && !(kind in ANOMALY_KINDS))
        throw new TocsinError(
          'invalid_request',
          `--floor ${text}: no kind ${kind}; there are ${Object.keys(ANOMALY_KINDS).join(', ')}`,
        );
      return [kind, value];
    }),
  );
}
