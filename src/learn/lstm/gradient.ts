import { expOf, sigmoidOf, tanhOf } from '../../stats/lstm/activation.ts';
import * as network from '../../stats/lstm/network.ts';

// Names of this module: loaders that wrap modules look an imported name up at every use, which these loops would feel.
const { GATES, HEAD_BIAS, HEAD_SCALE, HIDDEN, LOG_SCALE, PART, WEIGHTS } = network;
const [sigmoid, tanh, exp] = [sigmoidOf, tanhOf, expOf];

/** Rounds |r| off at zero, so that the loss has a slope everywhere. */
const SOFT = 0.05;

/** One truncated stretch of a batch of streams: where backpropagation stops, and the state that the next one goes on from. */
export interface LstmChunk {
  readonly batch: number;
  /** Steps of the stretch. */
  readonly length: number;
  /** Normalised inputs: `length + 1` of stream b from `b * (length + 1)` on; each but the first is also the target of the one before. */
  readonly inputs: Float64Array;
  /** h and c at the start of the stretch, `HIDDEN` a stream; replaced by those at its end. */
  readonly h: Float64Array;
  readonly c: Float64Array;
}

export interface LstmGradient {
  readonly gradient: Float64Array;
  /** Runs a chunk, adds the slope of the mean loss to `gradient` (zeroed first) and moves h and c on. @returns mean loss a step. */
  run(weights: Float64Array, chunk: LstmChunk): number;
}

/**
 * Loss and slope of the forecaster by backpropagation through `length` steps. The loss of a step is the negative
 * log-likelihood of a Laplace distribution, sqrt(r^2 + 0.05^2) / b + log b for residual r and scale b = e^s: robust, its
 * slope in r bounded. Checked against numerical slopes in the test.
 */
