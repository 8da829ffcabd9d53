import { TocsinError } from '../../domain/error.ts';
import { createRng } from '../../stats/rng.ts';
import { type CalibrationData, calibrated, fitPlatt } from './calibrate.ts';
import { type DenseData, denseModel, trainDense } from './dense.ts';
import { trainForest, trainGbdt } from './ensembles.ts';
import { TRIAGE_COLUMNS, TRIAGE_FEATURES_VERSION, UNSUPERVISED_COLUMN } from './features.ts';
import { type LogisticData, logisticModel, trainLogistic } from './logistic.ts';
import { auc, brier, ece, type ReliabilityBin, reliability } from './quality.ts';
import { type Classifier, logOdds, scoresOf, slice, type Table } from './table.ts';
import { type TreesData, treesModel } from './trees.ts';

export type ModelData = LogisticData | TreesData | DenseData;
export const TRIAGE_KINDS = ['logistic', 'gbdt', 'forest', 'dense'] as const;
export type TriageKind = (typeof TRIAGE_KINDS)[number];

/** Labels from which on the dearer challengers are looked at, and a straight line needs no strong prior. */
const MANY = 100;
/** Without so many of each, nothing is said at all. */
const LEAST_OF_EACH = 5;
const LEAST_LABELS = 20;
/** Prior of the first hundred labels. */
const STRONG_PRIOR = 4;
/** Shares of history after which a model is trained and judged on what follows. */
const SPLITS = [0.4, 0.55, 0.7, 0.85, 1];
const BOOTSTRAPS = 200;
const FOLDS = 5;

/** How a triage model did on labels that came after those it was trained on. */
export interface TriageReport {
  readonly kind: TriageKind;
  readonly labels: number;
  readonly real: number;
  /** Labels that were judged by a model trained before them. */
  readonly judged: number;
  readonly auc: number;
  readonly aucUnsupervised: number;
  /** Share of false alarms below the limit that keeps the wanted share of real ones; the same without labels. */
  readonly removed: number;
  readonly removedUnsupervised: number;
  /** Lower end of the paired bootstrap interval (90 %) of the gain in AUC. */
  readonly gainLow: number;
  readonly brier: number;
  readonly ece: number;
  readonly reliability: readonly ReliabilityBin[];
  /** The others, on the same splits. */
  readonly challengers: readonly { readonly kind: TriageKind; readonly auc: number }[];
  /** Why it abstains; empty when it does not. */
  readonly abstains: string;
}

/** A trained triage model as plain data. */
export interface TriageData {
  readonly version: 1;
  readonly features: number;
  readonly kind: TriageKind | 'xgboost';
  readonly model: ModelData;
  /** Log-odds from the unsupervised score, and from the blend to a probability. */
  readonly unsupervised: CalibrationData;
  readonly calibration: CalibrationData;
  /** Incidents less likely real than this are held back; chosen so that `keep` of the real ones pass in time to come. */
  readonly limit: number;
  /** False: its probability is shown, but nothing is held back. */
  readonly active: boolean;
  readonly report: TriageReport | null;
}

export interface TriageOptions {
  /** Share of real incidents that must pass. */
  readonly keep: number;
  readonly seed: number;
  /** `auto`: a random forest, which was the best at every number of labels (docs/adr/0012-triage.md). */
  readonly kind: TriageKind | 'auto';
}

export const TRIAGE: TriageOptions = { keep: 0.95, seed: 1, kind: 'auto' };

export function classifierOf(data: ModelData): Classifier {
  if (data.kind === 'logistic') return logisticModel(data);
  return data.kind === 'trees' ? treesModel(data) : denseModel(data);
}

function train(kind: TriageKind, table: Table, seed: number): ModelData {
  if (kind === 'logistic') return trainLogistic(table, table.rows < MANY ? STRONG_PRIOR : 1);
  if (kind === 'gbdt') return trainGbdt(table);
  if (kind === 'forest') return trainForest(table, { trees: 100, leaves: 64, depth: 10, minChild: 4, seed });
  return trainDense(table, { hidden: 16, epochs: 60, batch: 32, rate: 0.01, penalty: 2, seed });
}

