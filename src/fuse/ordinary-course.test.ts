import { expect, test } from 'vitest';
import { compileKernel } from '../../scripts/build-kernels.ts';
import { defaultsOf } from '../domain/options.ts';
import { FUSE_WASM } from '../stats/kernels/fuse-wasm.ts';
import { createRng } from '../stats/rng.ts';
import { createFusedCalibrator } from './calibrate/fused-calibrator.ts';
import { createLearnGate, LEARN_GATE_OPTIONS } from './combine/learn-gate.ts';
import { createOrdinaryCourse } from './ordinary-course.ts';

const SERIES = 60;
const ORDINARY_CAP = 3;

test('takes every sample through calibrator and gate as they would one by one', () => {
  const options = { ...defaultsOf(LEARN_GATE_OPTIONS), freezeSamples: 5, anchorSamples: 4 };
  const course = createOrdinaryCourse(ORDINARY_CAP, (calibrator, gate) => ({
    calibrator: createFusedCalibrator(calibrator),
    gate: createLearnGate(options, gate),
  }));
  const calibrator = createFusedCalibrator();
  const gate = createLearnGate(options);
  for (const part of [course.calibrator, course.gate, calibrator, gate]) part.grow(SERIES >> 1);
  const rng = createRng(11);
  let judged = 0;
  let frozen = 0;
  let changes = 0;
  // Beyond 6000 scores of a series, where counts are halved.
  for (let tick = 0; tick < 6500; tick++) {
    if (tick === 300) for (const part of [course.calibrator, course.gate, calibrator, gate]) part.grow(SERIES);
    const among = tick < 300 ? SERIES >> 1 : SERIES;
    const length = 1 + Math.floor(rng.next() * (among - 1));
    const first = Math.floor(rng.next() * among);
    const time = Float64Array.from({ length }, () => tick * 60_000);
    course.makeRoom(length);
    const { series, sum, rare, known } = course.columns;
    for (let i = 0; i < length; i++) {
      series[i] = (first + i) % among;
      const event = (tick + series[i]! * 90) % 1500 < 12;
      sum[i] = event ? 3 + 4 * rng.next() : 0.4 * rng.exponential();
      rare[i] = rng.next() < 0.05 ? 2 * rng.next() : 0;
      known[i] = rng.next() < 0.97 ? 1 : 0;
    }
    course.modes(length);
    const unusual = course.judge(length);
    judged += unusual;
    course.settle(length, time);
    const columns = course.columns;
    for (let i = 0; i < length; i++) {
      const s = columns.series[i]!;
      const mode = gate.modeOf(s);
      const ordinary = columns.sum[i]!;
      const damped = ordinary > ORDINARY_CAP ? ORDINARY_CAP + 0.1 * (ordinary - ORDINARY_CAP) : ordinary;
      const score = Math.min(8, damped + columns.rare[i]!);
      const isKnown = columns.known[i] === 1;
      const strange = isKnown ? calibrator.surprise(s, score) : 0;
      const changed = isKnown && gate.update(s, time[i]!, strange);
      if (isKnown && mode === 1) calibrator.learn(s, score);
      if (mode !== 1) frozen++;
      if (changed) changes++;
      const got = [columns.mode[i], columns.fused[i], columns.strange[i], columns.changePoint[i], columns.ready[i]];
      if (got.some((x, k) => x !== [mode, score, strange, Number(changed), Number(strange > 0)][k]))
        expect(got).toEqual([mode, score, strange, Number(changed), Number(strange > 0)]);
      if (columns.surprise[i] !== Math.fround(strange)) expect(columns.surprise[i]).toBe(Math.fround(strange));
      if (columns.extent[i] !== gate.extentOf(s)) expect(columns.extent[i]).toBe(gate.extentOf(s));
    }
  }
  expect(course.calibrator.save()).toEqual(calibrator.save());
  expect(course.gate.save()).toEqual(gate.save());
  // It came to everything that the kernel leaves to others.
  expect(judged).toBeGreaterThan(1000);
  expect(frozen).toBeGreaterThan(100);
  expect(changes).toBeGreaterThan(10);
});

test('the kernel is what its source compiles to', async () => {
  expect(await compileKernel('fuse')).toContain(FUSE_WASM);
});
