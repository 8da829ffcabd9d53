import type { Anomaly, EdgeTick, Evidence, ServiceSignals } from '../../domain/anomaly.ts';
import type { Cause, Reason } from '../../domain/incident.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { DeployMarker } from '../../domain/signal/batch.ts';
import type { Modality } from '../../domain/signal/series.ts';
import { type EpochMs, MINUTE } from '../../domain/units.ts';
import {
  type CallChange,
  type CallHistory,
  type CallHistoryState,
  createCallHistory,
  type GapChange,
} from './call-history.ts';
import { blameTime, type TimeBlame } from './time-blame.ts';
import { walk } from './walk.ts';

export const diagnoseOptions = {
  shown: { type: 'integer', default: 5, min: 1, max: 20, doc: 'Causes kept per incident.' },
  deployWindow: {
    type: 'duration',
    default: 30 * MINUTE,
    min: 0,
    doc: 'A deploy of a service this long before the onset speaks for it as the cause.',
  },
  sharpness: {
    type: 'number',
    default: 3,
    min: 1,
    max: 10,
    doc: 'Exponent on the scores before they become shares: larger gives the leader more.',
  },
} as const satisfies OptionsSpec;
export type DiagnoseOptions = Options<typeof diagnoseOptions>;

export interface DiagnosisInput {
  readonly at: EpochMs;
  readonly onset: EpochMs;
  /** The anomalies of the incident. */
  readonly anomalies: readonly Anomaly[];
  /** Evidence of services that are strange without having become anomalies. */
  readonly suspects: readonly ServiceSignals[];
  readonly deploys: readonly DeployMarker[];
}

export interface Diagnosis {
  /** Feeds the call graph; every tick, also the quiet ones: they are the "before". */
  edges(at: EpochMs, ticks: readonly EdgeTick[]): void;
  /** Suspected causes, best first. Shares sum to 1; so do the weights of each cause's reasons. Changes nothing. */
  rank(input: DiagnosisInput): Cause[];
  save(): CallHistoryState;
  restore(state: CallHistoryState): void;
}

/** What each kind of finding is worth; all findings are 0-1 relative to the strongest of the incident. */
const WORTH = {
  metric: 0.3,
  log: 0.2,
  silence: 0.35,
  time: 0.4,
  errors: 0.25,
  topology: 0.2,
  onset: 0.15,
  deploy: 0.2,
} as const;
/** What is left of a caller's own change when a service it calls is silent. */
const WAITS_FOR_SILENT = 0.2;
const ONSET_SCALE = MINUTE;
/** Clocks and estimates of onset are loose: a deploy may be stamped a little after. */
const DEPLOY_SLACK = 2 * MINUTE;

interface Suspect {
  readonly service: string;
  readonly evidence: readonly Evidence[];
  readonly onset: EpochMs;
  readonly change: CallChange | null;
  readonly blame: TimeBlame;
  /** Weighted ms a minute added by its own time and by waiting for it. */
  selfMs: number;
  readonly gapMs: number;
  ownErrors: number;
  metric: number;
  log: number;
}

/**
 * Whether a service could have a part in the trouble of others: it lies up or down the calls of one of them. A service
 * that the graph does not know may have one all the same.
 */
function relatedTo(services: readonly string[], calls: CallHistory): (service: string) => boolean {
  const found = new Set<string>();
  for (const next of [(s: string) => calls.callees(s), (s: string) => calls.callers(s)]) {
    const reached = new Set(services);
    for (const service of reached) for (const other of next(service)) reached.add(other);
    for (const service of reached) found.add(service);
  }
  const inGraph = (service: string): boolean => calls.callees(service).length > 0 || calls.callers(service).length > 0;
  const known = services.length > 0 && services.every(inGraph);
  return (service) => !known || found.has(service) || !inGraph(service);
}

