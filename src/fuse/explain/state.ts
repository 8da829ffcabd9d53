import type { AnomalyKind, Evidence } from '../../domain/anomaly.ts';
import { operationOf, type SignalClass, signalOf } from './signal-names.ts';

/** What a service does, chosen by what dominates its evidence, and which piece of evidence shows it best. */

type State = SignalClass | 'silent' | 'stopped' | 'new-log' | 'structure' | 'stuck';

const WORDS: Readonly<Record<State, string>> = {
  silent: 'is silent',
  stopped: 'stands still',
  errors: 'is failing',
  latency: 'is slow',
  resource: 'is saturated',
  traffic: 'has unusual traffic',
  'new-log': 'logs something new',
  structure: 'takes unusual paths',
  stuck: 'is stuck',
  other: 'behaves unusually',
};

/** How much a person cares, given the same strangeness. */
const WORTH: Readonly<Record<State, number>> = {
  silent: 4,
  errors: 1.6,
  latency: 1.2,
  resource: 1,
  stopped: 0.7,
  traffic: 0.5,
  'new-log': 0.5,
  structure: 0.4,
  stuck: 0.4,
  other: 0.3,
};
/** Resources this close behind latency or errors are what these come from. */
const SATURATED = 0.6;
/** A state is as strong as this many of its strongest signals: many pods and operations must not outvote. */
const COUNTED = 3;

const KIND_STATE: Partial<Record<AnomalyKind, State>> = {
  'target-silent': 'silent',
  'pipeline-silent': 'silent',
  latency: 'latency',
  errors: 'errors',
  'new-pattern': 'new-log',
  sequence: 'structure',
  structure: 'structure',
  'flat-line': 'stuck',
};

function stateOf(e: Evidence): State {
  const direct = KIND_STATE[e.kind];
  if (direct !== undefined) return direct;
  const { class: of } = signalOf(e);
  if (of === 'traffic' && e.kind === 'zero') return 'stopped';
  if (of === 'other' || of === 'traffic') return of;
  // Less time, fewer errors, less load: unusual, but neither slow nor failing nor saturated.
  return e.value > e.expected || Number.isNaN(e.expected) ? of : 'other';
}

/** Surprise, raised by how far outside its band it went: surprises saturate, deviations do not. */
export function strengthOf(e: Evidence): number {
  const surprise = -Math.log10(Math.max(e.p, 1e-6));
  if (!Number.isFinite(e.expected) || !Number.isFinite(e.value)) return surprise;
  const half = Number.isFinite(e.upper - e.lower) ? Math.abs(e.upper - e.lower) / 2 : 0;
  const unit = Math.max(half, 0.05 * Math.abs(e.expected), 1e-12);
  return surprise * (1 + 0.25 * Math.log2(1 + Math.min(1000, Math.abs(e.value - e.expected) / unit)));
}

/** What people look at first: a tail percentile of what callers see before a median or a count. */
function shownFirst(e: Evidence): number {
  if (e.metric.endsWith('p99') || e.metric.endsWith('p95')) return 1.3;
  if (e.metric.endsWith('error_ratio') || e.metric.endsWith('self_time')) return 1.2;
  if (e.metric.endsWith('p50') || e.metric.startsWith('edge.')) return 0.9;
  return 1;
}

function dominant(evidence: readonly Evidence[]): State {
  const strengths = new Map<State, number[]>();
  for (const e of evidence) {
    const state = stateOf(e);
    strengths.set(state, [...(strengths.get(state) ?? []), strengthOf(e)]);
  }
  const score = (state: State): number =>
    WORTH[state] *
    (strengths.get(state) ?? [])
      .sort((a, b) => b - a)
      .slice(0, COUNTED)
      .reduce((sum, value) => sum + value, 0);
  let best: State = 'other';
  for (const state of Object.keys(WORDS) as State[]) if (score(state) > score(best)) best = state;
  if ((best === 'latency' || best === 'errors') && score('resource') >= SATURATED * score(best)) return 'resource';
  return best;
}

/** "is slow", "is failing", "is silent", "is saturated", ... */
export function stateWords(kind: AnomalyKind, evidence: readonly Evidence[]): string {
  if (evidence.length > 0) return WORDS[dominant(evidence)];
  const direct = KIND_STATE[kind];
  return direct === undefined ? WORDS.other : WORDS[direct];
}

/** The one piece of evidence that shows the dominant state best; then the best of other signals. */
export function factsOf(evidence: readonly Evidence[], wanted = 1): Evidence[] {
  const state = dominant(evidence);
  const ranked = evidence.toSorted(
    (a, b) =>
      Number(stateOf(b) === state) - Number(stateOf(a) === state) ||
      strengthOf(b) * shownFirst(b) - strengthOf(a) * shownFirst(a) ||
      (a.series < b.series ? -1 : 1),
  );
  const out: Evidence[] = [];
  const said = new Set<string>();
  for (const e of ranked) {
    // p50, p99 and mean of one operation on three pods are one fact.
    const key = `${stateOf(e)} ${operationOf(e)}`;
    if (said.has(key)) continue;
    said.add(key);
    out.push(e);
    if (out.length === wanted) break;
  }
  return out;
}
