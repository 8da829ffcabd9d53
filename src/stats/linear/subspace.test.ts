import { expect, test } from 'vitest';
import { createRng } from '../rng.ts';
import { followSubspace } from './subspace.ts';

/** Eigenvalues, largest first, by Jacobi's rotations. */
function jacobi(matrix: Float64Array, n: number): number[] {
  const a = matrix.slice();
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const apq = a[p * n + q]!;
        if (Math.abs(apq) < 1e-14) continue;
        const theta = (a[q * n + q]! - a[p * n + p]!) / (2 * apq);
        const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (let k = 0; k < n; k++) {
          const x = a[k * n + p]!;
          const y = a[k * n + q]!;
          a[k * n + p] = c * x - s * y;
          a[k * n + q] = s * x + c * y;
        }
        for (let k = 0; k < n; k++) {
          const x = a[p * n + k]!;
          const y = a[q * n + k]!;
          a[p * n + k] = c * x - s * y;
          a[q * n + k] = s * x + c * y;
        }
      }
    }
  }
  return Array.from({ length: n }, (_, i) => a[i * n + i]!).sort((x, y) => y - x);
}

test('finds the leading eigenvalues and orthonormal vectors of a covariance', () => {
  const n = 10;
  const random = createRng(3);
  const mix = Array.from({ length: 3 }, () => Array.from({ length: n }, () => random.normal()));
  const matrix = new Float64Array(n * n);
  for (let row = 0; row < 400; row++) {
    const causes = [5 * random.normal(), 3 * random.normal(), 2 * random.normal()];
    const x = Array.from({ length: n }, (_, d) =>
      causes.reduce((sum, c, k) => sum + c * mix[k]![d]!, 0.2 * random.normal()),
    );
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) matrix[i * n + j] = matrix[i * n + j]! + (x[i]! * x[j]!) / 400;
  }
  const basis = new Float64Array(3 * n);
  const values = new Float64Array(3);
  followSubspace(matrix, n, basis, 3, values, 40);
  const exact = jacobi(matrix, n);
  for (let k = 0; k < 3; k++) {
    expect(values[k]! / exact[k]!).toBeCloseTo(1, 4);
    for (let j = 0; j <= k; j++) {
      let dot = 0;
      for (let d = 0; d < n; d++) dot += basis[k * n + d]! * basis[j * n + d]!;
      expect(dot).toBeCloseTo(k === j ? 1 : 0, 9);
    }
  }
});

test('a matrix of fewer directions than asked for leaves the rest without value', () => {
  const basis = new Float64Array(6);
  const values = new Float64Array(2);
  followSubspace(Float64Array.of(4, 0, 0, 0, 0, 0, 0, 0, 0), 3, basis, 2, values, 20);
  expect(values[0]).toBeCloseTo(4, 9);
  expect(values[1]).toBeCloseTo(0, 9);
  expect(basis.every(Number.isFinite)).toBe(true);
});
