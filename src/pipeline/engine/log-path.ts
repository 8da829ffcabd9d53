import { createLogCounts } from '../../detect/log-counts/log-counts.ts';
import { createLogParameters } from '../../detect/log-parameters/log-parameters.ts';
import { createLogRarity } from '../../detect/log-rarity/log-rarity.ts';
import { createLogRate } from '../../detect/log-rate/log-rate.ts';
import { createLogSequence } from '../../detect/log-sequence/log-sequence.ts';
import type { Evidence } from '../../domain/anomaly.ts';
import type { StateBlob } from '../../domain/detector.ts';
import type { LogBatch } from '../../domain/signal/batch.ts';
import type { TemplateInfo } from '../../domain/signal/history.ts';
import type { ServiceNames } from '../../domain/signal/ticks.ts';
import type { EpochMs } from '../../domain/units.ts';
import { createLogTemplates, createLogTick } from '../../features/log-template/log-template.ts';
import { SessionKeys } from '../../features/log-template/session-key.ts';
import { LOG_FEATURES } from '../../features/spec.ts';
import type { Settings } from '../settings.ts';
import type { DerivedPoints } from './derived-points.ts';

const NO_LABELS = {};

/** Everything that happens to log records in a shard. */
export class LogPath {
  lines = 0;
  readonly #templates;
  readonly #tick = createLogTick();
  readonly #rarity = createLogRarity();
  readonly #rate = createLogRate();
  readonly #counts = createLogCounts();
  readonly #parameters = createLogParameters();
  readonly #sequence;
  readonly #sessions = new SessionKeys();
  #assigned = new Int32Array(1_024);
  #keys = new Int32Array(2_048);

  constructor(decode: (bytes: Uint8Array) => string, settings: Settings) {
    this.#templates = createLogTemplates(decode, settings.features.log_templates);
    this.#sequence = createLogSequence(decode);
  }

  observe(batch: LogBatch): void {
    if (this.#assigned.length < batch.length) {
      this.#assigned = new Int32Array(batch.length * 2);
      this.#keys = new Int32Array(batch.length * 4);
    }
    this.#templates.assign(batch, this.#assigned);
    this.#sessions.keys(batch, this.#keys);
    this.#sequence.observe(batch, this.#assigned, this.#keys);
    this.#parameters.observe(batch, this.#assigned);
    this.lines += batch.length;
  }

  deploy(service: number, at: EpochMs): void {
    this.#rarity.deploy(service, at);
  }

  /** Evidence of the tick; rates of each service go to `derived`. */
  closeTick(at: EpochMs, durationMs: number, names: ServiceNames, derived: DerivedPoints): Evidence[] {
    const tick = this.#tick;
    this.#templates.closeTick(at, durationMs, tick);
    for (let i = 0; i < tick.serviceLength; i++) {
      const service = tick.service[i]!;
      derived.add(service, LOG_FEATURES.rate, '', () => NO_LABELS, at, (tick.lines[i]! * 1_000) / durationMs);
      derived.add(service, LOG_FEATURES.errorRate, '', () => NO_LABELS, at, (tick.errors[i]! * 1_000) / durationMs);
    }
    return [this.#rarity, this.#rate, this.#counts, this.#sequence, this.#parameters].flatMap((detector) =>
      detector.closeTick(tick, this.#templates, names),
    );
  }

  /** Templates first met since the last call. */
  newTemplates(names: ServiceNames): TemplateInfo[] {
    return this.#templates.takeNew().map((template) => this.#templates.describe(template, names));
  }

  save(): Record<string, StateBlob> {
    return {
      'log.templates': this.#templates.save(),
      'log.rarity': this.#rarity.save(),
      'log.rate': this.#rate.save(),
      'log.counts': this.#counts.save(),
      'log.sequence': this.#sequence.save(),
      'log.sessions': this.#sessions.save(),
      'log.parameters': this.#parameters.save(),
    };
  }

  restore(parts: Readonly<Record<string, StateBlob>>): void {
    this.#templates.restore(parts['log.templates']!);
    this.#rarity.restore(parts['log.rarity']!);
    this.#rate.restore(parts['log.rate']!);
    this.#counts.restore(parts['log.counts']!);
    this.#sequence.restore(parts['log.sequence']!);
    this.#sessions.restore(parts['log.sessions']!);
    this.#parameters.restore(parts['log.parameters']!);
  }
}
