import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileKernel } from '../../../scripts/build-kernels.ts';
import { createScoreColumns } from '../../domain/detector.ts';
import { createPointBatch } from '../../domain/signal/batch.ts';
import { LSTM_WASM } from '../../stats/kernels/lstm-wasm.ts';
import { CELL, createLstmCells } from '../../stats/lstm/cells.ts';
import {
  decodeNetwork,
  GATES,
  HIDDEN,
  type LstmNetwork,
  lstmNetwork,
  PART,
  WEIGHTS,
} from '../../stats/lstm/network.ts';
import { createRng } from '../../stats/rng.ts';
import { seriesDetectorContract } from '../contract.ts';
import { createLstm, defaultNetwork } from './lstm.ts';

function randomNetwork(seed: number, size: number): LstmNetwork {
  const rng = createRng(seed);
  return lstmNetwork(Float32Array.from({ length: WEIGHTS }, () => size * rng.normal()));
}

/** The plain formula in 64 bits. */
function slow({ weights: w }: LstmNetwork, inputs: readonly number[]): { mean: number; logScale: number } {
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  let h = new Array<number>(HIDDEN).fill(0);
  let c = new Array<number>(HIDDEN).fill(0);
  for (const x of inputs) {
    const gate = (j: number): number =>
      h.reduce(
        (sum, value, k) => sum + value * w[PART.hidden + k * GATES + j]!,
        w[PART.bias + j]! + x * w[PART.input + j]!,
      );
    const was = c;
    c = c.map((value, u) => sigmoid(gate(HIDDEN + u)) * value + sigmoid(gate(u)) * Math.tanh(gate(2 * HIDDEN + u)));
    const outputs = was.map((_, u) => sigmoid(gate(3 * HIDDEN + u)));
    h = c.map((value, u) => outputs[u]! * Math.tanh(value));
  }
  const head = (part: number, bias: number): number =>
    h.reduce((sum, value, u) => sum + value * w[part + u]!, w[bias]!);
  return { mean: head(PART.mean, WEIGHTS - 2), logScale: head(PART.mean + HIDDEN, WEIGHTS - 1) };
}

describe('lstm kernel', () => {
  it('is what is committed', async () => {
    expect(await compileKernel('lstm')).toContain(LSTM_WASM);
  });

  it('equals the plain formula, whatever the weights and inputs', () => {
    const input = fc.double({ min: -8, max: 8, noNaN: true });
    const sizes = fc.constantFrom(0.05, 0.3, 2);
    fc.assert(
      fc.property(fc.integer(), sizes, fc.array(input, { minLength: 1, maxLength: 20 }), (seed, size, inputs) => {
        const network = randomNetwork(seed, size);
        const cells = createLstmCells(network, 0);
        cells.grow(1);
        cells.reserve(1);
        for (const x of inputs) {
          cells.series[0] = 0;
          cells.inputs[0] = x;
          cells.step(1);
        }
        const expected = slow(network, inputs.map(Math.fround));
        // 32-bit sums of 33 terms; large weights make the recurrence itself unstable.
        const tolerance = size > 1 ? 0.05 : 2e-5;
        expect(Math.abs(cells.f32[CELL.mean]! - expected.mean)).toBeLessThan(tolerance * (1 + Math.abs(expected.mean)));
        expect(Math.abs(cells.f32[CELL.logScale]! - expected.logScale)).toBeLessThan(
          tolerance * (1 + Math.abs(expected.logScale)),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('gives a series the same numbers whoever shares its block', () => {
    const network = randomNetwork(5, 0.4);
    const alone = createLstmCells(network, 0);
    const together = createLstmCells(network, 0);
    for (const cells of [alone, together]) {
      cells.grow(11);
      cells.reserve(11);
    }
    for (let t = 0; t < 30; t++) {
      const input = (s: number): number => Math.sin(t * 1.7 + s * 3.1) * 4;
      for (let s = 0; s < 11; s++) {
        together.series[s] = 10 - s;
        together.inputs[s] = input(10 - s);
        alone.series[0] = s;
        alone.inputs[0] = input(s);
        alone.step(1);
      }
      together.step(11);
    }
    expect([...together.f32]).toEqual([...alone.f32]);
  });
});

describe('lstm', () => {
  for (const { name, run } of seriesDetectorContract(() => createLstm())) it(name, run);

  it('refuses the state of another network', () => {
    const other = createLstm(undefined, randomNetwork(3, 0.1));
    other.grow(1);
    expect(() => createLstm().restore(other.save())).toThrow(/network/);
  });

  it('refuses weights that are none', () => {
    expect(() => decodeNetwork('AAAA')).toThrow(/finite weights/);
    expect(() => lstmNetwork(new Float32Array(WEIGHTS).fill(NaN))).toThrow(/finite weights/);
  });

  it('comes with a network that forecasts shapes: nearer than the last value and the level', () => {
    const rng = createRng(1);
    const shapes: readonly ((i: number) => number)[] = [
      (i) => Math.sin((i / 30) * 2 * Math.PI) + 0.05 * rng.normal(),
      (i) => (i % 12) / 12 + 0.05 * rng.normal(),
      (i) => (i % 10 < 4 ? 1 : 0) + 0.05 * rng.normal(),
    ];
    const detector = createLstm(undefined, defaultNetwork());
    detector.grow(shapes.length);
    const batch = createPointBatch(1);
    const out = createScoreColumns(1);
    batch.length = 1;
    for (const [s, shape] of shapes.entries()) {
      let [mine, last, level, before, sum] = [0, 0, 0, 0, 0];
      for (let i = 0; i < 1500; i++) {
        const x = 20 + 3 * shape(i);
        batch.series[0] = s;
        batch.value[0] = x;
        detector.observe(batch, new Uint8Array([1]), out);
        if (i >= 500) {
          mine += Math.abs(x - out.expected[0]!);
          last += Math.abs(x - before);
          level += Math.abs(x - sum / i);
        }
        before = x;
        sum += x;
      }
      expect(mine, `shape ${s}`).toBeLessThan(0.9 * Math.min(last, level));
    }
  });
});
