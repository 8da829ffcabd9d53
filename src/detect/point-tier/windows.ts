import { ROW } from './layout.ts';

/** Judges a finished window of one series and learns it; `window` is valid during the call. @returns raw score, below 0 while warming up. */
export interface WindowModels {
  close(series: number, mode: number, window: FinishedWindow): number;
}

/** What a coarse model is told of a window. `fractional` is 0 while the series had whole numbers only. */
export interface FinishedWindow {
  mean: number;
  std: number;
  lowest: number;
  highest: number;
  fractional: number;
}

/** Takes finished windows out of a row and hands them to the models of the coarse scale. @returns their raw score. */
export function createWindowClosers(twin: WindowModels, novelty: WindowModels) {
  const finished: FinishedWindow = { mean: 0.5, std: 0.5, lowest: 0.5, highest: 0.5, fractional: 0 };

  function closeTwin(f: Float32Array, o: number, series: number, mode: number): number {
    const fill = f[o + ROW.twinFill]!;
    const offset = f[o + ROW.twinSum]! / fill;
    const variance = f[o + ROW.twinSquares]! / fill - offset * offset;
    finished.mean = f[o + ROW.twinOrigin]! + offset;
    finished.std = variance > 0 ? Math.sqrt(variance) : 0;
    finished.lowest = f[o + ROW.twinLow]!;
    finished.highest = f[o + ROW.twinHigh]!;
    finished.fractional = f[o + ROW.fractional]!;
    f[o + ROW.twinFill] = 0;
    f[o + ROW.twinSum] = 0;
    f[o + ROW.twinSquares] = 0;
    return twin.close(series, mode, finished);
  }

  function closeNovelty(f: Float32Array, o: number, series: number, mode: number): number {
    finished.lowest = f[o + ROW.noveltyLow]!;
    finished.highest = f[o + ROW.noveltyHigh]!;
    finished.fractional = f[o + ROW.fractional]!;
    f[o + ROW.noveltyFill] = 0;
    return novelty.close(series, mode, finished);
  }

  return { closeTwin, closeNovelty };
}
