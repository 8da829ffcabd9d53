import type { Evidence } from '../../src/domain/anomaly.ts';
import type { Incident } from '../../src/domain/incident.ts';
import type { TickReport } from '../../src/domain/signal/history.ts';
import type { SeriesInfo } from '../../src/domain/signal/series.ts';
import { DAY, HOUR, SECOND } from '../../src/domain/units.ts';
import type { CorrelatorStep } from '../../src/pipeline/correlator/correlator.ts';
import { EmbeddedPipeline } from '../../src/pipeline/embedded.ts';
import { settingsSchema } from '../../src/pipeline/settings.ts';
import { aftermath, playShop, type ShopDays, shopFaults } from '../feed/shop-days.ts';
import { fixed, machineLine, table } from '../report.ts';

export interface QuietOptions {
  readonly days: number;
  readonly seeds: readonly number[];
  readonly rounds: number;
  readonly step: number;
  readonly traces: number;
  readonly verbose: boolean;
  /** What differs from the default configuration. */
  readonly config: unknown;
  readonly progress: (line: string) => void;
}

/** Any day will do; this one is a Tuesday. */
const START = Date.UTC(2023, 10, 14);
const WARM_UP = HOUR;
const LEVELS = [1e-2, 1e-3, 1e-4] as const;
const RANK_AFTER = 180 * SECOND;

/** How often a p lay below each level. */
interface Share {
  seen: number;
  readonly below: number[];
}

interface Opening {
  readonly seed: number;
  readonly incident: Incident;
  readonly causes: readonly string[];
  later: readonly string[];
}

interface Measured {
  readonly openings: readonly Opening[];
  readonly serviceWeeks: number;
  readonly cpuSeconds: number;
}

class Uniformity {
  readonly shares = new Map<string, Share>();

  add(name: string, p: number, seen = 1): void {
    let share = this.shares.get(name);
    if (share === undefined) {
      share = { seen: 0, below: LEVELS.map(() => 0) };
      this.shares.set(name, share);
    }
    share.seen += seen;
    LEVELS.forEach((level, i) => {
      if (p <= level) share.below[i]!++;
    });
  }

  rows(): string[][] {
    return [...this.shares]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { seen, below }]) => [
        name,
        String(seen),
        ...below.map((n, i) => `${fixed(n / Math.max(1, seen) / LEVELS[i]!, 2)} (${n})`),
      ]);
  }
}

/** Quiet days of the demo's shop and a list of faults through the whole pipeline in this thread. */
export function runQuiet(options: QuietOptions): string {
  const uniformity = new Uniformity();
  const parts: string[] = [];
  const rows: string[][] = [];
  const falseOnes: Opening[] = [];
  for (const seed of options.seeds) {
    const days: ShopDays = {
      start: START,
      quiet: options.days * DAY,
      rounds: options.rounds,
      seed,
      step: options.step,
      traces: options.traces,
    };
    const measured = play(days, uniformity, options);
    const faults = shopFaults(days);
    const live = START + days.quiet;
    const quiet = measured.openings.filter((o) => o.incident.openedAt >= START + WARM_UP && o.incident.openedAt < live);
    const young = measured.openings.filter((o) => o.incident.openedAt < START + WARM_UP).length;
    falseOnes.push(...quiet);
    const outcomes = faults.map((fault) => ({
      fault,
      own: measured.openings.filter(
        ({ incident }) => incident.openedAt >= fault.from && incident.openedAt < aftermath(fault),
      ),
    }));
    const found = outcomes.filter((o) => o.own[0] !== undefined && o.own[0].incident.openedAt <= o.fault.to);
    const before = measured.openings.filter(
      ({ incident }) =>
        incident.openedAt >= live &&
        faults.some((f) => incident.openedAt >= f.from - 60 * SECOND && incident.openedAt < f.from),
    );
    falseOnes.push(...before);
    const share = (n: number): string => `${n} of ${faults.length}`;
    rows.push([
      String(seed),
      `${quiet.length} (${fixed(quiet.length / options.days, 1)} a day)`,
      fixed(quiet.length / measured.serviceWeeks, 2),
      String(young),
      share(found.length),
      found.map((o) => fixed((o.own[0]!.incident.openedAt - o.fault.from) / SECOND, 0)).join(' '),
      share(found.filter((o) => nameOf(o.own[0]!.causes[0]) === o.fault.service).length),
      share(found.filter((o) => nameOf(o.own[0]!.later[0]) === o.fault.service).length),
      fixed(found.reduce((n, o) => n + o.own.length, 0) / Math.max(1, found.length), 2),
      fixed(measured.cpuSeconds, 0),
    ]);
    if (options.verbose)
      parts.push(
        table(
          ['fault', 'from', 'incidents', 'opened after s', 'services', 'causes at opening', 'causes at +180 s'],
          outcomes.flatMap(({ fault, own }) =>
            (own.length === 0 ? [null] : own).map((o) => [
              fault.title,
              clock(fault.from),
              String(own.length),
              o === null ? 'missed' : fixed((o.incident.openedAt - fault.from) / SECOND, 0),
              o === null ? '' : o.incident.services.map(nameOf).join(', '),
              o === null ? '' : o.causes.slice(0, 3).map(nameOf).join(', '),
              o === null ? '' : o.later.slice(0, 3).map(nameOf).join(', '),
            ]),
          ),
        ),
      );
  }
  const header = [
    'seed',
    'false incidents',
    'a service and week',
    'in the first hour',
    'faults found',
    'delays s',
    'cause first at opening',
    'at +180 s',
    'incidents a fault',
    'CPU s',
  ];
  return [
    '## Quiet days of the demo shop',
    machineLine(),
    `${options.days} quiet days (the first hour is warm-up), then ${options.rounds * 5} faults; a request each ${options.step / SECOND} s, ${options.traces} traced requests a second. Budget: 0.5 false incidents a service and week.`,
    table(header, rows),
    ...parts,
    '### What opened the false ones',
    table(['driver', 'incidents'], driversOf(falseOnes)),
    ...(options.verbose
      ? [table(['seed', 'opened', 'services', 'strongest evidence at opening'], falseOnes.map(lineOf))]
      : []),
    '### Is p what it says? Share of p at or below a level over that level (count), quiet time after the first hour; 1 is exact',
    table(['p of', 'looks', ...LEVELS.map(String)], uniformity.rows()),
  ].join('\n\n');
}

