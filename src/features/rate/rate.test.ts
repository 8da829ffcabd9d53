import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPointBatch } from '../../domain/signal/batch.ts';
import { SERIES_KIND } from '../../domain/signal/series.ts';
import { createRate, RATE_FLAG, type Rate } from './rate.ts';

const KINDS = Uint8Array.of(
  SERIES_KIND.counter,
  SERIES_KIND.gauge,
  SERIES_KIND.delta,
  SERIES_KIND.upDown,
  SERIES_KIND.derived,
);
const INTERVAL = new Float32Array(5).fill(10_000);

function fresh(): Rate {
  const rate = createRate();
  rate.grow(5);
  return rate;
}

/** [series, value, flags] of what is left. */
function apply(rate: Rate, samples: readonly (readonly [number, number, number])[]): number[][] {
  const batch = createPointBatch(samples.length);
  batch.length = samples.length;
  samples.forEach(([series, time, value], i) => {
    batch.series[i] = series;
    batch.time[i] = time;
    batch.value[i] = value;
  });
  rate.apply(batch, KINDS, INTERVAL);
  return Array.from({ length: batch.length }, (_, i) => [batch.series[i]!, batch.value[i]!, rate.flags[i]!]);
}

describe('createRate', () => {
  it('gives back the increments of any counter, over any steps', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 29_999 }), fc.nat(1e6)), { minLength: 1 });
    fc.assert(
      fc.property(fc.nat(1e9), steps, (start, list) => {
        const rate = fresh();
        let time = 1_000_000;
        let total = start;
        expect(apply(rate, [[0, time, total]])).toEqual([]);
        for (const [dt, rise] of list) {
          time += dt;
          total += rise;
          const [[, value, flags] = []] = apply(rate, [[0, time, total]]);
          expect(value! * (dt / 1000)).toBeCloseTo(rise, 4);
          expect(flags).toBe(0);
        }
      }),
    );
  });

  it('takes a fall for a restart, a small step back for noise', () => {
    const rate = fresh();
    apply(rate, [[0, 10_000, 1000]]);
    expect(apply(rate, [[0, 20_000, 50]])).toEqual([[0, 5, RATE_FLAG.reset]]);
    apply(rate, [[0, 30_000, 1000]]);
    expect(apply(rate, [[0, 40_000, 990]])).toEqual([]);
    expect(apply(rate, [[0, 50_000, 1090]])).toEqual([[0, 10, 0]]);
    expect(rate.counters).toEqual({ resets: 1, backsteps: 1, anchors: 1 });
  });

  it('says where the rate is a mean over a pause', () => {
    const rate = fresh();
    apply(rate, [[0, 10_000, 0]]);
    expect(apply(rate, [[0, 110_000, 1000]])).toEqual([[0, 10, RATE_FLAG.gap]]);
  });

  it('divides deltas by their own interval, not by the pause before', () => {
    const rate = fresh();
    expect(apply(rate, [[2, 10_000, 40]])).toEqual([[2, 4, 0]]);
    expect(apply(rate, [[2, 25_000, 30]])).toEqual([[2, 2, 0]]);
    expect(apply(rate, [[2, 925_000, 40]])).toEqual([[2, 4, RATE_FLAG.gap]]);
  });

  it('leaves everything else as it is and closes the ranks', () => {
    const rate = fresh();
    const out = apply(rate, [
      [1, 5, 7],
      [0, 5, 100],
      [3, 5, -3],
      [4, 5, 0.5],
    ]);
    expect(out).toEqual([
      [1, 7, 0],
      [3, -3, 0],
      [4, 0.5, 0],
    ]);
  });

  it('goes on after restore, and anew after reset', () => {
    const rate = fresh();
    apply(rate, [[0, 10_000, 100]]);
    const restored = createRate();
    restored.restore(rate.save());
    expect(apply(restored, [[0, 20_000, 200]])).toEqual(apply(rate, [[0, 20_000, 200]]));
    rate.reset(0);
    expect(apply(rate, [[0, 30_000, 300]])).toEqual([]);
  });
});
