import type { Incident } from '../../domain/incident.ts';
import { NOISE_DIMENSIONS, type NoiseDimension, type NoiseReport, type NoiseRow } from '../../domain/learning/noise.ts';
import { DAY, type EpochMs } from '../../domain/units.ts';
import { VERDICTS, type VerdictKind } from '../../domain/verdict.ts';

const WEEK = 7 * DAY;
/** 97.5 % point of the normal distribution. */
const Z = 1.96;

/** What the ledger looks at of an incident. */
export type LedgerIncident = Pick<
  Incident,
  'openedAt' | 'services' | 'causes' | 'evidence' | 'team' | 'acknowledgedAt' | 'verdict'
>;

export interface LedgerEntry {
  readonly incident: LedgerIncident;
  /** Times at which somebody was told anew. */
  readonly pages: readonly EpochMs[];
}

/** Adds up what pages of `from` to `to` were worth, by service, team and detector. Weeks may be parts of one. */
export function noiseLedger(entries: readonly LedgerEntry[], from: EpochMs, to: EpochMs, complete = true): NoiseReport {
  const weeks = Math.max(DAY, to - from) / WEEK;
  const by = (dimension: NoiseDimension): NoiseRow[] => {
    const groups = new Map<string, LedgerEntry[]>();
    for (const entry of entries) {
      const name = nameOf(entry.incident, dimension);
      const group = groups.get(name);
      if (group === undefined) groups.set(name, [entry]);
      else group.push(entry);
    }
    return [...groups]
      .map(([name, group]) => rowOf(name, group, weeks))
      .sort((a, b) => b.pages - a.pages || b.incidents - a.incidents || (a.name < b.name ? -1 : 1));
  };
  const [service, team, detector] = NOISE_DIMENSIONS.map(by) as [NoiseRow[], NoiseRow[], NoiseRow[]];
  return { from, to, complete, total: rowOf('', entries, weeks), service, team, detector };
}

/** The likeliest cause; the team; the detector that said most in the evidence, by surprise. */
function nameOf({ causes, services, team, evidence }: LedgerIncident, dimension: NoiseDimension): string {
  if (dimension === 'team') return team ?? '';
  if (dimension === 'service') return causes[0]?.service ?? services[0] ?? '';
  const said = new Map<string, number>();
  for (const { p, contributions } of evidence)
    for (const { name, share } of contributions)
      said.set(name, (said.get(name) ?? 0) + share * -Math.log10(Math.max(p, 1e-12)));
  let most = '';
  for (const [name, weight] of said) if (most === '' || weight > said.get(most)!) most = name;
  return most;
}

function rowOf(name: string, entries: readonly LedgerEntry[], weeks: number): NoiseRow {
  const verdicts = Object.fromEntries(VERDICTS.map((kind) => [kind, 0])) as Record<VerdictKind, number>;
  const waits: number[] = [];
  let pages = 0;
  let paged = 0;
  let acknowledged = 0;
  for (const { incident, pages: own } of entries) {
    pages += own.length;
    if (own.length > 0) paged++;
    if (incident.acknowledgedAt !== null) {
      if (own.length > 0) acknowledged++;
      waits.push(Math.max(0, incident.acknowledgedAt - incident.openedAt));
    }
    if (incident.verdict !== null) verdicts[incident.verdict.kind]++;
  }
  waits.sort((a, b) => a - b);
  const labelled = VERDICTS.reduce((sum, kind) => sum + verdicts[kind], 0);
  return {
    name,
    incidents: entries.length,
    pages,
    pagesPerWeek: pages / weeks,
    acknowledged: paged === 0 ? null : acknowledged / paged,
    acknowledgedAfter: waits[(waits.length - 1) >> 1] ?? null,
    verdicts,
    precision: labelled === 0 ? null : verdicts.real / labelled,
    ...wilson(verdicts.real, labelled),
  };
}

/** Wilson's score interval of a share: Wilson, J. Am. Stat. Assoc. 22 (1927). */
function wilson(hits: number, n: number): { low: number | null; high: number | null } {
  if (n === 0) return { low: null, high: null };
  const p = hits / n;
  const centre = (p + (Z * Z) / (2 * n)) / (1 + (Z * Z) / n);
  const half = (Z / (1 + (Z * Z) / n)) * Math.sqrt((p * (1 - p)) / n + (Z * Z) / (4 * n * n));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}
