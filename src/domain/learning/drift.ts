import type { EpochMs } from '../units.ts';

export const DRIFT_KINDS = ['uniformity', 'adwin', 'page-hinkley', 'ks', 'psi'] as const;
/** `uniformity`: more or fewer small p-values than there should be; the others: today is not as it was. */
export type DriftKind = (typeof DRIFT_KINDS)[number];

/** The p-values of a class of series are no longer what they were, or not what p-values should be. */
export interface DriftFinding {
  /** What the series are, such as `metric/counter` or `trace`. */
  readonly class: string;
  readonly kind: DriftKind;
  readonly since: EpochMs;
  /** When it was seen last. */
  readonly at: EpochMs;
  readonly statistic: number;
  readonly threshold: number;
  readonly text: string;
}

/** How well a class of series is calibrated, over the last day. */
export interface DriftClass {
  readonly class: string;
  /** p-values looked at. */
  readonly values: number;
  /** Share of them below 0.01; null without any. */
  readonly share: number | null;
  /** Whether there were enough to judge. */
  readonly enough: boolean;
}

export interface DriftReport {
  readonly items: readonly DriftFinding[];
  readonly classes: readonly DriftClass[];
}
