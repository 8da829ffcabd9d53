import type { EpochMs } from './units.ts';

export const VERDICTS = ['real', 'false-alarm', 'expected', 'new-normal'] as const;
export type VerdictKind = (typeof VERDICTS)[number];

export interface Verdict {
  readonly id: string;
  readonly subject: 'incident' | 'anomaly' | 'series' | 'range';
  readonly subjectId: string;
  readonly kind: VerdictKind;
  readonly comment: string;
  readonly by: string;
  readonly at: EpochMs;
}
