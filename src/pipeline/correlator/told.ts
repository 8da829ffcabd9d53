import type { Burn, HeldBack, PageBudgetOptions, PageBudgetState } from '../../alert/budget/budget.ts';
import type { InhibitRule } from '../../alert/inhibit/inhibit.ts';
import type { GroupTimingState } from '../../alert/route/group-timing.ts';
import type { NamedIntervals } from '../../alert/route/time-interval.ts';
import type { MaintenanceWindow, Silence, ZoneOffset } from '../../domain/alerting/suppression.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import type { Incident, Severity } from '../../domain/incident.ts';
import type { NotificationReason, OutboxEntry } from '../../domain/ports.ts';
import type { EpochMs } from '../../domain/units.ts';

/** What is known of an incident that passed every stage. */
export interface Told {
  readonly severity: Severity;
  readonly status: Incident['status'];
  readonly reopened: number;
  /** When a receiver was first told of it since it opened or reopened. */
  readonly since?: EpochMs;
  readonly escalated?: true;
  /** It was snoozed until then, and is told again if it is still open. */
  readonly snoozed?: EpochMs;
}

export interface NoticesState {
  readonly told: readonly (readonly [string, Told])[];
  readonly blocked: readonly (readonly [string, string])[];
  readonly budget: PageBudgetState;
  readonly groups?: GroupTimingState;
}

/** What people and the configuration say about who is told, and when not. */
export interface NoticesOptions {
  readonly intervals?: readonly NamedIntervals[];
  readonly inhibitRules?: readonly InhibitRule[];
  readonly zone?: ZoneOffset;
  readonly budget?: PageBudgetOptions;
  /** Who is told what was held back. */
  readonly digestTo?: string;
  /** Why earlier verdicts speak against telling anybody of an incident; null when they do not. */
  readonly triage?: (incident: Incident, at: EpochMs) => DecisionRecord | null;
}

export interface Reviewed {
  readonly outbox: readonly OutboxEntry[];
  readonly decisions: readonly DecisionRecord[];
  /** Incidents that nobody acknowledged in time, and who is told of them now. */
  readonly escalated: readonly { readonly id: string; readonly to: string; readonly after: number }[];
}

export interface Notices {
  /** Incidents that changed, or are open and were held back so far: who is told what now. */
  review(
    changed: readonly Incident[],
    all: readonly Incident[],
    edges: readonly { readonly caller: string; readonly callee: string }[],
    at: EpochMs,
  ): Reviewed;
  /** Tells the receivers that know of an incident that somebody has taken it up. */
  acknowledged(incident: Incident, all: readonly Incident[], at: EpochMs): readonly OutboxEntry[];
  budget(at: EpochMs): { readonly teams: readonly Burn[]; readonly held: readonly HeldBack[] };
  /** Ids of open incidents that a receiver was told of. */
  toldTo(receiver: string): readonly string[];
  /** Receivers that know of an incident. */
  receiversOf(incident: string): readonly string[];
  /** Why an open incident is held back now; null when it is not. */
  heldBy(
    incident: Incident,
    all: readonly Incident[],
    edges: readonly { readonly caller: string; readonly callee: string }[],
    at: EpochMs,
  ): { readonly silencedBy: readonly string[]; readonly inhibitedBy: string | null; readonly mutedBy: string | null };
  setSilences(silences: readonly Silence[]): void;
  /** @throws TocsinError `invalid_config`. */
  setMaintenance(windows: readonly MaintenanceWindow[]): void;
  save(): NoticesState;
  restore(state: NoticesState): void;
}

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };

/** The reason is part of a member's state: one that reopened is another alert than the one that opened. */
export const reasonOf = (state: string): NotificationReason => state.slice(0, state.indexOf('/')) as NotificationReason;

export function reasonFor(incident: Incident, before: Told | undefined, at: EpochMs): NotificationReason | null {
  if (before === undefined) return 'opened';
  if (before.status === 'closed' || incident.reopenedCount > before.reopened) return 'reopened';
  if (RANK[incident.severity] > RANK[before.severity]) return 'escalated';
  return before.snoozed !== undefined && before.snoozed <= at ? 'reminder' : null;
}

export function awake(told: Told): Told {
  const { snoozed: _, ...rest } = told;
  return rest;
}
export const isSnoozed = (incident: Incident, at: EpochMs): boolean => (incident.snoozedUntil ?? 0) > at;
export const snoozeText = (incident: Incident): string =>
  `snoozed until ${new Date(incident.snoozedUntil ?? 0).toISOString()}`;
