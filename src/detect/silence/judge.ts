import type { SeriesTable } from '../../domain/signal/series.ts';
import { type EpochMs, MINUTE, type SeriesIndex, type ServiceIndex } from '../../domain/units.ts';
import type { Census } from './census.ts';
import { MAX_LISTED, type SilenceFinding, type SilenceKind } from './finding.ts';

export interface ZeroRun {
  readonly series: SeriesIndex;
  readonly p: number;
  readonly since: EpochMs;
}

export interface Case {
  readonly now: EpochMs;
  readonly census: Census;
  readonly zeros: readonly ZeroRun[];
  /** p of the present silence of a series. */
  readonly chance: (series: SeriesIndex) => number;
  /** Whether the series said that it ended. */
  readonly announced: (series: SeriesIndex) => boolean;
  readonly lastSeen: Float64Array;
  /** First sample of a series. */
  readonly firstSeen: (series: SeriesIndex) => EpochMs;
  /** When another instance went on with the row of a series. */
  readonly succeededAt: (series: SeriesIndex) => EpochMs | undefined;
  readonly retired: Uint8Array;
  readonly table: SeriesTable;
  readonly options: { readonly missed_intervals: number; readonly report_p: number; readonly pipeline_share: number };
}

/** The p of a silence that all series share is the median of theirs, of so many at most. */
const SAMPLE = 64;
/** Services with more overdue and living series than this are not looked at instance by instance. */
const MAX_MEMBERS = 2000;

/** Share of the series of a silent service that may still be within their usual step. */
const MOST_PRESENT = 0.3;

/** A new instance this long before the silence of an old one, or since, has taken its place. */
const REPLACED_WITHIN = 10 * MINUTE;

interface Weighed {
  readonly series: number;
  readonly p: number;
}

/** Tells the four kinds of silence apart; one finding a kind, service and instance. */
export function judge(c: Case): readonly SilenceFinding[] {
  const out: SilenceFinding[] = [];
  const byService = grouped(c.census.overdue, (s) => c.table.service[s] as number);
  const silent: { readonly service: number; readonly p: number; readonly overdue: readonly number[] }[] = [];
  const partly: [number, readonly number[]][] = [];
  for (const [service, overdue] of byService) {
    if (!isSilent(c, service)) partly.push([service, overdue]);
    else {
      const p = median(overdue.slice(0, SAMPLE).map(c.chance));
      if (p <= c.options.report_p) silent.push({ service, p, overdue });
    }
  }

  const carriers = silentTenants(
    c,
    silent.map((s) => s.service),
  );
  for (const tenant of carriers) {
    const own = silent.filter((s) => tenantOf(c, s.service) === tenant);
    const series = own.flatMap((s) => s.overdue);
    const since = Math.max(...own.map((s) => c.census.newest[s.service] as number));
    const p = median(own.map((s) => s.p));
    out.push(finding('pipeline-silent', { tenant, service: '' }, '', since, p, series));
  }
  for (const { service, p, overdue } of silent) {
    const info = c.table.describeService(service);
    if (carriers.has(info.tenant)) continue;
    out.push(finding('target-silent', info, '', c.census.newest[service] as number, p, overdue));
  }
  const living = partly.length > 0 ? livingOf(c, partly) : new Map<number, readonly number[]>();
  for (const [service, overdue] of partly) out.push(...judgeParts(c, service, overdue, living.get(service) ?? []));

  for (const [service, runs] of grouped(c.zeros, (run) => c.table.service[run.series] as number)) {
    const p = simes(runs, c.census.active[service] as number);
    const since = runs.reduce((least, run) => Math.min(least, run.since), Number.POSITIVE_INFINITY);
    if (p <= c.options.report_p) {
      out.push(finding('zero', c.table.describeService(service), '', since, p, listed(runs), runs.length));
    }
  }
  return out;
}

/** A service that lives: are whole instances silent, or single series? */
function judgeParts(
  c: Case,
  service: ServiceIndex,
  overdue: readonly number[],
  alive: readonly number[],
): readonly SilenceFinding[] {
  const out: SilenceFinding[] = [];
  const info = c.table.describeService(service);
  const byInstance = alive.length + overdue.length <= MAX_MEMBERS;
  // By number, not by `describe`: asked of every living series of the service at every scan.
  const { instance: instances } = c.table;
  const instanceOf = (s: number): string => (byInstance ? c.table.instanceName(instances[s] as number) : '');
  const living = new Set(alive.map(instanceOf));

  const single: Weighed[] = [];
  const said: number[] = [];
  const newcomers = newcomersOf(c, alive, instanceOf);
  for (const [instance, series] of grouped(overdue, instanceOf)) {
    if (instance !== '' && !living.has(instance) && living.size > 0) {
      const p = median(series.slice(0, SAMPLE).map(c.chance));
      const since = newestOf(c, series);
      const heir = newcomers.findIndex((at) => at > since - REPLACED_WITHIN);
      if (heir < 0) {
        if (p <= c.options.report_p) out.push(finding('target-silent', info, instance, since, p, series));
        continue;
      }
      // Rollouts and rescheduling: each newcomer excuses one that left.
      newcomers.splice(heir, 1);
      said.push(...series);
      continue;
    }
    for (const s of series) {
      if (c.announced(s)) said.push(s);
      else single.push({ series: s, p: c.chance(s) });
    }
  }
  if (said.length > 0) {
    out.push({ ...finding('series-retired', info, '', newestOf(c, said), 1, said), status: 'retired', series: said });
  }
  const p = simes(single, c.census.active[service] as number);
  if (p <= c.options.report_p) {
    const strange = single.filter((one) => one.p <= c.options.report_p);
    const series = listed(strange);
    out.push(finding('series-retired', info, '', newestOf(c, series), p, series, strange.length));
  }
  return out;
}

