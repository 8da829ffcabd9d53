import type { ScoreColumns, SeriesDetector } from '../../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { PointBatch } from '../../domain/signal/batch.ts';
import { createRows } from '../../stats/rows.ts';
import { LARGEST } from '../../stats/scale-floor.ts';

export const RUN_LENGTH_OPTIONS = {
  warmup: { type: 'integer', default: 100, min: 8, doc: 'Samples before scores may be used.' },
  memory: { type: 'number', default: 200, min: 10, doc: 'Memory of run lengths, in runs.' },
} as const satisfies OptionsSpec;

const VERSION = 1;
const WIDTH = 6;
const VALUE = 0;
const RUN = 1;
const LONGEST = 2;
const MEAN = 3;
const COUNT = 4;
const RUNS = 5;

/**
 * Flat line: how long the value has not changed, against the lengths of earlier runs. Score = ratio of the run to the
 * larger of three mean runs and the longest run remembered (which fades), 0 for runs below four samples.
 */
export function createRunLength(
  options: Options<typeof RUN_LENGTH_OPTIONS> = defaultsOf(RUN_LENGTH_OPTIONS),
): SeriesDetector {
  const rows = createRows(WIDTH);
  const { warmup } = options;
  const fade = 1 - 1 / options.memory;
  const rate = 1 / options.memory;

  function observe(batch: PointBatch, learn: Uint8Array, out: ScoreColumns): void {
    const { series, value, length } = batch;
    const { raw, ready } = out;
    const f = rows.f32;
    for (let i = 0; i < length; i++) {
      const x = value[i]!;
      const o = series[i]! * WIDTH;
      const n = f[o + COUNT]!;
      if (!(x < LARGEST && x > -LARGEST)) {
        raw[i] = 0;
        ready[i] = 0;
        continue;
      }
      const run = f[o + RUN]!;
      const longest = f[o + LONGEST]!;
      const mean = f[o + MEAN]!;
      const same = n > 0 && Math.fround(x) === f[o + VALUE]!;
      const now = same ? run + 1 : 1;
      const usual = longest > 3 * mean ? longest : 3 * mean;
      raw[i] = now < 4 ? 0 : now / (usual + 1);
      ready[i] = n >= warmup && f[o + RUNS]! >= 8 ? 1 : 0;
      if (learn[i]! === 0) continue;
      if (!same) {
        if (n > 0) {
          const runs = f[o + RUNS]!;
          const young = 1 / (runs + 1);
          f[o + MEAN] = mean + (rate > young ? rate : young) * (run - mean);
          const faded = longest * fade;
          f[o + LONGEST] = run > faded ? run : faded;
          if (runs < 1e6) f[o + RUNS] = runs + 1;
        }
        f[o + VALUE] = x;
      }
      f[o + RUN] = now;
      if (n < 1e6) f[o + COUNT] = n + 1;
    }
  }

  return {
    name: 'run-length',
    bytesPerSeries: rows.bytesPerRow,
    grow: rows.grow,
    observe,
    reset: rows.reset,
    copy: rows.copy,
    save: () => rows.save(VERSION),
    restore: (state) => rows.restore(state, VERSION),
  };
}
