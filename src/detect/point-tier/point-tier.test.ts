import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileKernel } from '../../../scripts/build-kernels.ts';
import { createScoreColumns, type ScoreColumns } from '../../domain/detector.ts';
import { createPointBatch, type PointBatch } from '../../domain/signal/batch.ts';
import { MINUTE } from '../../domain/units.ts';
import { POINTS_WASM } from '../../stats/kernels/points-wasm.ts';
import { createRng, type Rng } from '../../stats/rng.ts';
import { createAlwaysOn, createDetector, type SeriesDetectorName } from '../registry.ts';

/** One block of four and a half. */
const SERIES = 6;
const SAMPLES = 1200;
const START = Date.UTC(2026, 0, 5);

/** Series of every nature: noise, a walk, counts, near-constant, mostly zero; with spikes, gaps and a step. */
function source(kind: number, rng: Rng): (i: number) => number {
  let walk = 0;
  return (i) => {
    walk += rng.normal();
    if (rng.next() < 0.003) return Number.NaN;
    const spike = rng.next() < 0.004 ? 40 * rng.normal() : 0;
    if (kind === 0) return 50 + 5 * rng.normal() + spike + (i > 700 ? 30 : 0);
    if (kind === 1) return -200 + walk + spike;
    if (kind === 2) return Math.floor(4 * rng.next()) + Math.round(spike);
    if (kind === 3) return 1000 + (rng.next() < 0.02 ? 1 : 0);
    return rng.next() < 0.05 ? rng.int(5) : 0;
  };
}

/** Which series a tick has, in which order: mostly all in order, so that blocks are whole, else any. */
function seriesOf(rng: Rng): number[] {
  const all = Array.from({ length: SERIES }, (_, s) => s);
  if (rng.next() < 0.7) return all;
  const some = all.filter(() => rng.next() < 0.7);
  return rng.next() < 0.5 ? some.toReversed() : some;
}

function fill(batch: PointBatch, i: number, series: readonly number[], value: (s: number) => number): void {
  batch.length = series.length;
  series.forEach((s, at) => {
    batch.series[at] = s;
    batch.time[at] = START + i * MINUTE;
    batch.value[at] = value(s);
  });
}

function close(a: number, b: number, tolerance: number, where: string): void {
  if (!(Math.abs(a - b) <= tolerance * (1 + Math.abs(b)))) throw new Error(`${where}: ${a}, by itself ${b}`);
}

function compare(name: string, i: number, length: number, tier: ScoreColumns, alone: ScoreColumns): void {
  for (let at = 0; at < length; at++) {
    const where = `${name}, sample ${i}.${at}`;
    if (tier.ready[at] !== alone.ready[at]) throw new Error(`${where}: ready ${tier.ready[at]}`);
    if (alone.ready[at] === 0) continue;
    close(tier.raw[at]!, alone.raw[at]!, 1e-3, where);
    if (name !== 'ewma') continue;
    for (const column of ['expected', 'lower', 'upper'] as const)
      close(tier[column][at]!, alone[column][at]!, 1e-5, `${column} of ${where}`);
  }
}

type DetectorOptions = Readonly<Record<string, Record<string, number>>>;

/** Plays the same samples to the tier and to each detector by itself. */
function play(kinds: readonly number[], modes: readonly number[], seed: number, detectors: DetectorOptions): void {
  const rng = createRng(seed);
  const tier = createAlwaysOn({ detectors, off: ['seasonal'] });
  const alone = tier.names.map((name) => createDetector(name as SeriesDetectorName, { detectors }));
  for (const part of [tier, ...alone]) part.grow(SERIES);
  const band = createScoreColumns(SERIES);
  const columns = tier.names.map(() => ({ ...band, raw: new Float32Array(SERIES), ready: new Uint8Array(SERIES) }));
  const scores = { ...band, raw: columns.map((c) => c.raw), ready: columns.map((c) => c.ready) };
  const own = createScoreColumns(SERIES);
  const batch = createPointBatch(SERIES);
  const sources = kinds.map((kind) => source(kind, rng));
  const learn = new Uint8Array(SERIES);
  for (let i = 0; i < SAMPLES; i++) {
    fill(batch, i, seriesOf(rng), (s) => sources[s]!(i));
    learn.fill(modes[i % modes.length]!);
    tier.observe(batch, learn, scores);
    alone.forEach((detector, d) => {
      detector.observe(batch, learn, own);
      compare(detector.name, i, batch.length, columns[d]!, own);
    });
  }
}

