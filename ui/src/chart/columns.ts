import type { AlignedData } from 'uplot';
import type { WireRange } from '../api/types.ts';

type Column = (number | null)[];

export interface ChartColumns {
  /** Seconds, as uPlot wants them; then mean, upper, lower, expected, max, min. */
  readonly lines: AlignedData;
  /** Seconds; -log10 p of the usual steps; of the strange ones. */
  readonly score: AlignedData;
  /** Index of each sample that lay below p = 1e-3. */
  readonly strange: readonly number[];
}

/** From here on a sample is marked: p below 1e-3. */
export const STRANGE = 3;

/** Samples further apart than this do not belong to one line: by the steps asked for, or by how often samples come. */
export function longestPause({ at, step }: Pick<WireRange, 'at' | 'step'>): number {
  const pauses = at.slice(1).map((moment, i) => moment - (at[i] ?? 0));
  const usual = pauses.toSorted((a, b) => a - b)[Math.floor(pauses.length * 0.75)] ?? step;
  return Math.max(step, usual) * 1.9;
}

/** A range as uPlot columns; where samples are missing, a null breaks the line instead of bridging the gap. */
export function columnsOf(range: WireRange): ChartColumns {
  const time: number[] = [];
  const columns = [range.mean, range.upper, range.lower, range.expected, range.max, range.min, range.surprise];
  const out: Column[] = columns.map(() => []);
  const gap = longestPause(range);
  for (let i = 0; i < range.at.length; i++) {
    const at = range.at[i] ?? 0;
    const before = range.at[i - 1];
    if (before !== undefined && at - before > gap) {
      time.push((before + range.step) / 1_000);
      for (const column of out) column.push(null);
    }
    time.push(at / 1_000);
    for (const [k, column] of columns.entries()) out[k]?.push(column[i] ?? null);
  }
  const surprise = out.pop() ?? [];
  const strange = surprise.flatMap((value, index) => ((value ?? 0) >= STRANGE ? [index] : []));
  return {
    lines: [time, ...out] as AlignedData,
    score: [
      time,
      surprise.map((value) => ((value ?? 0) < STRANGE ? value : null)),
      surprise.map((value) => ((value ?? 0) < STRANGE ? null : value)),
    ] as AlignedData,
    strange,
  };
}