function play(days: ShopDays, uniformity: Uniformity, options: QuietOptions): Measured {
  const live = days.start + days.quiet;
  const series: (SeriesInfo | undefined)[] = [];
  const openings = new Map<string, Opening>();
  let serviceTicks = 0;
  let hour = 0;

  function onStep(report: TickReport, step: CorrelatorStep): void {
    for (const { index, info } of report.newSeries) series[index] = info;
    for (const incident of step.incidents) {
      const causes = incident.causes.map((cause) => cause.service);
      const known = openings.get(incident.id);
      if (known === undefined) openings.set(incident.id, { seed: days.seed, incident, causes, later: causes });
      else if (report.at <= known.incident.openedAt + RANK_AFTER) known.later = causes;
    }
    if (report.provisional || report.at < days.start + WARM_UP || report.at >= live) return;
    serviceTicks += report.services.length;
    judge(report, series, uniformity);
  }

  const pipeline = new EmbeddedPipeline({ settings: settingsSchema.parse(options.config), onStep });
  const before = process.cpuUsage();
  playShop(days, (signal, body, at) => {
    pipeline.accept(signal, 'otlp-protobuf', body, at);
    if (Math.floor((at - days.start) / (6 * HOUR)) === hour) return;
    hour = Math.floor((at - days.start) / (6 * HOUR));
    options.progress(`seed ${days.seed}: ${hour * 6} h, ${openings.size} incidents`);
  });
  const spent = process.cpuUsage(before);
  return {
    openings: [...openings.values()].sort((a, b) => a.incident.openedAt - b.incident.openedAt),
    serviceWeeks: (serviceTicks * 10 * SECOND) / (7 * DAY),
    cpuSeconds: (spent.user + spent.system) / 1e6,
  };
}

function judge(report: TickReport, series: readonly (SeriesInfo | undefined)[], uniformity: Uniformity): void {
  for (const tick of report.services) {
    uniformity.add('service', tick.p);
    for (const [modality, p] of Object.entries(tick.pByModality)) uniformity.add(`service, ${modality}`, p);
    const best = new Map<string, number>();
    for (const e of tick.evidence) {
      if (e.series !== '' && e.contributions[0]?.name !== 'silence') continue;
      const name = e.contributions[0]?.name === 'silence' ? `silence ${e.kind}` : `${e.modality} ${e.metric}`;
      best.set(name, Math.min(best.get(name) ?? 1, e.p));
    }
    for (const [name, p] of best) uniformity.add(`detector ${name}`, p, 0);
  }
  for (const share of uniformity.shares) if (share[0].startsWith('detector')) share[1].seen += report.services.length;
  const { windows } = report;
  for (let i = 0; i < windows.length; i++) {
    const surprise = windows.surprise[i]!;
    const info = series[windows.series[i]!];
    if (info === undefined || !(surprise > 0)) continue;
    uniformity.add(`series ${info.modality} ${info.metric}`, 10 ** -surprise);
    uniformity.add(`series ${info.modality}, all`, 10 ** -surprise);
  }
}

const nameOf = (service: string | undefined): string => service?.replace(/^.*\//, '') ?? '-';
const clock = (ms: number): string => new Date(ms).toISOString().slice(5, 19);
const strengthOf = (e: Evidence): string => `${e.modality} ${e.metric} ${e.kind}`;

function driversOf(openings: readonly Opening[]): string[][] {
  const counts = new Map<string, number>();
  for (const { incident } of openings) {
    const first = incident.evidence[0];
    const name = first === undefined ? 'no evidence' : strengthOf(first);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]).map(([name, n]) => [name, String(n)]);
}

function lineOf({ seed, incident }: Opening): string[] {
  const evidence = incident.evidence
    .slice(0, 5)
    .map(
      (e) =>
        `${nameOf(e.service)} ${strengthOf(e)} ${fixed(-Math.log10(e.p), 1)}${e.subject === undefined ? '' : ` "${e.subject.slice(0, 40)}"`} ${labelsOf(e)} = ${e.value.toPrecision(3)} (${e.expected.toPrecision(3)})`,
    );
  const ps = incident.anomalies.map((a) => fixed(-Math.log10(a.p), 1)).join(' ');
  return [
    String(seed),
    clock(incident.openedAt),
    `${incident.services.map(nameOf).join(', ')} ${ps}`,
    evidence.join('; '),
  ];
}

function labelsOf(e: Evidence): string {
  return Object.entries(e.labels)
    .filter(([key]) => !key.startsWith('k8s.'))
    .map(([, value]) => value)
    .join(' ');
}
