import type { AnomalyKind, Contribution, Evidence, ServiceTick } from '../../domain/anomaly.ts';
import { MODALITY, type Modality } from '../../domain/signal/series.ts';
import type { DecideOptions } from './decide-options.ts';

/** Kinds that are about presence or shape: a percentage of deviation says nothing about them. */
const SHAPELESS: ReadonlySet<AnomalyKind> = new Set<AnomalyKind>([
  'flat-line',
  'zero',
  'series-retired',
  'target-silent',
  'pipeline-silent',
  'new-pattern',
  'pattern-missing',
  'sequence',
  'structure',
  'correlation-break',
  'variance-change',
  'oscillation',
]);

export const surpriseOf = (p: number): number => -Math.log10(Math.max(p, 1e-6));

/** Large enough and in a direction that matters to a person; without an expectation there is nothing to hold against it. */
export function matters(e: Evidence, options: DecideOptions): boolean {
  if (SHAPELESS.has(e.kind) || !Number.isFinite(e.expected) || !Number.isFinite(e.value)) return true;
  const deviation = Math.abs(e.value - e.expected);
  if (deviation < options.minAbsoluteDeviation) return false;
  if (deviation < options.minRelativeDeviation * Math.abs(e.expected)) return false;
  return e.value >= e.expected || !upOnly(e, options);
}

function upOnly(e: Evidence, options: DecideOptions): boolean {
  if (e.kind === 'latency' || e.kind === 'errors') return true;
  const metric = e.metric.toLowerCase();
  return options.upOnly.some((part) => metric.includes(part));
}

/** Modalities in which the service is strange (p < 1e-3), as bits. */
export function strangeModalities(tick: ServiceTick): number {
  let bits = 0;
  for (const modality of ['metric', 'log', 'trace'] as const satisfies readonly Modality[]) {
    if (tick.pByModality[modality] < 1e-3) bits |= 1 << MODALITY[modality];
  }
  return bits;
}

export const bitCount = (bits: number): number => (bits & 1) + ((bits >> 1) & 1) + ((bits >> 2) & 1);

const identity = (e: Evidence): string => `${e.series} ${e.subject ?? ''}`;

/**
 * Evidence of a story so far plus a new tick: one entry a series, the strongest look of it, with its earliest onset.
 * Sorted by strength, then by id; at most `limit`.
 */
export function mergeEvidence(old: readonly Evidence[], fresh: readonly Evidence[], limit: number): Evidence[] {
  const byId = new Map<string, Evidence>();
  for (const e of old) byId.set(identity(e), e);
  for (const e of fresh) {
    const before = byId.get(identity(e));
    const best = before === undefined || e.p <= before.p ? e : before;
    byId.set(identity(e), before === undefined || before.onset >= best.onset ? best : { ...best, onset: before.onset });
  }
  return [...byId.values()]
    .sort((a, b) => a.p - b.p || (identity(a) < identity(b) ? -1 : identity(a) > identity(b) ? 1 : 0))
    .slice(0, limit);
}

/** The kind with the most summed surprise. */
export function dominantKind(evidence: readonly Evidence[]): AnomalyKind {
  const weight = new Map<AnomalyKind, number>();
  for (const e of evidence) weight.set(e.kind, (weight.get(e.kind) ?? 0) + surpriseOf(e.p));
  let best: AnomalyKind = 'spike';
  let most = 0;
  for (const [kind, w] of weight) {
    if (w > most + 1e-12) {
      best = kind;
      most = w;
    }
  }
  return best;
}

const MAX_CONTRIBUTIONS = 8;

/** Share of each signal in the decision: its surprise over the sum; signals beyond the eighth are pooled. Sums to 1. */
export function contributionsOf(evidence: readonly Evidence[]): Contribution[] {
  const weight = new Map<string, number>();
  for (const e of evidence) {
    const name = e.subject === undefined ? e.metric : `${e.metric} ${e.subject}`;
    weight.set(name, (weight.get(name) ?? 0) + surpriseOf(e.p));
  }
  const total = [...weight.values()].reduce((sum, w) => sum + w, 0);
  if (!(total > 0)) return [{ name: 'many signals, each slightly unusual', share: 1 }];
  const sorted = [...weight].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const out = sorted.slice(0, MAX_CONTRIBUTIONS).map(([name, w]) => ({ name, share: w / total }));
  const rest = sorted.slice(MAX_CONTRIBUTIONS).reduce((sum, [, w]) => sum + w, 0);
  if (rest > 0) out.push({ name: 'others', share: rest / total });
  return out;
}

/**
 * Probability that a person would call it real: a logistic over strength, breadth, agreement and duration. The weights
 * are a hand-set prior until verdicts refit them (Platt); monotone in each input.
 */
export function confidenceOf(p: number, strangeSeries: number, modalities: number, strangeTicks: number): number {
  const z =
    -1 +
    0.6 * (surpriseOf(p) - 4) +
    0.5 * Math.log2(1 + Math.min(31, strangeSeries)) +
    0.9 * Math.max(0, modalities - 1) +
    0.35 * Math.min(6, Math.max(0, strangeTicks - 1));
  return 1 / (1 + Math.exp(-z));
}

/**
 * What is left once small and harmless deviations are set aside must itself be strange. Without any evidence (many
 * series, each slightly unusual) there is nothing to set aside.
 */
export function isMeaningful(all: readonly Evidence[], relevant: readonly Evidence[]): boolean {
  if (all.length === 0 || relevant.length >= 3) return true;
  const strongest = relevant.reduce((s, e) => Math.max(s, surpriseOf(e.p)), 0);
  return strongest >= 3.5 || (relevant.length === all.length && relevant.length > 0);
}