const claims = (table: Table): Float64Array =>
  Float64Array.from({ length: table.rows }, (_, i) => table.values[i * table.columns + UNSUPERVISED_COLUMN]!);

const positives = ({ labels }: Table): number => labels.reduce((sum, label) => sum + label, 0);

/** Half the model, half what is known without labels, both as log-odds: a model alone is worse on what it has not seen. */
const blend = (model: number, plain: number): number => 0.5 * Math.max(-8, Math.min(8, model)) + 0.5 * plain;

interface Judged {
  readonly scores: number[];
  readonly plain: number[];
  readonly labels: number[];
}

/** Every fifth label judged by a model of the others: no test of time, but better than none where the beginning is too short. */
function crossed(table: Table, kind: TriageKind, seed: number): Judged {
  const out: Judged = { scores: [], plain: [], labels: [] };
  const rows = Array.from({ length: table.rows }, (_, i) => i);
  for (let fold = 0; fold < FOLDS; fold++) {
    const rest = pick(
      table,
      rows.filter((i) => i % FOLDS !== fold),
    );
    judge(
      rest,
      pick(
        table,
        rows.filter((i) => i % FOLDS === fold),
      ),
      kind,
      seed,
      out,
    );
  }
  return out;
}

function pick(table: Table, rows: readonly number[]): Table {
  const { columns } = table;
  const values = new Float32Array(rows.length * columns);
  for (const [k, i] of rows.entries()) values.set(table.values.subarray(i * columns, (i + 1) * columns), k * columns);
  return { rows: rows.length, columns, values, labels: Uint8Array.from(rows, (i) => table.labels[i]!) };
}

function judge(past: Table, next: Table, kind: TriageKind, seed: number, out: Judged): void {
  const platt = fitPlatt(claims(past), past.labels);
  const model = scoresOf(classifierOf(train(kind, past, seed)), next);
  for (const [i, claim] of claims(next).entries()) {
    const plain = logOdds(calibrated(platt, claim));
    out.scores.push(blend(model[i]!, plain));
    out.plain.push(claim);
    out.labels.push(next.labels[i]!);
  }
}

/** Trains on each beginning of the history and judges what came next: no label is judged by a model that knew it or a later one. */
function prequential(table: Table, kind: TriageKind, seed: number): Judged {
  const out: Judged = { scores: [], plain: [], labels: [] };
  for (let s = 0; s + 1 < SPLITS.length; s++) {
    const from = Math.floor(SPLITS[s]! * table.rows);
    const past = slice(table, 0, from);
    const next = slice(table, from, Math.floor(SPLITS[s + 1]! * table.rows));
    const real = positives(past);
    if (real < LEAST_OF_EACH || past.rows - real < LEAST_OF_EACH) continue;
    judge(past, next, kind, seed, out);
  }
  return out;
}

/** Largest limit that lets `keep` of the real ones pass. */
function limitFor(scores: readonly number[], labels: readonly number[], keep: number): number {
  const real = scores.filter((_, i) => labels[i] === 1).sort((a, b) => a - b);
  return real[Math.floor((1 - keep) * real.length)] ?? Number.NEGATIVE_INFINITY;
}

function removedBelow(scores: readonly number[], labels: readonly number[], limit: number): number {
  const not = scores.filter((_, i) => labels[i] === 0);
  return not.length === 0 ? 0 : not.filter((score) => score < limit).length / not.length;
}

/** Fifth percentile of the gain in AUC over resampled labels. */
function gainLow({ scores, plain, labels }: Judged, seed: number): number {
  const rng = createRng(seed);
  const gains: number[] = [];
  for (let b = 0; b < BOOTSTRAPS; b++) {
    const draw = labels.map(() => rng.int(labels.length));
    const y = draw.map((i) => labels[i]!);
    const gain =
      auc(
        draw.map((i) => scores[i]!),
        y,
      ) -
      auc(
        draw.map((i) => plain[i]!),
        y,
      );
    if (!Number.isNaN(gain)) gains.push(gain);
  }
  gains.sort((a, b) => a - b);
  return gains[Math.floor(0.05 * gains.length)] ?? Number.NEGATIVE_INFINITY;
}

