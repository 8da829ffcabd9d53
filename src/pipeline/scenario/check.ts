import type { Anomaly } from '../../domain/anomaly.ts';
import type { Incident } from '../../domain/incident.ts';
import type { EpochMs } from '../../domain/units.ts';
import {
  anomalyFacets,
  causesText,
  type Facet,
  incidentFacets,
  notificationFacets,
  offsetText,
  rangeText,
} from './facets.ts';
import type { Outcome, Told } from './run.ts';
import type { Expectations, Span } from './schema.ts';

/** An expectation that does not hold. */
export interface Failure {
  /** Its key in the file, e.g. `expect.incidents.include.0`. */
  readonly path: readonly PropertyKey[];
  readonly expected: string;
  readonly got: string;
  /** Where it differs from the nearest thing that happened. */
  readonly differs: readonly Facet[];
}

/** A section of `expect` and what it is about. */
interface Section<W, T> {
  readonly key: keyof Expectations;
  readonly noun: string;
  readonly wanted: {
    readonly exactly?: number | undefined;
    readonly at_least?: number | undefined;
    readonly at_most?: number | undefined;
    readonly none: readonly Span[];
    readonly include: readonly W[];
  };
  readonly items: readonly T[];
  readonly facets: (wanted: W, item: T, start: EpochMs) => readonly Facet[];
  readonly text: (item: T) => string;
  /** When each item began to bother: what `none` is about. */
  readonly begins: readonly { readonly at: EpochMs; readonly item: T; readonly verb: string }[];
}

/** Every expectation that does not hold; empty when all do. */
export function checkScenario(expect: Expectations, outcome: Outcome): Failure[] {
  const { start, incidents, notifications } = outcome;
  const failures: Failure[] = [];
  if (expect.incidents !== undefined) {
    const byId = new Map(incidents.map((incident) => [incident.id, incident]));
    const begins = outcome.openings.map((opening) => ({
      at: opening.at,
      item: byId.get(opening.incident)!,
      verb: opening.reopened ? 'reopened' : 'opened',
    }));
    failures.push(
      ...checkSection(
        {
          key: 'incidents',
          noun: 'incident',
          wanted: expect.incidents,
          items: incidents,
          facets: incidentFacets,
          text: (incident) => incidentText(incident, start),
          begins,
        },
        start,
      ),
    );
  }
  if (expect.anomalies !== undefined) {
    const items = [
      ...new Map(incidents.flatMap((incident) => incident.anomalies).map((anomaly) => [anomaly.id, anomaly])).values(),
    ].sort((a, b) => a.openedAt - b.openedAt);
    const begins = items.map((item) => ({ at: item.openedAt, item, verb: 'opened' }));
    failures.push(
      ...checkSection(
        {
          key: 'anomalies',
          noun: 'anomaly',
          wanted: expect.anomalies,
          items,
          facets: anomalyFacets,
          text: (anomaly) => anomalyText(anomaly, start),
          begins,
        },
        start,
      ),
    );
  }
  if (expect.notifications !== undefined) {
    const begins = notifications.map((item) => ({ at: item.at, item, verb: 'told' }));
    failures.push(
      ...checkSection(
        {
          key: 'notifications',
          noun: 'notification',
          wanted: expect.notifications,
          items: notifications,
          facets: notificationFacets,
          text: (told) => toldText(told, start),
          begins,
        },
        start,
      ),
    );
  }
  return failures;
}

function checkSection<W, T>(
  { key, noun, wanted, items, facets, text, begins }: Section<W, T>,
  start: EpochMs,
): Failure[] {
  const path = ['expect', key];
  const failures: Failure[] = [];
  const many = (n: number): string => `${n} ${n === 1 ? noun : noun.replace(/y$/, 'ie')}${n === 1 ? '' : 's'}`;
  const counts = [
    ['exactly', wanted.exactly, wanted.exactly === items.length],
    ['at_least', wanted.at_least, items.length >= (wanted.at_least ?? 0)],
    ['at_most', wanted.at_most, items.length <= (wanted.at_most ?? Number.POSITIVE_INFINITY)],
  ] as const;
  for (const [name, limit, holds] of counts) {
    if (limit !== undefined && !holds)
      failures.push({
        path: [...path, name],
        expected: `${name.replace('_', ' ')} ${many(limit)}`,
        got: many(items.length),
        differs: [],
      });
  }
  wanted.none.forEach((span, i) => {
    const found = begins.filter(({ at }) => at - start >= span.from && at - start < span.to);
    if (found.length > 0)
      failures.push({
        path: [...path, 'none', i],
        expected: `no ${noun} in ${rangeText(span)}`,
        got: found.map(({ item, verb, at }) => `${verb} at ${offsetText(at - start)}: ${text(item)}`).join('; '),
        differs: [],
      });
  });
  const used = new Set<T>();
  wanted.include.forEach((one, i) => {
    const candidates = items
      .filter((item) => !used.has(item))
      .map((item) => ({ item, facets: facets(one, item, start) }));
    const match = candidates.find((candidate) => candidate.facets.every((facet) => facet.holds));
    if (match !== undefined) {
      used.add(match.item);
      return;
    }
    const held = (candidate: (typeof candidates)[number]): number =>
      candidate.facets.filter((facet) => facet.holds).length;
    const nearest = candidates.reduce<(typeof candidates)[number] | null>(
      (best, candidate) => (best === null || held(candidate) > held(best) ? candidate : best),
      null,
    );
    failures.push({
      path: [...path, 'include', i],
      expected: wantedText(one as object),
      got: nearest === null ? `no ${used.size > 0 ? 'other ' : ''}${noun}` : text(nearest.item),
      differs: nearest?.facets.filter((facet) => !facet.holds) ?? [],
    });
  });
  return failures;
}

function wantedText(wanted: object): string {
  const parts = Object.entries(wanted).flatMap(([key, value]: [string, unknown]): string[] => {
    if (value === undefined || key === 'evidence' || (key === 'cause_in_top' && value === 1)) return [];
    if (Array.isArray(value)) return value.length === 0 ? [] : [`${key} ${value.join(', ')}`];
    return [`${key} ${typeof value === 'object' ? rangeText(value as Span) : String(value)}`];
  });
  return parts.join(', ') || 'any';
}

const until = (closedAt: EpochMs | null, start: EpochMs): string =>
  closedAt === null ? 'still open' : `closed ${offsetText(closedAt - start)}`;

export const incidentText = (incident: Incident, start: EpochMs): string =>
  `"${incident.title}" (${incident.severity}; ${incident.services.join(', ')}; opened ${offsetText(incident.openedAt - start)}, ${until(incident.closedAt, start)}; cause ${causesText(incident)})`;

const anomalyText = (anomaly: Anomaly, start: EpochMs): string =>
  `${anomaly.kind} of ${anomaly.service} (opened ${offsetText(anomaly.openedAt - start)}, ${until(anomaly.closedAt, start)})`;

const toldText = ({ at, notification }: Told, start: EpochMs): string =>
  `${notification.receiver} told ${notification.reason} at ${offsetText(at - start)}: "${notification.incident.title}"`;
