import type { SilenceFinding } from '../../detect/silence/silence.ts';
import type { Evidence, ServiceTick } from '../../domain/anomaly.ts';
import type { SeriesTable } from '../../domain/signal/series.ts';
import { type DurationMs, type EpochMs, MINUTE } from '../../domain/units.ts';
import { evidenceText } from '../../fuse/explain/explain.ts';

/**
 * Series that end while their target lives are no outage: pods are replaced, code paths are no longer taken. They speak
 * for a service that is strange anyway, and never open an incident by themselves.
 */
const SMALLEST_RETIRED_P = 2e-3;

/** Silence of the whole input has no service of its own: it is told under this name. */
export const PIPELINE_SERVICE = 'telemetry-pipeline';
/** Quiet ticks are told this long after the last silent one: enough for the story to close. */
const RECOVERY: DurationMs = 15 * MINUTE;

/** A silence as evidence of its service; its first series stands for all of them. */
export function silenceEvidence(finding: SilenceFinding, at: EpochMs, table: SeriesTable): Evidence {
  const first = finding.series[0];
  const info = first === undefined ? null : table.describe(first);
  const facts = {
    series: info?.id ?? '',
    service: finding.kind === 'pipeline-silent' ? PIPELINE_SERVICE : finding.service,
    modality: 'metric' as const,
    metric: info?.metric ?? '',
    unit: info?.unit ?? '',
    labels: info?.labels ?? {},
    instance: finding.instance,
    kind: finding.kind,
    at,
    onset: finding.since,
    p: Math.max(finding.kind === 'series-retired' ? SMALLEST_RETIRED_P : 1e-6, finding.p),
    value: finding.kind === 'zero' ? 0 : finding.seriesCount,
    expected: Number.NaN,
    lower: Number.NaN,
    upper: Number.NaN,
  };
  return { ...facts, contributions: [{ name: 'silence', share: 1 }], text: evidenceText(facts) };
}

/**
 * The telemetry pipeline as if it were a service. It is only ever seen while it is silent, so it never has a history of
 * its own to learn from, and nobody but us can say that it is well again.
 */
export class PipelineSilence {
  readonly #silentAt = new Map<string, EpochMs>();

  /** The input of a tenant is silent at this tick. */
  silent(tenant: string, at: EpochMs): void {
    this.#silentAt.set(tenant, at);
  }

  /** The tick's reports with the pipeline's among them: judged at once, and well while its services send. */
  complete(services: readonly ServiceTick[], at: EpochMs): ServiceTick[] {
    const out = services.map((tick) => (tick.service === PIPELINE_SERVICE ? { ...tick, learning: false } : tick));
    for (const [tenant, silentAt] of this.#silentAt) {
      if (at - silentAt > RECOVERY) this.#silentAt.delete(tenant);
      else if (silentAt < at) {
        const senders = services.filter((tick) => tick.tenant === tenant && tick.seriesSeen > 0).length;
        if (senders > 0) out.push(well(tenant, at, senders));
      }
    }
    return out;
  }

  save(): readonly (readonly [string, EpochMs])[] {
    return [...this.#silentAt];
  }

  restore(rows: readonly (readonly [string, EpochMs])[]): void {
    this.#silentAt.clear();
    for (const [tenant, at] of rows) this.#silentAt.set(tenant, at);
  }
}

function well(tenant: string, at: EpochMs, senders: number): ServiceTick {
  return {
    tenant,
    service: PIPELINE_SERVICE,
    at,
    provisional: false,
    p: 1,
    pByModality: { metric: 1, log: 1, trace: 1 },
    seriesSeen: senders,
    seriesStrange: 0,
    evidence: [],
  };
}
