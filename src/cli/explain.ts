import { parseDuration } from '../config/duration.ts';
import type { DecisionRecord } from '../domain/decision.ts';
import { DECISION_STAGES } from '../domain/decision.ts';
import { TocsinError } from '../domain/error.ts';
import type { Output } from './output.ts';

export interface ExplainOptions {
  readonly api: string;
  readonly token?: string;
  readonly window: string;
}

/** Walks the decision records around a time: what each stage saw, what it compared with, and what stopped it. */
export async function explain(subject: string, options: ExplainOptions, output: Output): Promise<number> {
  const at = subject.lastIndexOf('@');
  const name = at > 0 ? subject.slice(0, at) : subject;
  const time = at > 0 ? parseTime(subject.slice(at + 1)) : Date.now();
  const window = parseDuration(options.window);
  if (time === null || window === null)
    throw new TocsinError(
      'invalid_request',
      'give SERVICE@TIME, TIME as ISO 8601, ms since the epoch or now; --window as 10m',
    );
  const get = async (path: string, query: Record<string, string>): Promise<unknown> => {
    const response = await fetch(`${options.api}/api/v1/${path}?${new URLSearchParams(query)}`, {
      headers: options.token === undefined ? {} : { authorization: `Bearer ${options.token}` },
    }).catch(() => {
      throw new TocsinError('unavailable', `no Tocsin answers at ${options.api}; is it running? (--api)`);
    });
    if (!response.ok) throw new TocsinError('invalid_request', `${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const range = { from: String(time - window), to: String(time + window), limit: '1000' };
  const bySubject = (await get('decisions', { ...range, subject: name })) as { items: DecisionRecord[] };
  const byService =
    bySubject.items.length > 0
      ? bySubject
      : ((await get('decisions', { ...range, service: name })) as { items: DecisionRecord[] });
  const records = byService.items.toSorted(
    (a, b) => a.at - b.at || DECISION_STAGES.indexOf(a.stage) - DECISION_STAGES.indexOf(b.stage),
  );
  if (records.length === 0) {
    output.line(
      `${name}: nothing was strange enough to be decided within ${options.window} of ${new Date(time).toISOString()}.`,
    );
    return 0;
  }
  for (const record of records) output.line(lineOf(record));
  const stopped = records.filter(
    (record) => record.outcome === 'suppressed' && record.value !== null && record.limit !== null,
  );
  const nearest = stopped.toSorted(
    (a, b) => Math.abs(Math.log(a.value! / a.limit!)) - Math.abs(Math.log(b.value! / b.limit!)),
  )[0];
  if (nearest !== undefined)
    output.line(
      `\nnearest to passing: ${nearest.stage} at ${new Date(nearest.at).toISOString()}: ${number(nearest.value)} against a limit of ${number(nearest.limit)}`,
    );
  return 0;
}

const number = (value: number | null): string => (value === null ? '-' : Number(value.toPrecision(3)).toString());

function lineOf(record: DecisionRecord): string {
  const mark = record.outcome === 'passed' ? 'passed ' : 'stopped';
  const compared =
    record.value === null
      ? ''
      : ` (${number(record.value)}${record.limit === null ? '' : ` against ${number(record.limit)}`})`;
  return `${new Date(record.at).toISOString()}  ${mark}  ${record.stage.padEnd(15)} ${record.service}: ${record.reason}${compared}`;
}

function parseTime(text: string): number | null {
  if (text === 'now') return Date.now();
  if (/^\d{10,}$/.test(text)) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : at;
}
