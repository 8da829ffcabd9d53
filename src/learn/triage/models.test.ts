import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../stats/rng.ts';
import { calibrated, fitIsotonic, fitPlatt } from './calibrate.ts';
import { denseModel, trainDense } from './dense.ts';
import { FOREST, GBDT, trainForest, trainGbdt } from './ensembles.ts';
import { bin, growTree } from './grow.ts';
import { logisticModel, trainLogistic } from './logistic.ts';
import { auc, brier, ece, reliability } from './quality.ts';
import { type Classifier, logistic, scoresOf, type Table } from './table.ts';
import { treesModel } from './trees.ts';
import { readXgboost } from './xgboost.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const read = (name: string): unknown => JSON.parse(readFileSync(join(FIXTURES, name), 'utf8'));
/** What `fixtures/make.py` measured with XGBoost and scikit-learn on the same data. */
const expected = read('expected.json') as {
  readonly positives: readonly number[];
  readonly auc: { readonly xgboost: number; readonly logistic: number; readonly forest: number };
  readonly logisticCoefficients: readonly number[];
  readonly logisticIntercept: number;
  readonly smallModel: readonly number[];
  readonly isotonic: readonly number[];
};

/** The generator of `fixtures/make.py`. */
function table(rows: number, seed: number, missing = NaN): Table {
  const rng = createRng(seed);
  const values = new Float32Array(rows * 8);
  const labels = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) {
    const v = Array.from({ length: 8 }, () => rng.next());
    const jump = v[1]! > 0.7 && v[2]! < 0.4 ? 3 : 0;
    const z = 4 * (v[0]! - 0.5) + jump - 6 * (v[3]! - 0.5) * (v[3]! - 0.5) + 2 * v[4]! * v[5]! - 1.2;
    labels[i] = rng.next() < 1 / (1 + Math.exp(-2 * z)) ? 1 : 0;
    if (rng.next() < 0.1) v[5] = missing;
    values.set(v, i * 8);
  }
  return { rows, columns: 8, values, labels };
}

const train = table(2000, 11);
const held = table(1500, 12);
const aucOf = (model: Classifier, on: Table = held): number => auc(scoresOf(model, on), on.labels);

it('makes the data that the fixtures were made of', () => {
  expect([train, held].map(({ labels }) => labels.reduce((a, b) => a + b, 0))).toEqual(expected.positives);
});

describe('boosted trees', () => {
  it('are as good as XGBoost on the same data: AUC within 1 %', () => {
    const ours = aucOf(treesModel(trainGbdt(train, { ...GBDT, depth: 3 })));
    expect(ours).toBeGreaterThan(expected.auc.xgboost - 0.01);
  });

  it('grow the split that trying all of them finds', () => {
    const value = fc.integer({ min: 0, max: 6 });
    const row = fc.tuple(fc.option(value, { nil: NaN, freq: 4 }), value, fc.integer({ min: -5, max: 5 }));
    fc.assert(
      fc.property(fc.array(row, { minLength: 6, maxLength: 40 }), (rows) => {
        const data = bin({
          rows: rows.length,
          columns: 2,
          values: Float32Array.from(rows.flatMap((row) => row.slice(0, 2) as number[])),
          labels: new Uint8Array(rows.length),
        });
        const g = Float64Array.from(rows, ([, , slope]) => slope);
        const h = new Float64Array(rows.length).fill(1);
        const all = Int32Array.from(rows, (_, i) => i);
        const tree = growTree(data, all, g, h, { leaves: 2, depth: 1, lambda: 1, minChild: 1 });
        const worth = (part: readonly number[]): number => part.reduce((a, i) => a + g[i]!, 0) ** 2 / (part.length + 1);
        let best = 0;
        for (let column = 0; column < 2; column++)
          for (let cut = 0; cut <= 7; cut++)
            for (const missingLeft of [true, false]) {
              const goes = (i: number): boolean => {
                const v = rows[i]![column] as number;
                return Number.isNaN(v) ? missingLeft : v < cut;
              };
              const left = [...all].filter(goes);
              const right = [...all].filter((i) => !goes(i));
              if (left.length > 0 && right.length > 0)
                best = Math.max(best, worth(left) + worth(right) - worth([...all]));
            }
        const parts = new Map<number, number[]>();
        for (const i of all) parts.set(tree.leafOf[i]!, [...(parts.get(tree.leafOf[i]!) ?? []), i]);
        const gain = [...parts.values()].reduce((sum, part) => sum + worth(part), 0) - worth([...all]);
        expect(gain).toBeCloseTo(Math.max(best, 0), 8);
        for (const [node, part] of parts)
          expect(tree.leaf[node]).toBeCloseTo(-part.reduce((a, i) => a + g[i]!, 0) / (part.length + 1), 8);
      }),
    );
  });

  it('keep monotone constraints everywhere', () => {
    const model = treesModel(trainGbdt(train, { ...GBDT, trees: 30, monotone: [1, 0, 0, -1, 0, 0, 0, 0] }));
    const rng = createRng(3);
    for (let i = 0; i < 200; i++) {
      const row = Float32Array.from({ length: 8 }, () => rng.next());
      for (const [column, direction] of [
        [0, 1],
        [3, -1],
      ] as const) {
        let last = -Infinity;
        for (let v = 0; v <= 1.0001; v += 0.05) {
          row[column] = direction > 0 ? v : 1 - v;
          const score = model.score(row, 0);
          expect(score).toBeGreaterThanOrEqual(last);
          last = score;
        }
        row[column] = 0.5;
      }
    }
  });

  it('are the same for the same data', () => {
    expect(trainGbdt(train, { ...GBDT, trees: 5 })).toEqual(trainGbdt(train, { ...GBDT, trees: 5 }));
  });

  it('weigh rows: a row of weight 2 is two rows', () => {
    const twice: Table = {
      rows: 45,
      columns: 8,
      values: Float32Array.from([...train.values.subarray(0, 240), ...train.values.subarray(0, 120)]),
      labels: Uint8Array.from([...train.labels.subarray(0, 30), ...train.labels.subarray(0, 15)]),
    };
    const weighted: Table = {
      rows: 30,
      columns: 8,
      values: train.values.subarray(0, 240),
      labels: train.labels.subarray(0, 30),
      weights: Float32Array.from({ length: 30 }, (_, i) => (i < 15 ? 2 : 1)),
    };
    const a = treesModel(trainGbdt(twice, { ...GBDT, trees: 3 }));
    const b = treesModel(trainGbdt(weighted, { ...GBDT, trees: 3 }));
    for (const [i, score] of scoresOf(a, held).entries()) expect(b.score(held.values, i * 8)).toBeCloseTo(score, 5);
  });
});

