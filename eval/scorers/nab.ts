/**
 * NAB v1.1 scoring (numenta/NAB, `nab/sweeper.py`): probation, position-weighted true positives (best one per window),
 * position-weighted false positives, one threshold for all files, normalised between the null and the perfect detector.
 */
export interface NabFile {
  /** One score per row; larger is stranger. */
  readonly score: ArrayLike<number>;
  /** Inclusive index ranges, in order. */
  readonly windows: readonly (readonly [number, number])[];
}

export interface NabProfile {
  readonly name: string;
  readonly tp: number;
  readonly fn: number;
  readonly fp: number;
}

export const NAB_PROFILES: readonly NabProfile[] = [
  { name: 'standard', tp: 1, fn: 1, fp: 0.11 },
  { name: 'low FP', tp: 1, fn: 1, fp: 0.22 },
  { name: 'low FN', tp: 1, fn: 2, fp: 0.11 },
];

function scaledSigmoid(y: number): number {
  return y > 3 ? -1 : 2 / (1 + Math.exp(5 * y)) - 1;
}

const MAX_TP = scaledSigmoid(-1);

/** Rows at the start of a file that are not scored. */
export function probation(rows: number): number {
  return Math.min(Math.floor(0.15 * rows), 750);
}

/** What every scorable row is worth, before the profile's weights; computed once per file and shared by all thresholds. */
export interface NabPrepared {
  readonly files: number;
  /** Scorable rows, strangest first. */
  readonly score: Float64Array;
  readonly file: Int32Array;
  /** Global window number, -1 outside windows. */
  readonly window: Int32Array;
  readonly worth: Float64Array;
  readonly windowFile: readonly number[];
}

export function prepareNab(files: readonly NabFile[]): NabPrepared {
  const score: number[] = [];
  const file: number[] = [];
  const window: number[] = [];
  const worth: number[] = [];
  const windowFile: number[] = [];
  files.forEach((f, fileIndex) => {
    const rows = f.score.length;
    const from = probation(rows);
    let next = 0;
    let current: readonly [number, number] | null = null;
    let currentId = -1;
    let last: readonly [number, number] | null = null;
    const seen = new Set<number>();
    for (let i = 0; i < rows; i++) {
      if (current === null && next < f.windows.length && f.windows[next]![0] === i) current = f.windows[next++]!;
      let value: number;
      if (current !== null) {
        value = scaledSigmoid(-(current[1] - i + 1) / (current[1] - current[0] + 1));
      } else if (last === null) {
        value = -1;
      } else {
        value = scaledSigmoid((i - last[1]) / Math.max(1, last[1] - last[0]));
      }
      if (i >= from) {
        if (current !== null && !seen.has(next)) {
          seen.add(next);
          currentId = windowFile.push(fileIndex) - 1;
        }
        score.push(f.score[i]!);
        file.push(fileIndex);
        window.push(current === null ? -1 : currentId);
        worth.push(value);
      }
      if (current !== null && i === current[1]) {
        last = current;
        current = null;
      }
    }
  });
  const order = Uint32Array.from(score.keys()).sort((a, b) => score[b]! - score[a]!);
  return {
    files: files.length,
    score: Float64Array.from(order, (i) => score[i]!),
    file: Int32Array.from(order, (i) => file[i]!),
    window: Int32Array.from(order, (i) => window[i]!),
    worth: Float64Array.from(order, (i) => worth[i]!),
    windowFile,
  };
}

/** The threshold (rows with score >= it are detections) that maximises the raw score over the files where `use[file]` is 1. */
export function bestNabThreshold(data: NabPrepared, profile: NabProfile, use?: Uint8Array): number {
  const best = new Float64Array(data.windowFile.length).fill(-profile.fn);
  let total = 0;
  for (const owner of data.windowFile) if (use === undefined || use[owner] === 1) total -= profile.fn;
  let bestTotal = total;
  let threshold = Number.POSITIVE_INFINITY;
  for (let i = 0; i < data.score.length; i++) {
    if (use === undefined || use[data.file[i]!] === 1) {
      const w = data.window[i]!;
      if (w < 0) {
        total += data.worth[i]! * profile.fp;
      } else {
        const value = (data.worth[i]! * profile.tp) / MAX_TP;
        if (value > best[w]!) {
          total += value - best[w]!;
          best[w] = value;
        }
      }
    }
    const lastOfTie = i + 1 === data.score.length || data.score[i + 1] !== data.score[i];
    if (lastOfTie && total > bestTotal) {
      bestTotal = total;
      threshold = data.score[i]!;
    }
  }
  return threshold;
}

/** Raw score and number of windows of each file at a threshold given per file. */
export function nabByFile(
  data: NabPrepared,
  profile: NabProfile,
  thresholdOf: (file: number) => number,
): { raw: Float64Array; windows: Int32Array } {
  const raw = new Float64Array(data.files);
  const windows = new Int32Array(data.files);
  const best = new Float64Array(data.windowFile.length).fill(-profile.fn);
  for (const owner of data.windowFile) {
    raw[owner]! -= profile.fn;
    windows[owner]!++;
  }
  for (let i = 0; i < data.score.length; i++) {
    const owner = data.file[i]!;
    if (!(data.score[i]! >= thresholdOf(owner))) continue;
    const w = data.window[i]!;
    if (w < 0) {
      raw[owner]! += data.worth[i]! * profile.fp;
    } else {
      const value = (data.worth[i]! * profile.tp) / MAX_TP;
      if (value > best[w]!) {
        raw[owner]! += value - best[w]!;
        best[w] = value;
      }
    }
  }
  return { raw, windows };
}

/** 0 for the null detector, 100 for the perfect one. `weight[file]` counts a file several times (bootstrap). */
export function normaliseNab(
  byFile: { raw: Float64Array; windows: Int32Array },
  profile: NabProfile,
  weight?: ArrayLike<number>,
): number {
  let raw = 0;
  let windows = 0;
  for (let f = 0; f < byFile.raw.length; f++) {
    const w = weight === undefined ? 1 : weight[f]!;
    raw += w * byFile.raw[f]!;
    windows += w * byFile.windows[f]!;
  }
  const worst = -profile.fn * windows;
  return windows === 0 ? 0 : (100 * (raw - worst)) / (profile.tp * windows - worst);
}
