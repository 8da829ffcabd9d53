import { createAdam } from '../../stats/adam.ts';
import { tanhOf } from '../../stats/lstm/activation.ts';
import { createRng } from '../../stats/rng.ts';
import { type Classifier, logistic, type Standard, standardised, standardOf, type Table } from './table.ts';

export interface DenseData {
  readonly kind: 'dense';
  readonly standard: Standard;
  readonly hidden: number;
  /** A row of inputs and a bias for every hidden unit, then the output's weights and bias. */
  readonly weights: readonly number[];
}

export interface DenseOptions {
  readonly hidden: number;
  readonly epochs: number;
  readonly batch: number;
  readonly rate: number;
  /** L2 on weights, as if so many rows said zero. */
  readonly penalty: number;
  readonly seed: number;
}

export const DENSE: DenseOptions = { hidden: 16, epochs: 60, batch: 32, rate: 0.01, penalty: 1, seed: 1 };

export function denseModel({ standard, hidden, weights }: DenseData): Classifier {
  const columns = standard.mean.length;
  const width = columns + 1;
  return {
    columns,
    score(values, at) {
      let out = weights[hidden * width + hidden]!;
      for (let u = 0; u < hidden; u++) {
        let sum = weights[u * width + columns]!;
        for (let c = 0; c < columns; c++) sum += weights[u * width + c]! * standardised(standard, c, values[at + c]!);
        out += tanhOf(sum) * weights[hidden * width + u]!;
      }
      return out;
    },
  };
}

/** A network of one hidden layer (tanh) for the logistic loss, by Adam; same data and seed, same weights. */
export function trainDense(table: Table, options: DenseOptions = DENSE): DenseData {
  const { rows, columns, values, labels } = table;
  const { hidden } = options;
  const standard = standardOf(table);
  const width = columns + 1;
  const rng = createRng(options.seed);
  const size = hidden * width + hidden + 1;
  const weights = Float64Array.from({ length: size }, () => ((2 * rng.next() - 1) * 1) / Math.sqrt(width));
  const gradient = new Float64Array(size);
  const adam = createAdam(size);
  const x = Float64Array.from(values, (v, i) => standardised(standard, i % columns, v));
  const order = Int32Array.from({ length: rows }, (_, i) => i);
  const activation = new Float64Array(hidden);
  let step = 0;
  const steps = options.epochs * Math.ceil(rows / options.batch);

  function learn(row: number): void {
    const at = row * columns;
    let z = weights[hidden * width + hidden]!;
    for (let u = 0; u < hidden; u++) {
      let sum = weights[u * width + columns]!;
      for (let c = 0; c < columns; c++) sum += weights[u * width + c]! * x[at + c]!;
      activation[u] = tanhOf(sum);
      z += activation[u]! * weights[hidden * width + u]!;
    }
    const error = (table.weights?.[row] ?? 1) * (logistic(z) - labels[row]!);
    gradient[hidden * width + hidden] = gradient[hidden * width + hidden]! + error;
    for (let u = 0; u < hidden; u++) {
      const a = activation[u]!;
      const back = error * weights[hidden * width + u]! * (1 - a * a);
      gradient[hidden * width + u] = gradient[hidden * width + u]! + error * a;
      gradient[u * width + columns] = gradient[u * width + columns]! + back;
      for (let c = 0; c < columns; c++) gradient[u * width + c] = gradient[u * width + c]! + back * x[at + c]!;
    }
  }

  for (let epoch = 0; epoch < options.epochs; epoch++) {
    for (let i = rows - 1; i > 0; i--) {
      const j = rng.int(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    for (let from = 0; from < rows; from += options.batch) {
      const to = Math.min(rows, from + options.batch);
      const share = (options.penalty * (to - from)) / rows;
      for (let k = 0; k < size; k++) gradient[k] = share * weights[k]!;
      for (let i = from; i < to; i++) learn(order[i]!);
      for (let k = 0; k < size; k++) gradient[k] = gradient[k]! / (to - from);
      step++;
      adam.step(weights, gradient, step, options.rate * (1 - (0.9 * step) / steps));
    }
  }
  return { kind: 'dense', standard, hidden, weights: [...weights] };
}