/**
 * Trains triage on verdicts in order of time (features as of opening, see `features.ts`) and judges it on the labels that came
 * after; it abstains unless the blend beats the unsupervised score there at the fifth percentile of a paired bootstrap.
 *
 * @throws TocsinError `invalid_request` with fewer than 20 labels or 5 of a kind.
 */
export function trainTriage(table: Table, options: TriageOptions = TRIAGE): TriageData {
  const real = positives(table);
  if (table.rows < LEAST_LABELS || real < LEAST_OF_EACH || table.rows - real < LEAST_OF_EACH)
    throw new TocsinError(
      'invalid_request',
      `triage needs ${LEAST_LABELS} verdicts and ${LEAST_OF_EACH} of each kind; there are ${real} real and ${table.rows - real} not`,
    );
  const kind = options.kind === 'auto' ? 'forest' : options.kind;
  const inTime = prequential(table, kind, options.seed);
  const judgedReal = inTime.labels.reduce((sum, label) => sum + label, 0);
  const enough = judgedReal >= LEAST_OF_EACH && inTime.labels.length - judgedReal >= LEAST_OF_EACH;
  const judged = enough ? inTime : crossed(table, kind, options.seed);
  const calibration = fitPlatt(judged.scores, judged.labels);
  const p = judged.scores.map((score) => calibrated(calibration, score));
  const model = train(kind, table, options.seed);
  // Half of what may be lost is left to the time to come: scores drift.
  const limitScore = limitFor(judged.scores, judged.labels, (1 + options.keep) / 2);
  const low = enough ? gainLow(judged, options.seed) : Number.NEGATIVE_INFINITY;
  const plainLimit = limitFor(judged.plain, judged.labels, options.keep);
  const challengers = TRIAGE_KINDS.filter((other) => other !== kind && (other === 'logistic' || table.rows >= MANY));
  const report: TriageReport = {
    kind,
    labels: table.rows,
    real,
    judged: inTime.labels.length,
    auc: auc(judged.scores, judged.labels),
    aucUnsupervised: auc(judged.plain, judged.labels),
    removed: removedBelow(judged.scores, judged.labels, limitFor(judged.scores, judged.labels, options.keep)),
    removedUnsupervised: removedBelow(judged.plain, judged.labels, plainLimit),
    gainLow: low,
    brier: brier(p, judged.labels),
    ece: ece(p, judged.labels),
    reliability: reliability(p, judged.labels),
    challengers: challengers.map((other) => {
      const result = prequential(table, other, options.seed);
      return { kind: other, auc: auc(result.scores, result.labels) };
    }),
    abstains: !enough
      ? 'too few labels come after one another to be judged in time'
      : low > 0
        ? ''
        : 'on labels that came later it did not surely beat the score without labels',
  };
  return {
    version: 1,
    features: TRIAGE_FEATURES_VERSION,
    kind,
    model,
    unsupervised: fitPlatt(claims(table), table.labels),
    calibration,
    limit: Number.isFinite(limitScore) ? calibrated(calibration, limitScore) : 0,
    active: report.abstains === '',
    report,
  };
}

export interface TriageJudgement {
  /** Calibrated probability that a person would call it real. */
  readonly probability: number;
  readonly limit: number;
  /** False: hold it back. Always true while the model abstains. */
  readonly passed: boolean;
}

/** @throws TocsinError `state_version` for a model of other features. */
export function createTriage(data: TriageData): (features: Float32Array) => TriageJudgement {
  const classifier = classifierOf(data.model);
  if (data.version !== 1 || data.features !== TRIAGE_FEATURES_VERSION || classifier.columns !== TRIAGE_COLUMNS)
    throw new TocsinError('state_version', 'the triage model was trained on other features: train it anew');
  return (features) => {
    const plain = logOdds(calibrated(data.unsupervised, features[UNSUPERVISED_COLUMN]!));
    const probability = calibrated(data.calibration, blend(classifier.score(features, 0), plain));
    return { probability, limit: data.limit, passed: !data.active || probability >= data.limit };
  };
}
