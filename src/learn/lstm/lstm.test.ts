import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expOf, sigmoidOf, tanhOf } from '../../stats/lstm/activation.ts';
import { CELL, createLstmCells } from '../../stats/lstm/cells.ts';
import { checksumOf, decodeNetwork, HIDDEN, lstmNetwork, WEIGHTS } from '../../stats/lstm/network.ts';
import { normalised } from '../../stats/lstm/normalise.ts';
import { createRng } from '../../stats/rng.ts';
import { createLstmGradient } from './gradient.ts';
import { lstmToOnnx } from './onnx.ts';
import { syntheticSeries } from './synthetic.ts';
import { createLstmTrainer } from './trainer.ts';

const OPTIONS = { steps: 40, batch: 8, length: 12, rate: 0.01, clip: 1, seed: 4 };
const data = syntheticSeries(18, 200, 3).map(normalised);

describe('activations', () => {
  it('are what they stand for', () => {
    fc.assert(
      fc.property(fc.double({ min: -12, max: 12, noNaN: true }), (x) => {
        expect(Math.abs(tanhOf(x) - Math.tanh(x))).toBeLessThan(1e-6);
        expect(Math.abs(sigmoidOf(x) - 1 / (1 + Math.exp(-x)))).toBeLessThan(1e-6);
        expect(Math.abs(expOf(x / 3) / Math.exp(x / 3) - 1)).toBeLessThan(1e-5);
      }),
    );
  });
});

describe('gradient', () => {
  it('is the numerical slope of the loss, for every kind of weight', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: WEIGHTS - 1 }), (seed, index) => {
        const rng = createRng(seed);
        const [batch, length] = [4, 5];
        const weights = Float64Array.from({ length: WEIGHTS }, () => 0.3 * rng.normal());
        const inputs = Float64Array.from({ length: batch * (length + 1) }, () => 2 * rng.normal());
        const state = Float64Array.from({ length: batch * HIDDEN }, () => 0.5 * rng.normal());
        const { gradient, run } = createLstmGradient(batch, length);
        const lossAt = (delta: number): number => {
          const moved = weights.slice();
          moved[index] = moved[index]! + delta;
          return run(moved, { batch, length, inputs, h: state.slice(), c: state.slice() });
        };
        // Steps this large, because the approximate tanh is smooth only to about 1e-7.
        const numerical = (8 * (lossAt(1e-3) - lossAt(-1e-3)) - (lossAt(2e-3) - lossAt(-2e-3))) / 12e-3;
        lossAt(0);
        const exact = gradient[index]!;
        expect(Math.abs(exact - numerical)).toBeLessThan(2e-4 * (1 + Math.abs(exact)));
      }),
      { numRuns: 80 },
    );
  });
});

describe('trainer', () => {
  it('gives the same weights for the same data and seed, others for another seed', () => {
    const train = (seed: number): string => {
      const trainer = createLstmTrainer(data, { ...OPTIONS, seed });
      while (!trainer.done) trainer.step();
      return checksumOf(trainer.weights());
    };
    expect(train(4)).toBe(train(4));
    expect(train(4)).not.toBe(train(5));
  });

  it('goes on from a checkpoint as if it had never stopped', () => {
    const whole = createLstmTrainer(data, OPTIONS);
    const first = createLstmTrainer(data, OPTIONS);
    for (let i = 0; i < 17; i++) first.step();
    const second = createLstmTrainer(data, OPTIONS);
    second.restore(structuredClone(first.save()));
    expect(second.progress).toBeCloseTo(17 / 40);
    while (!whole.done) whole.step();
    while (!second.done) second.step();
    expect([...second.weights()]).toEqual([...whole.weights()]);
  });

  it('learns: the loss of later stretches is far below that of the first', () => {
    const trainer = createLstmTrainer(data, { ...OPTIONS, steps: 600 });
    const losses: number[] = [];
    while (!trainer.done) losses.push(trainer.step());
    const mean = (part: number[]): number => part.reduce((a, b) => a + b, 0) / part.length;
    expect(mean(losses.slice(-20))).toBeLessThan(mean(losses.slice(0, 20)) - 0.15);
  });

  it('refuses series that are too short and checkpoints of other options', () => {
    expect(() => createLstmTrainer([new Float32Array(12)], OPTIONS)).toThrow(/more than 12 samples/);
    const other = createLstmTrainer(data, { ...OPTIONS, batch: 4 });
    expect(() => createLstmTrainer(data, OPTIONS).restore(other.save())).toThrow(/checkpoint/);
  });

  it('makes no series from chance that a seed does not give again', () => {
    expect(syntheticSeries(20, 50, 2)).toEqual(syntheticSeries(20, 50, 2));
    expect(syntheticSeries(20, 50, 2)).not.toEqual(syntheticSeries(20, 50, 3));
  });
});

/** ONNX Runtime is an optional peer: without it there is nothing to compare with. */
const runtime = await import('onnxruntime-node').catch(() => null);

describe.skipIf(runtime === null)('ONNX', () => {
  it('Runtime gives what our kernel gives, from the exported file', async () => {
    const { InferenceSession, Tensor } = runtime!;
    const rng = createRng(12);
    const network = lstmNetwork(Float32Array.from({ length: WEIGHTS }, () => 0.4 * rng.normal()));
    const [steps, series] = [40, 6];
    const x = Float32Array.from({ length: steps * series }, () => 3 * rng.normal());
    const session = await InferenceSession.create(lstmToOnnx(network));
    const state = (): InstanceType<typeof Tensor> =>
      new Tensor('float32', new Float32Array(series * HIDDEN), [1, series, HIDDEN]);
    const result = await session.run({ x: new Tensor('float32', x, [steps, series, 1]), h: state(), c: state() });
    const y = result['y']!.data as Float32Array;
    const cells = createLstmCells(network, 0);
    cells.grow(series);
    cells.reserve(series);
    for (let t = 0; t < steps; t++) {
      for (let s = 0; s < series; s++) {
        cells.series[s] = s;
        cells.inputs[s] = x[t * series + s]!;
      }
      cells.step(series);
      for (let s = 0; s < series; s++) {
        expect(Math.abs(cells.f32[s * cells.width + CELL.mean]! - y[(t * series + s) * 2]!)).toBeLessThan(1e-4);
        expect(Math.abs(cells.f32[s * cells.width + CELL.logScale]! - y[(t * series + s) * 2 + 1]!)).toBeLessThan(1e-4);
      }
    }
  });
});

it('decodes what the training script encodes', () => {
  const weights = Float32Array.from({ length: WEIGHTS }, (_, i) => Math.sin(i));
  expect(decodeNetwork(Buffer.from(weights.buffer).toString('base64')).weights).toEqual(weights);
});
