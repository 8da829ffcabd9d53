import type { DecisionRecord } from '../../domain/decision.ts';
import { TocsinError } from '../../domain/error.ts';
import type { ControlStore, HistoryStore, SeriesSummary } from '../../domain/ports.ts';
import { type EpochMs, HOUR } from '../../domain/units.ts';

/** What is to be explained, with everything that is stored about it. */
export interface Subject {
  readonly subject: string;
  readonly kind: 'service' | 'series' | 'incident';
  readonly service: string;
  readonly at: EpochMs;
  readonly window: number;
  readonly series: SeriesSummary | null;
  /** When the service's anomaly of this incident opened. */
  readonly opened: EpochMs | null;
  readonly records: readonly DecisionRecord[];
}

const ID = /^[0-9a-f]{16}$/;

/**
 * An incident or series by its id, else a service by its name. @param at NaN: when the incident opened, or now.
 * @throws TocsinError `not_found` for an id of the form of ours that nothing has.
 */
export async function subjectOf(
  subject: string,
  at: EpochMs,
  window: number,
  stores: { readonly control: ControlStore; readonly history: Pick<HistoryStore, 'series'> },
): Promise<Subject> {
  const { control, history } = stores;
  const given = Number.isNaN(at) ? null : at;
  const recordsOf = (service: string, time: EpochMs): Promise<readonly DecisionRecord[]> =>
    control.decisions({ service, from: time - window, to: time + window + 1, limit: 1_000 });
  if (ID.test(subject)) {
    const incident = await control.incident(subject);
    if (incident !== null) {
      const { openedAt, anomalies } = incident;
      const nearest = anomalies.toSorted(
        (a, b) => Math.abs(a.openedAt - (given ?? openedAt)) - Math.abs(b.openedAt - (given ?? openedAt)),
      )[0];
      const service = nearest?.service ?? incident.services[0] ?? '';
      const time = given ?? nearest?.openedAt ?? openedAt;
      const own = await control.decisions({ subject, from: openedAt - HOUR, limit: 1_000 });
      const opened = nearest === undefined || Math.abs(nearest.openedAt - time) > window ? null : nearest.openedAt;
      const records = [...(await recordsOf(service, time)), ...own];
      return { subject, kind: 'incident', service, at: time, window, series: null, opened, records };
    }
    const series = await history.series(subject);
    if (series === null) throw new TocsinError('not_found', `there is no incident or series ${subject}`);
    const time = given ?? series.lastSeen;
    const { service } = series;
    const records = await recordsOf(service, time);
    return { subject, kind: 'series', service, at: time, window, series, opened: null, records };
  }
  if (given === null) throw new TocsinError('invalid_request', 'say for which time: SERVICE@TIME');
  const records = await recordsOf(subject, given);
  return { subject, kind: 'service', service: subject, at: given, window, series: null, opened: null, records };
}
