import type { EpochMs } from './units.ts';

/** Stages that may pass or stop something, in flow order. */
export const DECISION_STAGES = [
  'policy',
  'series-p',
  'service-p',
  'false-discovery',
  'budget',
  'persistence',
  'group',
  'triage',
  'snooze',
  'inhibit',
  'silence',
  'maintenance',
  'route',
  'notify',
  'escalate',
] as const;
export type DecisionStage = (typeof DECISION_STAGES)[number];

/**
 * Why something passed a stage or was stopped by it. Explanation, replay, preview, audit and tests are readings of these.
 * `limit` is what `value` was compared with: "value 0.0004 against limit 0.0001" is also what would have changed it.
 */
export interface DecisionRecord {
  /** Deterministic: hash of stage, subject and time. */
  readonly id: string;
  readonly at: EpochMs;
  readonly tenant: string;
  readonly service: string;
  /** SeriesInfo.id, anomaly id or incident id. */
  readonly subject: string;
  readonly stage: DecisionStage;
  readonly outcome: 'passed' | 'suppressed';
  readonly reason: string;
  readonly value: number | null;
  readonly limit: number | null;
  readonly modelVersion: string;
  readonly configHash: string;
}