describe('models of XGBoost', () => {
  const json = read('xgboost-model.json') as Record<string, never>;
  const broken = (change: (model: { learner: Record<string, never> }) => void): unknown => {
    const copy = structuredClone(json) as never as { learner: Record<string, never> };
    change(copy);
    return copy;
  };

  it('score as XGBoost does, to 1e-6', () => {
    const model = treesModel(readXgboost(json, 8));
    for (const [i, p] of expected.smallModel.entries())
      expect(Math.abs(logistic(model.score(held.values, i * 8)) - p)).toBeLessThan(1e-6);
  });

  it('are refused with the reason where they do not fit', () => {
    expect(() => readXgboost(json, 9)).toThrow('trained on 8 features, not 9');
    expect(() => readXgboost({}, 8)).toThrow('learner is missing');
    const multi = broken(({ learner }) => Object.assign(learner['objective']!, { name: 'multi:softprob' }));
    expect(() => readXgboost(multi, 8)).toThrow('objective is multi:softprob');
    const loop = broken(({ learner }) => {
      const booster = learner['gradient_booster'] as never as { model: { trees: { left_children: number[] }[] } };
      booster.model.trees[0]!.left_children[1] = 0;
    });
    expect(() => readXgboost(loop, 8)).toThrow('children are not behind it');
  });
});

describe('the other models', () => {
  it('forest: as good as that of scikit-learn, AUC within 1 %', () => {
    expect(aucOf(treesModel(trainForest(train)))).toBeGreaterThan(expected.auc.forest - 0.01);
    expect(trainForest(train, { ...FOREST, trees: 2 })).toEqual(trainForest(train, { ...FOREST, trees: 2 }));
  });

  it('logistic: the weights of scikit-learn', () => {
    // Missing values count as the mean here and as 0.5 there: the same column, so the comparison takes tables without any.
    const filled = table(2000, 11, 0.5);
    const model = trainLogistic(filled, 1);
    for (const [c, weight] of expected.logisticCoefficients.entries()) expect(model.weights[c]).toBeCloseTo(weight, 3);
    expect(model.bias).toBeCloseTo(expected.logisticIntercept, 3);
    expect(aucOf(logisticModel(model), table(1500, 12, 0.5))).toBeCloseTo(expected.auc.logistic, 4);
  });

  it('dense network: better than logistic where features interact; same seed, same weights', () => {
    const short = trainDense(train, { hidden: 4, epochs: 2, batch: 32, rate: 0.01, penalty: 1, seed: 3 });
    expect(trainDense(train, { hidden: 4, epochs: 2, batch: 32, rate: 0.01, penalty: 1, seed: 3 })).toEqual(short);
    expect(aucOf(denseModel(trainDense(train)))).toBeGreaterThan(expected.auc.logistic + 0.01);
  });

  it('with one class only give that class, without a fault', () => {
    const ones: Table = {
      rows: 40,
      columns: 8,
      values: train.values.subarray(0, 320),
      labels: new Uint8Array(40).fill(1),
    };
    const models = [
      logisticModel(trainLogistic(ones)),
      treesModel(trainGbdt(ones)),
      treesModel(trainForest(ones)),
      denseModel(trainDense(ones)),
    ];
    for (const model of models) expect(model.score(held.values, 0)).toBeGreaterThan(1);
  });
});

