/**
 * Speed of the isolation forest's kernel, and cost of every detector of service rows and of the promoted tier: `node
 * bench/models.ts`. CPU time of this process; synthetic rows of 38 signals that follow two causes, rings of 512 values.
 */

import {
  createPromotedDetector,
  createRowDetector,
  PROMOTED_DETECTORS,
  type PromotedDetectorName,
  ROW_DETECTORS,
  type RowDetectorName,
} from '../src/detect/registry.ts';
import { ROW_SLOTS } from '../src/domain/detector.ts';
import { growForest, type IsolationForest, meanPaths } from '../src/stats/forest/isolation.ts';
import { createRng } from '../src/stats/rng.ts';
import { cpuSeconds, median, reportBar } from './measure.ts';

const random = createRng(1);

/** The textbook: float features, a branch a node, point by point. */
function branchy(forest: IsolationForest, points: Uint16Array, count: number, out: Float32Array): void {
  const inner = (1 << forest.depth) - 1;
  for (let p = 0; p < count; p++) {
    let sum = 0;
    for (let tree = 0; tree < forest.trees; tree++) {
      let node = 0;
      while (node < inner) {
        const word = forest.nodes[tree * inner + node]!;
        if (points[p * forest.dims + (word >>> 16)]! > (word & 0xffff)) node = 2 * node + 2;
        else node = 2 * node + 1;
      }
      sum += forest.leaves[(tree << forest.depth) + node - inner]!;
    }
    out[p] = sum / forest.trees;
  }
}

type Score = typeof meanPaths;

function thousandsAPerSecond(score: Score, forest: IsolationForest, points: Uint16Array, out: Float32Array): number {
  const rounds = 300;
  const started = cpuSeconds();
  for (let i = 0; i < rounds; i++) score(forest, points, 1024, out);
  return (rounds * 1024) / (cpuSeconds() - started) / 1000;
}

console.log('| trees x levels x values | thousand scores/s | with branches | ratio |\n| --- | --- | --- | --- |');
for (const [trees, depth, dims] of [
  [32, 8, 4],
  [50, 8, 8],
  [100, 10, 16],
] as const) {
  const rows = Uint16Array.from({ length: 4096 * dims }, () => random.int(65_536));
  const forest = growForest(rows, 4096, dims, { trees, depth, sample: 1 << depth }, createRng(2));
  const points = Uint16Array.from({ length: 1024 * dims }, () => random.int(65_536));
  const out = new Float32Array(1024);
  for (const score of [meanPaths, branchy]) thousandsAPerSecond(score, forest, points, out);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < 5; round++) {
    ours.push(thousandsAPerSecond(meanPaths, forest, points, out));
    theirs.push(thousandsAPerSecond(branchy, forest, points, out));
  }
  const speed = median(ours);
  console.log(
    `| ${trees} x ${depth} x ${dims} | ${speed.toFixed(0)} | ${median(theirs).toFixed(0)} | ${(speed / median(theirs)).toFixed(2)} |`,
  );
  if (depth === 8)
    reportBar(`forest-${trees}`, speed / 1000, `${(speed / median(theirs)).toFixed(1)} times with branches`);
}

function rowOf(): Float64Array {
  const causes = [random.normal(), random.normal()];
  return new Float64Array(ROW_SLOTS).map((_, d) => (d < 38 ? causes[d % 2]! + 0.5 * random.normal() : 0));
}

console.log('\n| detector of rows | us a row, score and learn | bytes a service |\n| --- | --- | --- |');
const rows = Array.from({ length: 2000 }, rowOf);
for (const name of Object.keys(ROW_DETECTORS) as RowDetectorName[]) {
  const detector = createRowDetector(name);
  const pass = (): number => {
    const started = cpuSeconds();
    for (const row of rows) {
      detector.score(0, row);
      detector.learn(0, row);
    }
    return ((cpuSeconds() - started) / rows.length) * 1e6;
  };
  pass();
  console.log(`| ${name} | ${median([pass(), pass(), pass()]).toFixed(1)} | ${detector.bytesPerService} |`);
}

console.log('\n| promoted detector | us a look | bytes a slot beside the ring |\n| --- | --- | --- |');
const ring = Float64Array.from({ length: 1024 }, (_, i) => Math.sin(i / 5) + 0.3 * random.normal());
for (const name of Object.keys(PROMOTED_DETECTORS) as PromotedDetectorName[]) {
  const detector = createPromotedDetector(name);
  detector.grow(1);
  const pass = (): number => {
    const started = cpuSeconds();
    for (let i = 0; i < 500; i++) detector.score(0, ring.subarray(i, i + 512), 512, 1);
    return ((cpuSeconds() - started) / 500) * 1e6;
  };
  pass();
  console.log(`| ${name} | ${median([pass(), pass(), pass()]).toFixed(1)} | ${detector.bytesPerSlot} |`);
}
