import type { PointBatch } from '../domain/batch.ts';
import { createScoreColumns, type ScoreColumns, type SeriesDetector, type StateBlob } from '../domain/detector.ts';
import { TocsinError } from '../domain/error.ts';
import { defaultsOf, type Options } from '../domain/options.ts';
import { createFusedCalibrator } from './calibrate/fused-calibrator.ts';
import { createTailBank, type TailColumns } from './calibrate/tail-bank.ts';
import { createLearnGate, LEARN, LEARN_GATE_OPTIONS } from './combine/learn-gate.ts';
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
/** Detectors whose expectation is shown as the band, the later the better. */
const BAND = ['ewma', 'seasonal'];

export function createSeriesFusion(
  detectors: readonly SeriesDetector[],
  options: SeriesFusionOptions = {},
): SeriesFusion {
  const names = detectors.map((detector) => detector.name);
  const weights = names.map((name) => options.weights?.[name] ?? 1 / names.length);
  const isRare = names.map((name) => options.rare?.includes(name) ?? name === 'novelty');
  const ordinaryCap = options.ordinaryCap ?? 3;
  const band = BAND.map((name) => names.indexOf(name)).filter((index) => index >= 0);
  const tails = createTailBank(weights, isRare);
  const calibrator = createFusedCalibrator();
  const gate = createLearnGate(options.gate ?? defaultsOf(LEARN_GATE_OPTIONS));
  const parts = { 'fuse.tails': tails, 'fuse.calibrator': calibrator, 'fuse.gate': gate };

  /** The tails' columns; detectors write their scores straight into them. Replaced when the tails grow. */
  let columns: TailColumns | null = null;
  let scores: ScoreColumns[] = [];

  function bind(length: number): TailColumns {
    if (length > tails.columns.mode.length) tails.makeRoom(Math.max(256, length, 2 * tails.columns.mode.length));
    if (columns === tails.columns) return columns;
    columns = tails.columns;
    const { raw, ready, mode } = columns;
    scores = detectors.map((_, d) => ({ ...createScoreColumns(mode.length), raw: raw[d]!, ready: ready[d]! }));
    return columns;
  }

  // Loops live in functions of their own: inside `observe` the optimiser gave up again and again.
  function prepare(series: Int32Array, mode: Uint8Array, length: number): void {
    for (let i = 0; i < length; i++) mode[i] = gate.modeOf(series[i]!);
  }

  function reasonOf(i: number, series: number, value: number, expected: number): SampleReason {
    const { surprise, stride } = tails.columns;
    const surprises = names.map((_, d) => surprise.subarray(i * stride + d));
    return explainSample(names, weights, surprises, 0, value, expected, gate.onsetOf(series));
  }

  function showBand(index: number, length: number, out: SeriesScores): void {
    const { expected, lower, upper, ready } = scores[index]!;
    for (let i = 0; i < length; i++) {
      if (ready[i] === 0) continue;
      out.expected[i] = expected[i]!;
      out.lower[i] = lower[i]!;
      out.upper[i] = upper[i]!;
    }
  }

  function fuse(batch: PointBatch, { sum, rare, known, mode }: TailColumns, out: SeriesScores): void {
    const { series, time, length } = batch;
    const { surprise, extent, ready, changePoint } = out;
    for (let i = 0; i < length; i++) {
      const s = series[i]!;
      if (known[i] === 0) {
        surprise[i] = 0;
        ready[i] = 0;
        changePoint[i] = 0;
        extent[i] = gate.extentOf(s);
        continue;
      }
      let score = sum[i]!;
      if (score > ordinaryCap) score = ordinaryCap + 0.1 * (score - ordinaryCap);
      score += rare[i]!;
      if (score > CAP) score = CAP;
      const strange = calibrator.surprise(s, score);
      surprise[i] = strange;
      ready[i] = strange > 0 ? 1 : 0;
      changePoint[i] = gate.update(s, time[i]!, strange) ? 1 : 0;
      extent[i] = gate.extentOf(s);
      if (mode[i] === LEARN.usual) calibrator.learn(s, score);
    }
  }

  return {
    bytesPerSeries:
      detectors.reduce((total, detector) => total + detector.bytesPerSeries, 0) +
      tails.bytesPerSeries +
      calibrator.bytesPerSeries +
      gate.bytesPerSeries,
    grow(capacity) {
      for (const detector of detectors) detector.grow(capacity);
      for (const part of Object.values(parts)) part.grow(capacity);
    },
    observe(batch, out) {
      const { series, value, length } = batch;
      const tail = bind(length);
      tail.series.set(series.subarray(0, length));
      prepare(series, tail.mode, length);
      out.expected.fill(NaN, 0, length);
      out.lower.fill(NaN, 0, length);
      out.upper.fill(NaN, 0, length);
      for (let d = 0; d < detectors.length; d++) detectors[d]!.observe(batch, tail.mode, scores[d]!);
      tails.observe(length);
      for (const index of band) showBand(index, length, out);
      fuse(batch, tail, out);
      out.explain = (i) => reasonOf(i, series[i]!, value[i]!, out.expected[i]!);
    },
    reset(series) {
      for (const detector of detectors) detector.reset(series);
      for (const part of Object.values(parts)) part.reset(series);
    },
    copy(from, to) {
      for (const detector of detectors) detector.copy(from, to);
      for (const part of Object.values(parts)) part.copy(from, to);
    },
    save() {
      const saved: Record<string, StateBlob> = {};
      for (const detector of detectors) saved[`detect.${detector.name}`] = detector.save();
      for (const [name, part] of Object.entries(parts)) saved[name] = part.save();
      return saved;
    },
    restore(saved) {
      for (const detector of detectors) detector.restore(partOf(saved, `detect.${detector.name}`));
      for (const [name, part] of Object.entries(parts)) part.restore(partOf(saved, name));
    },
  };
}

function partOf(saved: Record<string, StateBlob>, name: string): StateBlob {
  const part = saved[name];
  if (!part) throw new TocsinError('state_version', `the snapshot has no part ${name}`);
  return part;
}
