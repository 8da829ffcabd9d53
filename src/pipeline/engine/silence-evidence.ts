import type { SilenceFinding } from '../../detect/silence/silence.ts';
import type { Evidence } from '../../domain/anomaly.ts';
import type { SeriesTable } from '../../domain/series.ts';
import type { EpochMs } from '../../domain/units.ts';
import { evidenceText } from '../../fuse/explain/explain.ts';

/**
 * Series that end while their target lives are no outage: pods are replaced, code paths are no longer taken. They speak
 * for a service that is strange anyway, and never open an incident by themselves.
 */
const SMALLEST_RETIRED_P = 2e-3;

/** A silence as evidence of its service; its first series stands for all of them. */
export function silenceEvidence(
  finding: SilenceFinding,
  at: EpochMs,
  table: SeriesTable,
  pipelineService: string,
): Evidence {
  const first = finding.series[0];
  const info = first === undefined ? null : table.describe(first);
  const facts = {
    series: info?.id ?? '',
    service: finding.kind === 'pipeline-silent' ? pipelineService : finding.service,
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
