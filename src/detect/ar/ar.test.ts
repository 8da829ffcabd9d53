import { describe, expect, it } from 'vitest';
import { createScoreColumns, type SeriesDetector } from '../../domain/detector.ts';
import { createPointBatch } from '../../domain/signal/batch.ts';
import { createRng } from '../../stats/rng.ts';
import { createAr } from './ar.ts';

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

describe('ar', () => {
  it('learns an autoregression that a difference or a level cannot', () => {
    let a = 0;
    let b = 0;
    const wave = Float64Array.from({ length: 6000 }, () => {
      const x = 1.6 * a - 0.9 * b + rng.normal();
      b = a;
      a = x;
      return x;
    });
    const spread = Math.sqrt(wave.reduce((sum, x) => sum + x * x, 0) / wave.length);
    const raw = scores(createAr(), wave);
    // The level alone leaves the whole spread as residual: an outlier of 3 of it must stand far out of the AR residuals.
    const struck = wave.slice();
    struck[5900] = struck[5900]! + 3 * spread;
    expect(scores(createAr(), struck)[5900]! - raw[5900]!).toBeGreaterThan(4);
  });

  it('stays bounded on noise, ramps and a spike', () => {
    const ramp = Float64Array.from({ length: 3000 }, (_, i) => i * 3.7 + (i === 2000 ? 1e6 : 0));
    for (const score of scores(createAr(), ramp).slice(2100)) expect(score).toBeLessThan(50);
    for (const score of scores(createAr(), noisy).slice(950)) expect(score).toBeLessThan(8);
  });
});
