import { createRng } from '../../stats/rng.ts';
import { createServiceFusion } from './service.ts';

/** Cost of service fusion in CPU time: `node src/fuse/service/service.bench.ts`. */
const BATCH = 4096;
for (const [series, services] of [
  [1_000_000, 2000],
  [1_000_000, 10_000],
  [100_000, 50],
] as const) {
  const rng = createRng(1);
  const fusion = createServiceFusion((s) => ({ tenant: 'default', service: `s${s}` }));
  const serviceOf = Int32Array.from({ length: series }, (_, i) => Math.floor(i / (series / services)));
  const modalityOf = new Uint8Array(series);
  const batches = Array.from({ length: Math.floor(series / BATCH) }, (_, b) => ({
    series: Int32Array.from({ length: BATCH }, (_, k) => b * BATCH + k),
    surprise: Float32Array.from({ length: BATCH }, () => -Math.log10(1 - rng.next())),
  }));
  let points = 0;
  let observe = 0;
  let close = 0;
  let closed = 0;
  for (let round = 0; round < 60; round += 1) {
    const a = process.cpuUsage();
    for (const b of batches) fusion.observe(b.series, b.surprise, BATCH, serviceOf, modalityOf);
    const b = process.cpuUsage(a);
    const c = process.cpuUsage();
    fusion.close(round * 10_000, () => null);
    const d = process.cpuUsage(c);
    if (round < 20) continue;
    observe += b.user + b.system;
    close += d.user + d.system;
    points += batches.length * BATCH;
    closed += services;
  }
  const perPoint = ((observe * 1000) / points).toFixed(2);
  console.log(
    `${series} series, ${services} services: ${perPoint} ns/point, ${(close / closed).toFixed(2)} us/service and tick`,
  );
}
