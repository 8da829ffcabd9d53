import type { PointBatch } from '../../domain/batch.ts';
import type { TierScores } from '../../domain/detector.ts';
import { createRows, type Rows } from '../../stats/rows.ts';
import { LARGEST, RELATIVE_FLOOR } from '../../stats/scale-floor.ts';
import { POINT_TIER, type PointTierOptions, ROW } from './layout.ts';
import { createWindowClosers, type WindowModels } from './windows.ts';

export interface PointTier {
  readonly names: readonly string[];
  readonly rows: Rows;
  /** Writes the first columns of `out.raw` and `out.ready` and the level's band for every sample, then learns. */
  observe(batch: PointBatch, learn: Uint8Array, out: TierScores): void;
}

type NineOf<T> = readonly [T, T, T, T, T, T, T, T, T];

const SIGMA = 1.2533;
const SIGMAS_PER_IQR = 1 / 1.349;
/** Counts stop here: the rates of young series have long met their floors. */
const MOST = 1e6;

/**
 * Seven detectors of every sample and the collecting half of two of every window, in one pass over one row a series. The
 * mathematics is that of the detectors' own folders, which are its twins in `point-tier.test.ts`; it is written out here
 * because calls with numbers as arguments allocate in V8 once they are too many to be inlined, and because every further
 * pass over a million rows costs more than its arithmetic.
 */
