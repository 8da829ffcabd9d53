import type { Alerting } from '../domain/alerting/alerting.ts';
import type { BudgetView } from '../domain/alerting/budget-view.ts';
import type { IncidentAction } from '../domain/alerting/incident-action.ts';
import type { LiveView, PipelineStats, ServiceHealth } from '../domain/health.ts';
import type { Incident } from '../domain/incident.ts';
import type { DriftReport } from '../domain/learning/drift.ts';
import type { ModelDesk } from '../domain/learning/model.ts';
import type { NoiseReport } from '../domain/learning/noise.ts';
import type { Clock, ControlStore, HistoryStore } from '../domain/ports.ts';
import type { Backtests } from '../domain/replay/backtest.ts';
import type { EpochMs } from '../domain/units.ts';
import type { AuthOptions } from './auth/auth.ts';

/** What changed, told once to everybody who has the page open. */
export type LiveEvent =
  | { readonly type: 'incident'; readonly incident: Incident }
  | { readonly type: 'health'; readonly watermark: EpochMs; readonly services: readonly ServiceHealth[] }
  | { readonly type: 'tick'; readonly at: EpochMs; readonly stats: PipelineStats };

/** Calls the listener for each event from now on; returns the way to stop. */
export type Subscribe = (listener: (event: LiveEvent) => void) => () => void;

/** What the process knows about itself and the API only repeats. */
export interface ApiInfo {
  readonly configHash: string;
  /** Path of the configuration file, empty when it runs on defaults. */
  readonly configPath: string;
  readonly otlpGrpcPort: number;
  readonly otlpHttpPort: number;
  readonly remoteWritePort: number;
}

export interface ApiDeps {
  readonly control: ControlStore;
  readonly history: HistoryStore;
  readonly live: LiveView;
  /** Wall clock. */
  readonly clock: Clock;
  readonly events: Subscribe;
  /** Told after somebody changed an incident, with the incident as stored. */
  readonly changed?: (incident: Incident, what: 'acknowledge' | 'verdict' | 'change') => void;
  /**
   * Lets the correlator know what somebody did; resolves with the incidents that changed by it, once that is durable. Absent:
   * this process only reads. @throws TocsinError `not_found`, `conflict`, `invalid_request`.
   */
  readonly act?: (action: IncidentAction) => Promise<readonly Incident[]>;
  /** How the teams stand with their pages; absent: that route is not there. */
  readonly budget?: () => BudgetView;
  /** Text of `/metrics` in Prometheus' exposition format. */
  readonly metrics: () => Promise<string>;
  readonly reload: () => Promise<{ readonly ok: boolean; readonly errors: readonly string[] }>;
  readonly ready: () => boolean;
  /** Folder of the built page (`dist/ui`), or null to serve the API alone. */
  readonly uiRoot: string | null;
  readonly version: string;
  /** Read at each request, so that a reload shows. */
  readonly info?: () => ApiInfo;
  /** Slack's signing secret; empty or absent: its buttons are not answered. */
  readonly slackSigningSecret?: string;
  /** Silences, maintenance and Alertmanager's API; absent: those routes are not there. */
  readonly alerting?: Alerting;
  /** Backtests, previews, explanations, exact replays; absent: those routes are not there. */
  readonly backtests?: Backtests;
  /** Models and their training; absent: those routes are not there. */
  readonly models?: ModelDesk;
  /** How well p-values are calibrated, and whether they drift; absent: that route is not there. */
  readonly drift?: () => DriftReport;
  /** What pages were worth; absent: that route is not there. */
  readonly noise?: (from: EpochMs, to: EpochMs) => Promise<NoiseReport>;
  /** Absent: everybody who reaches the port may read, and change with a same-origin request. */
  readonly auth?: AuthOptions;
  /** Heartbeat of the event stream in ms. */
  readonly heartbeatMs?: number;
}

export const DEFAULT_INFO: ApiInfo = {
  configHash: '',
  configPath: '',
  otlpGrpcPort: 4317,
  otlpHttpPort: 4318,
  remoteWritePort: 4318,
};
