import { TocsinError } from '../../domain/error.ts';
import { type Classifier, logistic, type Standard, standardised, standardOf, type Table } from './table.ts';

export interface LogisticData {
  readonly kind: 'logistic';
  readonly standard: Standard;
  readonly weights: readonly number[];
  readonly bias: number;
}

export function logisticModel({ standard, weights, bias }: LogisticData): Classifier {
  return {
    columns: weights.length,
    score(values, at) {
      let sum = bias;
      for (let c = 0; c < weights.length; c++) sum += weights[c]! * standardised(standard, c, values[at + c]!);
      return sum;
    },
  };
}

const ITERATIONS = 50;

/**
 * Logistic regression on standardised features with a Gaussian prior of precision `penalty` on every weight but the bias, by
 * Newton's method. With few labels the prior decides, which is what makes it the model of the first hundred.
 */
export function trainLogistic(table: Table, penalty = 1): LogisticData {
  const { rows, columns, values, labels } = table;
  const standard = standardOf(table);
  const size = columns + 1;
  const x = new Float64Array(rows * size);
  for (let i = 0; i < rows; i++) {
    for (let c = 0; c < columns; c++) x[i * size + c] = standardised(standard, c, values[i * columns + c]!);
    x[i * size + columns] = 1;
  }
  const w = new Float64Array(size);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const slope = new Float64Array(size);
    const curve = new Float64Array(size * size);
    for (let c = 0; c < columns; c++) {
      slope[c] = penalty * w[c]!;
      curve[c * size + c] = penalty;
    }
    curve[size * size - 1] = 1e-9;
    for (let i = 0; i < rows; i++) {
      let z = 0;
      for (let c = 0; c < size; c++) z += w[c]! * x[i * size + c]!;
      const p = logistic(z);
      const weight = table.weights?.[i] ?? 1;
      const error = weight * (p - labels[i]!);
      const h = weight * Math.max(p * (1 - p), 1e-9);
      for (let a = 0; a < size; a++) {
        const xa = x[i * size + a]!;
        slope[a] = slope[a]! + error * xa;
        for (let b = 0; b <= a; b++) curve[a * size + b] = curve[a * size + b]! + h * xa * x[i * size + b]!;
      }
    }
    const step = solve(curve, slope, size);
    let largest = 0;
    for (let c = 0; c < size; c++) {
      // Steps are held: far from the optimum Newton overshoots.
      const move = Math.max(-4, Math.min(4, step[c]!));
      w[c] = w[c]! - move;
      largest = Math.max(largest, Math.abs(move));
    }
    if (largest < 1e-10) break;
  }
  return { kind: 'logistic', standard, weights: [...w.subarray(0, columns)], bias: w[columns]! };
}

/** Solves a symmetric positive definite system given by its lower half (Cholesky). */
function solve(matrix: Float64Array, right: Float64Array, size: number): Float64Array {
  const l = matrix.slice();
  for (let a = 0; a < size; a++) {
    for (let b = 0; b <= a; b++) {
      let sum = l[a * size + b]!;
      for (let k = 0; k < b; k++) sum -= l[a * size + k]! * l[b * size + k]!;
      if (a === b) {
        if (sum <= 0) throw new TocsinError('internal', 'the normal equations are not positive definite');
        l[a * size + a] = Math.sqrt(sum);
      } else l[a * size + b] = sum / l[b * size + b]!;
    }
  }
  const out = right.slice();
  for (let a = 0; a < size; a++) {
    for (let k = 0; k < a; k++) out[a] = out[a]! - l[a * size + k]! * out[k]!;
    out[a] = out[a]! / l[a * size + a]!;
  }
  for (let a = size - 1; a >= 0; a--) {
    for (let k = a + 1; k < size; k++) out[a] = out[a]! - l[k * size + a]! * out[k]!;
    out[a] = out[a]! / l[a * size + a]!;
  }
  return out;
}
