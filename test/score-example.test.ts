import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { scoreOf } from '../src/domain/anomaly.ts';
import { acat, cauchyWeight } from '../src/fuse/service/combine-p.ts';

const page = readFileSync(resolve(import.meta.dirname, '../docs/how-the-score-is-made.md'), 'utf8');

test('the worked example of docs/how-the-score-is-made.md is what the code computes', () => {
  const weights = [0.2, 0.5, 0.0004, 0.9].map((p) => cauchyWeight(p));
  expect(weights[0]).toBeCloseTo(1.376, 3);
  expect(weights[1]).toBeCloseTo(0, 6);
  expect(weights[2]).toBeCloseTo(795.8, 1);
  expect(weights[3]).toBeCloseTo(-3.078, 3);
  expect(weights.reduce((a, b) => a + b, 0) / 4).toBeCloseTo(198.5, 1);
  expect(acat([0.2, 0.5, 0.0004, 0.9])).toBeCloseTo(0.0016, 4);
  expect(acat([0.2, 0.5, 0.0004, 0.0004])).toBeCloseTo(0.0008, 4);
  for (const figure of ['1.376', '795.8', '-3.078', '198.5', '0.0016', '0.0008']) expect(page).toContain(figure);
});

test('the score has the fixed meaning that the page gives it', () => {
  expect(scoreOf(1)).toBe(0);
  expect(scoreOf(1e-3)).toBeCloseTo(0.5, 12);
  expect(scoreOf(1e-6)).toBe(1);
  expect(scoreOf(1e-9)).toBe(1);
});
