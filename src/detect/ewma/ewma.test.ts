import { describe, expect, it } from 'vitest';
import { createScoreColumns, type SeriesDetector } from '../../domain/detector.ts';
import { createPointBatch } from '../../domain/signal/batch.ts';
import { createRng } from '../../stats/rng.ts';
import { createEwma } from './ewma.ts';

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
const noisy = Float64Array.from({ length: 1500 }, (_, i) => 40.5 + 5 * rng.normal() + (i === 900 ? 200 : 0));

/** 32-bit state rounds: equal to four digits or so. */
function alike(fast: readonly number[], slow: readonly number[]): void {
  for (const [i, score] of fast.entries()) {
    expect(Math.abs(score - slow[i]!), `sample ${i}`).toBeLessThan(1e-3 * (1 + slow[i]!));
  }
}

describe('ewma', () => {
  it('equals the plain formula', () => {
    let level = 0;
    let deviation = 0;
    const slow = Array.from(noisy, (x, n) => {
      const scale = Math.max(deviation * 1.2533, 0.003 * Math.abs(level), 1e-12);
      const score = n === 0 ? 0 : Math.abs(x - level) / scale;
      const residual = n >= 30 ? Math.max(-4 * scale, Math.min(4 * scale, x - level)) : x - level;
      level += Math.max(1 / 60, 1 / (n + 1)) * residual;
      if (n > 0) deviation += Math.max(1 / 1000, 1 / (n + 1)) * (Math.abs(residual) - deviation);
      return score;
    });
    alike(scores(createEwma(), noisy), slow);
  });

  it('does not explode on a near-constant series', () => {
    const steps = Float64Array.from({ length: 500 }, (_, i) => (i === 400 ? 1001 : 1000));
    expect(scores(createEwma(), steps)[400]).toBeLessThan(1);
  });
});