/** Cause ranking (methods page 7): robust before/after change, self time plus gap, topology walk, onset order, deploys. */
export function createDiagnosis(options: DiagnoseOptions = defaultsOf(diagnoseOptions)): Diagnosis {
  const calls = createCallHistory();

  function suspectsOf(input: DiagnosisInput): Suspect[] {
    const evidence = new Map<string, Evidence[]>();
    const onsets = new Map<string, EpochMs>();
    for (const anomaly of input.anomalies) {
      evidence.set(anomaly.service, [...(evidence.get(anomaly.service) ?? []), ...anomaly.evidence]);
      onsets.set(anomaly.service, Math.min(anomaly.onset, onsets.get(anomaly.service) ?? Number.POSITIVE_INFINITY));
    }
    const related = relatedTo([...onsets.keys()], calls);
    for (const signals of input.suspects) {
      if (onsets.has(signals.service) || signals.evidence.length === 0 || !related(signals.service)) continue;
      evidence.set(signals.service, [...signals.evidence]);
      onsets.set(
        signals.service,
        Math.min(...signals.evidence.map((e) => Math.max(e.onset, input.onset - 5 * MINUTE))),
      );
    }
    // A service may be the cause without a strange signal of its own: only the time that others wait for it shows.
    const anomalous = [...evidence.keys()];
    for (const service of anomalous) {
      for (const callee of calls.callees(service)) if (!evidence.has(callee)) evidence.set(callee, []);
    }
    const gaps = new Map<string, readonly GapChange[]>();
    const cached: CallHistory = {
      ...calls,
      gaps(caller, onset, at) {
        const known = gaps.get(caller) ?? calls.gaps(caller, onset, at);
        gaps.set(caller, known);
        return known;
      },
    };
    const out: Suspect[] = [];
    for (const service of [...evidence.keys()].sort()) {
      const list = evidence.get(service) ?? [];
      const change = calls.change(service, input.onset, input.at);
      const blame = blameTime(cached, service, change, input.onset, input.at);
      const timed = { selfMs: blame.self, gapMs: blame.gap, ownErrors: blame.errors };
      const suspect: Suspect = {
        service,
        evidence: list,
        onset: onsets.get(service) ?? input.at,
        change,
        blame,
        ...timed,
        metric: strengthOf(list, ['metric', 'trace']),
        log: strengthOf(list, ['log']),
      };
      if (list.length > 0 || onsets.has(service) || timed.selfMs + timed.gapMs > 0 || timed.ownErrors > 0)
        out.push(suspect);
    }
    return out;
  }

  function rank(input: DiagnosisInput): Cause[] {
    const suspects = suspectsOf(input);
    if (suspects.length === 0) return [];
    const names = new Set(suspects.map((s) => s.service));
    const silentOnes = new Set(suspects.filter((s) => s.evidence.some(isSilence)).map((s) => s.service));
    for (const s of suspects) {
      // Waiting for a silent callee has no server span on the other side: it looks like the caller's own time and errors.
      if (silentOnes.has(s.service) || !calls.callees(s.service).some((c) => silentOnes.has(c))) continue;
      s.selfMs *= WAITS_FOR_SILENT;
      s.ownErrors *= WAITS_FOR_SILENT;
      s.metric *= WAITS_FOR_SILENT;
    }
    const most = (of: (s: Suspect) => number) => Math.max(...suspects.map(of), 1e-12);
    const mostTime = most((s) => s.selfMs + s.gapMs);
    const mostErrors = most((s) => s.ownErrors);
    for (const s of suspects) {
      // Latency and errors travel up the call graph: what a strange callee explains counts less.
      const own = (s.selfMs + s.gapMs) / mostTime + s.ownErrors / mostErrors;
      const explained = s.change !== null && own < 0.2 && calls.callees(s.service).some((c) => names.has(c));
      if (explained) s.metric *= 0.4;
    }
    const mostMetric = most((s) => s.metric);
    const mostLog = most((s) => s.log);
    const strength = suspects.map(
      (s) =>
        0.02 +
        (s.metric / mostMetric) * 0.6 +
        (s.log / mostLog) * 0.2 +
        (s.selfMs + s.gapMs) / mostTime +
        0.6 * (s.ownErrors / mostErrors),
    );
    const own = suspects.map((s) => (s.selfMs + s.gapMs) / mostTime + 0.6 * (s.ownErrors / mostErrors));
    const links = suspects.map((s) =>
      calls
        .callees(s.service)
        .map((c) => suspects.findIndex((other) => other.service === c))
        .filter((i) => i >= 0 && suspects[i] !== s),
    );
    const linked = links.some((l) => l.length > 0);
    const visits = linked ? walk(links, strength, own) : suspects.map(() => 0);
    const mostVisits = Math.max(...visits, 1e-12);
    const firstOnset = Math.min(...suspects.filter((s) => s.evidence.length > 0).map((s) => s.onset), input.at);

    const scored = suspects.map((s, i) => {
      const reasons: { kind: Reason['kind']; text: string; score: number }[] = [];
      const add = (kind: Reason['kind'], score: number, text: string) => {
        if (score > 0.01) reasons.push({ kind, score, text });
      };
      const top = (modalities: readonly Modality[]) => strongest(s.evidence, modalities);
      const silent = s.evidence.find(
        (e) => e.kind === 'target-silent' || e.kind === 'zero' || e.kind === 'pipeline-silent',
      );
      if (silent !== undefined) add('silence', WORTH.silence * (silent.p < 1e-3 ? 1 : 0.3), silent.text);
      const changed = top(['metric', 'trace']);
      if (changed !== undefined && changed !== silent)
        add('metric-change', (WORTH.metric * s.metric) / mostMetric, changed.text);
      const line = top(['log']);
      if (line !== undefined) add('log-pattern', (WORTH.log * s.log) / mostLog, line.text);
      add('self-time', (WORTH.time * s.selfMs) / mostTime, s.blame.selfText);
      add('edge-gap', (WORTH.time * s.gapMs) / mostTime, s.blame.gapText);
      add('errors', (WORTH.errors * s.ownErrors) / mostErrors, s.blame.errorText);
      if (linked)
        add(
          'topology',
          (WORTH.topology * (visits[i] ?? 0)) / mostVisits,
          topologyText(s, suspects, (visits[i] ?? 0) / mostVisits),
        );
      if (s.evidence.length > 0 && suspects.length > 1) {
        const late = s.onset - firstOnset;
        add(
          'onset-order',
          WORTH.onset * Math.exp(-late / ONSET_SCALE),
          late < 1000 ? 'it changed first' : `it changed ${Math.round(late / 1000)} s after the first`,
        );
      }
      const deploy = deployOf(s, input);
      if (deploy !== null) add('deploy', WORTH.deploy * deploy.weight, deploy.text);
      if (reasons.length === 0)
        reasons.push({ kind: 'metric-change', score: 0.01, text: 'many of its signals are slightly unusual' });
      const score = reasons.reduce((sum, r) => sum + r.score, 0);
      return { suspect: s, score, reasons };
    });
    const ranked = scored
      .sort((a, b) => b.score - a.score || (a.suspect.service < b.suspect.service ? -1 : 1))
      .slice(0, options.shown);
    const total = ranked.reduce((sum, r) => sum + r.score ** options.sharpness, 0);
    return ranked.map(({ suspect, score, reasons }) => ({
      service: suspect.service,
      share: score ** options.sharpness / total,
      onset: suspect.onset,
      reasons: reasons
        .sort((a, b) => b.score - a.score || (a.kind < b.kind ? -1 : 1))
        .map((r) => ({ kind: r.kind, text: r.text, weight: r.score / score })),
    }));
  }

  function deployOf(s: Suspect, input: DiagnosisInput): { weight: number; text: string } | null {
    const onset = Math.min(input.onset, s.onset);
    const marker = input.deploys
      .filter((d) => d.service === s.service && d.at <= onset + DEPLOY_SLACK && onset - d.at <= options.deployWindow)
      .toSorted((a, b) => b.at - a.at)[0];
    if (marker === undefined) return null;
    const age = Math.max(0, onset - marker.at);
    return {
      weight: 1 - 0.5 * (age / Math.max(1, options.deployWindow)),
      text: `${marker.to} was deployed ${age < 90_000 ? `${Math.round(age / 1000)} s` : `${Math.round(age / MINUTE)} min`} before`,
    };
  }

  return {
    edges: (at, ticks) => calls.add(at, ticks),
    rank,
    save: () => calls.save(),
    restore: (state) => calls.restore(state),
  };
}

