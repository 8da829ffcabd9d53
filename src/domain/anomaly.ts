import type { Labels, Modality } from './signal/series.ts';
import type { EpochMs } from './units.ts';

/** The three classes of the literature. */
export type AnomalyClass = 'point' | 'contextual' | 'collective';

/** Finer names, each of one class (`CLASS_OF`). */
export type AnomalyKind =
  | 'spike'
  | 'dip'
  | 'wrong-time'
  | 'level-shift'
  | 'ramp'
  | 'variance-change'
  | 'oscillation'
  | 'flat-line'
  | 'zero'
  | 'series-retired'
  | 'target-silent'
  | 'pipeline-silent'
  | 'new-pattern'
  | 'pattern-burst'
  | 'pattern-missing'
  | 'sequence'
  | 'latency'
  | 'errors'
  | 'structure'
  | 'correlation-break';

export const CLASS_OF: Readonly<Record<AnomalyKind, AnomalyClass>> = {
  spike: 'point',
  dip: 'point',
  'new-pattern': 'point',
  'wrong-time': 'contextual',
  'correlation-break': 'contextual',
  'level-shift': 'collective',
  ramp: 'collective',
  'variance-change': 'collective',
  oscillation: 'collective',
  'flat-line': 'collective',
  zero: 'collective',
  'series-retired': 'collective',
  'target-silent': 'collective',
  'pipeline-silent': 'collective',
  'pattern-burst': 'collective',
  'pattern-missing': 'collective',
  sequence: 'collective',
  latency: 'collective',
  errors: 'collective',
  structure: 'collective',
};

/** One signal's share of a decision; the shares of an anomaly sum to 1. */
export interface Contribution {
  readonly name: string;
  readonly share: number;
}

/** A series (or log template, operation, edge) that is strange now. Evidence never pages by itself: services do. */
export interface Evidence {
  /** SeriesInfo.id. */
  readonly series: string;
  readonly service: string;
  readonly modality: Modality;
  readonly metric: string;
  readonly unit: string;
  readonly labels: Labels;
  readonly instance: string;
  readonly kind: AnomalyKind;
  readonly at: EpochMs;
  /** When it first left its band. */
  readonly onset: EpochMs;
  /** Calibrated, floored at 1e-6. */
  readonly p: number;
  readonly value: number;
  /** NaN where the detectors have no expectation. */
  readonly expected: number;
  readonly lower: number;
  readonly upper: number;
  readonly contributions: readonly Contribution[];
  /** Plain words, ready for a person: "CPU 3.1 cores, usually 0.4 to 0.7 cores". */
  readonly text: string;
  /** What it measures, in words: "p99 of POST /pay", "CPU". */
  readonly name?: string;
  /** For logs: the template; for traces: the operation or edge `a -> b`. */
  readonly subject?: string;
  /** For logs: one raw line, cut to 512 characters. */
  readonly example?: string;
  /** Hex trace id of one example, if any. */
  readonly traceId?: string;
}

/** Robust change of one signal of a service between before and after onset; the cause ranking's input. */
export interface ServiceSignals {
  readonly service: string;
  readonly evidence: readonly Evidence[];
}

/** What a shard says of one service at one tick (DESIGN section 5 (3)). */
export interface ServiceTick {
  readonly tenant: string;
  readonly service: string;
  /** End of the tick in event time. */
  readonly at: EpochMs;
  /** True while the tick is still open (early path); a final report of the same tick follows. */
  readonly provisional: boolean;
  /** With what the two minutes before said. */
  readonly p: number;
  /** Of this tick alone: whether the trouble goes on; `p` where absent. */
  readonly pNow?: number;
  readonly pByModality: Readonly<Record<Modality, number>>;
  /** Series that had a sample in the tick, and how many of them lay below p = 1e-3. */
  readonly seriesSeen: number;
  readonly seriesStrange: number;
  /** The strongest first, at most 16. */
  readonly evidence: readonly Evidence[];
  /** True while the service is too young to be judged; its p is reported but must not page. */
  readonly learning?: boolean;
  /**
   * -log10 p of all signals of the service together against their slow usual levels: how far an incident extends, where `p`
   * says when it begins. Absent in ticks without a row (`features/service-row`).
   */
  readonly extent?: number;
  /** `service.version` seen last; absent or empty when the telemetry names none. */
  readonly version?: string;
}

/** Call statistics along one edge of the service graph in one tick. */
export interface EdgeTick {
  readonly caller: string;
  readonly callee: string;
  readonly calls: number;
  readonly errors: number;
  /** Mean time in ms the callee's server span took, and the mean of client span minus server span. */
  readonly serverMs: number;
  readonly gapMs: number;
  /** Strangeness of each as -log10 p, 0 when usual or unknown. */
  readonly gapSurprise: number;
  readonly serverSurprise: number;
  readonly errorSurprise: number;
}

/** A service that left its normal range, after fusion and the page budget. */
export interface Anomaly {
  /** Deterministic: hash of tenant, service and opening tick. */
  readonly id: string;
  readonly tenant: string;
  readonly service: string;
  readonly class: AnomalyClass;
  readonly kind: AnomalyKind;
  readonly openedAt: EpochMs;
  readonly onset: EpochMs;
  readonly updatedAt: EpochMs;
  readonly closedAt: EpochMs | null;
  /** Smallest service p so far, floored at 1e-6. */
  readonly p: number;
  /** 0-1, `scoreOf(p)`: fixed meaning, never rewritten. */
  readonly score: number;
  /** Probability that a person would call it real, 0-1. */
  readonly confidence: number;
  readonly evidence: readonly Evidence[];
  readonly contributions: readonly Contribution[];
  readonly text: string;
}

/** The score shown to people: 0 at p = 1, 0.5 at p = 1e-3, 1 at p <= 1e-6; linear in -log10 p. */
export function scoreOf(p: number): number {
  return Math.min(1, Math.max(0, -Math.log10(Math.max(p, 1e-6)) / 6));
}
