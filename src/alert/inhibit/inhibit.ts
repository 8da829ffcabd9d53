import { compileMatchers, type Matcher } from '../../domain/alerting/matcher.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import { type DecisionStamp, decisionRecord } from '../../domain/identity.ts';
import type { Incident } from '../../domain/incident.ts';
import { type EpochMs, MINUTE } from '../../domain/units.ts';

/** Alertmanager's inhibition rule: while a source is open, targets with the same values of `equal` are muted. */
export interface InhibitRule {
  readonly source_matchers: readonly Matcher[];
  readonly target_matchers: readonly Matcher[];
  readonly equal: readonly string[];
}

export interface InhibitInput {
  readonly incident: Incident;
  /** All incidents; closed ones are ignored. */
  readonly incidents: readonly Incident[];
  readonly labelsOf: (incident: Incident) => Readonly<Record<string, string>>;
  readonly edges: readonly { readonly caller: string; readonly callee: string }[];
  readonly now: EpochMs;
}
export type Inhibit = (input: InhibitInput) => {
  readonly passed: boolean;
  readonly inhibitedBy: string | null;
  readonly record: DecisionRecord | null;
};

/** Estimates of onset may be off by this much. */
const SLACK = MINUTE;
/** Findings that a service has trouble of its own: such an incident is never taken for a mere effect. */
const OWN_TROUBLE: ReadonlySet<string> = new Set(['self-time', 'edge-gap', 'errors', 'deploy', 'silence']);

/** Cause mutes effect by topology (always on), and label rules. @throws TocsinError `invalid_request` for a bad matcher. */
export function createInhibit(
  rules: readonly InhibitRule[] = [],
  stamp: DecisionStamp = { modelVersion: '', configHash: '' },
): Inhibit {
  const compiled = rules.map((rule) => ({
    source: compileMatchers(rule.source_matchers),
    target: compileMatchers(rule.target_matchers),
    equal: rule.equal,
  }));

  function reasonOf(input: InhibitInput, source: Incident): string | null {
    const { incident, edges } = input;
    const labels = input.labelsOf(incident);
    const sourceLabels = input.labelsOf(source);
    for (const rule of compiled) {
      if (!rule.target(labels) || !rule.source(sourceLabels)) continue;
      if (rule.equal.every((name) => (labels[name] ?? '') === (sourceLabels[name] ?? ''))) return 'inhibition rule';
    }
    if (incident.onset < source.onset - SLACK) return null;
    const cause = incident.causes[0];
    if (cause === undefined) return null;
    if (source.services.includes(cause.service) && !incident.services.includes(cause.service)) {
      return `its likely cause ${cause.service} belongs to that incident`;
    }
    if (cause.reasons.some((r) => OWN_TROUBLE.has(r.kind))) return null;
    const strange = new Set(source.anomalies.filter((a) => a.closedAt === null).map((a) => a.service));
    const effect = incident.services.every((s) => edges.some((e) => e.caller === s && strange.has(e.callee)));
    return effect ? 'all its services call a service of that incident and show no trouble of their own' : null;
  }

  return (input) => {
    const { incident, now } = input;
    for (const source of input.incidents) {
      if (source.id === incident.id || source.status !== 'open' || source.tenant !== incident.tenant) continue;
      const reason = reasonOf(input, source);
      if (reason === null) continue;
      const record = decisionRecord(stamp, {
        at: now,
        tenant: incident.tenant,
        service: incident.services[0] ?? '',
        subject: incident.id,
        stage: 'inhibit',
        outcome: 'suppressed',
        reason: `muted by incident ${source.id}: ${reason}`,
      });
      return { passed: false, inhibitedBy: source.id, record };
    }
    return { passed: true, inhibitedBy: null, record: null };
  };
}
