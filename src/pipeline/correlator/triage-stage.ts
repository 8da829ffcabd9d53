import type { DecisionRecord } from '../../domain/decision.ts';
import { type DecisionStamp, decisionRecord } from '../../domain/identity.ts';
import type { Incident } from '../../domain/incident.ts';
import type { TriageExample } from '../../domain/learning/model.ts';
import type { EpochMs } from '../../domain/units.ts';
import { createPast, type PastState, TRIAGE_FEATURES_VERSION, triageFeatures } from '../../learn/triage/features.ts';
import { createTriage, type TriageData, type TriageJudgement } from '../../learn/triage/triage.ts';

/** Examples kept until somebody takes them: more are of no use to a process that never does (a backtest). */
const MOST_EXAMPLES = 1_000;

export interface TriageStageState {
  readonly past: PastState;
  /** Incidents whose example was made. */
  readonly seen: readonly string[];
}

/** What triage says of incidents, and what it is to learn from. */
export interface TriageStage {
  /** Takes a model into use; null for none. @throws TocsinError `state_version` for one of other features. */
  setModel(data: TriageData | null): void;
  /** Looks at incidents that opened; `known` are all that may still change. */
  see(changed: readonly Incident[], known: readonly Incident[]): void;
  /** Incidents with the confidence that triage has in them, while it speaks. */
  shown(incidents: readonly Incident[]): readonly Incident[];
  /** Why an incident that nobody was told of is held back; null when it is not. */
  holds(incident: Incident, at: EpochMs): DecisionRecord | null;
  verdict(incident: Incident, real: boolean, at: EpochMs): void;
  takeExamples(): readonly TriageExample[];
  save(): TriageStageState;
  restore(state: TriageStageState): void;
}

export function createTriageStage(stamp: DecisionStamp): TriageStage {
  const past = createPast();
  let judge: ((features: Float32Array) => TriageJudgement) | null = null;
  let speaks = false;
  let seen = new Set<string>();
  let examples: TriageExample[] = [];

  const featuresOf = (incident: Incident): Float32Array =>
    triageFeatures(incident, past.of(incident, incident.openedAt));

  /** As it opened, before its own opening counts as past: what a model will be asked about. */
  function learn(incident: Incident): void {
    seen.add(incident.id);
    const values = Array.from(featuresOf(incident), (value) => (Number.isNaN(value) ? null : value));
    examples.push({
      incident: incident.id,
      openedAt: incident.openedAt,
      features: TRIAGE_FEATURES_VERSION,
      values,
    });
    if (examples.length > MOST_EXAMPLES) examples.shift();
    past.opened(incident);
  }

  return {
    setModel(data) {
      judge = data === null ? null : createTriage(data);
      speaks = data?.active === true;
    },
    see(changed, known) {
      for (const incident of changed) if (!seen.has(incident.id)) learn(incident);
      const ids = new Set([...known, ...changed].map((incident) => incident.id));
      for (const id of seen) if (!ids.has(id)) seen.delete(id);
    },
    shown(incidents) {
      if (judge === null || !speaks) return incidents;
      const model = judge;
      return incidents.map((incident) => ({ ...incident, confidence: model(featuresOf(incident)).probability }));
    },
    holds(incident, at) {
      if (judge === null) return null;
      const { probability, limit, passed } = judge(featuresOf(incident));
      if (passed) return null;
      return decisionRecord(stamp, {
        at,
        tenant: incident.tenant,
        service: incident.services[0] ?? '',
        subject: incident.id,
        stage: 'triage',
        outcome: 'suppressed',
        reason: `earlier verdicts make it real with probability ${probability.toFixed(2)}, below ${limit.toFixed(2)}: on the page only`,
        value: probability,
        limit,
      });
    },
    verdict: (incident, real, at) => past.verdict(incident, real, at),
    takeExamples() {
      const taken = examples;
      examples = [];
      return taken;
    },
    save: () => ({ past: past.save(), seen: [...seen] }),
    restore(state) {
      past.restore(state.past);
      seen = new Set(state.seen);
    },
  };
}
