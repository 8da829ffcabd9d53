import type { DetectorTier, PromotedDetector, RowDetector, SeriesDetector } from '../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../domain/options.ts';
import { AR_OPTIONS, createAr } from './ar/ar.ts';
import { AUTOENCODER_OPTIONS, createAutoencoder } from './autoencoder/autoencoder.ts';
import { BOCPD_OPTIONS, createBocpd } from './bocpd/bocpd.ts';
import { createDictionary, DICTIONARY_OPTIONS } from './dictionary/dictionary.ts';
import { createDifference, DIFFERENCE_OPTIONS } from './difference/difference.ts';
import { createEwma, EWMA_OPTIONS } from './ewma/ewma.ts';
import { createHolt, HOLT_OPTIONS } from './holt/holt.ts';
import { createIncrementalPca, INCREMENTAL_PCA_OPTIONS } from './incremental-pca/incremental-pca.ts';
import { createIsolationForest, ISOLATION_FOREST_OPTIONS } from './isolation-forest/isolation-forest.ts';
import { createLeftMatrixProfile, LEFT_MATRIX_PROFILE_OPTIONS } from './left-matrix-profile/left-matrix-profile.ts';
import { createPromotedLstm, PROMOTED_LSTM_OPTIONS } from './lstm/promoted-lstm.ts';
import { createMeanShift, MEAN_SHIFT_OPTIONS } from './mean-shift/mean-shift.ts';
import { createNovelty, NOVELTY_OPTIONS } from './novelty/novelty.ts';
import { createPatchKnn, PATCH_KNN_OPTIONS } from './patch-knn/patch-knn.ts';
import { createPatchPca, PATCH_PCA_OPTIONS } from './patch-pca/patch-pca.ts';
import { POINT_TIER, type PointTierOptions } from './point-tier/layout.ts';
import { createPointTier } from './point-tier/point-tier.ts';
import { createQuantile, QUANTILE_OPTIONS } from './quantile/quantile.ts';
import { createRandomCutForest, RANDOM_CUT_FOREST_OPTIONS } from './random-cut-forest/random-cut-forest.ts';
import { createRowEnergy, ROW_ENERGY_OPTIONS } from './row-energy/row-energy.ts';
import { createRunLength, RUN_LENGTH_OPTIONS } from './run-length/run-length.ts';
import { createSeasonal, SEASONAL_OPTIONS } from './seasonal/seasonal.ts';
import { createSpectralResidual, SPECTRAL_RESIDUAL_OPTIONS } from './spectral-residual/spectral-residual.ts';
import { createTier } from './tier.ts';
import { createTwin, TWIN_OPTIONS } from './twin/twin.ts';

interface Entry<S extends OptionsSpec, T = SeriesDetector> {
  readonly options: S;
  /** Weight in the fused sum, chosen once over all open data sets together (`eval/`). */
  readonly weight: number;
  readonly create: (options: Options<S>) => T;
}

function entry<const S extends OptionsSpec, T>(
  options: S,
  weight: number,
  create: (options: Options<S>) => T,
): Entry<S, T> {
  return { options, weight, create };
}

/** Every detector of the always-on tier. One line here and one folder is all that a new one needs. */
export const SERIES_DETECTORS = {
  ewma: entry(EWMA_OPTIONS, 0.13, createEwma),
  difference: entry(DIFFERENCE_OPTIONS, 0.13, createDifference),
  holt: entry(HOLT_OPTIONS, 0.13, createHolt),
  ar: entry(AR_OPTIONS, 0.13, createAr),
  quantile: entry(QUANTILE_OPTIONS, 0.13, createQuantile),
  seasonal: entry(SEASONAL_OPTIONS, 0.15, createSeasonal),
  twin: entry(TWIN_OPTIONS, 0.1, createTwin),
  novelty: entry(NOVELTY_OPTIONS, 0.9, createNovelty),
  'mean-shift': entry(MEAN_SHIFT_OPTIONS, 0.05, createMeanShift),
  'run-length': entry(RUN_LENGTH_OPTIONS, 0.05, createRunLength),
};

export type SeriesDetectorName = keyof typeof SERIES_DETECTORS;

