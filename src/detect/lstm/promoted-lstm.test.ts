import { expect, it } from 'vitest';
import { lstmNetwork, WEIGHTS } from '../../stats/lstm/network.ts';
import { createRng } from '../../stats/rng.ts';
import { createPromotedLstm } from './promoted-lstm.ts';

const rng = createRng(2);
const wave = Float64Array.from({ length: 400 }, (_, i) => 1.4 * Math.sin((i / 30) * 2 * Math.PI) + 0.05 * rng.normal());

/** Scores of the values from `first` on, one look each after a first look at all before. */
function looks(values: Float64Array, first: number, slot = 1): number[] {
  const detector = createPromotedLstm();
  detector.grow(2);
  detector.score(slot, values, first, first);
  return Array.from({ length: values.length - first }, (_, k) =>
    detector.score(slot, values.subarray(0, first + k + 1), first + k + 1, 1),
  );
}

it('scores a value that breaks the shape above those that follow it', () => {
  const usual = looks(wave, 200).sort((a, b) => a - b);
  const broken = wave.slice(0, 301);
  broken[300] = wave[300]! + 4;
  expect(looks(broken, 300)[0]).toBeGreaterThan(3 * usual[Math.floor(0.99 * usual.length)]!);
});

it('is not ready before its warm-up, and cold again after a reset', () => {
  const detector = createPromotedLstm();
  detector.grow(1);
  expect(detector.score(0, wave, 20, 20)).toBeNaN();
  expect(detector.score(0, wave, 60, 40)).toBeGreaterThanOrEqual(0);
  detector.reset(0);
  expect(detector.score(0, wave, 10, 10)).toBeNaN();
});

it('gives the same however the values are cut into looks, and after a restore', () => {
  const [at] = looks(wave.subarray(0, 101), 100);
  const detector = createPromotedLstm();
  detector.grow(2);
  for (const length of [30, 70, 100]) detector.score(1, wave, length, length === 30 ? 30 : length === 70 ? 40 : 30);
  const copy = createPromotedLstm();
  copy.restore(structuredClone(detector.save()));
  expect(detector.score(1, wave, 101, 1)).toBe(at);
  expect(copy.score(1, wave, 101, 1)).toBe(at);
});

it('begins again, without a fault, when its state is of another network', () => {
  const before = createPromotedLstm();
  before.grow(2);
  before.score(1, wave, 200, 200);
  const other = createPromotedLstm(undefined, lstmNetwork(new Float32Array(WEIGHTS).fill(0.1)));
  other.restore(before.save());
  expect(other.score(1, wave, 20, 20)).toBeNaN();
  expect(other.score(1, wave, 60, 40)).toBeGreaterThanOrEqual(0);
});
