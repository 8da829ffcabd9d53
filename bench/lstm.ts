/**
 * Cost of the LSTM forecaster: `node bench/lstm.ts` prints million steps a second of CPU time, for the detector as a whole
 * (normalise, score, step) and for the kernel alone, with series in order and in random order.
 */
import { createLstm, defaultNetwork } from '../src/detect/lstm/lstm.ts';
import { createScoreColumns } from '../src/domain/detector.ts';
import { createPointBatch } from '../src/domain/signal/batch.ts';
import { createLstmCells } from '../src/stats/lstm/cells.ts';
import { createRng } from '../src/stats/rng.ts';
import { cpuSeconds, median, reportBar } from './measure.ts';

const BATCH = 1024;
const ROUNDS = 5;
const PASSES = 300;

function rate(work: () => void): number {
  work();
  return median(
    Array.from({ length: ROUNDS }, () => {
      const started = cpuSeconds();
      for (let i = 0; i < PASSES; i++) work();
      return (PASSES * BATCH) / (cpuSeconds() - started) / 1e6;
    }),
  );
}

function detectorRate(series: number, random: boolean): number {
  const rng = createRng(1);
  const detector = createLstm();
  detector.grow(series);
  const batch = createPointBatch(BATCH);
  const out = createScoreColumns(BATCH);
  const learn = new Uint8Array(BATCH).fill(1);
  batch.length = BATCH;
  let next = 0;
  return rate(() => {
    for (let i = 0; i < BATCH; i++) {
      // A series once a batch: strata of equal size.
      const stratum = Math.floor(series / BATCH);
      batch.series[i] = random ? i * stratum + rng.int(stratum) : (next + i) % series;
      batch.value[i] = 100 + Math.sin(next + i) * 8;
    }
    next = (next + BATCH) % series;
    detector.observe(batch, learn, out);
  });
}

const cells = createLstmCells(defaultNetwork(), 0);
cells.grow(BATCH);
cells.reserve(BATCH);
for (let i = 0; i < BATCH; i++) cells.series[i] = i;
const kernel = rate(() => cells.step(BATCH));
const inOrder = detectorRate(20_480, false);
const atRandom = detectorRate(102_400, true);
console.log('| what | M steps/s/core |\n| --- | --- |');
console.log(`| kernel alone, ${BATCH} series | ${kernel.toFixed(2)} |`);
console.log(`| detector, 20 480 series in order | ${inOrder.toFixed(2)} |`);
console.log(`| detector, 102 400 series at random | ${atRandom.toFixed(2)} |`);
reportBar(
  'lstm',
  inOrder,
  `${kernel.toFixed(2)} the kernel alone, ${atRandom.toFixed(2)} at random among 102,400 series`,
);
