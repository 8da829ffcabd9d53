import { expect, test } from 'vitest';
import { ROW_SLOTS } from '../../domain/detector.ts';
import { createRng } from '../../stats/rng.ts';
import { createIncrementalPca } from './incremental-pca.ts';

const SIGNALS = 6;

function rowOf(random: ReturnType<typeof createRng>): Float64Array {
  const causes = [3 * random.normal(), 2 * random.normal()];
  return new Float64Array(ROW_SLOTS).map((_, d) =>
    d < SIGNALS ? causes[d % 2]! * (d < 3 ? 1 : -1) + 0.2 * random.normal() : 0,
  );
}

/** Squared residual and T2 of a row against a plain covariance of all rows, the two leading components found by squaring it. */
function slow(rows: readonly Float64Array[], row: Float64Array): number {
  const n = SIGNALS;
  const mean = Array.from({ length: n }, (_, d) => rows.reduce((sum, r) => sum + r[d]!, 0) / rows.length);
  let matrix = Array.from({ length: n }, (_, i) =>
    Array.from(
      { length: n },
      (_unused, j) => rows.reduce((sum, r) => sum + (r[i]! - mean[i]!) * (r[j]! - mean[j]!), 0) / rows.length,
    ),
  );
  const trace = matrix.reduce((sum, line, i) => sum + line[i]!, 0);
  const off = mean.map((m, d) => row[d]! - m);
  let rest = off;
  let t2 = 0;
  let explained = 0;
  for (let k = 0; k < 2; k++) {
    let v = Array.from({ length: n }, (_, d) => 1 + d / 10);
    for (let round = 0; round < 500; round++) {
      const next = matrix.map((line) => line.reduce((sum, x, j) => sum + x * v[j]!, 0));
      const size = Math.hypot(...next);
      v = next.map((x) => x / size);
    }
    const value = Math.hypot(...matrix.map((line) => line.reduce((sum, x, j) => sum + x * v[j]!, 0)));
    const dot = off.reduce((sum, x, d) => sum + x * v[d]!, 0);
    rest = rest.map((x, d) => x - dot * v[d]!);
    t2 += (dot * dot) / value;
    explained += value;
    matrix = matrix.map((line, i) => line.map((x, j) => x - value * v[i]! * v[j]!));
  }
  const square = rest.reduce((sum, x) => sum + x * x, 0);
  return Math.sqrt(square / (trace - explained)) + Math.sqrt(t2 / 2);
}

test('scores as components of the whole history would, while it forgets nothing', () => {
  const random = createRng(4);
  const pca = createIncrementalPca({ rank: 2, memory: 1_000_000, refit: 1 });
  const rows = Array.from({ length: 600 }, () => rowOf(random));
  for (const row of rows) pca.learn(0, row);
  for (let i = 0; i < 20; i++) {
    const row = rowOf(random);
    if (i % 4 === 0) row[i % SIGNALS] = 4;
    // The floors against constant signals take a little off.
    expect(pca.score(0, row) / slow(rows, row)).toBeGreaterThan(0.85);
    expect(pca.score(0, row) / slow(rows, row)).toBeLessThan(1.1);
  }
});

test('a broken correlation is in the residual and blamed on the signal that left', () => {
  const random = createRng(5);
  const pca = createIncrementalPca();
  for (let i = 0; i < 800; i++) pca.learn(0, rowOf(random));
  const usual = Array.from({ length: 200 }, () => pca.score(0, rowOf(random))).sort((a, b) => a - b);
  const row = rowOf(random);
  row[2] = -row[2]! + (row[2]! > 0 ? -4 : 4);
  expect(pca.score(0, row)).toBeGreaterThan(usual[198]!);
  const blame = new Float64Array(ROW_SLOTS);
  pca.blame(0, row, blame);
  expect(blame.indexOf(Math.max(...blame))).toBe(2);
});
