import { TocsinError } from '../../domain/error.ts';
import { clipNorm, createAdam } from '../../stats/adam.ts';
import { createRng } from '../../stats/rng.ts';

/** What speaks: the surprise of each (detectors, modalities) is its -log10 p, at most this. */
const CAP = 8;

/** A learnt weighting as plain data: logits `bias[d] + sum over k of slope[d][k] * context[k]`. All zero: every voice weighs the same. */
export interface AttentionData {
  readonly version: 1;
  /** Names of the voices and of the context features, which must be those it is used with. */
  readonly voices: readonly string[];
  readonly context: readonly string[];
  readonly bias: readonly number[];
  /** Row by voice. */
  readonly slope: readonly number[];
}

/** Sums to 1 over the voices that are there. */
export interface AttentionResult {
  /** Weighted mean surprise. */
  readonly z: number;
  readonly weights: readonly number[];
  /** What each voice adds to z: the reason that is shown. */
  readonly shares: readonly number[];
}

export function uniformAttention(voices: readonly string[], context: readonly string[]): AttentionData {
  return {
    version: 1,
    voices,
    context,
    bias: voices.map(() => 0),
    slope: voices.flatMap(() => context.map(() => 0)),
  };
}

/**
 * Attention over voices: z = sum of w_d(c) * surprise_d, w a softmax of logits that are linear in a few context features. A
 * voice whose surprise is NaN is not there and takes no weight.
 */
export function attend(data: AttentionData, surprises: ArrayLike<number>, context: ArrayLike<number>): AttentionResult {
  const { voices, context: names, bias, slope } = data;
  const logits = voices.map((_, d) =>
    Number.isNaN(surprises[d]!)
      ? Number.NEGATIVE_INFINITY
      : names.reduce((sum, __, k) => sum + slope[d * names.length + k]! * context[k]!, bias[d]!),
  );
  const highest = Math.max(...logits);
  if (highest === Number.NEGATIVE_INFINITY) return { z: 0, weights: voices.map(() => 0), shares: voices.map(() => 0) };
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const total = powers.reduce((a, b) => a + b, 0);
  const weights = powers.map((power) => power / total);
  const parts = weights.map((weight, d) => (weight === 0 ? 0 : weight * Math.min(CAP, surprises[d]!)));
  const z = parts.reduce((a, b) => a + b, 0);
  return { z, weights, shares: parts.map((part) => (z > 0 ? part / z : 0)) };
}

/** A judged case: what the voices said, in which context, and whether it was real. */
export interface AttentionCase {
  readonly surprises: readonly number[];
  readonly context: readonly number[];
  readonly real: boolean;
}

export interface AttentionOptions {
  /** How strongly weights are held to uniform, as if so many pairs said so. */
  readonly prior: number;
  readonly steps: number;
  readonly pairs: number;
  readonly rate: number;
  readonly seed: number;
}

export const ATTENTION: AttentionOptions = { prior: 20, steps: 300, pairs: 64, rate: 0.05, seed: 1 };

/** Loss of a batch of pairs (real above false) with its slope, which is written to `gradient`. */
export function pairLoss(
  data: AttentionData,
  pairs: readonly (readonly [real: AttentionCase, other: AttentionCase])[],
  penalty: number,
  gradient: Float64Array,
): number {
  const width = data.context.length;
  const size = data.voices.length;
  gradient.fill(0);
  let loss = 0;
  for (const [real, other] of pairs) {
    const a = attend(data, real.surprises, real.context);
    const b = attend(data, other.surprises, other.context);
    const gap = a.z - b.z;
    // log(1 + e^-gap), without overflow.
    loss += (Math.max(0, -gap) + Math.log1p(Math.exp(-Math.abs(gap)))) / pairs.length;
    const pull = -1 / (1 + Math.exp(gap)) / pairs.length;
    for (const [result, judged, sign] of [
      [a, real, pull],
      [b, other, -pull],
    ] as const) {
      for (let d = 0; d < size; d++) {
        const weight = result.weights[d]!;
        if (weight === 0) continue;
        const slope = sign * weight * (Math.min(CAP, judged.surprises[d]!) - result.z);
        gradient[d] = gradient[d]! + slope;
        for (let k = 0; k < width; k++) {
          const at = size + d * width + k;
          gradient[at] = gradient[at]! + slope * judged.context[k]!;
        }
      }
    }
  }
  const flat = [...data.bias, ...data.slope];
  for (const [i, value] of flat.entries()) {
    loss += 0.5 * penalty * value * value;
    gradient[i] = gradient[i]! + penalty * value;
  }
  return loss;
}

/**
 * Learns from verdicts by pairs: what was real is to score above what was not (active anomaly discovery, Das et al. 2016, with a
 * softmax in place of tree weights). The penalty falls with the number of pairs that there are, so that a handful of verdicts
 * hardly moves the weights from uniform.
 *
 * @throws TocsinError `invalid_request` without a case of each kind.
 */
export function trainAttention(
  start: AttentionData,
  cases: readonly AttentionCase[],
  options: AttentionOptions = ATTENTION,
): AttentionData {
  const real = cases.filter((one) => one.real);
  const others = cases.filter((one) => !one.real);
  if (real.length === 0 || others.length === 0)
    throw new TocsinError('invalid_request', 'attention learns from pairs: there must be verdicts of each kind');
  const size = start.voices.length;
  const weights = Float64Array.from([...start.bias, ...start.slope]);
  const gradient = new Float64Array(weights.length);
  const adam = createAdam(weights.length);
  const rng = createRng(options.seed);
  const penalty = options.prior / Math.min(real.length * others.length, 20 * cases.length);
  const current = (): AttentionData => ({
    ...start,
    bias: [...weights.subarray(0, size)],
    slope: [...weights.subarray(size)],
  });
  for (let step = 1; step <= options.steps; step++) {
    const pairs = Array.from(
      { length: options.pairs },
      () => [real[rng.int(real.length)]!, others[rng.int(others.length)]!] as const,
    );
    pairLoss(current(), pairs, penalty, gradient);
    clipNorm(gradient, 1);
    adam.step(weights, gradient, step, options.rate * (1 - (0.9 * step) / options.steps));
  }
  return current();
}
