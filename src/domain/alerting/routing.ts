import type { Severity } from '../incident.ts';
import type { DurationMs, EpochMs } from '../units.ts';
import type { Matcher } from './matcher.ts';

/** A node of the routing tree with everything inherited, for people to read. */
export interface RouteView {
  /** Place in the tree: `0`, `0.1`, `0.1.0`. */
  readonly id: string;
  readonly receivers: readonly string[];
  /** Empty: matches everything. */
  readonly matchers: readonly Matcher[];
  readonly groupBy: readonly string[];
  readonly groupWait: DurationMs;
  readonly groupInterval: DurationMs;
  readonly repeatInterval: DurationMs;
  readonly minSeverity: Severity;
  /** 0-1. */
  readonly minConfidence: number;
  readonly continue: boolean;
  readonly muteTimeIntervals: readonly string[];
  readonly activeTimeIntervals: readonly string[];
  /** Why nothing may be sent now; null when it may. */
  readonly mutedNow: string | null;
  readonly routes: readonly RouteView[];
}

/** One entry of a named time interval, as it is written in the configuration. */
export interface IntervalView {
  readonly times: readonly { readonly start: string; readonly end: string }[];
  readonly weekdays: readonly string[];
  readonly daysOfMonth: readonly string[];
  readonly months: readonly string[];
  readonly years: readonly string[];
  /** IANA name. */
  readonly zone: string;
}

/** Who is told what, and when not, as configured. */
export interface RoutingView {
  readonly root: RouteView;
  readonly receivers: readonly { readonly name: string; readonly types: readonly string[] }[];
  readonly intervals: readonly {
    readonly name: string;
    readonly on: boolean;
    readonly entries: readonly IntervalView[];
  }[];
  readonly inhibitRules: readonly {
    readonly source: readonly Matcher[];
    readonly target: readonly Matcher[];
    readonly equal: readonly string[];
  }[];
}

/** Which routes these labels reach, as `tocsin config routes test`, with what would still hold the message back. */
export interface RoutingTest {
  readonly at: EpochMs;
  readonly matches: readonly {
    readonly route: string;
    readonly receivers: readonly string[];
    readonly groupLabels: Readonly<Record<string, string>>;
    /** Severity or confidence too low, or a time interval; null: it is told. */
    readonly heldBy: string | null;
  }[];
}