export interface AlwaysOnOptions {
  /** Options by detector; what is not named keeps its default. */
  readonly detectors?: Readonly<Partial<Record<SeriesDetectorName, Readonly<Record<string, number>>>>>;
  /** Detectors to leave out. */
  readonly off?: readonly SeriesDetectorName[];
}

type AnyEntry = Entry<OptionsSpec>;

function optionsOf(name: SeriesDetectorName, options: AlwaysOnOptions): Options<OptionsSpec> {
  const entry = SERIES_DETECTORS[name] as unknown as AnyEntry;
  return { ...defaultsOf(entry.options), ...options.detectors?.[name] };
}

/** One detector by itself, in its own rows: for tests, benches and experiments. */
export function createDetector(name: SeriesDetectorName, options: AlwaysOnOptions = {}): SeriesDetector {
  return (SERIES_DETECTORS[name] as unknown as AnyEntry).create(optionsOf(name, options));
}

/**
 * All detectors of the always-on tier. Those named in `POINT_TIER` run in its one pass, whether or not they are wanted;
 * every other one runs by itself behind it.
 */
export function createAlwaysOn(options: AlwaysOnOptions = {}): DetectorTier {
  const point = Object.fromEntries(POINT_TIER.map((name) => [name, optionsOf(name, options)]));
  const alone = (Object.keys(SERIES_DETECTORS) as SeriesDetectorName[])
    .filter((name) => !(POINT_TIER as readonly string[]).includes(name) && !options.off?.includes(name))
    .map((name) => createDetector(name, options));
  return createTier(createPointTier(point as unknown as PointTierOptions), alone, options.off ?? []);
}

/** Weights of the fused sum by detector name. */
export function alwaysOnWeights(): Record<string, number> {
  return Object.fromEntries(Object.entries(SERIES_DETECTORS).map(([name, { weight }]) => [name, weight]));
}

/** Every detector of service rows. A weight of 0 keeps it out until the configuration names it: it did not pay (`eval/`). */
export const ROW_DETECTORS = {
  'row-energy': entry(ROW_ENERGY_OPTIONS, 1, createRowEnergy),
  'incremental-pca': entry(INCREMENTAL_PCA_OPTIONS, 0, createIncrementalPca),
  'isolation-forest': entry(ISOLATION_FOREST_OPTIONS, 0, createIsolationForest),
  autoencoder: entry(AUTOENCODER_OPTIONS, 0, createAutoencoder),
  dictionary: entry(DICTIONARY_OPTIONS, 0, createDictionary),
  'random-cut-forest': entry(RANDOM_CUT_FOREST_OPTIONS, 0, createRandomCutForest),
};

export type RowDetectorName = keyof typeof ROW_DETECTORS;

/** A detector of service rows with these options; what is not named keeps its default. */
export function createRowDetector(name: RowDetectorName, options: Readonly<Record<string, number>> = {}): RowDetector {
  const entry = ROW_DETECTORS[name] as unknown as Entry<OptionsSpec, RowDetector>;
  return entry.create({ ...defaultsOf(entry.options), ...options });
}

/** Every detector of the promoted tier. A weight of 0 keeps it out until the configuration names it (`eval/`). */
export const PROMOTED_DETECTORS = {
  'patch-pca': entry(PATCH_PCA_OPTIONS, 0, createPatchPca),
  'patch-knn': entry(PATCH_KNN_OPTIONS, 0, createPatchKnn),
  'spectral-residual': entry(SPECTRAL_RESIDUAL_OPTIONS, 0, createSpectralResidual),
  'left-matrix-profile': entry(LEFT_MATRIX_PROFILE_OPTIONS, 0, createLeftMatrixProfile),
  lstm: entry(PROMOTED_LSTM_OPTIONS, 0, (options) => createPromotedLstm(options)),
  bocpd: entry(BOCPD_OPTIONS, 0, createBocpd),
};

export type PromotedDetectorName = keyof typeof PROMOTED_DETECTORS;

/** A detector of the promoted tier with these options; what is not named keeps its default. */
export function createPromotedDetector(
  name: PromotedDetectorName,
  options: Readonly<Record<string, number>> = {},
): PromotedDetector {
  const entry = PROMOTED_DETECTORS[name] as unknown as Entry<OptionsSpec, PromotedDetector>;
  return entry.create({ ...defaultsOf(entry.options), ...options });
}