describe('calibration', () => {
  const model = treesModel(readXgboost(read('xgboost-model.json'), 8));
  const scores = scoresOf(model, held);
  const probabilities = scores.map((score) => Math.round(logistic(score) * 1e5) / 1e5);

  it('isotonic: that of scikit-learn', () => {
    const fit = fitIsotonic(probabilities.subarray(0, 750), held.labels.subarray(0, 750));
    for (const [i, value] of expected.isotonic.entries())
      expect(calibrated(fit, probabilities[750 + i]!)).toBeCloseTo(value, 5);
  });

  it('Platt: finds the slope and bias that labels were drawn with', () => {
    const rng = createRng(5);
    const x = Float64Array.from({ length: 20_000 }, () => 2 * rng.normal());
    const y = Uint8Array.from(x, (v) => (rng.next() < logistic(0.7 * v - 1) ? 1 : 0));
    const fit = fitPlatt(x, y);
    expect(fit.kind === 'platt' && Math.abs(fit.slope - 0.7) < 0.05 && Math.abs(fit.bias + 1) < 0.06).toBe(true);
    const p = Float64Array.from(x, (v) => calibrated(fit, v));
    expect(ece(p, y)).toBeLessThan(0.02);
  });

  it('never turns a ranking over, and takes separable labels', () => {
    const reversed = fitPlatt([-2, -1, 0, 1, 2, 3], [1, 1, 1, 0, 0, 0]);
    expect(calibrated(reversed, 3)).toBeGreaterThanOrEqual(calibrated(reversed, -2));
    const separable = fitPlatt([-2, -1, 1, 2], [0, 0, 1, 1]);
    expect(calibrated(separable, 2)).toBeLessThan(1);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: -5, max: 5, noNaN: true }), fc.boolean()), { minLength: 1 }),
        (rows) => {
          const fits = [fitPlatt, fitIsotonic].map((fitted) =>
            fitted(
              rows.map(([s]) => s),
              rows.map(([, y]) => Number(y)),
            ),
          );
          for (const fit of fits) {
            const values = [-6, -3, -1, 0, 1, 3, 6].map((s) => calibrated(fit, s));
            expect(values.every((v, i) => v >= 0 && v <= 1 && (i === 0 || v >= values[i - 1]! - 1e-12))).toBe(true);
          }
        },
      ),
    );
  });
});

describe('quality', () => {
  it('AUC is the share of pairs ordered rightly', () => {
    const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.boolean()), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(rows, (pairs) => {
        const real = pairs.filter(([, y]) => y);
        const not = pairs.filter(([, y]) => !y);
        fc.pre(real.length > 0 && not.length > 0);
        const right = real.flatMap(([a]) => not.map(([b]): number => (a > b ? 1 : a === b ? 0.5 : 0)));
        const slow = right.reduce((a, b) => a + b, 0) / right.length;
        expect(
          auc(
            pairs.map(([s]) => s),
            pairs.map(([, y]) => Number(y)),
          ),
        ).toBeCloseTo(slow, 10);
      }),
    );
  });

  it('Brier, ECE and reliability of known cases', () => {
    expect(brier([1, 0, 0.5], [1, 0, 1])).toBeCloseTo(0.25 / 3);
    expect(ece([0.2, 0.2, 0.2, 0.2, 0.2], [1, 0, 0, 0, 0], 1)).toBeCloseTo(0);
    expect(ece([0.9, 0.9], [0, 0], 1)).toBeCloseTo(0.9);
    expect(reliability([0.1, 0.9, 0.2, 0.8], [0, 1, 0, 1], 2)).toEqual([
      { count: 2, claimed: expect.closeTo(0.15, 6), observed: 0 },
      { count: 2, claimed: expect.closeTo(0.85, 6), observed: 1 },
    ]);
  });
});
