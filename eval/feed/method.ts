import type { LabelledSeries } from '../data/metric-sets.ts';

/** One score per row of each series, in the order of the series given. */
export interface MethodScores {
  /** What thresholds are applied to: larger is stranger. */
  readonly surprise: readonly Float32Array[];
  /** A decayed score that covers the extent of an incident, if the method has one. */
  readonly extent: readonly Float32Array[] | null;
  readonly nsPerPoint: number;
  readonly bytesPerSeries: number;
}

/** Something that scores series causally: row i's score may use rows 0 .. i only, and nothing of labels, names or lengths. */
export interface Method {
  readonly name: string;
  /** The alarm level that needs no labels, NaN for methods without one. */
  readonly defaultThreshold: number;
  run(series: readonly Pick<LabelledSeries, 'time' | 'value' | 'stepMs'>[]): MethodScores;
}
