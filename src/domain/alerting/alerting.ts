import type { Incident, Severity } from '../incident.ts';
import type { EpochMs } from '../units.ts';
import type { Matcher } from './matcher.ts';
import type { RoutingTest, RoutingView } from './routing.ts';
import type { MaintenanceWindow, RecurrenceSpec, Silence, TimeSpan } from './suppression.ts';

export type SilenceInput = Omit<Silence, 'id' | 'updatedAt'> & { readonly id?: string };
export type MaintenanceInput = {
  readonly id?: string;
  readonly name: string;
  readonly matchers: readonly Matcher[];
  readonly spans: readonly TimeSpan[];
  readonly recurrences: readonly RecurrenceSpec[];
  readonly createdBy: string;
  readonly comment: string;
};

/** An open incident as Alertmanager's clients see it. */
export interface AlertView {
  readonly incident: Incident;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly url: string;
  /** Where it is routed, and the labels of the group it is in there. */
  readonly routes: readonly { readonly receiver: string; readonly groupLabels: Readonly<Record<string, string>> }[];
  readonly silencedBy: readonly string[];
  readonly inhibitedBy: readonly string[];
  readonly mutedBy: readonly string[];
}

/** What a silence or window would have held back. */
export interface SuppressionPreview {
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Incidents that opened in that time. */
  readonly incidents: number;
  readonly covered: readonly {
    readonly id: string;
    readonly title: string;
    readonly severity: Severity;
    readonly openedAt: EpochMs;
    readonly closedAt: EpochMs | null;
    /** Notifications that were sent about it and would not have been. */
    readonly notifications: number;
  }[];
  readonly notifications: number;
  /** More incidents than were looked at. */
  readonly truncated: boolean;
}

/** A policy with its settings in words, by the names of the configuration. */
export interface PolicyView {
  readonly name: string;
  /** Empty: everything. */
  readonly matchers: readonly Matcher[];
  readonly settings: readonly { readonly key: string; readonly value: string }[];
}

/** What people do about who is told, behind the API. */
export interface Alerting {
  silences(): readonly Silence[];
  /** @throws TocsinError `invalid_request`; `not_found` for an id that is not there. */
  putSilence(input: SilenceInput): Promise<Silence>;
  /** @throws TocsinError `not_found`. */
  expireSilence(id: string): Promise<Silence>;
  maintenance(): readonly MaintenanceWindow[];
  /** @throws TocsinError `invalid_config`, `invalid_request`, `not_found`. */
  putMaintenance(input: MaintenanceInput): Promise<MaintenanceWindow>;
  /** @throws TocsinError `not_found`. */
  deleteMaintenance(id: string): Promise<MaintenanceWindow>;
  /** One window an event; events that were imported before are replaced. A dry run stores nothing. @throws TocsinError `invalid_config`. */
  importCalendar(
    text: string,
    options: {
      readonly matchers: readonly Matcher[];
      readonly createdBy: string;
      readonly zone: string;
      readonly dryRun?: boolean;
    },
  ): Promise<readonly MaintenanceWindow[]>;
  /** When a window is on. */
  spansOf(window: MaintenanceInput | MaintenanceWindow, from: EpochMs, to: EpochMs): readonly TimeSpan[];
  /** Spans null: as if in force the whole time. */
  preview(
    matchers: readonly Matcher[],
    spans: readonly TimeSpan[] | null,
    from: EpochMs,
    to: EpochMs,
  ): Promise<SuppressionPreview>;
  alerts(): readonly AlertView[];
  receivers(): readonly string[];
  /** What is said of some series and services, in the order in which the first that says something counts. */
  policies(): readonly PolicyView[];
  /** The tree, receivers, time intervals and inhibition rules, for the page. */
  routing(): RoutingView;
  /** What labels reach now. `confidence` (0-1) as an incident would have it. */
  testRouting(labels: Readonly<Record<string, string>>, confidence: number): RoutingTest;
  /** The routing section as YAML, for Alertmanager's status. */
  configYaml(): string;
  readonly startedAt: EpochMs;
}
