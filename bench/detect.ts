/**
 * Cost of the always-on tier: `node bench/detect.ts [series ...]` prints ns a point (CPU time of this process) and bytes a
 * series, for each detector alone and for all of them with calibration and fusion. Values are synthetic with a daily wave
 * in every tenth series; samples come in arrival order, one a series and tick.
 */

import {
  alwaysOnWeights,
  createAlwaysOn,
  createDetector,
  SERIES_DETECTORS,
  type SeriesDetectorName,
} from '../src/detect/registry.ts';
import { createScoreColumns } from '../src/domain/detector.ts';
import type { PointBatch } from '../src/domain/signal/batch.ts';
import { MINUTE } from '../src/domain/units.ts';
import { createSeriesFusion } from '../src/fuse/series-fusion.ts';
import { createSeriesScores } from '../src/fuse/series-scores.ts';

const ALONE = Object.keys(SERIES_DETECTORS) as SeriesDetectorName[];
const BATCH = 2000;
const WARM = 5000;

function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** Cheap noise that is the same in every run. */
const NOISE = Float64Array.from({ length: 1 << 16 }, (_, i) => {
  const x = Math.sin(i * 12.9898) * 43758.5453;
  return x - Math.floor(x) - 0.5;
});

function run(series: number, ticks: number, observe: (batch: PointBatch) => void, ticksBefore = 0): number {
  const value = new Float64Array(series);
  const time = new Float64Array(series);
  const index = Int32Array.from({ length: series }, (_, s) => s);
  const batches: PointBatch[] = [];
  for (let first = 0; first < series; first += BATCH) {
    const last = Math.min(series, first + BATCH);
    batches.push({
      length: last - first,
      series: index.subarray(first, last),
      time: time.subarray(first, last),
      value: value.subarray(first, last),
    });
  }
  let spent = 0;
  for (let tick = 0; tick < ticks; tick++) {
    time.fill(Date.UTC(2026, 0, 5) + (ticksBefore + tick) * MINUTE);
    const wave = 20 * Math.sin(((ticksBefore + tick) / 1440) * 2 * Math.PI);
    for (let s = 0; s < series; s++) {
      value[s] = 100 + (s % 10 === 0 ? wave : 0) + 8 * NOISE[(s * 31 + (ticksBefore + tick) * 7919) & 65535]!;
    }
    const started = cpuNs();
    for (const batch of batches) observe(batch);
    spent += cpuNs() - started;
  }
  return spent / (series * ticks);
}

function row(name: string, ns: number, bytes: number): string {
  return `| ${name} | ${ns.toFixed(1)} | ${bytes} |`;
}

const sizes = process.argv.slice(2).map(Number);
for (const series of sizes.length > 0 ? sizes : [10_000, 1_000_000]) {
  const ticks = series > 100_000 ? 3 : 300;
  const settle = series > 100_000 ? 1 : 60;
  console.log(
    `\n### ${series} series, arrival order, batches of ${BATCH}\n\n| part | ns/point | B/series |\n| --- | --- | --- |`,
  );
  for (const detector of process.env['TOTAL_ONLY'] ? [] : ALONE.map((name) => createDetector(name))) {
    const out = createScoreColumns(BATCH);
    const learn = new Uint8Array(BATCH).fill(1);
    detector.grow(series);
    // Ten rows are brought to their steady state and copied to all, so that no young row is measured.
    run(10, WARM, (batch) => detector.observe(batch, learn, out));
    for (let s = 10; s < series; s++) detector.copy(s % 10, s);
    run(series, settle, (batch) => detector.observe(batch, learn, out), WARM);
    console.log(
      row(
        detector.name,
        run(series, ticks, (batch) => detector.observe(batch, learn, out), WARM + settle),
        detector.bytesPerSeries,
      ),
    );
  }
  const fusion = createSeriesFusion(createAlwaysOn(), { weights: alwaysOnWeights() });
  const scores = createSeriesScores(BATCH);
  fusion.grow(series);
  run(10, WARM, (batch) => fusion.observe(batch, scores));
  for (let s = 10; s < series; s++) fusion.copy(s % 10, s);
  run(series, settle, (batch) => fusion.observe(batch, scores), WARM);
  const total = run(series, ticks, (batch) => fusion.observe(batch, scores), WARM + settle);
  console.log(row('**all, calibrated and fused**', total, fusion.bytesPerSeries));
  console.log(`\n${(1000 / total).toFixed(1)} M points/s/core`);
}
