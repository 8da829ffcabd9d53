import { seededRandom } from '../scorers/bootstrap.ts';
import type { Method, MethodScores } from './method.ts';

type Input = Parameters<Method['run']>[0];

function timed(
  series: Input,
  bytesPerSeries: number,
  score: (s: Input[number], index: number) => Float32Array,
): MethodScores {
  const before = process.threadCpuUsage();
  const surprise = series.map(score);
  const cpu = process.threadCpuUsage(before);
  const points = series.reduce((sum, s) => sum + s.value.length, 0);
  return {
    surprise,
    extent: null,
    nsPerPoint: ((cpu.user + cpu.system) * 1000) / Math.max(1, points),
    bytesPerSeries,
  };
}

/** Uniform noise: what a measure gives for nothing. */
export const randomScores: Method = {
  name: 'random',
  defaultThreshold: Number.NaN,
  run: (series) =>
    timed(series, 0, (s, index) => {
      const random = seededRandom(1000 + index);
      return Float32Array.from(s.value, () => random());
    }),
};

const ALPHA = 2 / 21;
const SCALE_RATE = 1 / 1000;

/** Distance from an exponentially weighted mean of span 20 over the slow root mean square of that distance; never frozen. */
export const ewma20: Method = {
  name: 'EWMA(20) residual',
  defaultThreshold: Number.NaN,
  run: (series) =>
    timed(series, 24, (s) => {
      const out = new Float32Array(s.value.length);
      let level = Number.NaN;
      let square = 0;
      let seen = 0;
      for (let i = 0; i < out.length; i++) {
        const x = s.value[i]!;
        if (Number.isNaN(x)) continue;
        if (seen === 0) level = x;
        const e = x - level;
        out[i] = seen < 20 ? 0 : Math.abs(e) / Math.sqrt(square + 1e-12);
        level += ALPHA * e;
        seen++;
        square += Math.max(SCALE_RATE, 1 / seen) * (e * e - square);
      }
      return out;
    }),
};

const DAY_MS = 86_400_000;

/** Distance from the value a day ago over its running mean absolute distance. */
export const seasonalNaive: Method = {
  name: 'seasonal-naive (1 day)',
  defaultThreshold: Number.NaN,
  run: (series) =>
    timed(series, 8 * 1440, (s) => {
      const slots = Math.max(1, Math.round(DAY_MS / s.stepMs));
      const last = new Float64Array(slots).fill(Number.NaN);
      const out = new Float32Array(s.value.length);
      let scale = 0;
      for (let i = 0; i < out.length; i++) {
        const x = s.value[i]!;
        const slot = Math.floor(s.time[i]! / s.stepMs) % slots;
        const before = last[slot]!;
        if (Number.isNaN(x)) continue;
        if (!Number.isNaN(before)) {
          const e = Math.abs(x - before);
          out[i] = scale === 0 ? 0 : e / (scale + 1e-9);
          scale = scale === 0 ? e : scale + 0.005 * (e - scale);
        }
        last[slot] = x;
      }
      return out;
    }),
};

export const BASELINES: readonly Method[] = [randomScores, ewma20, seasonalNaive];