export function createPointTier(options: PointTierOptions, twin: WindowModels, novelty: WindowModels): PointTier {
  const rows = createRows(ROW.width);
  const { closeTwin, closeNovelty } = createWindowClosers(twin, novelty);
  const ewma = { ...options.ewma, levelRate: 1 / options.ewma.levelSamples, scaleRate: 1 / options.ewma.scaleSamples };

  function observe(batch: PointBatch, learn: Uint8Array, out: TierScores): void {
    const { series, value, length } = batch;
    const { expected, lower, upper } = out;
    const [raw0, raw1, raw2, raw3, raw4, raw5, raw6, raw7, raw8] = out.raw as NineOf<Float32Array>;
    const [ready0, ready1, ready2, ready3, ready4, ready5, ready6, ready7, ready8] = out.ready as NineOf<Uint8Array>;
    const f = rows.f32;
    const { levelRate: ewmaRate, scaleRate: ewmaScaleRate, clip: ewmaClip, warmup: ewmaWarm } = ewma;
    const { clip: stepClip, warmup: stepWarm } = options.difference;
    const stepRate = 1 / options.difference.scaleSamples;
    const { level: alpha, trend: beta, damping, clip: holtClip, warmup: holtWarm } = options.holt;
    const holtRate = 1 / options.holt.scaleSamples;
    const { rate: mu, clip: arClip, warmup: arWarm } = options.ar;
    const arLevelRate = 1 / options.ar.levelSamples;
    const arScaleRate = 1 / options.ar.scaleSamples;
    const { rate: eta, warmup: quantileWarm } = options.quantile;
    const { clip: shiftClip, warmup: shiftWarm } = options['mean-shift'];
    const fastRate = 1 / options['mean-shift'].fastSamples;
    const { slowSamples } = options['mean-shift'];
    const slowRate = 1 / slowSamples;
    const { warmup: runWarm } = options['run-length'];
    const runRate = 1 / options['run-length'].memory;
    const twinWindow = options.twin.window;
    const noveltyWindow = options.novelty.window;

    for (let i = 0; i < length; i++) {
      const x = value[i]!;
      const s = series[i]!;
      ready7[i] = 0;
      ready8[i] = 0;
      if (!(x < LARGEST && x > -LARGEST)) {
        for (let d = 0; d < 7; d++) out.ready[d]![i] = 0;
        expected[i] = NaN;
        lower[i] = NaN;
        upper[i] = NaN;
        continue;
      }
      const o = s * ROW.width;
      const n = f[o + ROW.count]!;
      const mode = learn[i]!;
      const fractional = f[o + ROW.fractional]!;
      const least = fractional === 0 ? 0.5 : 1e-12;
      const young = 1 / (n + 1);
      const speed = mode === 2 ? 8 : 1;
      const old = n > 0;

      // Level and scale.
      const level = f[o + ROW.ewmaLevel]!;
      const deviation = f[o + ROW.ewmaDeviation]!;
      let floor = (level < 0 ? -level : level) * RELATIVE_FLOOR;
      if (floor < least) floor = least;
      let scale = deviation * SIGMA;
      if (scale < floor) scale = floor;
      let residual = x - level;
      let size = residual < 0 ? -residual : residual;
      raw0[i] = size / scale;
      if (n >= ewmaWarm) {
        ready0[i] = 1;
        const width = 3 * scale;
        expected[i] = level;
        lower[i] = level - width;
        upper[i] = level + width;
      } else {
        ready0[i] = 0;
        expected[i] = NaN;
        lower[i] = NaN;
        upper[i] = NaN;
      }
      if (mode !== 0) {
        const limit = ewmaClip * scale;
        if (size > limit && mode === 1 && n >= ewmaWarm) {
          residual = residual < 0 ? -limit : limit;
          size = limit;
        }
        const a = ewmaRate * speed;
        const b = ewmaScaleRate * speed;
        f[o + ROW.ewmaLevel] = level + (a > young ? a : young) * residual;
        if (old) f[o + ROW.ewmaDeviation] = deviation + (b > young ? b : young) * (size - deviation);
      }

      // Difference.
      const previous = f[o + ROW.previous]!;
      const stepDeviation = f[o + ROW.stepDeviation]!;
      floor = (previous < 0 ? -previous : previous) * RELATIVE_FLOOR;
      if (floor < least) floor = least;
      scale = stepDeviation * SIGMA;
      if (scale < floor) scale = floor;
      residual = x - previous;
      size = residual < 0 ? -residual : residual;
      raw1[i] = size / scale;
      ready1[i] = n >= stepWarm ? 1 : 0;
      if (mode !== 0) {
        const limit = stepClip * scale;
        let next = x;
        if (size > limit && mode === 1 && n >= stepWarm) {
          next = residual < 0 ? previous - limit : previous + limit;
          size = limit;
        }
        const b = stepRate * speed;
        f[o + ROW.previous] = next;
        if (old) f[o + ROW.stepDeviation] = stepDeviation + (b > young ? b : young) * (size - stepDeviation);
      }

      // Holt.
      const trend = f[o + ROW.holtTrend]! * damping;
      let forecast = f[o + ROW.holtLevel]! + trend;
      const holtDeviation = f[o + ROW.holtDeviation]!;
      floor = (forecast < 0 ? -forecast : forecast) * RELATIVE_FLOOR;
      if (floor < least) floor = least;
      scale = holtDeviation * SIGMA;
      if (scale < floor) scale = floor;
      residual = x - forecast;
      size = residual < 0 ? -residual : residual;
      raw2[i] = size / scale;
      ready2[i] = n >= holtWarm ? 1 : 0;
      if (mode !== 0) {
        const limit = holtClip * scale;
        if (mode === 2 || n === 0) {
          // Re-anchoring jumps to the new level and takes no trend from the jump.
          f[o + ROW.holtLevel] = x;
          f[o + ROW.holtTrend] = 0;
        } else {
          if (size > limit && n >= holtWarm) {
            residual = residual < 0 ? -limit : limit;
            size = limit;
          }
          f[o + ROW.holtLevel] = forecast + alpha * residual;
          f[o + ROW.holtTrend] = trend + alpha * beta * residual;
        }
        const b = holtRate * speed;
        if (old) f[o + ROW.holtDeviation] = holtDeviation + (b > young ? b : young) * (size - holtDeviation);
      }

      // Autoregression on the cleaned values less a slow level.
      const base = f[o + ROW.arLevel]!;
      const arDeviation = f[o + ROW.arDeviation]!;
      const lag1 = f[o + ROW.arLag]!;
      const lag2 = f[o + ROW.arLag + 1]!;
      const lag3 = f[o + ROW.arLag + 2]!;
      const a1 = lag1 - base;
      const a2 = lag2 - base;
      const a3 = lag3 - base;
      const a4 = f[o + ROW.arLag + 3]! - base;
      const w1 = f[o + ROW.arWeight]!;
      const w2 = f[o + ROW.arWeight + 1]!;
      const w3 = f[o + ROW.arWeight + 2]!;
      const w4 = f[o + ROW.arWeight + 3]!;
      // Without a bound, weights that sum above one would run away with the forecast.
      const ahead = w1 * a1 + w2 * a2 + w3 * a3 + w4 * a4;
      const energy = a1 * a1 + a2 * a2 + a3 * a3 + a4 * a4;
      forecast = base + ahead;
      // No lag is further than `far`, so that a forecast within half the energy needs no look at each.
      if (ahead * ahead * 4 > energy) forecast = base + bounded(ahead, a1, a2, a3, a4);
      floor = (base < 0 ? -base : base) * RELATIVE_FLOOR;
      if (floor < least) floor = least;
      scale = arDeviation * SIGMA;
      if (scale < floor) scale = floor;
      residual = x - forecast;
      size = residual < 0 ? -residual : residual;
      raw3[i] = size / scale;
      ready3[i] = n >= arWarm ? 1 : 0;
      if (mode !== 0) {
        let next = x;
        if (n < 4) {
          // Nothing to regress on yet: fill the lags, start from "as before".
          f[o + ROW.arLevel] = base + (x - base) * young;
          const distance = x < base ? base - x : x - base;
          if (old) f[o + ROW.arDeviation] = arDeviation + (distance - arDeviation) * young;
          else {
            f[o + ROW.arWeight] = 0.5;
            f[o + ROW.arLag] = x;
            f[o + ROW.arLag + 1] = x;
            f[o + ROW.arLag + 2] = x;
          }
          f[o + ROW.arLag + 3] = f[o + ROW.arLag + 2]!;
          f[o + ROW.arLag + 2] = f[o + ROW.arLag + 1]!;
          f[o + ROW.arLag + 1] = f[o + ROW.arLag]!;
        } else {
          const limit = arClip * scale;
          let gentle = residual;
          if (size > limit) {
            gentle = residual < 0 ? -limit : limit;
            if (mode === 1 && n >= arWarm) {
              residual = gentle;
              size = limit;
            }
          }
          next = forecast + residual;
          const gain = (mu * gentle) / (energy + scale * scale);
          f[o + ROW.arWeight] = w1 + gain * a1;
          f[o + ROW.arWeight + 1] = w2 + gain * a2;
          f[o + ROW.arWeight + 2] = w3 + gain * a3;
          f[o + ROW.arWeight + 3] = w4 + gain * a4;
          f[o + ROW.arLag + 3] = lag3;
          f[o + ROW.arLag + 2] = lag2;
          f[o + ROW.arLag + 1] = lag1;
          const a = arLevelRate * speed;
          const b = arScaleRate * speed;
          f[o + ROW.arLevel] = base + (a > young ? a : young) * (next - base);
          f[o + ROW.arDeviation] = arDeviation + (b > young ? b : young) * (size - arDeviation);
        }
        f[o + ROW.arLag] = next;
      }

      // Quantiles. Sums with |x| stand for maxima: half of the branches would be coin tosses to the processor.
      const q05 = f[o + ROW.quantile]!;
      const q25 = f[o + ROW.quantile + 1]!;
      const q50 = f[o + ROW.quantile + 2]!;
      const q75 = f[o + ROW.quantile + 3]!;
      const q95 = f[o + ROW.quantile + 4]!;
      floor = (q50 < 0 ? -q50 : q50) * RELATIVE_FLOOR;
      if (floor < least) floor = least;
      const iqr = (q75 - q25) * SIGMAS_PER_IQR;
      if (floor < iqr) floor = iqr;
      let unitUp = (q95 - q50) * 0.61;
      if (unitUp < floor) unitUp = floor;
      let unitDown = (q50 - q05) * 0.61;
      if (unitDown < floor) unitDown = floor;
      const above = x - q75;
      const below = q25 - x;
      const up = (above + Math.abs(above)) / unitUp;
      const down = (below + Math.abs(below)) / unitDown;
      raw4[i] = 0.25 * (up + down + Math.abs(up - down));
      ready4[i] = n >= quantileWarm ? 1 : 0;
      if (mode !== 0) {
        if (old) {
          const spread = f[o + ROW.quantileDeviation]!;
          const limit = 6 * spread;
          let distance = Math.abs(x - q50);
          if (distance > limit && n >= quantileWarm && mode === 1) distance = limit;
          f[o + ROW.quantileDeviation] = spread + (n < 200 ? young : 0.005) * (distance - spread);
          const step = eta * speed * (n < 200 ? 1 + 2000 / (n + 20) : 1) * spread;
          f[o + ROW.quantile] = q05 + (Number(x > q05) - 0.95) * step;
          f[o + ROW.quantile + 1] = q25 + (Number(x > q25) - 0.75) * step;
          f[o + ROW.quantile + 2] = q50 + (Number(x > q50) - 0.5) * step;
          f[o + ROW.quantile + 3] = q75 + (Number(x > q75) - 0.25) * step;
          f[o + ROW.quantile + 4] = q95 + (Number(x > q95) - 0.05) * step;
        } else {
          for (let q = 0; q < 5; q++) f[o + ROW.quantile + q] = x;
        }
      }

      // Mean shift.
      const fast = f[o + ROW.shiftFast]!;
      const slow = f[o + ROW.shiftSlow]!;
      const usual = f[o + ROW.shiftGap]!;
      const shiftDeviation = f[o + ROW.shiftDeviation]!;
      floor = (slow < 0 ? -slow : slow) * RELATIVE_FLOOR;
      if (floor < least) floor = least;
      let move = x - fast;
      if (n >= shiftWarm) {
        const wide = shiftDeviation * SIGMA;
        const limit = shiftClip * (wide < floor ? floor : wide);
        if (move > limit) move = limit;
        else if (move < -limit) move = -limit;
      }
      const youth = n < slowSamples ? young : 0;
      const recent = fast + (fastRate > youth ? fastRate : youth) * move;
      const gap = Math.abs(recent - slow);
      scale = usual * SIGMA;
      raw5[i] = gap / (scale < floor ? floor : scale);
      ready5[i] = n >= shiftWarm ? 1 : 0;
      if (mode !== 0) {
        let rate = slowRate * speed;
        if (rate < youth) rate = youth;
        f[o + ROW.shiftFast] = recent;
        f[o + ROW.shiftSlow] = slow + rate * (recent - slow);
        if (n >= 10) {
          if (n < slowSamples && rate < 1 / (n - 9)) rate = 1 / (n - 9);
          f[o + ROW.shiftGap] = usual + rate * (gap - usual);
        }
        if (old)
          f[o + ROW.shiftDeviation] =
            shiftDeviation + (youth > 0.005 ? youth : 0.005) * (Math.abs(move) - shiftDeviation);
      }

      // Run length.
      const run = f[o + ROW.run]!;
      const runs = f[o + ROW.runs]!;
      const longest = f[o + ROW.runLongest]!;
      const runMean = f[o + ROW.runMean]!;
      const same = old && Math.fround(x) === f[o + ROW.runValue]!;
      const now = same ? run + 1 : 1;
      const longRun = longest > 3 * runMean ? longest : 3 * runMean;
      raw6[i] = now < 4 ? 0 : now / (longRun + 1);
      ready6[i] = n >= runWarm && runs >= 8 ? 1 : 0;
      if (mode === 0) continue;
      f[o + ROW.run] = now;
      if (!same) {
        f[o + ROW.runValue] = x;
        if (old) {
          const first = 1 / (runs + 1);
          f[o + ROW.runMean] = runMean + (runRate > first ? runRate : first) * (run - runMean);
          const faded = longest * (1 - runRate);
          f[o + ROW.runLongest] = run > faded ? run : faded;
          if (runs < MOST) f[o + ROW.runs] = runs + 1;
        }
      }

      // Windows. Sums are taken from the first sample, so that a large level does not eat the variance.
      if (fractional === 0 && x !== Math.trunc(x)) f[o + ROW.fractional] = 1;
      if (n < MOST) f[o + ROW.count] = n + 1;
      const twinFill = f[o + ROW.twinFill]! + 1;
      f[o + ROW.twinFill] = twinFill;
      if (twinFill === 1) {
        f[o + ROW.twinOrigin] = x;
        f[o + ROW.twinLow] = x;
        f[o + ROW.twinHigh] = x;
      } else {
        const offset = x - f[o + ROW.twinOrigin]!;
        f[o + ROW.twinSum] = f[o + ROW.twinSum]! + offset;
        f[o + ROW.twinSquares] = f[o + ROW.twinSquares]! + offset * offset;
        if (x < f[o + ROW.twinLow]!) f[o + ROW.twinLow] = x;
        if (x > f[o + ROW.twinHigh]!) f[o + ROW.twinHigh] = x;
      }
      const noveltyFill = f[o + ROW.noveltyFill]! + 1;
      f[o + ROW.noveltyFill] = noveltyFill;
      if (noveltyFill === 1 || x < f[o + ROW.noveltyLow]!) f[o + ROW.noveltyLow] = x;
      if (noveltyFill === 1 || x > f[o + ROW.noveltyHigh]!) f[o + ROW.noveltyHigh] = x;
      if (twinFill >= twinWindow) {
        const score = closeTwin(f, o, s, mode);
        raw7[i] = score;
        ready7[i] = score >= 0 ? 1 : 0;
      }
      if (noveltyFill >= noveltyWindow) {
        const score = closeNovelty(f, o, s, mode);
        raw8[i] = score;
        ready8[i] = score >= 0 ? 1 : 0;
      }
    }
  }

  return { names: POINT_TIER, rows, observe };
}

/** `ahead` no further than the furthest lag. */
function bounded(ahead: number, a: number, b: number, c: number, d: number): number {
  const far = Math.max(Math.abs(a), Math.abs(b), Math.abs(c), Math.abs(d));
  return ahead > far ? far : ahead < -far ? -far : ahead;
}
