import type { Matcher } from '../alerting/matcher.ts';
import type { RecurrenceSpec, TimeSpan } from '../alerting/suppression.ts';
import type { Evidence } from '../anomaly.ts';
import type { DecisionRecord, DecisionStage } from '../decision.ts';
import type { Severity } from '../incident.ts';
import type { EpochMs } from '../units.ts';
import type { VerdictKind } from '../verdict.ts';

/** From what a backtest is made: what services looked like tick by tick, or the raw input through the detectors. */
export type BacktestMode = 'ticks' | 'input';

/** An incident of one side of a comparison. */
export interface BacktestIncident {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  readonly score: number;
  readonly confidence: number;
  readonly services: readonly string[];
  readonly cause: string | null;
  readonly openedAt: EpochMs;
  /** Null: open when the backtest ends. */
  readonly closedAt: EpochMs | null;
  /** Why nobody was told, null when somebody was. */
  readonly heldBy: string | null;
  readonly notifications: readonly { readonly at: EpochMs; readonly receiver: string; readonly reason: string }[];
}

/** `muted`: the same incident, but nobody is told any more. */
export type PairOutcome = 'same' | 'changed' | 'muted' | 'lost' | 'added';

export interface BacktestPair {
  readonly outcome: PairOutcome;
  /** What people said of it. */
  readonly verdict: VerdictKind | null;
  readonly before: BacktestIncident | null;
  readonly after: BacktestIncident | null;
  readonly differences: readonly { readonly field: string; readonly before: string; readonly after: string }[];
}

export interface BacktestTotals {
  readonly incidents: number;
  readonly notifications: number;
  readonly critical: number;
  readonly warning: number;
  readonly info: number;
}

/** What happened beside what would have happened. */
export interface Comparison {
  /** What was covered: less than was asked for where less is kept. */
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly mode: BacktestMode;
  /** True when the side of what happened came out as it is stored, bit by bit. */
  readonly exact: boolean;
  readonly notes: readonly string[];
  readonly config: {
    readonly before: string;
    readonly after: string;
    readonly changed: readonly { readonly path: string; readonly before: string; readonly after: string }[];
  };
  /** Incidents as stored against the same ones computed again. */
  readonly reproduced: {
    readonly stored: number;
    readonly identical: number;
    readonly different: readonly string[];
  };
  readonly totals: { readonly before: BacktestTotals; readonly after: BacktestTotals };
  /** Incidents with a verdict: still told of (or not told of before either), or lost. */
  readonly labelled: {
    readonly kept: Readonly<Partial<Record<VerdictKind, number>>>;
    readonly lost: Readonly<Partial<Record<VerdictKind, number>>>;
  };
  readonly incidents: readonly BacktestPair[];
  /** More pairs than are listed. */
  readonly truncated: boolean;
}

/** A change that is tried on what is retained before it applies. */
export type ProposedChange =
  | {
      readonly kind: 'silence';
      readonly matchers: readonly Matcher[];
      readonly startsAt?: EpochMs;
      readonly endsAt?: EpochMs;
    }
  | {
      readonly kind: 'maintenance';
      readonly matchers: readonly Matcher[];
      readonly spans: readonly TimeSpan[];
      readonly recurrences: readonly RecurrenceSpec[];
    }
  | {
      readonly kind: 'inhibition';
      readonly source_matchers: readonly Matcher[];
      readonly target_matchers: readonly Matcher[];
      readonly equal: readonly string[];
    }
  /** A whole configuration (`replace`), or a piece that is laid over the one that runs. */
  | { readonly kind: 'config'; readonly text: string; readonly replace: boolean };

export interface BacktestRequest {
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Absent: as the input wants it. */
  readonly mode?: BacktestMode;
  /** Absent: nothing is changed, which shows how exact it is. */
  readonly change?: ProposedChange;
}

export interface BacktestJob {
  readonly id: string;
  readonly kind: 'backtest' | 'preview';
  readonly state: 'running' | 'done' | 'failed' | 'cancelled';
  /** 0-1. */
  readonly progress: number;
  readonly createdAt: EpochMs;
  readonly by: string;
  readonly title: string;
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly error: string | null;
  readonly result: Comparison | null;
}

export interface ExplainedStage {
  readonly stage: DecisionStage;
  readonly outcome: 'passed' | 'suppressed' | 'not-reached';
  readonly reason: string;
  readonly value: number | null;
  readonly limit: number | null;
  readonly at: EpochMs;
  /** Id of the decision record, null where none is written (too ordinary to be recorded). */
  readonly decision: string | null;
}

/** A smallest change under which it would have come out the other way, found by running the stage again. */
export interface Counterfactual {
  /** `service p`, `decide.page_budget`, `value of ...`. */
  readonly what: string;
  readonly before: string;
  readonly after: string;
  readonly text: string;
  /** True when the stages were run again with it and did come out the other way. */
  readonly verified: boolean;
}

export interface ExplainedTick {
  readonly at: EpochMs;
  readonly p: number;
  readonly pByModality: Readonly<Record<'metric' | 'log' | 'trace', number>>;
  readonly learning: boolean;
  readonly seriesSeen: number;
  readonly seriesStrange: number;
  readonly evidence: readonly Evidence[];
}

export interface Explanation {
  readonly subject: string;
  readonly kind: 'service' | 'series' | 'incident';
  readonly service: string;
  /** The moment asked for. */
  readonly at: EpochMs;
  /** The strangest tick of the service in the window; null when none is kept. */
  readonly tick: ExplainedTick | null;
  /** `alerted`: somebody was told; `open`: an incident, nobody told; `suppressed`: strange, stopped; `quiet`: ordinary. */
  readonly outcome: 'alerted' | 'open' | 'suppressed' | 'quiet' | 'unknown';
  readonly stages: readonly ExplainedStage[];
  readonly changes: readonly Counterfactual[];
  /** Changes that the budget of the search left untried: nothing is said about them. */
  readonly unsearched: readonly string[];
  readonly summary: string;
  /** `replayed`: the stages were run again; `records`: only what was written down is left. */
  readonly source: 'replayed' | 'records';
  readonly incident: string | null;
}

export interface DecisionReplay {
  readonly decision: DecisionRecord;
  readonly levels: readonly {
    readonly level: BacktestMode;
    readonly available: boolean;
    /** Null when it is not available. */
    readonly identical: boolean | null;
    readonly text: string;
    readonly differences: readonly { readonly field: string; readonly recorded: string; readonly replayed: string }[];
  }[];
}

/** Replays of what is retained, behind the API. */
export interface Backtests {
  /** @throws TocsinError `invalid_request`, `invalid_config`, `overloaded` when too many run. */
  start(kind: BacktestJob['kind'], request: BacktestRequest, by: string): BacktestJob;
  jobs(): readonly BacktestJob[];
  /** @throws TocsinError `not_found`. */
  job(id: string): BacktestJob;
  /** @throws TocsinError `not_found`. */
  cancel(id: string): BacktestJob;
  /** The job as it stands when it is over, or after so many ms. */
  wait(id: string, ms: number): Promise<BacktestJob>;
  /**
   * @param changes false: without the search for the smallest change, which takes longer than the rest.
   * @param budget ms of CPU time for that search; what it did not get to is in `unsearched`.
   * @throws TocsinError `not_found` for an incident, series or service that nothing is known of.
   */
  explain(subject: string, at: EpochMs, window: number, changes?: boolean, budget?: number): Promise<Explanation>;
  /** @throws TocsinError `not_found`. */
  replayDecision(id: string): Promise<DecisionReplay>;
}