/** Learning with a stop of 40 samples and 20 learnt fast, over and over. */
const STOPS = Array.from({ length: 400 }, (_, i) => (i > 380 ? 2 : i > 340 ? 0 : 1));

describe('point tier', () => {
  it('scores as the detectors do that stand by themselves, whatever the series, their order and the mode of learning', () => {
    const kinds = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: SERIES, maxLength: SERIES });
    const modes = fc.constantFrom([1], STOPS);
    fc.assert(
      fc.property(kinds, modes, fc.integer({ min: 1, max: 1e6 }), (...given) => play(...given, {})),
      { numRuns: 10, seed: 1 },
    );
  });

  it('hands options on', () => {
    play([0, 1, 2, 3, 4, 0], STOPS, 5, {
      ewma: { levelSamples: 20, scaleSamples: 100, clip: 3, warmup: 10 },
      difference: { scaleSamples: 100, clip: 2, warmup: 12 },
      holt: { level: 0.5, trend: 0.1, damping: 0.5, scaleSamples: 200, clip: 3, warmup: 14 },
      ar: { levelSamples: 50, rate: 0.05, scaleSamples: 300, clip: 3, warmup: 16 },
      quantile: { rate: 0.02, warmup: 40 },
      'mean-shift': { fastSamples: 10, slowSamples: 100, clip: 5, warmup: 50 },
      'run-length': { memory: 50, warmup: 20 },
      twin: { window: 7, levelWindows: 10, scaleWindows: 20, clip: 3, warmup: 5 },
      novelty: { window: 4, memory: 100, warmup: 6 },
    });
  });

  it('grows, resets and copies rows without touching others', () => {
    const tier = createAlwaysOn({ off: ['seasonal'] });
    tier.grow(5);
    const rng = createRng(3);
    const scores = {
      ...createScoreColumns(8),
      raw: tier.names.map(() => new Float32Array(8)),
      ready: tier.names.map(() => new Uint8Array(8)),
    };
    const learn = new Uint8Array(8).fill(1);
    const batch = createPointBatch(8);
    const values = Array.from({ length: 5 }, (_, s) => source(s, rng));
    for (let i = 0; i < 500; i++) {
      fill(batch, i, [0, 1, 2, 3, 4], (s) => values[s]!(i));
      tier.observe(batch, learn, scores);
    }
    const frozen = new Uint8Array(8);
    const raws = (): number[][] => {
      fill(batch, 500, [0, 1, 2, 3, 4], (s) => 60 + s);
      tier.observe(batch, frozen, scores);
      return scores.raw.slice(0, 7).map((raw) => Array.from(raw.subarray(0, 5)));
    };
    const before = raws();
    tier.grow(3000);
    expect(raws()).toEqual(before);
    tier.copy(0, 1);
    tier.reset(4);
    fill(batch, 501, [0, 1, 2, 3, 4], (s) => (s === 1 ? 60 : 60 + s));
    tier.observe(batch, frozen, scores);
    for (const [d, raw] of scores.raw.slice(0, 7).entries()) {
      expect(raw[1]).toBe(raw[0]);
      expect([raw[0], raw[2], raw[3]]).toEqual([before[d]![0], before[d]![2], before[d]![3]]);
    }
    expect(scores.ready.map((ready) => ready[4])).toEqual(tier.names.map(() => 0));
  });

  it('runs the kernel that its source says', async () => {
    expect(await compileKernel('points')).toContain(POINTS_WASM);
  }, 60_000);
});
