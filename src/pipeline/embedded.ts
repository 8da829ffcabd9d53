import type { Route } from '../alert/route/route.ts';
import type { DecisionStamp } from '../domain/identity.ts';
import type { Incident } from '../domain/incident.ts';
import type { IntakeResult, PayloadFormat, Signal } from '../domain/ports.ts';
import type { TickReport } from '../domain/signal/history.ts';
import { DEFAULT_TENANT, type EpochMs } from '../domain/units.ts';
import type { Correlator, CorrelatorStep } from './correlator/correlator.ts';
import { createCorrelator } from './correlator/create.ts';
import { ShardEngine, type ShardStats } from './engine/shard-engine.ts';
import type { Settings } from './settings.ts';

export interface EmbeddedOptions {
  readonly settings: Settings;
  readonly route?: Route;
  readonly receivers?: readonly string[];
  readonly externalUrl?: string;
  readonly stamp?: DecisionStamp;
  /** Sees every report with what the correlator made of it. */
  readonly onStep?: (report: TickReport, step: CorrelatorStep) => void;
}

/**
 * The whole pipeline in this thread, without listeners, disks or clocks: one shard and the correlator. For replays,
 * evaluation and tests; the same code that serves.
 */
export class EmbeddedPipeline {
  readonly correlator: Correlator;
  readonly #engine: ShardEngine;
  readonly #incidents = new Map<string, Incident>();

  constructor(options: EmbeddedOptions) {
    const { settings, stamp = { modelVersion: '', configHash: '' } } = options;
    this.correlator = createCorrelator(settings, stamp, options.externalUrl ?? 'http://localhost:4400', {
      route: options.route ?? { receivers: [] },
      receivers: options.receivers ?? [],
    });
    this.#engine = new ShardEngine({
      shard: 0,
      settings: options.settings,
      emit: (report) => {
        const step = this.correlator.apply(report);
        for (const incident of step.incidents) this.#incidents.set(incident.id, incident);
        options.onStep?.(report, step);
      },
    });
  }

  /** @param wallNow what the wall clock says; timestamps far beyond it are clamped. */
  accept(
    signal: Signal,
    format: PayloadFormat,
    body: Uint8Array,
    wallNow: EpochMs,
    tenant: string = DEFAULT_TENANT,
  ): IntakeResult {
    return this.#engine.accept(signal, format, body, tenant, wallNow);
  }

  /** Lets event time run on without input, as an idle server does. */
  passTime(wallNow: EpochMs): void {
    this.#engine.passTime(wallNow);
  }

  /** Every incident so far, as it stands, in order of opening. */
  incidents(): readonly Incident[] {
    return [...this.#incidents.values()].sort((a, b) => a.openedAt - b.openedAt);
  }

  stats(): ShardStats {
    return this.#engine.stats();
  }
}
