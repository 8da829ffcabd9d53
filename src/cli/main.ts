#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';
import { loadConfig } from '../config/load.ts';
import { TocsinError } from '../domain/error.ts';
import { type Settings, settingsSchema } from '../pipeline/settings.ts';
import { checkConfig } from './check-config.ts';
import { capacity } from './cluster/capacity.ts';
import { dlqList, dlqReplay, dlqShow } from './cluster/dlq.ts';
import { flinkApply, flinkPlan, flinkStatus, flinkStop } from './cluster/flink.ts';
import { migrate } from './cluster/migrate.ts';
import { type DemoCommandOptions, demo } from './demo/demo.ts';
import { incidentCommands } from './incident.ts';
import { noiseCommand } from './learning/noise.ts';
import { selfTestCommand } from './learning/self-test.ts';
import {
  type ModelsOptions,
  modelsExport,
  modelsImport,
  modelsList,
  modelsPin,
  modelsPromote,
  modelsRollback,
  modelsShow,
  modelsTrain,
  type TrainOptions,
} from './models.ts';
import { createOutput } from './output.ts';
import { type ReplayOptions, replay } from './replay.ts';
import { type BacktestOptions, backtest } from './replays/backtest.ts';
import { type ExplainOptions, explain, verifyDecision } from './replays/explain.ts';
import { type RoutesOptions, routesShow, routesTest } from './routes.ts';
import { serve } from './serve.ts';
import { type TestOptions, test } from './test.ts';
import { VERSION } from './version.ts';

/** Exit codes as promtool's: 0 fine, 1 failed, 2 wrong usage. */
const FAILED = 1;
const USAGE = 2;

const output = createOutput(process.stdout, process.stderr);
const program = new Command('tocsin')
  .description(
    'Real-time anomaly detection for metrics, logs and traces: OpenTelemetry in, a few explained incidents out.',
  )
  .version(VERSION, '-V, --version')
  .exitOverride()
  .showHelpAfterError('(tocsin --help shows all commands)');

