import { expect, it } from 'vitest';
import { scoreBinary } from './binary.ts';

const labels = new Map([
  ['a', true],
  ['b', true],
  ['c', false],
  ['d', false],
]);

it('scores findings', () => {
  expect(scoreBinary(labels, new Set(['a', 'b', 'not a case']))).toEqual({
    precision: 1,
    recall: 1,
    f1: 1,
    mcc: 1,
    falsePer10k: 0,
  });
  expect(scoreBinary(labels, new Set(['a', 'c']))).toEqual({
    precision: 0.5,
    recall: 0.5,
    f1: 0.5,
    mcc: 0,
    falsePer10k: 2500,
  });
  expect(scoreBinary(labels, new Set(['a', 'b', 'c', 'd'])).mcc).toBe(0);
  expect(scoreBinary(labels, new Set())).toMatchObject({ precision: 0, recall: 0, f1: 0, mcc: 0 });
});
