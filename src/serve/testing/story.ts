import type { Anomaly, AnomalyClass, AnomalyKind, Evidence } from '../../domain/anomaly.ts';
import { CLASS_OF, scoreOf } from '../../domain/anomaly.ts';
import type { Cause, Incident, Severity, TimelineEntry } from '../../domain/incident.ts';
import type { DeployMarker } from '../../domain/signal/batch.ts';
import type { EpochMs } from '../../domain/units.ts';
import { MINUTE } from '../../domain/units.ts';
import type { Verdict, VerdictKind } from '../../domain/verdict.ts';
import type { Effect } from './shop.ts';
import { hash, METRICS, sampleAt, seriesIdOf } from './shop.ts';

/** The parts of an incident that differ; the rest follows from them. */
export interface Story {
  readonly slug: string;
  readonly title: string;
  readonly summary: string;
  readonly severity: Severity;
  readonly confidence: number;
  readonly onset: EpochMs;
  readonly closedAt: EpochMs | null;
  readonly services: readonly {
    readonly service: string;
    readonly kind: AnomalyKind;
    readonly text: string;
    readonly p: number;
  }[];
  readonly causes: readonly Cause[];
  readonly effects: readonly Effect[];
  readonly logs?: readonly Evidence[];
  readonly deploys?: readonly DeployMarker[];
  readonly traceIds?: readonly string[];
  readonly timeline: readonly TimelineEntry[];
  readonly acknowledgedBy?: string;
  readonly verdict?: { readonly kind: VerdictKind; readonly comment: string; readonly by: string };
}

const KIND_BY_METRIC: Readonly<Record<string, AnomalyKind>> = {
  'span.duration.p99': 'latency',
  'span.error_ratio': 'errors',
  'container.memory.usage': 'ramp',
  'log.rate': 'pattern-burst',
};

export function incidentOf(story: Story, now: EpochMs): Incident {
  const id = `inc-${hash(story.slug).toString(16).padStart(8, '0')}`;
  const evidence = [...story.effects.map((effect) => evidenceOf(effect, story, now)), ...(story.logs ?? [])].sort(
    (a, b) => a.p - b.p,
  );
  const openedAt = story.timeline.find(({ kind }) => kind === 'opened')?.at ?? story.onset + 40_000;
  const p = Math.min(...story.services.map((service) => service.p));
  const contributions = shares(evidence);
  const anomalies = story.services.map(({ service, kind, text, p: own }, index): Anomaly => {
    const mine = evidence.filter((item) => item.service === service);
    return {
      id: `ano-${hash(`${story.slug}/${service}`).toString(16)}`,
      tenant: 'default',
      service,
      class: CLASS_OF[kind] satisfies AnomalyClass,
      kind,
      openedAt: openedAt + index * 20_000,
      onset: story.onset + index * 20_000,
      updatedAt: story.closedAt ?? now,
      closedAt: story.closedAt,
      p: own,
      score: scoreOf(own),
      confidence: story.confidence,
      evidence: mine,
      contributions: shares(mine),
      text,
    };
  });
  const verdict: Verdict | null =
    story.verdict === undefined
      ? null
      : {
          id: `ver-${id}`,
          subject: 'incident',
          subjectId: id,
          at: (story.closedAt ?? now) + 25 * MINUTE,
          ...story.verdict,
        };
  return {
    id,
    tenant: 'default',
    version: 3,
    status: story.closedAt === null ? 'open' : 'closed',
    severity: story.severity,
    confidence: story.confidence,
    score: scoreOf(p),
    title: story.title,
    summary: story.summary,
    onset: story.onset,
    openedAt,
    updatedAt: story.closedAt ?? now - 20_000,
    closedAt: story.closedAt,
    reopenedCount: 0,
    services: story.services.map(({ service }) => service),
    anomalies,
    causes: story.causes,
    evidence,
    contributions,
    deploys: story.deploys ?? [],
    traceIds: story.traceIds ?? [],
    timeline: story.timeline,
    acknowledgedBy: story.acknowledgedBy ?? null,
    acknowledgedAt: story.acknowledgedBy === undefined ? null : openedAt + 4 * MINUTE,
    verdict,
  };
}

function evidenceOf(effect: Effect, story: Story, now: EpochMs): Evidence {
  const metric = METRICS.find(({ metric: name }) => name === effect.metric);
  if (metric === undefined) throw new Error(`no metric ${effect.metric}`);
  const at = Math.min(effect.to, now, story.closedAt ?? now) - 20_000;
  const sample = sampleAt(effect.service, metric, at, [effect]);
  const silent = Number.isNaN(sample.value);
  const word = silent ? 'stopped' : sample.value > sample.expected ? 'above' : 'below';
  return {
    series: seriesIdOf(effect.service, effect.metric),
    service: effect.service,
    modality: metric.modality,
    metric: effect.metric,
    unit: metric.unit,
    labels: metric.labels,
    instance: `${effect.service}-6d9f7c-${(hash(effect.service) % 46_656).toString(36)}`,
    kind: silent
      ? 'target-silent'
      : (KIND_BY_METRIC[effect.metric] ?? (sample.value > sample.expected ? 'spike' : 'dip')),
    at,
    onset: effect.from,
    p: Math.max(1e-6, 10 ** -Math.min(6, sample.surprise)),
    value: sample.value,
    expected: sample.expected,
    lower: sample.lower,
    upper: sample.upper,
    contributions: silent
      ? [{ name: 'silence', share: 1 }]
      : [
          { name: 'ewma', share: 0.41 },
          { name: 'seasonal', share: 0.33 },
          { name: 'decimated-twin', share: 0.26 },
        ],
    text: `${effect.metric} of ${effect.service} ${word === 'stopped' ? 'stopped arriving' : `is ${word} its band`}`,
  };
}

function shares(evidence: readonly Evidence[]): { name: string; share: number }[] {
  const by = new Map<string, number>();
  for (const item of evidence) by.set(item.modality, (by.get(item.modality) ?? 0) - Math.log10(item.p));
  const total = [...by.values()].reduce((sum, value) => sum + value, 0);
  return [...by].map(([name, value]) => ({ name, share: value / total }));
}