export function createLstmGradient(batch: number, length: number): LstmGradient {
  const gradient = new Float64Array(WEIGHTS);
  /** By step and stream: gates after their activation, then cells and hidden values from before the first step on. */
  const gates = new Float64Array(length * batch * GATES);
  const cells = new Float64Array((length + 1) * batch * HIDDEN);
  const squashed = new Float64Array(length * batch * HIDDEN);
  const hidden = new Float64Array((length + 1) * batch * HIDDEN);
  const slopeMean = new Float64Array(length * batch);
  const slopeScale = new Float64Array(length * batch);
  const dGates = new Float64Array(batch * GATES);
  const dHidden = new Float64Array(batch * HIDDEN);
  const dCell = new Float64Array(batch * HIDDEN);

  function forward(w: Float64Array, t: number, inputs: Float64Array): void {
    for (let b = 0; b < batch; b++) {
      const g = (t * batch + b) * GATES;
      const from = (t * batch + b) * HIDDEN;
      const to = from + batch * HIDDEN;
      const x = inputs[b * (length + 1) + t]!;
      for (let j = 0; j < GATES; j++) gates[g + j] = w[PART.bias + j]! + x * w[PART.input + j]!;
      for (let k = 0; k < HIDDEN; k += 4) {
        const h0 = hidden[from + k]!;
        const h1 = hidden[from + k + 1]!;
        const h2 = hidden[from + k + 2]!;
        const h3 = hidden[from + k + 3]!;
        const row = PART.hidden + k * GATES;
        for (let j = 0; j < GATES; j++)
          gates[g + j] =
            gates[g + j]! +
            h0 * w[row + j]! +
            h1 * w[row + GATES + j]! +
            h2 * w[row + 2 * GATES + j]! +
            h3 * w[row + 3 * GATES + j]!;
      }
      for (let u = 0; u < HIDDEN; u++) {
        const i = sigmoid(gates[g + u]!);
        const f = sigmoid(gates[g + HIDDEN + u]!);
        const z = tanh(gates[g + 2 * HIDDEN + u]!);
        const o = sigmoid(gates[g + 3 * HIDDEN + u]!);
        gates[g + u] = i;
        gates[g + HIDDEN + u] = f;
        gates[g + 2 * HIDDEN + u] = z;
        gates[g + 3 * HIDDEN + u] = o;
        const c = f * cells[from + u]! + i * z;
        const s = tanh(c);
        cells[to + u] = c;
        squashed[from + u] = s;
        hidden[to + u] = o * s;
      }
    }
  }

  /** Loss of step t, with its slopes in both outputs. */
  function judge(w: Float64Array, t: number, inputs: Float64Array): number {
    let loss = 0;
    const share = 1 / (batch * length);
    for (let b = 0; b < batch; b++) {
      const at = ((t + 1) * batch + b) * HIDDEN;
      let mean = w[HEAD_BIAS]!;
      let logScale = w[HEAD_BIAS + 1]!;
      for (let u = 0; u < HIDDEN; u++) {
        mean += hidden[at + u]! * w[PART.mean + u]!;
        logScale += hidden[at + u]! * w[HEAD_SCALE + u]!;
      }
      const free = logScale > LOG_SCALE.lowest && logScale < LOG_SCALE.highest;
      const s = Math.min(LOG_SCALE.highest, Math.max(LOG_SCALE.lowest, logScale));
      const r = inputs[b * (length + 1) + t + 1]! - mean;
      const size = Math.sqrt(r * r + SOFT * SOFT);
      const narrow = exp(-s);
      loss += size * narrow + s;
      slopeMean[t * batch + b] = (-share * narrow * r) / size;
      slopeScale[t * batch + b] = free ? share * (1 - size * narrow) : 0;
    }
    return loss * share;
  }

  function backward(w: Float64Array, t: number, inputs: Float64Array): void {
    for (let b = 0; b < batch; b++) {
      const at = (t * batch + b) * HIDDEN;
      const next = at + batch * HIDDEN;
      const g = (t * batch + b) * GATES;
      const dm = slopeMean[t * batch + b]!;
      const ds = slopeScale[t * batch + b]!;
      gradient[HEAD_BIAS] = gradient[HEAD_BIAS]! + dm;
      gradient[HEAD_BIAS + 1] = gradient[HEAD_BIAS + 1]! + ds;
      for (let u = 0; u < HIDDEN; u++) {
        const h = hidden[next + u]!;
        gradient[PART.mean + u] = gradient[PART.mean + u]! + dm * h;
        gradient[HEAD_SCALE + u] = gradient[HEAD_SCALE + u]! + ds * h;
        const dh = dHidden[b * HIDDEN + u]! + dm * w[PART.mean + u]! + ds * w[HEAD_SCALE + u]!;
        const i = gates[g + u]!;
        const f = gates[g + HIDDEN + u]!;
        const z = gates[g + 2 * HIDDEN + u]!;
        const o = gates[g + 3 * HIDDEN + u]!;
        const s = squashed[at + u]!;
        const dc = dCell[b * HIDDEN + u]! + dh * o * (1 - s * s);
        dCell[b * HIDDEN + u] = dc * f;
        const d = b * GATES + u;
        dGates[d] = dc * z * i * (1 - i);
        dGates[d + HIDDEN] = dc * cells[at + u]! * f * (1 - f);
        dGates[d + 2 * HIDDEN] = dc * i * (1 - z * z);
        dGates[d + 3 * HIDDEN] = dh * s * o * (1 - o);
      }
      const x = inputs[b * (length + 1) + t]!;
      const d = b * GATES;
      for (let j = 0; j < GATES; j++) {
        gradient[PART.bias + j] = gradient[PART.bias + j]! + dGates[d + j]!;
        gradient[PART.input + j] = gradient[PART.input + j]! + x * dGates[d + j]!;
      }
      for (let k = 0; k < HIDDEN; k++) dHidden[b * HIDDEN + k] = dot(w, PART.hidden + k * GATES, dGates, d);
    }
    outer(t);
  }

  /** Slope of the recurrent weights: hidden value of before times slope of the gate, four streams a round. */
  function outer(t: number): void {
    const h = t * batch * HIDDEN;
    for (let b = 0; b < batch; b += 4) {
      const d = b * GATES;
      for (let k = 0; k < HIDDEN; k++) {
        const h0 = hidden[h + b * HIDDEN + k]!;
        const h1 = hidden[h + (b + 1) * HIDDEN + k]!;
        const h2 = hidden[h + (b + 2) * HIDDEN + k]!;
        const h3 = hidden[h + (b + 3) * HIDDEN + k]!;
        const row = PART.hidden + k * GATES;
        for (let j = 0; j < GATES; j++)
          gradient[row + j] =
            gradient[row + j]! +
            h0 * dGates[d + j]! +
            h1 * dGates[d + GATES + j]! +
            h2 * dGates[d + 2 * GATES + j]! +
            h3 * dGates[d + 3 * GATES + j]!;
      }
    }
  }

  return {
    gradient,
    run(weights, { inputs, h, c }) {
      gradient.fill(0);
      hidden.set(h, 0);
      cells.set(c, 0);
      let loss = 0;
      for (let t = 0; t < length; t++) {
        forward(weights, t, inputs);
        loss += judge(weights, t, inputs);
      }
      dHidden.fill(0);
      dCell.fill(0);
      for (let t = length - 1; t >= 0; t--) backward(weights, t, inputs);
      h.set(hidden.subarray(length * batch * HIDDEN));
      c.set(cells.subarray(length * batch * HIDDEN));
      return loss;
    },
  };
}

function dot(a: Float64Array, i: number, b: Float64Array, j: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  for (let k = 0; k < GATES; k += 4) {
    s0 += a[i + k]! * b[j + k]!;
    s1 += a[i + k + 1]! * b[j + k + 1]!;
    s2 += a[i + k + 2]! * b[j + k + 2]!;
    s3 += a[i + k + 3]! * b[j + k + 3]!;
  }
  return s0 + s1 + (s2 + s3);
}
