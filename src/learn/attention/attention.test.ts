import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../stats/rng.ts';
import { ATTENTION, type AttentionCase, attend, pairLoss, trainAttention, uniformAttention } from './attention.ts';

const VOICES = ['metric', 'log', 'trace'];
const CONTEXT = ['night', 'deploy'];
const uniform = uniformAttention(VOICES, CONTEXT);

/** Real where logs speak; at night where traces do. Metrics are noise. */
function cases(count: number, seed: number): AttentionCase[] {
  const rng = createRng(seed);
  return Array.from({ length: count }, () => {
    const real = rng.next() < 0.5;
    const night = rng.next() < 0.5 ? 1 : 0;
    const loud = (): number => (real ? 4 + rng.exponential() : rng.exponential());
    return {
      real,
      context: [night, rng.next() < 0.5 ? 1 : 0],
      surprises: [
        4 * rng.exponential(),
        night === 0 ? loud() : rng.exponential(),
        night === 1 ? loud() : rng.exponential(),
      ],
    };
  });
}

function rankShare(data: typeof uniform, judged: readonly AttentionCase[]): number {
  const z = judged.map((one) => attend(data, one.surprises, one.context).z);
  let right = 0;
  let pairs = 0;
  for (const [i, a] of judged.entries())
    for (const [j, b] of judged.entries()) {
      if (!a.real || b.real) continue;
      pairs++;
      if (z[i]! > z[j]!) right++;
    }
  return right / pairs;
}

describe('attention', () => {
  it('starts as the mean of what speaks', () => {
    expect(attend(uniform, [3, 6, 0], [1, 0]).z).toBeCloseTo(3);
    expect(attend(uniform, [3, Number.NaN, 5], [1, 0])).toMatchObject({ z: 4, weights: [0.5, 0, 0.5] });
    expect(attend(uniform, [Number.NaN, Number.NaN, Number.NaN], [0, 0]).z).toBe(0);
  });

  it('gives weights that sum to 1 and shares that sum to 1, z between the least and the most', () => {
    const value = fc.double({ min: 0, max: 12, noNaN: true });
    const logit = fc.double({ min: -30, max: 30, noNaN: true });
    fc.assert(
      fc.property(
        fc.tuple(value, value, value),
        fc.tuple(logit, logit),
        fc.array(logit, { minLength: 9, maxLength: 9 }),
        (surprises, context, parameters) => {
          const data = { ...uniform, bias: parameters.slice(0, 3), slope: parameters.slice(3) };
          const { z, weights, shares } = attend(data, surprises, context);
          expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
          expect(z).toBeLessThanOrEqual(Math.max(...surprises.map((s) => Math.min(8, s))) + 1e-9);
          if (z > 1e-9) expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
        },
      ),
    );
  });

  it('has the slope of its loss', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(8), (seed, index) => {
        const rng = createRng(seed);
        const parameters = Array.from({ length: 9 }, () => rng.normal());
        const at = (delta: number) => {
          const moved = parameters.map((value, i) => (i === index ? value + delta : value));
          return { ...uniform, bias: moved.slice(0, 3), slope: moved.slice(3) };
        };
        const judged = cases(20, seed);
        const pairs = judged
          .flatMap((a) => judged.filter((b) => a.real && !b.real).map((b) => [a, b] as const))
          .slice(0, 6);
        fc.pre(pairs.length > 0);
        const gradient = new Float64Array(9);
        const numerical = (pairLoss(at(1e-5), pairs, 0.3, gradient) - pairLoss(at(-1e-5), pairs, 0.3, gradient)) / 2e-5;
        pairLoss(at(0), pairs, 0.3, gradient);
        expect(Math.abs(gradient[index]! - numerical)).toBeLessThan(1e-6 * (1 + Math.abs(numerical)));
      }),
    );
  });

  it('learns which voice to hear in which context', () => {
    const data = trainAttention(uniform, cases(300, 1));
    const fresh = cases(200, 2);
    expect(rankShare(data, fresh)).toBeGreaterThan(rankShare(uniform, fresh) + 0.1);
    const day = attend(data, [1, 1, 1], [0, 0]).weights;
    const night = attend(data, [1, 1, 1], [1, 0]).weights;
    expect(day[1]).toBeGreaterThan(day[2]!);
    expect(night[2]).toBeGreaterThan(night[1]!);
  });

  it('hardly moves from uniform on a handful of verdicts, and is the same for the same', () => {
    const few = trainAttention(uniform, cases(4, 6));
    for (const weight of attend(few, [1, 1, 1], [0, 0]).weights) expect(Math.abs(weight - 1 / 3)).toBeLessThan(0.1);
    expect(trainAttention(uniform, cases(4, 6))).toEqual(few);
    expect(() =>
      trainAttention(
        uniform,
        cases(30, 1).filter(({ real }) => real),
        ATTENTION,
      ),
    ).toThrow(/of each kind/);
  });
});
