import type { AnomalyKind, Contribution } from '../domain/anomaly.ts';
import type { EpochMs } from '../domain/units.ts';

/** Why one sample is strange. */
export interface SampleReason {
  readonly kind: AnomalyKind;
  /** When the series left its usual range. */
  readonly onset: EpochMs;
  /** Detectors, the strongest first; shares sum to 1. */
  readonly contributions: readonly Contribution[];
}

/** What the always-on tier says about each sample of a batch. */
export interface SeriesScores {
  /** -log10 p, 0 while not ready, at most 6. */
  readonly surprise: Float32Array;
  /** What the sample is worth as evidence against its service, on the same scale; at most `surprise` when it is strange. */
  readonly evidence: Float32Array;
  /** Fading maximum of `surprise`: how much the series is still in the event. */
  readonly extent: Float32Array;
  /** The band a person is shown, in the sample's unit; NaN without expectation. */
  readonly expected: Float32Array;
  readonly lower: Float32Array;
  readonly upper: Float32Array;
  /** 1 where the calibration has seen enough for `surprise` to mean anything. */
  readonly ready: Uint8Array;
  /** 1 where this sample starts a re-anchoring: the change lasted, the new level is taken as normal from here. */
  readonly changePoint: Uint8Array;
  /** Reason for sample i; valid until the next `observe` with these scores. */
  explain: (i: number) => SampleReason;
}

export function createSeriesScores(capacity: number): SeriesScores {
  return {
    surprise: new Float32Array(capacity),
    evidence: new Float32Array(capacity),
    extent: new Float32Array(capacity),
    expected: new Float32Array(capacity),
    lower: new Float32Array(capacity),
    upper: new Float32Array(capacity),
    ready: new Uint8Array(capacity),
    changePoint: new Uint8Array(capacity),
    explain: () => ({ kind: 'spike', onset: 0, contributions: [] }),
  };
}
