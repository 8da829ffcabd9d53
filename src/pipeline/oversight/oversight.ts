import { join } from 'node:path';
import type { DriftReport } from '../../domain/learning/drift.ts';
import { NOISE_DIMENSIONS, type NoiseReport } from '../../domain/learning/noise.ts';
import type { Clock, ControlStore } from '../../domain/ports.ts';
import type { TickReport } from '../../domain/signal/history.ts';
import { DAY, type EpochMs, MINUTE } from '../../domain/units.ts';
import type { ProgramMetrics } from '../../observe/metrics.ts';
import { createDriftWatch } from './drift-watch.ts';
import { readNoise } from './noise.ts';

const NOISE_SPAN = 28 * DAY;
/** The ledger is read again for metrics after this long. */
const NOISE_EVERY = 5 * MINUTE;
const SAVE_EVERY = 10 * MINUTE;
/** Names a dimension whose figures are metrics: those with the most pages. */
const MOST_NAMES = 50;

export interface Oversight {
  observe(report: TickReport): void;
  readonly drift: () => DriftReport;
  readonly noise: (from: EpochMs, to: EpochMs) => Promise<NoiseReport>;
  /** Sets the metrics of both. */
  copy(metrics: ProgramMetrics): Promise<void>;
  /** Saves; what comes after is not kept. */
  close(): void;
}

/** Watches Tocsin itself: are its p-values right, and are its pages worth it. */
export function createOversight(options: {
  readonly directory: string;
  readonly control: ControlStore;
  readonly clock: Clock;
  readonly onWarning: (message: string) => void;
}): Oversight {
  const { control, clock } = options;
  const watch = createDriftWatch(join(options.directory, 'drift.json'), options.onWarning);
  let savedAt = clock.now();
  let ledger: { readonly at: EpochMs; readonly report: NoiseReport } | null = null;

  return {
    observe(report) {
      watch.observe(report);
      if (clock.now() - savedAt < SAVE_EVERY) return;
      savedAt = clock.now();
      watch.save();
    },

    drift: watch.read,
    noise: (from, to) => readNoise(control, from, to),

    async copy(metrics) {
      const { items, classes } = watch.read();
      metrics.drift.reset();
      for (const { class: name, kind, statistic, threshold } of items)
        metrics.drift.set({ class: name, kind }, threshold > 0 ? statistic / threshold : statistic);
      for (const { class: name, share } of classes) if (share !== null) metrics.smallPShare.set({ class: name }, share);

      const now = clock.now();
      if (ledger === null || now - ledger.at >= NOISE_EVERY)
        ledger = { at: now, report: await readNoise(control, now - NOISE_SPAN, now) };
      const { noisePages, noiseAcknowledged, noisePrecision } = metrics;
      for (const gauge of [noisePages, noiseAcknowledged, noisePrecision]) gauge.reset();
      for (const by of NOISE_DIMENSIONS)
        for (const { name, pagesPerWeek, acknowledged, precision } of ledger.report[by].slice(0, MOST_NAMES)) {
          noisePages.set({ by, name }, pagesPerWeek);
          if (acknowledged !== null) noiseAcknowledged.set({ by, name }, acknowledged);
          if (precision !== null) noisePrecision.set({ by, name }, precision);
        }
    },

    close: watch.save,
  };
}
