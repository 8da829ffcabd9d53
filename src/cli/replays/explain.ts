import { parseDuration } from '../../config/duration.ts';
import { TocsinError } from '../../domain/error.ts';
import type { DecisionReplay, ExplainedStage, Explanation } from '../../domain/replay/backtest.ts';
import type { Output } from '../output.ts';
import { callApi, parseTime } from './api-client.ts';
import { withLocal } from './local-backtests.ts';

export interface ExplainOptions {
  readonly api: string;
  readonly token?: string;
  readonly dataDir?: string;
  readonly window: string;
  readonly budget?: string;
  readonly output?: string;
  readonly verify?: boolean;
}

/**
 * Why something did or did not alert: each stage with its numbers, and the smallest changes that would have turned it. With
 * `verify` every decision on the way is made again and compared bit by bit; exit code 1 when one differs.
 */
export async function explain(subject: string, options: ExplainOptions, output: Output): Promise<number> {
  const split = subject.lastIndexOf('@');
  const name = split > 0 ? subject.slice(0, split) : subject;
  const at = split > 0 ? parseTime(subject.slice(split + 1), parseDuration) : undefined;
  const window = parseDuration(options.window);
  const budget = options.budget === undefined ? undefined : parseDuration(options.budget);
  if (at === null || window === null || budget === null)
    throw new TocsinError(
      'invalid_request',
      'give SERVICE@TIME, SERIES@TIME or INCIDENT, TIME as ISO 8601, ms since the epoch, -2h or now; --window and --budget as 10m',
    );
  const explanation =
    options.dataDir === undefined
      ? await callApi<Explanation>(
          options,
          'GET',
          `explain?${new URLSearchParams({ subject: name, window: String(window), ...(at === undefined ? {} : { at: String(at) }), ...(budget === undefined ? {} : { budget: String(budget) }) })}`,
        )
      : await withLocal(options.dataDir, (backtests) =>
          backtests.explain(name, at ?? Number.NaN, window, true, budget),
        );
  if (options.output === 'json') output.line(JSON.stringify(explanation, null, 2));
  else for (const line of report(explanation)) output.line(line);
  if (options.verify !== true) return 0;
  let code = 0;
  for (const { decision } of explanation.stages)
    if (decision !== null) code = Math.max(code, await verifyDecision(decision, options, output));
  return code;
}

/** Makes a past decision again and compares. Exit code 0 identical, 1 not, 3 when too little is kept to say. */
export async function verifyDecision(
  id: string,
  options: Pick<ExplainOptions, 'api' | 'token' | 'dataDir' | 'output'>,
  output: Output,
): Promise<number> {
  const replay =
    options.dataDir === undefined
      ? await callApi<DecisionReplay>(options, 'GET', `decisions/${encodeURIComponent(id)}/replay`)
      : await withLocal(options.dataDir, (backtests) => backtests.replayDecision(id));
  if (options.output === 'json') output.line(JSON.stringify(replay, null, 2));
  else {
    const { decision, levels } = replay;
    output.line(
      `${id}  ${time(decision.at)}  ${decision.stage} ${decision.outcome}: ${decision.service}: ${decision.reason} (model ${decision.modelVersion}, configuration ${decision.configHash})`,
    );
    for (const { level, identical, text, differences } of levels) {
      const mark = identical === null ? 'not kept ' : identical ? 'identical' : 'DIFFERENT';
      output.line(`  ${mark}  from ${level === 'ticks' ? 'ticks' : 'raw input'}: ${text}`);
      for (const { field, recorded, replayed } of differences)
        output.line(`             ${field}: ${recorded} recorded, ${replayed} replayed`);
    }
  }
  if (replay.levels.some(({ identical }) => identical === false)) return 1;
  return replay.levels.some(({ identical }) => identical === true) ? 0 : 3;
}

function* report({ summary, tick, stages, changes, unsearched }: Explanation): Generator<string> {
  yield summary;
  if (tick !== null && tick.evidence.length > 0) {
    yield '';
    for (const { text, p } of tick.evidence.slice(0, 5)) yield `  ${`p ${number(p)}`.padEnd(12)} ${text}`;
  }
  yield '';
  for (const stage of stages) yield lineOf(stage);
  if (changes.length > 0) yield '';
  for (const { text, verified } of changes) yield `${verified ? '' : '(not confirmed) '}${text}`;
  if (unsearched.length > 0) yield `Not tried within --budget: ${unsearched.join(', ')}.`;
}

const MARKS = { passed: 'passed ', suppressed: 'stopped', 'not-reached': '-      ' } as const;

function lineOf({ stage, outcome, reason, value, limit, at }: ExplainedStage): string {
  const against = limit === null ? '' : ` against ${number(limit)}`;
  const compared = value === null ? '' : ` (${number(value)}${against})`;
  return `${time(at)}  ${MARKS[outcome]}  ${stage.padEnd(15)} ${reason}${compared}`.trimEnd();
}

const time = (at: number): string => new Date(at).toISOString();
const number = (value: number): string => Number(value.toPrecision(3)).toString();
