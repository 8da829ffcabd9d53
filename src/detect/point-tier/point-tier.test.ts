import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPointBatch } from '../../domain/batch.ts';
import { createScoreColumns } from '../../domain/detector.ts';
import { MINUTE } from '../../domain/units.ts';
import { createRng } from '../../stats/rng.ts';
import { createAlwaysOn, createDetector, type SeriesDetectorName } from '../registry.ts';

const SERIES = 3;
const START = Date.UTC(2026, 0, 5);

/** Series of every nature: noise, a walk, counts, near-constant, mostly zero; with spikes, gaps and steps. */
function value(kind: number, seed: number): (i: number) => number {
  const rng = createRng(seed);
  let walk = 0;
  return (i) => {
    walk += rng.normal();
    if (rng.next() < 0.003) return Number.NaN;
    const spike = rng.next() < 0.004 ? 40 * rng.normal() : 0;
    const step = i > 700 ? 30 : 0;
    if (kind === 0) return 50 + 5 * rng.normal() + spike + step;
    if (kind === 1) return -200 + walk + spike;
    if (kind === 2) return Math.floor(4 * rng.next()) + Math.round(spike);
    if (kind === 3) return 1000 + (rng.next() < 0.02 ? 1 : 0);
    return rng.next() < 0.05 ? rng.int(5) : 0;
  };
}

function play(
  kinds: readonly number[],
  modes: Uint8Array,
  seed: number,
  detectors: Readonly<Record<string, Record<string, number>>>,
) {
  const tier = createAlwaysOn({ detectors });
  const twins = tier.names.map((name) => createDetector(name as SeriesDetectorName, { detectors }));
  for (const part of [tier, ...twins]) part.grow(SERIES);
  const columns = tier.names.map(() => createScoreColumns(SERIES));
  const [expected, lower, upper] = [0, 1, 2].map(() => new Float32Array(SERIES)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const scores = { raw: columns.map((c) => c.raw), ready: columns.map((c) => c.ready), expected, lower, upper };
  const twin = createScoreColumns(SERIES);
  const batch = createPointBatch(SERIES);
  const sources = kinds.map((kind, s) => value(kind, seed + s));
  const learn = new Uint8Array(SERIES);
  batch.length = SERIES;
  for (let i = 0; i < 1500; i++) {
    for (let s = 0; s < SERIES; s++) {
      batch.series[s] = s;
      batch.time[s] = START + i * MINUTE;
      batch.value[s] = sources[s]!(i);
      learn[s] = modes[i % modes.length]!;
    }
    tier.observe(batch, learn, scores);
    for (const [d, detector] of twins.entries()) {
      detector.observe(batch, learn, twin);
      for (let s = 0; s < SERIES; s++) {
        const where = `${detector.name} of kind ${kinds[s]} at ${i}`;
        expect(scores.ready[d]![s], where).toBe(twin.ready[s]);
        if (twin.ready[s] === 0) continue;
        expect(Math.abs(scores.raw[d]![s]! - twin.raw[s]!), where).toBeLessThanOrEqual(1e-4 * (1 + twin.raw[s]!));
        if (detector.name !== 'ewma') continue;
        for (const [column, own] of [
          [expected, twin.expected],
          [lower, twin.lower],
          [upper, twin.upper],
        ] as const)
          expect(Math.abs(column[s]! - own[s]!), where).toBeLessThanOrEqual(1e-5 * (1 + Math.abs(own[s]!)));
      }
    }
  }
}

const modes = fc.constantFrom(
  new Uint8Array([1]),
  Uint8Array.from({ length: 400 }, (_, i) => (i > 380 ? 2 : i > 340 ? 0 : 1)),
);

describe('point tier', () => {
  it('scores as the detectors do that stand by themselves, whatever the series and the mode of learning', () => {
    const kind = fc.integer({ min: 0, max: 4 });
    fc.assert(
      fc.property(fc.tuple(kind, kind, kind), modes, fc.integer({ min: 1, max: 1e6 }), (kinds, mode, seed) =>
        play(kinds, mode, seed, {}),
      ),
      { numRuns: 8, seed: 1 },
    );
  });

  it('hands options on', () => {
    play([0, 1, 2], new Uint8Array([1]), 5, {
      ewma: { levelSamples: 20, scaleSamples: 100, warmup: 10 },
      difference: { clip: 2 },
      holt: { level: 0.5, damping: 0.5 },
      ar: { levelSamples: 50, rate: 0.05 },
      quantile: { rate: 0.02, warmup: 40 },
      'mean-shift': { fastSamples: 10, slowSamples: 100 },
      'run-length': { memory: 50, warmup: 20 },
      twin: { window: 7, levelWindows: 10 },
      novelty: { window: 4, memory: 100 },
    });
  });
});
