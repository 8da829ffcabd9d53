import { readFileSync, statSync } from 'node:fs';
import { parseDuration } from '../../config/duration.ts';
import { TocsinError } from '../../domain/error.ts';
import type { BacktestIncident, BacktestJob, BacktestPair, Comparison } from '../../domain/replay/backtest.ts';
import type { Output } from '../output.ts';
import { callApi, parseTime } from './api-client.ts';
import { withLocal } from './local-backtests.ts';

export interface BacktestOptions {
  readonly from: string;
  readonly to: string;
  readonly config?: string;
  readonly mode: 'auto' | 'ticks' | 'input';
  readonly api: string;
  readonly token?: string;
  readonly dataDir?: string;
  readonly output: string;
  readonly all?: boolean;
}

const POLL_MS = 300;

/** What would have fired with another configuration, beside what did. Exit code 1 when an incident labelled real is lost. */
export async function backtest(options: BacktestOptions, output: Output): Promise<number> {
  const from = parseTime(options.from, parseDuration);
  const to = parseTime(options.to, parseDuration);
  if (from === null || to === null)
    throw new TocsinError('invalid_request', 'give times as 2026-01-31T14:00:00Z, ms since the epoch, -7d or now');
  const text = options.config === undefined ? undefined : configText(options.config);
  const job =
    options.dataDir === undefined
      ? await overApi(options, from, to, text, output)
      : await withLocal(options.dataDir, async (backtests) => {
          const { id } = backtests.start(
            'backtest',
            {
              from,
              to,
              ...(options.mode === 'auto' ? {} : { mode: options.mode }),
              ...(text === undefined ? {} : { change: { kind: 'config', text, replace: true } as const }),
            },
            'cli',
          );
          return follow(() => backtests.wait(id, POLL_MS), output);
        });
  if (job.result === null) throw new TocsinError('invalid_request', job.error ?? `the backtest was ${job.state}`);
  if (options.output === 'json') output.line(JSON.stringify(job.result, null, 2));
  else for (const line of report(job.result, options.all === true)) output.line(line);
  return (job.result.labelled.lost.real ?? 0) > 0 ? 1 : 0;
}

function configText(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    throw new TocsinError('invalid_request', `${path} is no file; a backtest takes one configuration file`);
  return readFileSync(path, 'utf8');
}

async function overApi(
  options: BacktestOptions,
  from: number,
  to: number,
  config: string | undefined,
  output: Output,
): Promise<BacktestJob> {
  const body = { from, to, mode: options.mode, ...(config === undefined ? {} : { config }) };
  const { id } = await callApi<BacktestJob>(options, 'POST', 'backtests', body);
  return follow(async () => {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    return callApi<BacktestJob>(options, 'GET', `backtests/${id}`);
  }, output);
}

async function follow(poll: () => Promise<BacktestJob>, output: Output): Promise<BacktestJob> {
  for (;;) {
    const job = await poll();
    output.progress('backtest', job.progress);
    if (job.state !== 'running') return job;
  }
}

const time = (at: number): string => new Date(at).toISOString().slice(0, 19);

/** The comparison as text: what changed first, everything when `all`. */
export function* report(result: Comparison, all: boolean): Generator<string> {
  const { totals, labelled, reproduced, config } = result;
  yield `${time(result.from)} to ${time(result.to)}, from ${result.mode === 'ticks' ? 'stored ticks' : 'raw input'}; ${result.exact ? 'what happened was reproduced bit by bit' : `${reproduced.identical} of ${reproduced.stored} incidents were reproduced`}`;
  for (const note of result.notes) yield `note: ${note}`;
  for (const different of reproduced.different) yield `not reproduced: ${different}`;
  for (const { path, before, after } of config.changed) yield `changed: ${path}: ${before} to ${after}`;
  yield '';
  yield `${''.padEnd(16)}${'did'.padStart(8)}${'would'.padStart(8)}`;
  for (const key of ['incidents', 'critical', 'warning', 'info', 'notifications'] as const)
    yield `${key.padEnd(16)}${String(totals.before[key]).padStart(8)}${String(totals.after[key]).padStart(8)}`;
  const labels = [
    ...new Set([...Object.keys(labelled.kept), ...Object.keys(labelled.lost)]),
  ] as (keyof typeof labelled.kept)[];
  for (const label of labels)
    yield `labelled ${label}: ${labelled.kept[label] ?? 0} kept, ${labelled.lost[label] ?? 0} lost`;
  const listed = result.incidents.filter(({ outcome }) => all || outcome !== 'same');
  if (listed.length > 0) yield '';
  for (const pair of listed) yield* pairLines(pair);
  const same = result.incidents.length - listed.length;
  if (same > 0) yield `${same} the same${all ? '' : ' (--all shows them)'}`;
  if (result.truncated) yield 'more incidents than are listed';
}

function* pairLines({ outcome, verdict, before, after, differences }: BacktestPair): Generator<string> {
  const one = (before ?? after) as BacktestIncident;
  const label = verdict === null ? '' : ` [${verdict}]`;
  yield `${outcome.padEnd(8)} ${time(one.openedAt)}  ${one.severity.padEnd(8)} ${one.title}${label}`;
  for (const { field, before: was, after: would } of differences) yield `           ${field}: ${was} -> ${would}`;
}
