/** Adam (Kingma & Ba 2015) over one vector of weights; its moments are plain arrays, for a checkpoint. */
export interface Adam {
  readonly mean: Float64Array;
  readonly square: Float64Array;
  /** Moves `weights` against `gradient`; step `t` counts from 1. */
  step(weights: Float64Array, gradient: Float64Array, t: number, rate: number): void;
}

export function createAdam(size: number, beta1 = 0.9, beta2 = 0.999): Adam {
  const mean = new Float64Array(size);
  const square = new Float64Array(size);
  return {
    mean,
    square,
    step(weights, gradient, t, rate) {
      const correct1 = 1 / (1 - beta1 ** t);
      const correct2 = 1 / (1 - beta2 ** t);
      for (let i = 0; i < size; i++) {
        const g = gradient[i]!;
        const m = beta1 * mean[i]! + (1 - beta1) * g;
        const v = beta2 * square[i]! + (1 - beta2) * g * g;
        mean[i] = m;
        square[i] = v;
        weights[i] = weights[i]! - (rate * m * correct1) / (Math.sqrt(v * correct2) + 1e-8);
      }
    },
  };
}

/** Shortens `gradient` to the given length where it is longer (Pascanu et al. 2013). */
export function clipNorm(gradient: Float64Array, longest: number): void {
  let sum = 0;
  for (const g of gradient) sum += g * g;
  const norm = Math.sqrt(sum);
  if (norm > longest) for (let i = 0; i < gradient.length; i++) gradient[i] = (gradient[i]! * longest) / norm;
}
