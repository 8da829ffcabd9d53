import type { ServiceTick } from '../../domain/anomaly.ts';
import { DECISION_STAGES, type DecisionRecord, type DecisionStage } from '../../domain/decision.ts';
import { TocsinError } from '../../domain/error.ts';
import type { Counterfactual, ExplainedStage, ExplainedTick, Explanation } from '../../domain/replay/backtest.ts';
import type { ExplainOptions, Outcome } from './explain.ts';
import type { Subject } from './subject.ts';

/** The decision calls a tick, or a series, strange below this. */
export const STRANGE_P = 1e-3;

const number = (value: number): string => Number(value.toPrecision(3)).toString();

/** What each stage decided, in flow order; where none was written down, what must have been so. */
export function stagesOf(options: ExplainOptions, found: Outcome): ExplainedStage[] {
  const { moment, incident, told, records } = found;
  const { tick } = moment;
  const stages: ExplainedStage[] = [];
  const line = seriesLine(options, tick);
  if (line !== null) stages.push(line);
  const strange = tick.p < STRANGE_P;
  const opened = incident !== null;
  const add = (stage: DecisionStage, record: DecisionRecord | undefined, otherwise: Partial<ExplainedStage>): void => {
    if (record !== undefined) stages.push(ofRecord(record));
    else
      stages.push({
        stage,
        outcome: 'not-reached',
        reason: '',
        value: null,
        limit: null,
        at: tick.at,
        decision: null,
        ...otherwise,
      });
  };
  const ofTick = (stage: DecisionStage): DecisionRecord | undefined =>
    records.find(
      (record) =>
        record.stage === stage &&
        record.at === tick.at &&
        record.service === tick.service &&
        record.subject !== incident?.id,
    );
  for (const record of records) if (record.stage === 'policy' && record.at === tick.at) stages.push(ofRecord(record));
  add('service-p', ofTick('service-p'), {
    outcome: strange ? 'passed' : 'suppressed',
    reason: strange ? 'strange' : 'ordinary: nothing is recorded of such ticks',
    value: tick.p,
    limit: STRANGE_P,
  });
  const stricter = ofTick('budget');
  if (stricter !== undefined) stages.push(ofRecord(stricter));
  add('false-discovery', ofTick('false-discovery'), {});
  add('persistence', ofTick('persistence'), {});
  const ofIncident = (stage: DecisionStage): DecisionRecord | undefined =>
    records.findLast((record) => record.stage === stage && record.subject === incident?.id);
  add(
    'group',
    records.find((record) => record.stage === 'group' && record.service === tick.service),
    opened ? { outcome: 'passed' } : {},
  );
  const passed = (reason: string): Partial<ExplainedStage> =>
    opened && told.length > 0 ? { outcome: 'passed', reason } : {};
  const snooze = ofIncident('snooze');
  if (snooze !== undefined) stages.push(ofRecord(snooze));
  add('inhibit', ofIncident('inhibit'), passed('no cause mutes it'));
  add('silence', ofIncident('silence'), passed('no silence covers it'));
  add('maintenance', ofIncident('maintenance'), passed('no maintenance covers it'));
  add('route', ofIncident('route'), {});
  const pages = ofIncident('budget');
  if (pages !== undefined) stages.push(ofRecord(pages));
  const who = [...new Set(told.map(({ receiver }) => receiver))].join(', ');
  add(
    'notify',
    ofIncident('notify'),
    told.length > 0 ? { outcome: 'passed', reason: `told ${who}`, at: told[0]!.at } : {},
  );
  return stages;
}

const ofRecord = ({ stage, outcome, reason, value, limit, at, id }: DecisionRecord): ExplainedStage => ({
  stage,
  outcome,
  reason,
  value,
  limit,
  at,
  decision: id,
});

/** How the series that was asked for looked in the tick. */
function seriesLine({ series }: Subject, tick: ServiceTick): ExplainedStage | null {
  if (series === null) return null;
  const seen = tick.evidence.find((e) => e.series === series.id);
  const base = { stage: 'series-p', limit: STRANGE_P, at: tick.at, decision: null } as const;
  if (seen === undefined)
    return {
      ...base,
      outcome: 'suppressed',
      reason: `${series.metric} is not among the ${tick.evidence.length} strangest signals of ${tick.service} in this tick`,
      value: null,
    };
  return { ...base, outcome: seen.p < STRANGE_P ? 'passed' : 'suppressed', reason: seen.text, value: seen.p };
}

export function shownTick(tick: ServiceTick): ExplainedTick {
  const { at, p, pByModality, seriesSeen, seriesStrange, evidence } = tick;
  return { at, p, pByModality, learning: tick.learning === true, seriesSeen, seriesStrange, evidence };
}

export function summaryOf(
  service: string,
  tick: ServiceTick,
  outcome: Explanation['outcome'],
  stages: readonly ExplainedStage[],
  changes: readonly Counterfactual[],
): string {
  const when = new Date(tick.at).toISOString();
  const stop = stages.find((stage) => stage.outcome === 'suppressed' && stage.stage !== 'series-p');
  const reached =
    stop === undefined
      ? ''
      : ` It was stopped at ${stop.stage}: ${stop.reason}${stop.value === null || stop.limit === null ? '' : ` (${number(stop.value)} against ${number(stop.limit)})`}.`;
  const first = changes[0] === undefined ? '' : ` ${changes[0].text}`;
  const heads: Readonly<Record<Explanation['outcome'], string>> = {
    alerted: `${service} alerted at ${when} with p ${number(tick.p)}.`,
    open: `${service} opened an incident at ${when} with p ${number(tick.p)}, and nobody was told.`,
    suppressed: `${service} was strange at ${when} (p ${number(tick.p)}) and did not alert.`,
    quiet: `${service} was ordinary: its strangest tick, at ${when}, had p ${number(tick.p)}.`,
    unknown: `${service}: what its ticks looked like at ${when} is no longer kept.`,
  };
  return `${heads[outcome]}${outcome === 'alerted' ? '' : reached}${first}`;
}

/** What is left where the ticks are not kept: the decision records, as they were written. @throws TocsinError `not_found`. */
export function fromRecords(options: ExplainOptions): Explanation {
  const { subject, kind, service, at, records } = options;
  if (records.length === 0)
    throw new TocsinError(
      'not_found',
      `nothing is known of ${service} within ${Math.round(options.window / 60_000)} min of ${new Date(at).toISOString()}`,
    );
  const unique = [...new Map(records.map((record) => [record.id, record])).values()];
  const stages = unique
    .toSorted((a, b) => a.at - b.at || DECISION_STAGES.indexOf(a.stage) - DECISION_STAGES.indexOf(b.stage))
    .map(ofRecord);
  const told = unique.some(({ stage, outcome }) => stage === 'route' && outcome === 'passed');
  return {
    subject,
    kind,
    service,
    at,
    tick: null,
    outcome: told ? 'alerted' : 'unknown',
    stages,
    changes: [],
    unsearched: [],
    summary: `Ticks of that time are no longer kept (retention.ticks): these are the ${stages.length} decisions that were written down.`,
    source: 'records',
    incident: kind === 'incident' ? subject : null,
  };
}