/** When each living instance was first seen, the oldest first. */
function newcomersOf(c: Case, alive: readonly number[], instanceOf: (s: number) => string): EpochMs[] {
  const first = new Map<string, EpochMs>();
  const moved = new Map<string, EpochMs>();
  for (const s of alive) {
    const instance = instanceOf(s);
    const at = c.succeededAt(s);
    if (at !== undefined) moved.set(instance, Math.max(at, moved.get(instance) ?? at));
    if (instance !== '') first.set(instance, Math.min(first.get(instance) ?? Number.POSITIVE_INFINITY, c.firstSeen(s)));
  }
  return [...first].map(([instance, at]) => moved.get(instance) ?? at).sort((a, b) => a - b);
}

function isSilent(c: Case, service: ServiceIndex): boolean {
  const silence = c.now - (c.census.newest[service] as number) - (c.census.lag[service] as number);
  // Series with a longer step that are not due yet do not show that it lives; where they are many, it is only one signal that stopped.
  const present = c.census.present[service] as number;
  return (
    silence > c.options.missed_intervals * (c.census.fastest[service] as number) &&
    present <= MOST_PRESENT * (c.census.active[service] as number)
  );
}

/** Tenants of which so many services fell silent at once that the way to us is to blame. */
function silentTenants(c: Case, silent: readonly ServiceIndex[]): ReadonlySet<string> {
  const out = new Set<string>();
  if (silent.length < 2) return out;
  const active = new Map<string, number>();
  for (let service = 0; service < c.census.services; service++) {
    if ((c.census.active[service] as number) === 0) continue;
    const tenant = tenantOf(c, service);
    active.set(tenant, (active.get(tenant) ?? 0) + 1);
  }
  for (const [tenant, services] of grouped(silent, (service) => tenantOf(c, service))) {
    const known = active.get(tenant) ?? 0;
    if (services.length >= 2 && services.length >= c.options.pipeline_share * known) out.add(tenant);
  }
  return out;
}

/** The series that are not overdue, of the services given; one pass over the table, only when there are any. */
function livingOf(c: Case, partly: readonly [number, readonly number[]][]): ReadonlyMap<number, readonly number[]> {
  const living = new Map<number, number[]>(partly.map(([service]) => [service, []]));
  const late = new Set(partly.flatMap(([, overdue]) => overdue));
  const size = Math.min(c.table.size, c.lastSeen.length);
  for (let s = 0; s < size; s++) {
    if (c.table.live[s] === 0 || c.retired[s] === 1 || (c.lastSeen[s] as number) === Number.NEGATIVE_INFINITY) continue;
    const list = living.get(c.table.service[s] as number);
    if (list !== undefined && list.length <= MAX_MEMBERS && !late.has(s)) list.push(s);
  }
  return living;
}

function finding(
  kind: SilenceKind,
  where: { readonly tenant: string; readonly service: string },
  instance: string,
  since: EpochMs,
  p: number,
  series: readonly number[],
  seriesCount = series.length,
): SilenceFinding {
  const { tenant, service } = where;
  return {
    kind,
    status: 'open',
    tenant,
    service,
    instance,
    since,
    p,
    series: series.slice(0, MAX_LISTED),
    seriesCount,
  };
}

function tenantOf(c: Case, service: ServiceIndex): string {
  return c.table.describeService(service).tenant;
}

function newestOf(c: Case, series: readonly number[]): EpochMs {
  return series.reduce((newest, s) => Math.max(newest, c.lastSeen[s] as number), Number.NEGATIVE_INFINITY);
}

function listed(weighed: readonly Weighed[]): readonly number[] {
  return [...weighed].sort((a, b) => a.p - b.p || a.series - b.series).map((one) => one.series);
}

/** Simes' test: chance that the best of `among` series is this improbable, dependence between them allowed for. */
function simes(weighed: readonly Weighed[], among: number): number {
  const sorted = weighed.map((one) => one.p).sort((a, b) => a - b);
  return sorted.reduce((least, p, k) => Math.min(least, (p * Math.max(among, sorted.length)) / (k + 1)), 1);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 1;
}

/** Groups in order of first occurrence. */
function grouped<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const out = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = out.get(key);
    if (group === undefined) out.set(key, [item]);
    else group.push(item);
  }
  return out;
}
