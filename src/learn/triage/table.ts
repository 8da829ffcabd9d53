/** Examples to learn from: `values` row by row, NaN where a feature is missing; `labels` 1 for real, 0 for not. */
export interface Table {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
  readonly labels: Uint8Array;
  /** Weight of each row, 1 without it. */
  readonly weights?: Float32Array;
}

/** What a classifier is: scores are log-odds, so that models can be added and calibrated alike. */
export interface Classifier {
  readonly columns: number;
  /** Log-odds of `real` for the row whose features start at `values[at]`. */
  score(values: Float32Array, at: number): number;
}

/** Rows [from, to) of a table. */
export function slice(table: Table, from: number, to: number): Table {
  return {
    rows: to - from,
    columns: table.columns,
    values: table.values.subarray(from * table.columns, to * table.columns),
    labels: table.labels.subarray(from, to),
    ...(table.weights === undefined ? {} : { weights: table.weights.subarray(from, to) }),
  };
}

/** Scores of all rows. */
export function scoresOf(classifier: Classifier, table: Table): Float64Array {
  return Float64Array.from({ length: table.rows }, (_, i) => classifier.score(table.values, i * table.columns));
}

export function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Log-odds of a probability, held within +-12. */
export function logOdds(p: number): number {
  const held = Math.min(1 - 6e-6, Math.max(6e-6, p));
  return Math.log(held / (1 - held));
}

/** Mean and scale of each column, over what is there; a column without spread gets scale 1. */
export interface Standard {
  readonly mean: readonly number[];
  readonly scale: readonly number[];
}

export function standardOf({ rows, columns, values }: Table): Standard {
  const mean = new Array<number>(columns).fill(0);
  const scale = new Array<number>(columns).fill(1);
  for (let c = 0; c < columns; c++) {
    let n = 0;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < rows; i++) {
      const v = values[i * columns + c]!;
      if (Number.isNaN(v)) continue;
      n++;
      sum += v;
    }
    if (n === 0) continue;
    mean[c] = sum / n;
    for (let i = 0; i < rows; i++) {
      const v = values[i * columns + c]!;
      if (!Number.isNaN(v)) squares += (v - mean[c]!) ** 2;
    }
    if (squares > 0) scale[c] = Math.sqrt(squares / n);
  }
  return { mean, scale };
}

/** Standardised value of a column; what is missing counts as the mean. */
export function standardised({ mean, scale }: Standard, column: number, value: number): number {
  return Number.isNaN(value) ? 0 : (value - mean[column]!) / scale[column]!;
}
