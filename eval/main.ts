import { parseArgs } from 'node:util';
import type { Signal } from '../src/domain/ports.ts';
import { MissingData } from './data/metric-sets.ts';
import { MULTIMODAL_SETS } from './data/multimodal.ts';
import { writeSection } from './report.ts';
import { embeddedEngine } from './send/embedded-engine.ts';
import { httpEngine } from './send/engine.ts';
import { runFaults } from './suites/faults.ts';
import { runGrouping } from './suites/grouping.ts';
import { runInjected } from './suites/injected.ts';
import { runLogs } from './suites/logs.ts';
import { METRIC_SETS, runMetrics } from './suites/metrics.ts';
import { runQuiet } from './suites/quiet.ts';
import { runRca } from './suites/rca.ts';
import { runSmd } from './suites/smd.ts';
import { runTraces } from './suites/traces.ts';
import { runTriage } from './suites/triage.ts';

const USAGE = `usage: tocsin eval <suite> --data DIR [--out FILE]

suites
  metrics   NAB, KPI and Microsoft series     [--sets nab,kpi,ms] [--ablation] [--verbose] [--product-only]
  smd       servers of many metrics (SMD)     [--ablation] [--rows NAME,...] [--verbose] [--product-only]
  logs      template grouping (loghub), HDFS blocks
  rca       cause ranking (RCD sock-shop, PetShop)  [--verbose]
  grouping  alerts into incidents (AIT), the root among alerts (TVDiag, cloudbed-1)  [--verbose]
  faults    multimodal fault days, replayed   [--sets nezha-trainticket,nezha-onlineboutique] [--verbose] [--product-only]
            as OTLP against a running server  [--endpoint URL] [--api URL] [--pid N] [--speed N] [--signals metrics,logs,traces]
            or in this process                --embedded
            or baselines only                 --baselines-only
  traces    TraceRCA fault periods, replayed the same way, same options
  triage    what verdicts are worth: false alarms removed on KPI alerts after 50, 200, 800 verdicts
  injected  every anomaly kind in five sizes in quiet series; recorded ones as well with --data
            [--backgrounds 24] [--seeds 1] [--ablation] [--product-only]
  quiet     false incidents and calibration on quiet days of the demo shop, then its faults; needs no --data
            [--days 2] [--seeds 1] [--rounds 1] [--step 10] [--rate 2] [--verbose]

quiet and embedded runs take --rows none|NAME,... : other detectors of service rows than the default
--data defaults to the environment variable TOCSIN_DATA. The report goes to stdout; --out also writes it into its
section of a results file.
`;

/** `tocsin eval ...`: returns the exit code. 0 done, 1 missing data or wrong arguments. */
export async function runEval(argv: readonly string[]): Promise<number> {
  const [suite, ...rest] = argv;
  try {
    if (suite === undefined || suite === '--help' || suite === '-h') {
      process.stdout.write(USAGE);
      return suite === undefined ? 1 : 0;
    }
    const report = await runSuite(suite, rest);
    if (report === null) {
      process.stderr.write(`unknown suite ${suite}\n\n${USAGE}`);
      return 1;
    }
    process.stdout.write(`${report.text}\n`);
    if (report.out !== undefined) writeSection(report.out, suite, report.text);
    return 0;
  } catch (error) {
    if (error instanceof MissingData || error instanceof RangeError || isArgumentError(error)) {
      process.stderr.write(`tocsin eval: ${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

function isArgumentError(error: unknown): error is Error {
  return error instanceof TypeError && String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
}

async function runSuite(
  suite: string,
  args: readonly string[],
): Promise<{ text: string; out: string | undefined } | null> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      out: { type: 'string' },
      sets: { type: 'string' },
      ablation: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      'product-only': { type: 'boolean', default: false },
      embedded: { type: 'boolean', default: false },
      'baselines-only': { type: 'boolean', default: false },
      endpoint: { type: 'string', default: 'http://127.0.0.1:4318' },
      api: { type: 'string', default: 'http://127.0.0.1:4400' },
      pid: { type: 'string' },
      speed: { type: 'string' },
      step: { type: 'string' },
      days: { type: 'string', default: '2' },
      seeds: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '1' },
      rate: { type: 'string', default: '2' },
      backgrounds: { type: 'string', default: '24' },
      signals: { type: 'string', default: 'metrics,logs,traces' },
      rows: { type: 'string' },
    },
  });
  const progress = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  const config =
    values.rows === undefined ? {} : { detect: { rows: { on: values.rows === 'none' ? [] : values.rows.split(',') } } };
  if (suite === 'quiet') {
    const text = runQuiet({
      days: positive('days', values.days),
      seeds: values.seeds.split(',').map((seed) => positive('seeds', seed)),
      rounds: positive('rounds', values.rounds),
      step: positive('step', values.step ?? '10') * 1000,
      traces: positive('rate', values.rate),
      verbose: values.verbose,
      config,
      progress,
    });
    return { text, out: values.out };
  }
  const data = values.data ?? process.env['TOCSIN_DATA'];
  if (suite === 'injected')
    return {
      text: runInjected({
        data: data ?? null,
        seed: positive('seeds', values.seeds),
        backgrounds: positive('backgrounds', values.backgrounds),
        ablation: values.ablation,
        productOnly: values['product-only'],
        progress,
      }),
      out: values.out,
    };
  if (data === undefined || data === '') throw new MissingData('--data DIR is missing (or set TOCSIN_DATA)');
  switch (suite) {
    case 'metrics': {
      const sets = values.sets?.split(',') ?? Object.keys(METRIC_SETS);
      return {
        text: runMetrics({
          data,
          sets,
          ablation: values.ablation,
          verbose: values.verbose,
          productOnly: values['product-only'],
          progress,
        }),
        out: values.out,
      };
    }
    case 'smd':
      return {
        text: runSmd({
          data,
          ablation: values.ablation,
          rows: values.rows?.split(','),
          verbose: values.verbose,
          productOnly: values['product-only'],
          progress,
        }),
        out: values.out,
      };
    case 'triage':
      return { text: runTriage({ data, progress }), out: values.out };
    case 'logs':
      return { text: runLogs({ data, progress }), out: values.out };
    case 'grouping':
      return { text: runGrouping({ data, verbose: values.verbose, progress }), out: values.out };
    case 'rca':
      return { text: runRca({ data, verbose: values.verbose, progress }), out: values.out };
    case 'traces':
    case 'faults': {
      const http = {
        endpoint: values.endpoint,
        api: values.api,
        pid: values.pid === undefined ? null : positive('pid', values.pid),
      };
      const engine = values['baselines-only']
        ? null
        : values.embedded
          ? () => embeddedEngine(config)
          : () => Promise.resolve(httpEngine(http));
      const shared = {
        verbose: values.verbose,
        productOnly: values['product-only'],
        engine,
        speed:
          values.speed === undefined
            ? values.embedded
              ? Number.POSITIVE_INFINITY
              : 60
            : positive('speed', values.speed),
        step: positive('step', values.step ?? '5') * 1000,
        signals: new Set(values.signals.split(',').filter(isSignal)),
        progress,
      };
      const text =
        suite === 'traces'
          ? await runTraces(data, shared)
          : await runFaults({ ...shared, data, sets: values.sets?.split(',') ?? MULTIMODAL_SETS });
      return { text, out: values.out };
    }
    default:
      return null;
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new RangeError(`--${name} ${text}: a number above 0 is wanted`);
  return value;
}

function isSignal(text: string): text is Signal {
  return text === 'metrics' || text === 'logs' || text === 'traces';
}

if (import.meta.main) process.exitCode = await runEval(process.argv.slice(2));
