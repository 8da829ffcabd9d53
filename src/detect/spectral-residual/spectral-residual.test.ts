import { expect, test } from 'vitest';
import { createRng } from '../../stats/rng.ts';
import { createSpectralResidual } from './spectral-residual.ts';

interface Complex {
  readonly re: number;
  readonly im: number;
}

function dft(x: readonly Complex[], sign: 1 | -1): Complex[] {
  return x.map((_, k) =>
    x.reduce(
      (sum, { re, im }, i) => {
        const a = (sign * 2 * Math.PI * i * k) / x.length;
        return { re: sum.re + re * Math.cos(a) - im * Math.sin(a), im: sum.im + re * Math.sin(a) + im * Math.cos(a) };
      },
      { re: 0, im: 0 },
    ),
  );
}

/** The paper's recipe word by word (but for the slope, which leaves the newest value out), over the last 59 values and five guessed ones. */
function slow(values: Float64Array): number {
  const x = Array.from(values.subarray(-59));
  const newest = x[57]!;
  const slope = [1, 2, 3, 4, 5].reduce((sum, j) => sum + (newest - x[57 - j]!) / j, 0) / 5;
  const guessed = x[53]! + 5 * slope;
  const spectrum = dft(
    [...x, ...Array.from({ length: 5 }, () => guessed)].map((re) => ({ re, im: 0 })),
    -1,
  );
  const amplitude = spectrum.map(({ re, im }) => Math.hypot(re, im));
  const log = amplitude.map((a) => Math.log(a + 1e-8));
  const residual = log.map((l, k) => l - (log[k]! + log[(k + 63) % 64]! + log[(k + 62) % 64]!) / 3);
  const kept = spectrum.map(({ re, im }, k) => {
    const size = Math.exp(residual[k]!) / (amplitude[k]! + 1e-12);
    return { re: re * size, im: im * size };
  });
  const saliency = dft(kept, 1).map(({ re, im }) => Math.hypot(re, im) / 64);
  const mean = saliency.slice(38, 59).reduce((a, b) => a + b, 0) / 21;
  return Math.max(0, (saliency[58]! - mean) / (mean + 1e-3));
}

test('scores as the recipe of the paper does', () => {
  const random = createRng(3);
  const residual = createSpectralResidual();
  for (let round = 0; round < 10; round++) {
    const values = Float64Array.from({ length: 100 }, (_, i) => Math.sin(i / 6) + 0.2 * random.normal());
    if (round % 2 === 0) values[99] = 5;
    const score = residual.score(0, values, 100, 1);
    expect(score).toBeCloseTo(slow(values), 3);
    if (round % 2 === 0) expect(score).toBeGreaterThan(1);
  }
});
