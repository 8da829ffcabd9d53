import { TocsinError } from '../../domain/error.ts';
import { logOdds } from './table.ts';
import type { TreesData } from './trees.ts';

type Json = Readonly<Record<string, unknown>>;

const refuse = (message: string): never => {
  throw new TocsinError('invalid_request', `this XGBoost model cannot be used: ${message}`);
};

const object = (value: unknown, name: string): Json =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Json) : refuse(`${name} is missing`);

function numbers(value: unknown, name: string, length?: number): readonly number[] {
  if (!Array.isArray(value) || !value.every((v) => typeof v === 'number' && Number.isFinite(v)))
    return refuse(`${name} is no list of numbers`);
  return length === undefined || value.length === length
    ? value
    : refuse(`${name} has ${value.length} entries, not ${length}`);
}

/**
 * A model that XGBoost saved as JSON (`booster.save_model('model.json')`, versions 1.0 to 3.x): `gbtree` for
 * `binary:logistic`, numerical splits. Scores are those of XGBoost, log-odds in 32 bits.
 *
 * @param columns Features that the model must have been trained on.
 * @throws TocsinError `invalid_request` saying what does not fit.
 */
export function readXgboost(json: unknown, columns: number): TreesData {
  const learner = object(object(json, 'the model')['learner'], 'learner');
  const objective = object(learner['objective'], 'objective')['name'];
  if (objective !== 'binary:logistic') refuse(`its objective is ${String(objective)}, not binary:logistic`);
  const parameters = object(learner['learner_model_param'], 'learner_model_param');
  const features = Number(parameters['num_feature']);
  if (features !== columns) refuse(`it was trained on ${features} features, not ${columns}`);
  const booster = object(learner['gradient_booster'], 'gradient_booster');
  if (booster['name'] !== 'gbtree') refuse(`its booster is ${String(booster['name'])}, not gbtree`);
  const trees = object(booster['model'], 'model')['trees'];
  if (!Array.isArray(trees) || trees.length === 0) return refuse('it has no trees');
  // 3.x writes '[3.075E-1]', earlier versions '3.075E-1'.
  const base = Number(String(parameters['base_score']).replace(/^\[|\]$/g, ''));
  if (!(base > 0 && base < 1)) refuse(`its base_score ${String(parameters['base_score'])} is no probability`);
  const out = {
    kind: 'trees' as const,
    columns,
    combine: 'sum' as const,
    base: logOdds(base),
    roots: [] as number[],
    feature: [] as number[],
    threshold: [] as number[],
    left: [] as number[],
    right: [] as number[],
    missingLeft: [] as number[],
    leaf: [] as number[],
  };
  for (const [t, tree] of trees.entries()) addTree(out, object(tree, `tree ${t}`), t, columns);
  return out;
}

function addTree(
  out: { [K in 'roots' | 'feature' | 'threshold' | 'left' | 'right' | 'missingLeft' | 'leaf']: number[] },
  tree: Json,
  t: number,
  columns: number,
): void {
  const left = numbers(tree['left_children'], `left_children of tree ${t}`);
  const count = left.length;
  const part = (name: string): readonly number[] => numbers(tree[name], `${name} of tree ${t}`, count);
  const right = part('right_children');
  const conditions = part('split_conditions');
  const indices = part('split_indices');
  const missing = (tree['default_left'] as readonly unknown[]).map(Number);
  const types = tree['split_type'];
  if (Array.isArray(types) && types.some((type) => type !== 0)) refuse(`tree ${t} has categorical splits`);
  const first = out.feature.length;
  out.roots.push(first);
  for (let n = 0; n < count; n++) {
    const isLeaf = left[n] === -1;
    // Children lie behind their parent, so that a walk always ends.
    if (!isLeaf && !(left[n]! > n && left[n]! < count && right[n]! > n && right[n]! < count))
      refuse(`tree ${t} has a node whose children are not behind it`);
    if (!isLeaf && !(indices[n]! >= 0 && indices[n]! < columns)) refuse(`tree ${t} splits on feature ${indices[n]}`);
    out.feature.push(isLeaf ? -1 : indices[n]!);
    out.threshold.push(isLeaf ? 0 : conditions[n]!);
    out.left.push(isLeaf ? 0 : left[n]! + first);
    out.right.push(isLeaf ? 0 : right[n]! + first);
    out.missingLeft.push(missing[n]!);
    out.leaf.push(isLeaf ? conditions[n]! : 0);
  }
}
