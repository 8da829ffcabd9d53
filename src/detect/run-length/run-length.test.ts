import { describe, expect, it } from 'vitest';
import { createScoreColumns, type SeriesDetector } from '../../domain/detector.ts';
import { createPointBatch } from '../../domain/signal/batch.ts';
import { createRng } from '../../stats/rng.ts';
import { createRunLength } from './run-length.ts';

/** Raw scores of one series, learning every sample. */
function scores(detector: SeriesDetector, values: ArrayLike<number>): number[] {
  detector.grow(1);
  const batch = createPointBatch(1);
  const out = createScoreColumns(1);
  batch.length = 1;
  return Array.from(values, (value, i) => {
    batch.time[0] = i * 60_000;
    batch.value[0] = value;
    detector.observe(batch, new Uint8Array([1]), out);
    return out.raw[0]!;
  });
}

const rng = createRng(3);

/** 32-bit state rounds: equal to four digits or so. */
function alike(fast: readonly number[], slow: readonly number[]): void {
  for (const [i, score] of fast.entries()) {
    expect(Math.abs(score - slow[i]!), `sample ${i}`).toBeLessThan(1e-3 * (1 + slow[i]!));
  }
}

describe('run-length', () => {
  it('equals the plain formula', () => {
    const values = Array.from({ length: 2000 }, (_, i) => (i < 1500 ? rng.int(3) : 7));
    const lengths: number[] = [];
    let longest = 0;
    let mean = 0;
    let run = 0;
    const slow = values.map((x, i) => {
      if (i > 0 && x !== values[i - 1]) {
        lengths.push(run);
        mean += Math.max(1 / 200, 1 / lengths.length) * (run - mean);
        longest = Math.max(run, longest * (1 - 1 / 200));
        run = 0;
        run++;
        return 0;
      }
      run++;
      return run < 4 ? 0 : run / (Math.max(longest, 3 * mean) + 1);
    });
    alike(scores(createRunLength(), values), slow);
    expect(slow[1999]).toBeGreaterThan(20);
  });
});
