import type { DecisionRecord } from '../../domain/decision.ts';
import { type DecisionStamp, decisionRecord } from '../../domain/identity.ts';
import type { Incident } from '../../domain/incident.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import { DAY, type EpochMs } from '../../domain/units.ts';

export const pageBudgetOptions = {
  pagesPerWeek: {
    type: 'integer',
    default: 20,
    min: 0,
    doc: 'Pages a team (label `team`, else the service) gets in any seven days; what exceeds it goes into the digest.',
  },
  exemptCritical: { type: 'boolean', default: true, doc: 'Critical incidents page even when the budget is spent.' },
  digestEvery: { type: 'duration', default: DAY, min: 60_000, doc: 'How often held-back incidents are told together.' },
} as const satisfies OptionsSpec;
export type PageBudgetOptions = Options<typeof pageBudgetOptions>;

export interface PageBudgetState {
  readonly version: 1;
  /** Times of the pages of the last week by team, sorted by team. */
  readonly pages: readonly (readonly [string, readonly EpochMs[]])[];
  readonly held: readonly { readonly incident: string; readonly team: string; readonly at: EpochMs }[];
  readonly digestAt: EpochMs;
}
export interface PageBudget {
  /** Asks for one page. Counts it when it passes: call it for pages (opened, reopened, escalated), not for updates. */
  check(
    incident: Incident,
    labels: Readonly<Record<string, string>>,
    now: EpochMs,
  ): { readonly passed: boolean; readonly record: DecisionRecord };
  /** Pages left to a team now. */
  left(team: string, now: EpochMs): number;
  /** Incidents held back since the last digest, once a digest is due; empty otherwise. */
  digest(now: EpochMs): readonly { readonly incident: string; readonly team: string; readonly at: EpochMs }[];
  held(): PageBudgetState['held'];
  save(): PageBudgetState;
  restore(state: PageBudgetState): void;
}

export function createPageBudget(
  options: PageBudgetOptions = defaultsOf(pageBudgetOptions),
  stamp: DecisionStamp = { modelVersion: '', configHash: '' },
): PageBudget {
  let pages = new Map<string, EpochMs[]>();
  let held: { incident: string; team: string; at: EpochMs }[] = [];
  let digestAt = 0;

  function used(team: string, now: EpochMs): EpochMs[] {
    const recent = (pages.get(team) ?? []).filter((at) => at > now - 7 * DAY);
    if (recent.length === 0) pages.delete(team);
    else pages.set(team, recent);
    return recent;
  }

  return {
    check(incident, labels, now) {
      const team = labels['team'] ?? labels['service'] ?? incident.services[0] ?? '';
      const count = used(team, now).length;
      const room = count < options.pagesPerWeek;
      const exempt = options.exemptCritical && incident.severity === 'critical';
      const passed = room || exempt;
      if (passed) {
        pages.set(team, [...used(team, now), now]);
        held = held.filter((h) => h.incident !== incident.id);
      } else if (!held.some((h) => h.incident === incident.id)) {
        if (held.length === 0) digestAt = now + options.digestEvery;
        held.push({ incident: incident.id, team, at: now });
      }
      const record = decisionRecord(stamp, {
        at: now,
        tenant: incident.tenant,
        service: incident.services[0] ?? '',
        subject: incident.id,
        stage: 'budget',
        outcome: passed ? 'passed' : 'suppressed',
        reason: room
          ? `page ${count + 1} of ${options.pagesPerWeek} this week for ${team}`
          : passed
            ? `budget of ${team} is spent, but the incident is critical`
            : `budget of ${team} is spent; told in the next digest`,
        value: count,
        limit: options.pagesPerWeek,
      });
      return { passed, record };
    },
    left: (team, now) => Math.max(0, options.pagesPerWeek - used(team, now).length),
    digest(now) {
      if (held.length === 0 || now < digestAt) return [];
      const due = held;
      held = [];
      return due;
    },
    held: () => [...held],
    save: () => ({
      version: 1,
      pages: [...pages].map(([team, at]) => [team, [...at]] as const).sort((a, b) => (a[0] < b[0] ? -1 : 1)),
      held: [...held],
      digestAt,
    }),
    restore(state) {
      pages = new Map(state.pages.map(([team, at]) => [team, [...at]]));
      held = [...state.held];
      digestAt = state.digestAt;
    },
  };
}
