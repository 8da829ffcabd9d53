import type { DetectorTier, StateBlob, TierScores } from '../domain/detector.ts';
import { TocsinError } from '../domain/error.ts';
import { defaultsOf, type Options } from '../domain/options.ts';
import type { PointBatch } from '../domain/signal/batch.ts';
import { createFusedCalibrator } from './calibrate/fused-calibrator.ts';
import { createTailBank, type TailColumns } from './calibrate/tail-bank.ts';
import { createLearnGate, LEARN_GATE_OPTIONS } from './combine/learn-gate.ts';
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
  save(): Record<string, StateBlob>;
  restore(parts: Record<string, StateBlob>): void;
}

const CAP = 8;

/** Samples stranger than this are weighed again as evidence; the others are worth what they are. */
const DOUBTFUL = 1;

export function createSeriesFusion(tier: DetectorTier, options: SeriesFusionOptions = {}): SeriesFusion {
  const { names } = tier;
  const weights = names.map((name) => options.weights?.[name] ?? 1 / names.length);
  const isRare = names.map((name) => options.rare?.includes(name) ?? name === 'novelty');
  const ordinaryCap = options.ordinaryCap ?? 3;
  const tails = createTailBank(weights, isRare);
  const calibrator = createFusedCalibrator();
  const gate = createLearnGate(options.gate ?? defaultsOf(LEARN_GATE_OPTIONS));
  const parts = { 'fuse.tails': tails, 'fuse.calibrator': calibrator, 'fuse.gate': gate };

  /** The tails' columns; detectors write their scores straight into them. Replaced when the tails grow. */
  let columns: TailColumns | null = null;
  /** Score of each sample over all detectors. */
  let fused = new Float64Array(256);
  let strange = new Float64Array(256);

  function bind(length: number): TailColumns {
    if (length > tails.columns.mode.length) tails.makeRoom(Math.max(256, length, 2 * tails.columns.mode.length));
    if (columns === tails.columns) return columns;
    columns = tails.columns;
    return columns;
  }

  function reasonOf(i: number, series: number, value: number, expected: number): SampleReason {
    const { surprise, stride } = tails.columns;
    const surprises = names.map((_, d) => surprise.subarray(i * stride + d));
    return explainSample(names, weights, surprises, 0, value, expected, gate.onsetOf(series));
  }

  // Loops live in functions of their own: inside `observe` the optimiser gave up again and again.
  function weigh({ sum, rare }: TailColumns, length: number): void {
    for (let i = 0; i < length; i++) {
      let score = sum[i]!;
      if (score > ordinaryCap) score = ordinaryCap + 0.1 * (score - ordinaryCap);
      score += rare[i]!;
      fused[i] = score > CAP ? CAP : score;
    }
  }

  function fuse({ series, time, length }: PointBatch, tail: TailColumns, out: SeriesScores): void {
    const { known, mode } = tail;
    const { surprise, evidence, extent, ready, changePoint } = out;
    if (fused.length < length) {
      fused = new Float64Array(length * 2);
      strange = new Float64Array(length * 2);
    }
    weigh(tail, length);
    calibrator.surpriseAll(length, series, fused, known, strange);
    gate.updateAll(length, series, time, strange, known, changePoint, extent);
    calibrator.learnAll(length, series, fused, known, mode);
    for (let i = 0; i < length; i++) {
      surprise[i] = strange[i]!;
      evidence[i] = strange[i]! > DOUBTFUL ? calibrator.evidence(series[i]!, fused[i]!) : strange[i]!;
      ready[i] = strange[i]! > 0 ? 1 : 0;
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
      const tail = bind(length);
      tail.series.set(series.subarray(0, length));
      gate.modes(length, series, tail.mode);
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
    save() {
      const saved: Record<string, StateBlob> = tier.save();
      for (const [name, part] of Object.entries(parts)) saved[name] = part.save();
      return saved;
    },
    restore(saved) {
      tier.restore(saved);
      for (const [name, part] of Object.entries(parts)) part.restore(partOf(saved, name));
    },
  };
}

function partOf(saved: Record<string, StateBlob>, name: string): StateBlob {
  const part = saved[name];
  if (!part) throw new TocsinError('state_version', `the snapshot has no part ${name}`);
  return part;
}
