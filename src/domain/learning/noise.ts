import type { EpochMs } from '../units.ts';
import type { VerdictKind } from '../verdict.ts';

export const NOISE_DIMENSIONS = ['service', 'team', 'detector'] as const;
export type NoiseDimension = (typeof NOISE_DIMENSIONS)[number];

/** What pages were worth, of one service, team or detector, or of all. */
export interface NoiseRow {
  /** Empty: nobody's, or all. */
  readonly name: string;
  readonly incidents: number;
  /** Times that somebody was told anew: opened, reopened, escalated; however many receivers. */
  readonly pages: number;
  readonly pagesPerWeek: number;
  /** Share of the incidents that paged which a person acknowledged; null when none paged. */
  readonly acknowledged: number | null;
  /** Median ms from opening to acknowledgement; null without any. */
  readonly acknowledgedAfter: number | null;
  readonly verdicts: Readonly<Record<VerdictKind, number>>;
  /** Share of `real` among the incidents with a verdict, with its 95 % interval (Wilson); null without any. */
  readonly precision: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export interface NoiseReport {
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** False when there were more incidents than were read: the newest are in. */
  readonly complete: boolean;
  readonly total: NoiseRow;
  /** The most pages first. */
  readonly service: readonly NoiseRow[];
  readonly team: readonly NoiseRow[];
  readonly detector: readonly NoiseRow[];
}