const API = 'http://127.0.0.1:4400';
const settingsOf = (path: string | undefined): Settings => loadConfig(path ?? null, settingsSchema, process.env).config;
const examples = (...lines: string[]): string => `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;

program
  .command('serve')
  .description('take in telemetry, detect, explain, notify, show')
  .option('-c, --config <path>', 'YAML file or folder of them')
  .option('--data-dir <path>', 'overrides data_dir')
  .addHelpText('after', examples('tocsin serve', 'tocsin serve --config /etc/tocsin/tocsin.yaml'))
  .option('--role <roles>', 'gateway, detector, correlator: what this process of a cluster does (needs bus.brokers)')
  .action(async (options: { config?: string; dataDir?: string; role?: string }) =>
    finish(await serve(options, output)),
  );

program
  .command('demo')
  .description('serve, and run a small shop against it that goes wrong on a schedule')
  .option('-c, --config <path>', 'YAML file or folder of them')
  .option('--data-dir <path>', 'where the demo keeps its data', './data/demo')
  .option('--no-demo', 'only serve, and wait for your own telemetry')
  .option('--days <n>', 'simulated days to back-fill', '2')
  .option('--seed <n>', 'same seed, same shop', '1')
  .option('--no-faults', 'a shop where nothing goes wrong')
  .addHelpText('after', examples('tocsin demo', 'tocsin demo --no-demo', 'npm start -- --no-demo'))
  .action(async (options: DemoCommandOptions) => finish(await demo(options, output)));

program
  .command('check-config')
  .description('check configuration files and report every fault at once')
  .argument('[path...]', 'files or folders; - for standard input')
  .option('--print', 'print the effective configuration')
  .addHelpText(
    'after',
    examples(
      'tocsin check-config tocsin.yaml',
      'cat tocsin.yaml | tocsin check-config -',
      'tocsin check-config --print',
    ),
  )
  .action(async (paths: string[], options: { print?: boolean }) => finish(await checkConfig(paths, options, output)));

const config = program.command('config').description('what the configuration does, without running it');
const routes = config.command('routes').description('the routing tree');
routes
  .command('show')
  .description('print the routing tree')
  .option('-c, --config <path>', 'YAML file or folder of them')
  .action((options: RoutesOptions) => finish(routesShow(options, output)));
routes
  .command('test')
  .description('which receivers an incident with these labels reaches')
  .argument('[label...]', 'LABEL=VALUE')
  .option('-c, --config <path>', 'YAML file or folder of them')
  .option('--tree', 'print the routes that match as well')
  .option('--verify.receivers <names>', 'fail unless exactly these are reached, comma-separated')
  .addHelpText('after', examples('tocsin config routes test severity=critical service=checkout'))
  .action((labels: string[], options: RoutesOptions & { 'verify.receivers'?: string }) => {
    const verify = options['verify.receivers'];
    finish(routesTest(labels, { ...options, ...(verify === undefined ? {} : { verifyReceivers: verify }) }, output));
  });

const dlq = program.command('dlq').description('records that could not be read, on the dead-letter topic of a cluster');
dlq
  .command('list')
  .description('a line each: where it was, and why it was put aside')
  .option('-c, --config <path>', 'YAML file or folder of them')
  .action(async ({ config: path }: { config?: string }) => finish(await dlqList(settingsOf(path), output)));
dlq
  .command('show')
  .argument('<offset>', 'as `dlq list` shows it')
  .description('headers, reason and bytes of one')
  .option('-c, --config <path>', 'YAML file or folder of them')
  .action(async (offset: string, { config: path }: { config?: string }) =>
    finish(await dlqShow(settingsOf(path), Number(offset), output)),
  );
dlq
  .command('replay')
  .argument('<offset>', 'as `dlq list` shows it')
  .description('put it back at the end of its partition')
  .option('-c, --config <path>', 'YAML file or folder of them')
  .action(async (offset: string, { config: path }: { config?: string }) =>
    finish(await dlqReplay(settingsOf(path), Number(offset), output)),
  );

const flink = program.command('flink').description('features of services on Apache Flink, compiled from the catalogue');
const flinkCommands = {
  plan: ['print the SQL that the configuration asks for', flinkPlan],
  apply: ['start the job of the configuration, then stop jobs of other plans with a savepoint', flinkApply],
  status: ['what runs, against what is asked for; exit code 1 when they differ', flinkStatus],
  stop: ['stop all jobs of ours, each with a savepoint', flinkStop],
} as const;
for (const [name, [description, run]] of Object.entries(flinkCommands))
  flink
    .command(name)
    .description(description)
    .option('-c, --config <path>', 'YAML file or folder of them')
    .action(async ({ config: path }: { config?: string }) => finish(await run(settingsOf(path), output)));

program
  .command('capacity')
  .description('what a load needs: cores, memory, brokers, partitions, Flink slots, from measured constants')
  .option('--points <n>', 'samples a second', '1e6')
  .option('--series <n>', 'live series', '1e7')
  .option('--logs <n>', 'log lines a second', '1e5')
  .option('--spans <n>', 'spans a second', '1e5')
  .option('--services <n>', 'services', '1000')
  .option('--retention <hours>', 'of signals on the bus', '6')
  .option('--replicas <n>', 'of every partition', '3')
  .addHelpText('after', examples('tocsin capacity --points 1e6 --series 1e7'))
  .action((o: Record<'points' | 'series' | 'logs' | 'spans' | 'services' | 'retention' | 'replicas', string>) => {
    const { points, series, logs, spans, services, retention, replicas } = o;
    const [p, s, l, t, v, h, r] = [points, series, logs, spans, services, retention, replicas].map(Number) as number[];
    const wrong = [p, s, l, t, v, h, r].some((value) => !(value! >= 0));
    if (wrong) throw new TocsinError('invalid_config', 'capacity: every option is a number that is not negative');
    finish(
      capacity({ points: p!, series: s!, logs: l!, spans: t!, services: v!, retentionHours: h!, replicas: r! }, output),
    );
  });

program
  .command('migrate')
  .description('bring the control store (SQLite or PostgreSQL) to the schema of this version')
  .option('-c, --config <path>', 'YAML file or folder of them')
  .option('--from <file>', 'copy everything out of this SQLite file (control.sqlite) into an empty store')
  .addHelpText('after', examples('tocsin migrate -c tocsin.yaml --from data/control.sqlite'))
  .action(async (options: { config?: string; from?: string }) =>
    finish(await migrate(settingsOf(options.config), options.from, output)),
  );

program
  .command('replay')
  .description(
    'run recorded telemetry (OTLP JSON lines, OTLP protobuf) through the pipeline in virtual time and print the incidents',
  )
  .argument('[file...]', '*.jsonl, *.json, *.pb, each also .gz; the name says the signal, or --signal')
  .option('--decision <id>', 'instead of files: make this past decision again and compare it bit by bit')
  .option('--api <url>', 'for --decision: address of a running Tocsin', API)
  .option('--token <token>', 'for --decision: bearer token of the API')
  .option('--data-dir <path>', 'for --decision: read this data folder instead of asking a server')
  .option('-c, --config <path>', 'YAML file or folder of them')
  .option('--signal <signal>', 'metrics, logs or traces, for files whose name does not say')
  .option('--output <form>', 'text or json', 'text')
  .addHelpText(
    'after',
    examples(
      'tocsin replay metrics.otlp.jsonl.gz traces.otlp.jsonl.gz',
      'tocsin replay --output json recorded/*.jsonl',
    ),
  )
  .action(async (files: string[], options: ReplayOptions & ExplainOptions & { decision?: string }) =>
    finish(
      options.decision === undefined
        ? await replay(files, options, output)
        : await verifyDecision(options.decision, options, output),
    ),
  );

program
  .command('backtest')
  .description('what would have fired with another configuration, side by side with what did')
  .requiredOption('--from <time>', 'ISO 8601, ms since the epoch, or so long ago: -7d')
  .option('--to <time>', 'likewise, or now', 'now')
  .option('-c, --config <file>', 'the configuration to try; without it nothing is changed')
  .addOption(
    new Option('--mode <mode>', 'ticks: alerting only; input: raw input through the detectors; auto: as needed')
      .choices(['auto', 'ticks', 'input'])
      .default('auto'),
  )
  .option('--api <url>', 'address of a running Tocsin', API)
  .option('--token <token>', 'bearer token of the API')
  .option('--data-dir <path>', 'read this data folder instead of asking a server')
  .option('--all', 'list incidents that stay the same as well')
  .addOption(new Option('--output <form>', 'how to print').choices(['text', 'json']).default('text'))
  .addHelpText(
    'after',
    examples(
      'tocsin backtest --from -7d --config new.yaml',
      'tocsin backtest --from -1d --data-dir ./data --mode input',
    ),
  )
  .action(async (options: BacktestOptions) => finish(await backtest(options, output)));

incidentCommands(program, output, finish);
noiseCommand(program, output, finish);

program
  .command('test')
  .description(
    'run scenarios (configuration, signals over time, what is expected) in virtual time and say what differs',
  )
  .argument('<file...>', 'YAML files, folders of them, or patterns')
  .addOption(new Option('--output <form>', 'how to print').choices(['text', 'json']).default('text'))
  .addHelpText('after', examples('tocsin test checkout.yaml', "tocsin test 'alerting/*.yaml' --output json"))
  .action(async (files: string[], options: TestOptions) => finish(await test(files, options, output)));

program
  .command('explain')
  .description(
    'why something did or did not alert: every stage with its numbers, and the smallest change that turns it',
  )
  .argument(
    '<subject>',
    'SERVICE@TIME, SERIES-ID@TIME or INCIDENT-ID; TIME as ISO 8601, ms since the epoch, -2h or now',
  )
  .option('--api <url>', 'address of a running Tocsin', API)
  .option('--token <token>', 'bearer token of the API')
  .option('--data-dir <path>', 'read this data folder instead of asking a server')
  .option('--window <duration>', 'how far around the time the strangest tick is looked for', '2m')
  .option('--budget <duration>', 'CPU time for the search of changes that would have turned it', '3s')
  .option('--verify', 'make every decision on the way again, and compare bit by bit')
  .addOption(new Option('--output <form>', 'how to print').choices(['text', 'json']).default('text'))
  .addHelpText('after', examples('tocsin explain checkout@now', 'tocsin explain payments@2026-01-31T14:05:00Z'))
  .action(async (subject: string, options: ExplainOptions) => finish(await explain(subject, options, output)));

program
  .command('eval')
  .description('measure detection quality on labelled data (metrics, faults, ...)')
  .argument('[args...]')
  .allowUnknownOption()
  .helpOption(false)
  .addHelpText(
    'after',
    examples('tocsin eval metrics --data ../shared/data', 'tocsin eval faults --data ../shared/data'),
  )
  .action(async (args: string[]) => finish(await (await import('../../eval/main.ts')).runEval(args)));

selfTestCommand(program, output, finish);

program
  .command('bench')
  .description('measure speed and memory on this machine')
  .argument('[name...]', 'which benches; all when none is named')
  .addHelpText('after', examples('tocsin bench', 'tocsin bench decode detect'))
  .action(async (names: string[]) => finish(await (await import('../../bench/main.ts')).runBench(names)));

const models = program
  .command('models')
  .description('the models that were trained or imported: which are in use, and which could be');
const registry = (command: Command): Command =>
  command
    .option('-c, --config <path>', 'YAML file or folder of them')
    .option('--data-dir <path>', 'overrides data_dir')
    .option('--by <name>', 'who does it, for the record');
registry(models.command('list').description('all versions, * marks those in use')).action(
  async (options: ModelsOptions) => finish(await modelsList(options, output)),
);
registry(models.command('show <model>').description('what a version was trained on, with what result'))
  .addHelpText('after', examples('tocsin models show lstm@2'))
  .action(async (model: string, options: ModelsOptions) => finish(await modelsShow(model, options, output)));
registry(
  models
    .command('promote <model>')
    .description('take a version into use; a running server takes up triage within seconds'),
)
  .addHelpText('after', examples('tocsin models promote triage@2'))
  .action(async (model: string, options: ModelsOptions) => finish(await modelsPromote(model, options, output)));
registry(models.command('rollback <name>').description('back to the version that was in use before')).action(
  async (name: string, options: ModelsOptions) => finish(await modelsRollback(name, options, output)),
);
registry(models.command('pin <model>').description('keep a champion in use until it is unpinned'))
  .option('--off', 'unpin')
  .action(async (model: string, options: ModelsOptions & { off?: boolean }) =>
    finish(await modelsPin(model, options, output)),
  );
registry(models.command('export <model> <file>').description('write a version to a file')).action(
  async (model: string, file: string, options: ModelsOptions) =>
    finish(await modelsExport(model, file, options, output)),
);
registry(models.command('import <file>').description('read a version from a file, as a candidate'))
  .addOption(
    new Option('--format <format>', 'for files of other programs').choices([
      'tocsin-lstm',
      'tocsin-triage',
      'xgboost-json',
    ]),
  )
  .option('--name <name>', 'name to give it')
  .addHelpText(
    'after',
    examples('tocsin models import lstm.tocsin', 'tocsin models import model.json --format xgboost-json'),
  )
  .action(async (file: string, options: ModelsOptions & { format?: string; name?: string }) =>
    finish(await modelsImport(file, options, output)),
  );
registry(models.command('train <model>').description('train lstm on the history or triage on verdicts, as a candidate'))
  .option('--set <name=value...>', 'options of the training, e.g. steps=500 seed=2')
  .addHelpText(
    'after',
    examples(
      'tocsin models train lstm',
      'tocsin models train lstm --set steps=4000 seed=2',
      'tocsin models train triage',
    ),
  )
  .action(async (model: string, options: TrainOptions) => finish(await modelsTrain(model, options, output)));

program
  .command('version')
  .description('print version, runtime and platform')
  .action(() => output.line(`tocsin ${VERSION} (node ${process.versions.node}, ${process.platform}-${process.arch})`));

function finish(code: number): void {
  process.exitCode = code;
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : USAGE;
  else if (error instanceof TocsinError) {
    output.error(error.code === 'invalid_config' ? error.message : `tocsin: ${error.message}`);
    process.exitCode = FAILED;
  } else throw error;
}
