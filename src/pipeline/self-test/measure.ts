import type { Background } from '../../learn/self-test/backgrounds.ts';
import { counterOf, type InjectedCase, injectAll } from '../../learn/self-test/inject.ts';
import type { Fed } from './tier.ts';

/** A week: false alarms are counted behind it, and injections lie there. */
export const WARM_UP_ROWS = 7 * 1_440;
const WEEK_ROWS = 7 * 1_440;
/** Alarm rows at most this far apart are one alarm; also how near an alarm of the untouched copy excuses one. */
const MERGE_GAP = 5;
/** Rows behind an injection within which an alarm is still its. */
const LATEST = 7;

/** Scores of rows, larger is stranger; of what it is fed alone. */
export type Scorer = (series: readonly Fed[]) => readonly Float32Array[];

/** The strangest of the rows that count: of the injected copy where it says more than the untouched one does there. */
export interface ScoredCase {
  readonly background: number;
  readonly kind: InjectedCase['kind'];
  readonly grade: number;
  readonly from: number;
  readonly window: Float32Array;
  /** Of the same rows, and `MERGE_GAP` around each, of the untouched copy. */
  readonly untouched: Float32Array;
}

export interface Scored {
  readonly cases: readonly ScoredCase[];
  /** Untouched copies, behind the warm-up, where nothing is known to be wrong. */
  readonly quiet: readonly Float32Array[];
}

/** Injects into every background, lets `scorer` look at it, and keeps the rows that count. */
export function scoreAll(
  backgrounds: readonly Background[],
  scorer: Scorer,
  seed: number,
  only?: ReadonlySet<string>,
): Scored {
  const cases: ScoredCase[] = [];
  const quiet: Float32Array[] = [];
  backgrounds.forEach((background, b) => {
    const other = backgrounds[(b + 1) % backgrounds.length]!;
    const injected = injectAll(background, other, WARM_UP_ROWS, seed * 7_919 + b).filter(
      ({ kind }) => only === undefined || only.has(kind),
    );
    const plain = (value: Float64Array, counter: boolean): Fed => ({ value, counter, arrival: null });
    const scores = scorer([plain(background.value, false), plain(counterOf(background.value), true), ...injected]);
    quiet.push(scores[0]!.subarray(WARM_UP_ROWS).map((x, i) => (background.unfit?.[i + WARM_UP_ROWS] === 1 ? 0 : x)));
    injected.forEach(({ kind, grade, from, to, counter, moved }, i) => {
      const last = Math.min(background.value.length - 1, to + LATEST);
      const clean = scores[counter ? 1 : 0]!;
      const untouched = widened(clean, from, last);
      if (moved !== 0) {
        const elsewhere = widened(clean, from + moved, last + moved);
        for (let k = 0; k < untouched.length; k++) untouched[k] = Math.max(elsewhere[k]!, untouched[k]!);
      }
      cases.push({ background: b, kind, grade, from, window: scores[i + 2]!.slice(from, last + 1), untouched });
    });
  });
  return { cases, quiet };
}

function widened(score: Float32Array, from: number, to: number): Float32Array {
  const out = new Float32Array(to - from + 1);
  for (let row = from; row <= to; row++) {
    let most = 0;
    for (let k = Math.max(0, row - MERGE_GAP); k <= Math.min(score.length - 1, row + MERGE_GAP); k++)
      if (score[k]! > most) most = score[k]!;
    out[row - from] = most;
  }
  return out;
}

/** Alarms a series-week at a threshold: runs of rows at or above it, at most `MERGE_GAP` apart. */
export function falseAlarmsPerWeek(quiet: readonly Float32Array[], threshold: number): number {
  let alarms = 0;
  let rows = 0;
  for (const score of quiet) {
    rows += score.length;
    let last = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < score.length; i++) {
      if (score[i]! < threshold) continue;
      if (i - last > MERGE_GAP) alarms++;
      last = i;
    }
  }
  return rows === 0 ? 0 : (alarms * WEEK_ROWS) / rows;
}

/** The lowest of many thresholds at which quiet series raise no more than this; from the strictest down, until one does. */
export function thresholdAt(quiet: readonly Float32Array[], perWeek: number): number {
  const all = Float32Array.from(quiet.flatMap((score) => [...score])).sort();
  let found = Number.POSITIVE_INFINITY;
  const most = Math.min(all.length, Math.ceil(all.length / 20));
  for (let rank = 1; rank <= most; rank = Math.max(rank + 1, Math.ceil(rank * 1.03))) {
    const threshold = all[all.length - rank]!;
    if (threshold <= 0 || falseAlarmsPerWeek(quiet, threshold) > perWeek) break;
    found = threshold;
  }
  return found;
}

/** Rows from the beginning of an injection to its first alarm that the untouched copy does not raise; -1 without one. */
export function delayOf({ window, untouched }: ScoredCase, threshold: number): number {
  for (let i = 0; i < window.length; i++) if (window[i]! >= threshold && untouched[i]! < threshold) return i;
  return -1;
}

export interface KindFigures {
  readonly kind: string;
  readonly cases: number;
  readonly found: number;
  /** Share found, by size. */
  readonly byGrade: readonly number[];
  /** Median rows to the first alarm, of those found; NaN without any. */
  readonly delay: number;
}

export function figuresOf(cases: readonly ScoredCase[], kind: string, threshold: number): KindFigures {
  const own = cases.filter((one) => one.kind === kind);
  const delays = own.map((one) => delayOf(one, threshold));
  const hits = delays.filter((delay) => delay >= 0).sort((a, b) => a - b);
  const byGrade = [0, 1, 2, 3, 4].map((grade) => {
    const of = own.flatMap((one, i) => (one.grade === grade ? [delays[i]! >= 0 ? 1 : 0] : []));
    return of.length === 0 ? Number.NaN : of.reduce<number>((sum, x) => sum + x, 0) / of.length;
  });
  return { kind, cases: own.length, found: hits.length, byGrade, delay: hits[hits.length >> 1] ?? Number.NaN };
}
