import type { SeriesDetectorName } from '../../src/detect/registry.ts';
import { alwaysOnWeights, createAlwaysOn, SERIES_DETECTORS } from '../../src/detect/registry.ts';
import type { PointBatch } from '../../src/domain/signal/batch.ts';
import { createSeriesFusion } from '../../src/fuse/series-fusion.ts';
import { createSeriesScores } from '../../src/fuse/series-scores.ts';
import type { Method, MethodScores } from './method.ts';

/**
 * -log10 p above which the product itself stops learning from a sample: p is trusted down to 1e-4 (DESIGN section 5). The
 * product never pages on a single series, so this is its only label-free level for one.
 */
export const DEFAULT_SURPRISE = 4;

/** The always-on tier as the pipeline runs it: every detector, calibration and fusion, one instance for the whole set. */
export function product(): Method {
  return methodOf('Tocsin', []);
}

/** The product without each detector in turn. */
export function ablations(): Method[] {
  return (Object.keys(SERIES_DETECTORS) as SeriesDetectorName[]).map((name) =>
    methodOf(`Tocsin without ${name}`, [name]),
  );
}

/** Each detector alone, calibrated the same way. */
export function singles(): Method[] {
  const all = Object.keys(SERIES_DETECTORS) as SeriesDetectorName[];
  return all.map((name) =>
    methodOf(
      `${name} alone`,
      all.filter((other) => other !== name),
    ),
  );
}

function methodOf(name: string, off: readonly SeriesDetectorName[]): Method {
  return { name, defaultThreshold: DEFAULT_SURPRISE, run: (series) => feed(series, off) };
}

/**
 * Sample k of every series forms batch k: the tier keeps its series apart, so only the order within a series matters.
 * As in the pipeline, samples without a value and samples not later than their predecessor are dropped (score 0).
 */
function feed(series: Parameters<Method['run']>[0], off: readonly SeriesDetectorName[]): MethodScores {
  const fusion = createSeriesFusion(createAlwaysOn({ off }), { weights: alwaysOnWeights() });
  fusion.grow(series.length);
  const surprise = series.map((s) => new Float32Array(s.value.length));
  const extent = series.map((s) => new Float32Array(s.value.length));
  const batch: PointBatch = {
    length: 0,
    series: new Int32Array(series.length),
    time: new Float64Array(series.length),
    value: new Float64Array(series.length),
  };
  const scores = createSeriesScores(series.length);
  const last = new Float64Array(series.length).fill(Number.NEGATIVE_INFINITY);
  const longest = series.reduce((most, s) => Math.max(most, s.value.length), 0);
  let points = 0;
  // CPU time of this thread, the harness's copying included: other processes on the machine must not count.
  const before = process.threadCpuUsage();
  for (let k = 0; k < longest; k++) {
    let n = 0;
    for (let s = 0; s < series.length; s++) {
      const { time, value } = series[s]!;
      if (k >= value.length || Number.isNaN(value[k]!) || !(time[k]! > last[s]!)) continue;
      batch.series[n] = s;
      batch.time[n] = last[s] = time[k]!;
      batch.value[n] = value[k]!;
      n++;
    }
    if (n === 0) continue;
    batch.length = n;
    points += n;
    fusion.observe(batch, scores);
    for (let i = 0; i < n; i++) {
      surprise[batch.series[i]!]![k] = scores.surprise[i]!;
      extent[batch.series[i]!]![k] = scores.extent[i]!;
    }
  }
  const cpu = process.threadCpuUsage(before);
  return {
    surprise,
    extent,
    nsPerPoint: ((cpu.user + cpu.system) * 1000) / Math.max(1, points),
    bytesPerSeries: fusion.bytesPerSeries,
  };
}
