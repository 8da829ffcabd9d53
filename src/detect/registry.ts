import type { DetectorTier, SeriesDetector } from '../domain/detector.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../domain/options.ts';
import { AR_OPTIONS, createAr } from './ar/ar.ts';
import { createDifference, DIFFERENCE_OPTIONS } from './difference/difference.ts';
import { createEwma, EWMA_OPTIONS } from './ewma/ewma.ts';
import { createHolt, HOLT_OPTIONS } from './holt/holt.ts';
import { createMeanShift, MEAN_SHIFT_OPTIONS } from './mean-shift/mean-shift.ts';
import { createNovelty, NOVELTY_OPTIONS } from './novelty/novelty.ts';
import { POINT_TIER, type PointTierOptions } from './point-tier/layout.ts';
import { createPointTier } from './point-tier/point-tier.ts';
import { createQuantile, QUANTILE_OPTIONS } from './quantile/quantile.ts';
import { createRunLength, RUN_LENGTH_OPTIONS } from './run-length/run-length.ts';
import { createSeasonal, SEASONAL_OPTIONS } from './seasonal/seasonal.ts';
import { createTier } from './tier.ts';
import { createTwin, TWIN_OPTIONS } from './twin/twin.ts';

interface Entry<S extends OptionsSpec> {
  readonly options: S;
  /** Weight in the fused sum, chosen once over all open data sets together (`eval/`). */
  readonly weight: number;
  readonly create: (options: Options<S>) => SeriesDetector;
}

function entry<const S extends OptionsSpec>(
  options: S,
  weight: number,
  create: (options: Options<S>) => SeriesDetector,
): Entry<S> {
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
