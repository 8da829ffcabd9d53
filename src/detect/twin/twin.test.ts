import { describe, expect, it } from 'vitest';
import { createScoreColumns, type SeriesDetector } from '../../domain/detector.ts';
import { createPointBatch } from '../../domain/signal/batch.ts';
import { createRng } from '../../stats/rng.ts';
import { createTwin } from './twin.ts';

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

describe('twin', () => {
  const last = (values: Float64Array): number => Math.max(...scores(createTwin(), values).slice(3000));
  const make = (shape: (i: number) => number): Float64Array =>
    Float64Array.from({ length: 3120 }, (_, i) => 50.5 + rng.normal() + (i < 3000 ? 0 : shape(i - 3000)));

  it('sees a ramp, an oscillation and a change of variance', () => {
    const usual = last(make(() => 0));
    expect(last(make((i) => i / 12))).toBeGreaterThan(1.5 * usual);
    expect(last(make((i) => 4 * Math.sin(i / 2)))).toBeGreaterThan(1.5 * usual);
    expect(last(make(() => 5 * rng.normal()))).toBeGreaterThan(1.5 * usual);
  });

  it('computes the features of a window as defined, whatever the level', () => {
    const values = Float64Array.from({ length: 10 }, () => 1e6 + rng.normal());
    const detector = createTwin();
    scores(detector, values);
    const state = new Float32Array((detector.save().arrays['models'] as Uint8Array).slice().buffer);
    const mean = values.reduce((sum, x) => sum + x, 0) / 10;
    const std = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 10);
    expect(state[0]).toBeCloseTo(mean, 0);
    expect(state[4]).toBeCloseTo(Math.min(...values), 0);
    expect(state[8]).toBeCloseTo(Math.max(...values), 0);
    expect(state[12]).toBeCloseTo(std, 1);
  });
});
