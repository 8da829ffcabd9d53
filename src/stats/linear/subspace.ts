/**
 * The leading eigenvectors of a symmetric positive matrix by subspace iteration (Golub and Van Loan, 8.2.4): starting from
 * the ones found last time, two rounds follow a matrix that changes slowly.
 *
 * @param matrix `dims` x `dims`, row by row.
 * @param basis `rank` rows of `dims`, orthonormal; changed in place. Rows that are all zero are started anew.
 * @param values Rayleigh quotients of the rows, largest first; written.
 */
export function followSubspace(
  matrix: Float64Array,
  dims: number,
  basis: Float64Array,
  rank: number,
  values: Float64Array,
  rounds: number,
): void {
  const next = new Float64Array(rank * dims);
  for (let k = 0; k < rank; k++) {
    let square = 0;
    for (let d = 0; d < dims; d++) square += basis[k * dims + d]! ** 2;
    // Any start that is not orthogonal to the answer will do; this one is the same every time.
    if (square === 0) for (let d = 0; d < dims; d++) basis[k * dims + d] = Math.cos((k + 1) * (d + 0.5) * 0.7) + 0.1;
  }
  orthonormalise(basis, dims, rank);
  for (let round = 0; round < rounds; round++) {
    multiply(matrix, dims, basis, rank, next);
    basis.set(next);
    orthonormalise(basis, dims, rank);
  }
  multiply(matrix, dims, basis, rank, next);
  for (let k = 0; k < rank; k++) {
    let value = 0;
    for (let d = 0; d < dims; d++) value += basis[k * dims + d]! * next[k * dims + d]!;
    values[k] = value;
  }
}

function multiply(matrix: Float64Array, dims: number, basis: Float64Array, rank: number, out: Float64Array): void {
  for (let k = 0; k < rank; k++) {
    for (let i = 0; i < dims; i++) {
      let sum = 0;
      for (let j = 0; j < dims; j++) sum += matrix[i * dims + j]! * basis[k * dims + j]!;
      out[k * dims + i] = sum;
    }
  }
}

/** Gram and Schmidt, twice for the sake of nearly dependent rows; a row that vanishes is left zero. */
function orthonormalise(basis: Float64Array, dims: number, rank: number): void {
  for (let k = 0; k < rank; k++) {
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < k; j++) {
        let dot = 0;
        for (let d = 0; d < dims; d++) dot += basis[k * dims + d]! * basis[j * dims + d]!;
        for (let d = 0; d < dims; d++) basis[k * dims + d] = basis[k * dims + d]! - dot * basis[j * dims + d]!;
      }
    }
    let square = 0;
    for (let d = 0; d < dims; d++) square += basis[k * dims + d]! ** 2;
    const scale = square > 1e-24 ? 1 / Math.sqrt(square) : 0;
    for (let d = 0; d < dims; d++) basis[k * dims + d] = basis[k * dims + d]! * scale;
  }
}
