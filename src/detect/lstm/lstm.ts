import type { ScoreColumns, SeriesDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { expOf } from '../../stats/lstm/activation.ts';
import { CELL, createLstmCells } from '../../stats/lstm/cells.ts';
import { decodeNetwork, LOG_SCALE, type LstmNetwork } from '../../stats/lstm/network.ts';
import { inputOf, learnNormal, NORMAL, scaleOf } from '../../stats/lstm/normalise.ts';
import { flooredScale, LARGEST } from '../../stats/scale-floor.ts';
import { DEFAULT_NETWORK } from './default-network.ts';

export const LSTM_OPTIONS = {
  warmup: { type: 'integer', default: 64, min: 2, doc: 'Samples before scores may be used.' },
} as const satisfies OptionsSpec;

const VERSION = 1;

/** The network that comes with the program, trained on synthetic series by scripts/train-lstm.ts. */
export function defaultNetwork(): LstmNetwork {
  return decodeNetwork(DEFAULT_NETWORK);
}

/**
 * Forecasts the next value of each series with one LSTM that all of them share; score = distance from the forecast in units
 * of the scale that the network expects there. One step of the network a sample, in a SIMD kernel.
 */
export function createLstm(
  options: Options<typeof LSTM_OPTIONS> = defaultsOf(LSTM_OPTIONS),
  network: LstmNetwork = defaultNetwork(),
): SeriesDetector {
  const cells = createLstmCells(network, NORMAL.width);
  const { width } = cells;
  const { warmup } = options;

  /** Scores sample i of a series whose row starts at `o`. */
  function score(o: number, x: number, i: number, out: ScoreColumns): void {
    const f = cells.f32;
    const normal = o + CELL.own;
    const n = f[normal + NORMAL.count]!;
    if (n < 2) {
      out.raw[i] = 0;
      out.ready[i] = 0;
      out.expected[i] = NaN;
      out.lower[i] = NaN;
      out.upper[i] = NaN;
      return;
    }
    const level = f[normal + NORMAL.level]!;
    const unit = scaleOf(f, normal);
    const mean = level + f[o + CELL.mean]! * unit;
    let logScale = f[o + CELL.logScale]!;
    if (logScale > LOG_SCALE.highest) logScale = LOG_SCALE.highest;
    else if (logScale < LOG_SCALE.lowest) logScale = LOG_SCALE.lowest;
    const scale = flooredScale(unit * expOf(logScale), level, f[normal + NORMAL.fractional]!);
    out.raw[i] = Math.abs(x - mean) / scale;
    out.ready[i] = n >= warmup ? 1 : 0;
    out.expected[i] = mean;
    out.lower[i] = mean - 4 * scale;
    out.upper[i] = mean + 4 * scale;
  }

  function observe(batch: PointBatch, learn: Uint8Array, out: ScoreColumns): void {
    const { series, value, length } = batch;
    cells.reserve(length);
    const f = cells.f32;
    const steps = cells.series;
    const { inputs } = cells;
    let taken = 0;
    for (let i = 0; i < length; i++) {
      const x = value[i]!;
      const row = series[i]!;
      const o = row * width;
      const known = x < LARGEST && x > -LARGEST;
      score(o, known ? x : 0, i, out);
      if (!known) {
        out.raw[i] = 0;
        out.ready[i] = 0;
        continue;
      }
      const mode = learn[i]!;
      if (mode === 0) continue;
      steps[taken] = row;
      inputs[taken++] = inputOf(f, o + CELL.own, x);
      learnNormal(f, o + CELL.own, x, mode);
    }
    cells.step(taken);
  }

  return {
    name: 'lstm',
    bytesPerSeries: cells.bytesPerRow,
    grow: cells.grow,
    observe,
    reset: cells.reset,
    copy: cells.copy,
    save: () => cells.save(VERSION),
    restore: (state) => cells.restore(state, VERSION),
  };
}
