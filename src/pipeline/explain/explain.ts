import type { ServiceTick } from '../../domain/anomaly.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import { TocsinError } from '../../domain/error.ts';
import type { Incident } from '../../domain/incident.ts';
import type { Counterfactual, Explanation } from '../../domain/replay/backtest.ts';
import { type EpochMs, MINUTE } from '../../domain/units.ts';
import { type Moment, moments } from '../backtest/player.ts';
import { openRetained, type Retained, segmentBefore } from '../backtest/retained.ts';
import { smallestChanges } from './counterfactual.ts';
import { SEARCH_BUDGET_MS, type Search, startSearch } from './search.ts';
import type { Subject } from './subject.ts';
import { turningValue } from './value-change.ts';
import { fromRecords, STRANGE_P, shownTick, stagesOf, summaryOf } from './words.ts';

export interface ExplainOptions extends Subject {
  readonly dataDir: string;
  /** False: the smallest changes are not looked for. */
  readonly changes?: boolean;
  readonly onProgress: (share: number) => void;
  /** ms of CPU time that the search for changes may take. */
  readonly budget?: number;
}

/** How long after the tick it is followed whether somebody was told. */
const FOLLOW = 5 * MINUTE;

/** A moment frozen before its report, to be run again with changes. */
export interface Frozen extends Pick<Moment, 'report' | 'late' | 'settings' | 'stamp' | 'externalUrl' | 'standing'> {
  readonly state: string;
  /** What came after, as far as it is followed. */
  readonly following: readonly Pick<Moment, 'report' | 'late'>[];
  readonly tick: ServiceTick;
}

/** A frozen moment, and what really became of it. */
export interface Outcome {
  readonly retained: Retained;
  readonly moment: Frozen;
  readonly incident: Incident | null;
  readonly told: readonly { readonly at: EpochMs; readonly receiver: string }[];
  /** Written from the moment on, about the service, its anomaly or its incident. */
  readonly records: readonly DecisionRecord[];
}

/**
 * Why a service did or did not alert: finds its strangest tick in the window (of an incident, the one that opened it), runs the
 * correlator again from the checkpoint before it up to there and a little further, reads what each stage decided, and looks for
 * the smallest changes that turn the outcome, as long as the budget lasts.
 * @param search To be used instead of one of that budget.
 * @throws TocsinError `not_found` for a service that nothing is known of at that time.
 */
export function explainAt(options: ExplainOptions, search?: Search): Explanation {
  const found = replayed(options);
  if (found === null) return fromRecords(options);
  const { moment, incident, told } = found;
  const { tick } = moment;
  const outcome =
    incident !== null ? (told.length > 0 ? 'alerted' : 'open') : tick.p < STRANGE_P ? 'suppressed' : 'quiet';
  const stages = stagesOf(options, found);
  const wanted = options.changes !== false;
  const trying = search ?? startSearch(options.budget ?? SEARCH_BUDGET_MS);
  // Stages take ms a run, a value runs through the detectors again: tried by cost, shown the other way around.
  const ofStages = wanted ? smallestChanges(found, options.service, trying) : [];
  const changes = wanted ? [...ofValue(found, options, trying), ...ofStages] : [];
  return {
    subject: options.subject,
    kind: options.kind,
    service: options.service,
    at: options.at,
    tick: shownTick(tick),
    outcome,
    stages,
    changes,
    unsearched: trying.unsearched,
    summary: summaryOf(options.service, tick, outcome, stages, changes),
    source: 'replayed',
    incident: incident?.id ?? null,
  };
}

/** The value at which the series that was asked for, or the strongest signal of the service, would have looked otherwise. */
function ofValue({ retained, moment }: Outcome, { series }: Subject, search: Search): readonly Counterfactual[] {
  const strongest = moment.tick.evidence.find((e) => e.modality === 'metric');
  const wanted =
    series !== null
      ? { id: series.id, name: series.metric }
      : strongest === undefined
        ? null
        : { id: strongest.series, name: strongest.name ?? strongest.metric };
  const change = wanted === null ? null : turningValue(retained, moment, wanted, search);
  if (change === 'unsearched') search.unsearched.push(`value of ${wanted!.name}`);
  return change === null || change === 'unsearched' ? [] : [change];
}

