/**
 * Cost of the always-on tier: `node bench/detect.ts [series ...]` prints ns a point (CPU time of this process) and bytes a
 * series, for each detector alone and for all of them with calibration and fusion. Values are synthetic with a daily wave
 * in every tenth series; samples come in arrival order, one a series and tick.
 */

import { alwaysOnWeights, createAlwaysOn } from '../src/detect/registry.ts';
import { createPointBatch } from '../src/domain/batch.ts';
import { createScoreColumns } from '../src/domain/detector.ts';
import { MINUTE } from '../src/domain/units.ts';
import { createSeriesFusion } from '../src/fuse/series-fusion.ts';
import { createSeriesScores } from '../src/fuse/series-scores.ts';

const BATCH = 2000;

function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** Cheap noise that is the same in every run. */
const NOISE = Float64Array.from({ length: 1 << 16 }, (_, i) => {
  const x = Math.sin(i * 12.9898) * 43758.5453;
  return x - Math.floor(x) - 0.5;
});

function run(series: number, ticks: number, observe: (batch: ReturnType<typeof createPointBatch>) => void): number {
  const batch = createPointBatch(BATCH);
  let spent = 0;
  for (let tick = 0; tick < ticks; tick++) {
    const time = Date.UTC(2026, 0, 5) + tick * MINUTE;
    const wave = 20 * Math.sin((tick / 1440) * 2 * Math.PI);
    for (let first = 0; first < series; first += BATCH) {
      const n = Math.min(BATCH, series - first);
      batch.length = n;
      for (let i = 0; i < n; i++) {
        const s = first + i;
        batch.series[i] = s;
        batch.time[i] = time;
        batch.value[i] = 100 + (s % 10 === 0 ? wave : 0) + 8 * NOISE[(s * 31 + tick * 7919) & 65535]!;
      }
      const started = cpuNs();
      observe(batch);
      spent += cpuNs() - started;
    }
  }
  return spent / (series * ticks);
}

function row(name: string, ns: number, bytes: number): string {
  return `| ${name} | ${ns.toFixed(1)} | ${bytes} |`;
}

const sizes = process.argv.slice(2).map(Number);
for (const series of sizes.length > 0 ? sizes : [10_000, 1_000_000]) {
  const warm = series > 100_000 ? 3 : 160;
  const ticks = series > 100_000 ? 4 : 200;
  console.log(
    `\n### ${series} series, arrival order, batches of ${BATCH}\n\n| part | ns/point | B/series |\n| --- | --- | --- |`,
  );
  for (const detector of createAlwaysOn()) {
    const out = createScoreColumns(BATCH);
    const learn = new Uint8Array(BATCH).fill(1);
    detector.grow(series);
    run(series, warm, (batch) => detector.observe(batch, learn, out));
    console.log(
      row(
        detector.name,
        run(series, ticks, (batch) => detector.observe(batch, learn, out)),
        detector.bytesPerSeries,
      ),
    );
  }
  const fusion = createSeriesFusion(createAlwaysOn(), { weights: alwaysOnWeights() });
  const scores = createSeriesScores(BATCH);
  fusion.grow(series);
  if (series > 100_000) {
    // A tick over a million cold rows costs no more than over warm ones, but takes other paths: warm one row, copy it.
    run(1, 400, (batch) => fusion.observe(batch, scores));
    for (let s = 1; s < series; s++) fusion.copy(0, s);
  }
  const before = process.memoryUsage().rss;
  run(series, warm, (batch) => fusion.observe(batch, scores));
  const total = run(series, ticks, (batch) => fusion.observe(batch, scores));
  console.log(row('**all, calibrated and fused**', total, fusion.bytesPerSeries));
  console.log(
    `\n${(1000 / total).toFixed(1)} M points/s/core; resident memory ${(before / 1e6).toFixed(0)} MB before the run`,
  );
}