/** Surprise, raised by how far outside its band it went: surprises saturate at the floor of p, deviations do not. */
function strengthOf(evidence: readonly Evidence[], modalities: readonly Modality[]): number {
  let sum = 0;
  let present = 0;
  for (const modality of modalities) {
    const tops = evidence
      .filter((e) => e.modality === modality)
      .map(strength)
      .sort((a, b) => b - a)
      .slice(0, 3);
    if (tops.length === 0) continue;
    sum += tops.reduce((a, b) => a + b, 0) / 3;
    present += 1;
  }
  return present === 0 ? 0 : sum / Math.sqrt(present);
}

function strength(e: Evidence): number {
  const surprise = -Math.log10(Math.max(e.p, 1e-6));
  if (!Number.isFinite(e.expected) || !Number.isFinite(e.value)) return surprise;
  const half = Number.isFinite(e.upper - e.lower) ? Math.abs(e.upper - e.lower) / 2 : 0;
  const unit = Math.max(half, 0.05 * Math.abs(e.expected), 1e-12);
  return surprise * (1 + 0.5 * Math.log2(1 + Math.min(1000, Math.abs(e.value - e.expected) / unit)));
}

function strongest(evidence: readonly Evidence[], modalities: readonly Modality[]): Evidence | undefined {
  return evidence
    .filter((e) => modalities.includes(e.modality))
    .toSorted((a, b) => strength(b) - strength(a) || (a.series < b.series ? -1 : 1))[0];
}

const isSilence = (e: Evidence): boolean => e.kind === 'target-silent' && e.instance === '' && e.p < 1e-3;

function topologyText(s: Suspect, all: readonly Suspect[], share: number): string {
  if (share < 0.5) return 'some of the affected services call it';
  return all.length === 2
    ? 'the trail of calls between the affected services leads here'
    : `the calls of the ${all.length - 1} other affected services lead to ${s.service}`;
}