function replayed(options: ExplainOptions): Outcome | null {
  const { dataDir, at, window, opened } = options;
  let retained: Retained;
  try {
    retained = openRetained(dataDir);
  } catch (error) {
    if (error instanceof TocsinError) return null;
    throw error;
  }
  const oldest = retained.segments[0]!.from;
  if (opened !== null) return opened < oldest ? null : openingOf(retained, options.service, opened);
  if (at + window < oldest) return null;
  const focus = strangest(retained, options);
  if (focus === null) return null;
  const found = freeze(retained, segmentBefore(retained, focus.at - 1), options.service, ({ shard, sequence }) =>
    shard === focus.shard && sequence === focus.sequence ? 'freeze' : 'go on',
  );
  // It was open already: what is to be explained is how it opened, if that is still kept.
  const since = found?.incident?.anomalies.find(({ service }) => service === options.service)?.openedAt;
  if (found === null || since === undefined || since >= focus.at || since < oldest) return found;
  return openingOf(retained, options.service, since) ?? found;
}

/** The report that opened the anomaly of a service: a provisional one of that tick, or the final one. */
function openingOf(retained: Retained, service: string, opened: EpochMs): Outcome | null {
  const segment = segmentBefore(retained, opened - 1);
  let sequence: number | null = null;
  for (const { report, late, side } of moments(retained, segment)) {
    if (report.at > opened + MINUTE) return null;
    side.take(report, late);
    const isIt = (incident: Incident): boolean =>
      incident.anomalies.some((a) => a.service === service && a.openedAt === opened);
    if (report.at === opened && side.correlator.incidents().some(isIt)) {
      sequence = report.sequence;
      break;
    }
  }
  return freeze(retained, segment, service, (report) =>
    report.sequence === sequence && report.at === opened ? 'freeze' : 'go on',
  );
}

interface Focus {
  readonly sequence: number;
  readonly shard: number;
  readonly at: EpochMs;
}

/** The strangest tick of the service in the window, and the nearest of equals; of a series, those that name it first. */
function strangest(retained: Retained, options: ExplainOptions): Focus | null {
  const { service, at, window, series } = options;
  const segment = segmentBefore(retained, at - window - 1);
  let best: { readonly focus: Focus; readonly rank: readonly number[] } | null = null;
  for (const { report } of moments(retained, segment)) {
    if (report.at > at + window + MINUTE) break;
    if (report.provisional || Math.abs(report.at - at) > window) continue;
    const tick = report.services.find((candidate) => candidate.service === service);
    if (tick === undefined) continue;
    const named = series !== null && tick.evidence.some((e) => e.series === series.id) ? 0 : 1;
    const rank = [named, tick.p, Math.abs(report.at - at)];
    if (best === null || less(rank, best.rank))
      best = { focus: { sequence: report.sequence, shard: report.shard, at: report.at }, rank };
  }
  return best?.focus ?? null;
}

function less(a: readonly number[], b: readonly number[]): boolean {
  for (const [i, value] of a.entries()) if (value !== b[i]) return value < b[i]!;
  return false;
}

/** Runs from a segment's checkpoint, keeps the moment of the wanted report, and follows it for a while. */
function freeze(
  retained: Retained,
  segment: number,
  service: string,
  wanted: (report: Moment['report']) => 'freeze' | 'go on',
): Outcome | null {
  let moment: (Frozen & { following: Pick<Moment, 'report' | 'late'>[] }) | null = null;
  let side: Moment['side'] | null = null;
  const before = new Set<string>();
  for (const now of moments(retained, segment)) {
    const { report, late, settings, stamp, externalUrl, standing } = now;
    side = now.side;
    if (moment === null && wanted(report) === 'freeze') {
      const tick = report.services.find((candidate) => candidate.service === service);
      if (tick === undefined) return null;
      for (const id of side.decisions.keys()) before.add(id);
      const state = side.correlator.save();
      moment = { report, late, settings, stamp, externalUrl, standing, state, following: [], tick };
    } else if (moment !== null) {
      if (report.at > moment.report.at + FOLLOW) break;
      moment.following.push({ report, late });
    }
    side.take(report, late);
  }
  if (moment === null || side === null) return null;
  const at = moment.tick.at;
  const incident =
    side.correlator
      .incidents()
      .find(({ anomalies }) =>
        anomalies.some((a) => a.service === service && a.openedAt <= at && (a.closedAt === null || a.closedAt >= at)),
      ) ?? null;
  const subjects = new Set([incident?.id, ...(incident?.anomalies.map(({ id }) => id) ?? [])]);
  const records = [...side.decisions.values()].filter(
    (record) => !before.has(record.id) && (record.service === service || subjects.has(record.subject)),
  );
  return {
    retained,
    moment,
    incident,
    told: incident === null ? [] : (side.told.get(incident.id) ?? []),
    records,
  };
}
