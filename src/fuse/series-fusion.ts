import type { DetectorTier, StateBlob, TierScores } from '../domain/detector.ts';
import { TocsinError } from '../domain/error.ts';
import { defaultsOf, type Options } from '../domain/options.ts';
import type { PointBatch } from '../domain/signal/batch.ts';
import { createFusedCalibrator } from './calibrate/fused-calibrator.ts';
import { createTailBank, type TailColumns } from './calibrate/tail-bank.ts';
import { createLearnGate, LEARN_GATE_OPTIONS } from './combine/learn-gate.ts';
import { createOrdinaryCourse } from './ordinary-course.ts';
import { explainSample } from './series-reason.ts';
import type { SampleReason, SeriesScores } from './series-scores.ts';

export interface SeriesFusionOptions {
  /** Weight of a detector's -log10 p in the sum; an even share where not named. */
  readonly weights?: Readonly<Record<string, number>>;
  /** Detectors that speak seldom and are added in full; the sum of the others is damped above `ordinaryCap`. */
  readonly rare?: readonly string[];
  readonly ordinaryCap?: number;
  readonly gate?: Options<typeof LEARN_GATE_OPTIONS>;
}

/** All detectors of the always-on tier over the series of one shard, calibrated and fused into one p-value a sample. */
export interface SeriesFusion {
  readonly bytesPerSeries: number;
  grow(capacity: number): void;
  /** Each series at most once in the batch, values already rates. Scores first, learns afterwards. */
  observe(batch: PointBatch, out: SeriesScores): void;
  reset(series: number): void;
  copy(from: number, to: number): void;
  save(live?: boolean): Record<string, StateBlob>;
  restore(parts: Record<string, StateBlob>): void;
}

/** Samples stranger than this are weighed again as evidence; the others are worth what they are. */
const DOUBTFUL = 1;

export function createSeriesFusion(tier: DetectorTier, options: SeriesFusionOptions = {}): SeriesFusion {
  const { names } = tier;
  const weights = names.map((name) => options.weights?.[name] ?? 1 / names.length);
  const isRare = names.map((name) => options.rare?.includes(name) ?? name === 'novelty');
  const ordinaryCap = options.ordinaryCap ?? 3;
  const tails = createTailBank(weights, isRare);
  const course = createOrdinaryCourse(ordinaryCap, (calibratorRows, gateRows) => ({
    calibrator: createFusedCalibrator(calibratorRows),
    gate: createLearnGate(options.gate ?? defaultsOf(LEARN_GATE_OPTIONS), gateRows),
  }));
  const { calibrator, gate } = course;
  const parts = { 'fuse.tails': tails, 'fuse.calibrator': calibrator, 'fuse.gate': gate };

  function makeRoom(length: number): void {
    if (length > tails.columns.mode.length) tails.makeRoom(Math.max(256, length, 2 * tails.columns.mode.length));
    course.makeRoom(length);
  }

  function reasonOf(i: number, series: number, value: number, expected: number): SampleReason {
    return explainSample(names, weights, tails.columns.surprise, i, value, expected, gate.onsetOf(series));
  }

  /** Calibrates what the tails made of the scores, learns it, and says what the samples are worth. */
  function fuse({ time, length }: PointBatch, tail: TailColumns, out: SeriesScores): void {
    const { sum, rare, known } = course.columns;
    copyColumn(tail.sum, sum, length);
    copyColumn(tail.rare, rare, length);
    copyColumn(tail.known, known, length);
    const unusual = course.judge(length);
    course.settle(length, time);
    const { series, fused, strange, surprise, extent, changePoint, ready, unusual: which } = course.columns;
    copyColumn(surprise, out.surprise, length);
    copyColumn(surprise, out.evidence, length);
    copyColumn(extent, out.extent, length);
    copyColumn(changePoint, out.changePoint, length);
    copyColumn(ready, out.ready, length);
    // A score in the ordinary course is worth the same as evidence.
    for (let k = 0; k < unusual; k++) {
      const i = which[k]!;
      if (strange[i]! > DOUBTFUL) out.evidence[i] = calibrator.evidence(series[i]!, fused[i]!);
    }
  }

  return {
    bytesPerSeries: tier.bytesPerSeries + tails.bytesPerSeries + calibrator.bytesPerSeries + gate.bytesPerSeries,
    grow(capacity) {
      tier.grow(capacity);
      for (const part of Object.values(parts)) part.grow(capacity);
    },
    observe(batch, out) {
      const { series, value, length } = batch;
      makeRoom(length);
      const tail = tails.columns;
      copyColumn(series, tail.series, length);
      copyColumn(series, course.columns.series, length);
      course.modes(length);
      copyColumn(course.columns.mode, tail.mode, length);
      const { expected, lower, upper } = out;
      const { raw, ready, mode } = tail;
      const scores: TierScores = { raw, ready, expected, lower, upper };
      tier.observe(batch, mode, scores);
      tails.observe(length);
      fuse(batch, tail, out);
      out.explain = (i) => reasonOf(i, series[i]!, value[i]!, out.expected[i]!);
    },
    reset(series) {
      tier.reset(series);
      for (const part of Object.values(parts)) part.reset(series);
    },
    copy(from, to) {
      tier.copy(from, to);
      for (const part of Object.values(parts)) part.copy(from, to);
    },
    save(live) {
      const saved: Record<string, StateBlob> = tier.save(live);
      for (const [name, part] of Object.entries(parts)) saved[name] = part.save(live);
      return saved;
    },
    restore(saved) {
      tier.restore(saved);
      for (const [name, part] of Object.entries(parts)) part.restore(partOf(saved, name));
    },
  };
}

function copyColumn<T extends Int32Array | Float32Array | Uint8Array>(from: T, to: T, length: number): void {
  // Below so many samples a loop copies faster than the engine's own copying is called.
  if (length < 64) for (let i = 0; i < length; i++) to[i] = from[i]!;
  else to.set(from.length === length ? from : from.subarray(0, length));
}

function partOf(saved: Record<string, StateBlob>, name: string): StateBlob {
  const part = saved[name];
  if (!part) throw new TocsinError('state_version', `the snapshot has no part ${name}`);
  return part;
}
