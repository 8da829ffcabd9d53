import { type Anomaly, type Evidence, scoreOf } from '../../domain/anomaly.ts';
import { TocsinError } from '../../domain/error.ts';
import { stableId } from '../../domain/identity.ts';
import type { Incident, TimelineEntry } from '../../domain/incident.ts';
import type { EpochMs } from '../../domain/units.ts';

/** Evidence of an anomaly that a person moved to another incident; from then on each update of the anomaly is cut in two. */
export interface Moved {
  readonly anomaly: string;
  readonly series: readonly string[];
  /** Id of the part that was moved. */
  readonly as: string;
}

/** The anomaly without what was moved away, and the moved parts that have something to say. */
export function cut(anomaly: Anomaly, moved: readonly Moved[]): readonly Anomaly[] {
  const cuts = moved.filter((m) => m.anomaly === anomaly.id);
  if (cuts.length === 0) return [anomaly];
  const away = new Set(cuts.flatMap((m) => m.series));
  const rest = { ...anomaly, evidence: anomaly.evidence.filter((e) => !away.has(e.series)) };
  return [rest, ...cuts.map((m) => partOf(anomaly, new Set(m.series), m.as))];
}

function partOf(anomaly: Anomaly, series: ReadonlySet<string>, id: string): Anomaly {
  const evidence = anomaly.evidence.filter((e: Evidence) => series.has(e.series));
  const strongest = evidence.toSorted((a, b) => a.p - b.p)[0];
  if (strongest === undefined) return { ...anomaly, id, evidence };
  const onset = Math.min(...evidence.map((e) => e.onset));
  const { kind, p, text } = strongest;
  return { ...anomaly, id, evidence, kind, p, onset, score: scoreOf(p), text: `${anomaly.service}: ${text}` };
}

export interface MergeResult {
  readonly kept: Incident;
  readonly notes: readonly TimelineEntry[];
  readonly gone: readonly Incident[];
}

/**
 * One incident of several: the oldest keeps its id and gets all anomalies; the others close and name it.
 * @throws TocsinError `conflict` when one is merged already, `invalid_request` for other tenants or a single one.
 */
export function merged(all: readonly Incident[], by: string, at: EpochMs): MergeResult {
  const sorted = all.toSorted((a, b) => a.openedAt - b.openedAt || (a.id < b.id ? -1 : 1));
  const [kept, ...others] = sorted.filter((incident, i) => sorted.findIndex((o) => o.id === incident.id) === i);
  if (kept === undefined || others.length === 0)
    throw new TocsinError('invalid_request', 'give another incident to merge with');
  for (const other of sorted) {
    if (typeof other.mergedInto === 'string')
      throw new TocsinError('conflict', `incident ${other.id} is part of ${other.mergedInto} already`);
    if (other.tenant !== kept.tenant) throw new TocsinError('invalid_request', 'incidents of two tenants stay apart');
  }
  const known = new Set(kept.anomalies.map((a) => a.id));
  const anomalies = [
    ...kept.anomalies,
    ...others.flatMap((o) => o.anomalies.filter((a) => !known.has(a.id) && known.add(a.id))),
  ];
  const reopens = kept.status === 'closed' && others.some((o) => o.status === 'open');
  const told = others.flatMap((o) => o.timeline.filter(({ kind }) => kind !== 'opened' && kind !== 'onset'));
  const ids = others.map((o) => o.id).join(', ');
  const { byHand, ...rest } = kept;
  const asOpened = byHand === 'open' || others.some((o) => o.byHand === 'open') ? { byHand: 'open' as const } : {};
  return {
    kept: {
      ...rest,
      ...(reopens ? asOpened : byHand === undefined ? {} : { byHand }),
      anomalies,
      ...(reopens ? { status: 'open', closedAt: null, reopenedCount: kept.reopenedCount + 1 } : {}),
    },
    notes: [...told, { at, kind: 'merged', text: `${by} merged ${ids} into this incident` }],
    gone: others.map((other) => ({
      ...other,
      status: 'closed',
      closedAt: other.closedAt ?? at,
      updatedAt: at,
      version: other.version + 1,
      mergedInto: kept.id,
      timeline: [...other.timeline, { at, kind: 'merged', text: `${by} merged this into ${kept.id}` }],
    })),
  };
}

export interface SplitResult {
  /** Anomalies that stay, and those of the new incident. */
  readonly stay: readonly Anomaly[];
  readonly go: readonly Anomaly[];
  readonly moved: readonly Moved[];
  readonly id: string;
}

/** @throws TocsinError `invalid_request` when nothing would go, or nothing would stay. */
export function split(
  incident: Incident,
  services: readonly string[],
  series: readonly string[],
  at: EpochMs,
): SplitResult {
  const chosen = new Set(services);
  const wanted = new Set(series);
  const id = stableId('incident', incident.tenant, 'split', incident.id, at, [...services, ...series].join(' '));
  const stay: Anomaly[] = [];
  const go: Anomaly[] = [];
  const moved: Moved[] = [];
  for (const anomaly of incident.anomalies) {
    const own = new Set(anomaly.evidence.map((e) => e.series).filter((s) => wanted.has(s)));
    if (chosen.has(anomaly.service) || (own.size > 0 && anomaly.evidence.every((e) => own.has(e.series))))
      go.push(anomaly);
    else if (own.size > 0) {
      const cutOff: Moved = { anomaly: anomaly.id, series: [...own], as: stableId('part', anomaly.id, id) };
      const [rest, part] = cut(anomaly, [cutOff]);
      stay.push(rest as Anomaly);
      go.push(part as Anomaly);
      moved.push(cutOff);
    } else stay.push(anomaly);
  }
  if (go.length === 0) throw new TocsinError('invalid_request', 'none of these services or series is in the incident');
  if (stay.length === 0) throw new TocsinError('invalid_request', 'nothing would be left of the incident');
  return { stay, go, moved, id };
}
