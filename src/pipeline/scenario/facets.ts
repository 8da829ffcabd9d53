import { formatDuration } from '../../config/duration.ts';
import { type Anomaly, CLASS_OF, type Evidence } from '../../domain/anomaly.ts';
import type { Incident } from '../../domain/incident.ts';
import type { EpochMs } from '../../domain/units.ts';
import type { Told } from './run.ts';
import type { Expectations, Span } from './schema.ts';

/** One thing that an expectation says of an item, and how the item stands to it. */
export interface Facet {
  readonly name: string;
  readonly expected: string;
  readonly got: string;
  readonly holds: boolean;
}

type Included<K extends keyof Expectations> = NonNullable<Expectations[K]>['include'][number];

export const offsetText = (ms: number): string =>
  ms < 0 ? `-${formatDuration(-ms)}` : formatDuration(Math.round(ms / 1_000) * 1_000);
export const rangeText = (span: Span): string =>
  `${offsetText(span.from)}..${Number.isFinite(span.to) ? offsetText(span.to) : ''}`;
export const within = (span: Span, offset: number): boolean => offset >= span.from && offset <= span.to;

const listText = (items: readonly string[]): string => (items.length === 0 ? 'none' : [...new Set(items)].join(', '));
const has = (name: string, wanted: string | undefined, all: readonly string[]): Facet[] =>
  wanted === undefined ? [] : [{ name, expected: wanted, got: listText(all), holds: all.includes(wanted) }];

interface Lasting {
  readonly openedAt: EpochMs;
  readonly closedAt: EpochMs | null;
}

function times(
  wanted: {
    readonly opened?: Span | undefined;
    readonly closed?: Span | undefined;
    readonly still_open?: boolean | undefined;
  },
  item: Lasting,
  start: EpochMs,
): Facet[] {
  const closed = item.closedAt === null ? 'still open' : offsetText(item.closedAt - start);
  const facets: Facet[] = [];
  if (wanted.opened !== undefined)
    facets.push({
      name: 'opened',
      expected: rangeText(wanted.opened),
      got: offsetText(item.openedAt - start),
      holds: within(wanted.opened, item.openedAt - start),
    });
  if (wanted.closed !== undefined)
    facets.push({
      name: 'closed',
      expected: rangeText(wanted.closed),
      got: closed,
      holds: item.closedAt !== null && within(wanted.closed, item.closedAt - start),
    });
  if (wanted.still_open !== undefined)
    facets.push({
      name: 'still_open',
      expected: String(wanted.still_open),
      got: String(item.closedAt === null),
      holds: wanted.still_open === (item.closedAt === null),
    });
  return facets;
}

function evidenceFacets(wanted: Included<'incidents'>['evidence'], all: readonly Evidence[]): Facet[] {
  return wanted.map((one) => ({
    name: 'evidence',
    expected: Object.entries(one)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key} ${value}`)
      .join(', '),
    got: listText(all.slice(0, 8).map((e) => `${e.service}/${e.subject ?? e.metric} ${e.kind}`)),
    holds: all.some(
      (e) =>
        (one.service === undefined || e.service === one.service) &&
        (one.metric === undefined || e.metric === one.metric) &&
        (one.kind === undefined || e.kind === one.kind) &&
        (one.instance === undefined || e.instance === one.instance) &&
        (one.text === undefined || `${e.text} ${e.subject ?? ''} ${e.example ?? ''}`.includes(one.text)),
    ),
  }));
}

export function incidentFacets(wanted: Included<'incidents'>, incident: Incident, start: EpochMs): Facet[] {
  const facets = [
    ...has('service', wanted.service, incident.services),
    ...(wanted.services ?? []).flatMap((service) => has('services', service, incident.services)),
    ...has(
      'kind',
      wanted.kind,
      incident.anomalies.map((a) => a.kind),
    ),
    ...has(
      'class',
      wanted.class,
      incident.anomalies.map((a) => a.class),
    ),
    ...times(wanted, incident, start),
    ...has(
      'deploy',
      wanted.deploy,
      incident.deploys.flatMap((deploy) => [deploy.to, `${deploy.service} ${deploy.to}`]),
    ),
    ...evidenceFacets(wanted.evidence, incident.evidence),
  ];
  if (wanted.severity !== undefined)
    facets.push({
      name: 'severity',
      expected: wanted.severity,
      got: incident.severity,
      holds: incident.severity === wanted.severity,
    });
  if (wanted.cause !== undefined) {
    facets.push({
      name: 'cause',
      expected:
        wanted.cause_in_top === 1 ? `${wanted.cause} first` : `${wanted.cause} in the top ${wanted.cause_in_top}`,
      got: causesText(incident),
      holds: incident.causes.slice(0, wanted.cause_in_top).some((cause) => cause.service === wanted.cause),
    });
  }
  return facets;
}

export const causesText = (incident: Incident): string =>
  listText(incident.causes.slice(0, 3).map((cause) => `${cause.service} ${Math.round(cause.share * 100)} %`));

export function anomalyFacets(wanted: Included<'anomalies'>, anomaly: Anomaly, start: EpochMs): Facet[] {
  return [
    ...has('service', wanted.service, [anomaly.service]),
    ...has('kind', wanted.kind, [anomaly.kind]),
    ...has('class', wanted.class, [CLASS_OF[anomaly.kind]]),
    ...times(wanted, anomaly, start),
    ...evidenceFacets(wanted.evidence, anomaly.evidence),
  ];
}

export function notificationFacets(wanted: Included<'notifications'>, told: Told, start: EpochMs): Facet[] {
  const { notification, at } = told;
  const facets = [
    ...has('receiver', wanted.receiver, [notification.receiver]),
    ...has('reason', wanted.reason, [notification.reason]),
    ...has('service', wanted.service, notification.incident.services),
    ...has('severity', wanted.severity, [notification.incident.severity]),
  ];
  if (wanted.between !== undefined)
    facets.push({
      name: 'between',
      expected: rangeText(wanted.between),
      got: offsetText(at - start),
      holds: within(wanted.between, at - start),
    });
  return facets;
}
