import type { DecisionStamp } from '../identity.ts';
import type { TickReport } from '../signal/history.ts';
import type { EpochMs } from '../units.ts';

/** What somebody did to the correlator between two reports: a method of it, with plain data. */
export interface JournalCommand {
  readonly method: string;
  readonly args: readonly unknown[];
}

/** A report without what the correlator only passes on to the stores. */
export type JournalledReport = Omit<TickReport, 'windows' | 'newSeries' | 'traces' | 'templates'>;

/** A report as it is written down. */
export function bare(report: TickReport): JournalledReport {
  const { shard, sequence, at, provisional, services, edges, deploys, decisions } = report;
  return { shard, sequence, at, provisional, services, edges, deploys, decisions };
}

/** From where a replay of the correlator may begin. */
export interface JournalCheckpoint {
  readonly kind: 'checkpoint';
  /** Event time of the newest final report in the state. */
  readonly at: EpochMs;
  /** True where a process began, with its configuration; false inside its run. */
  readonly start: boolean;
  /** Null: nothing was known yet. */
  readonly state: string | null;
  /** Last report of each shard in the state. */
  readonly applied: Readonly<Record<string, number>>;
  readonly stamp: DecisionStamp;
  readonly externalUrl: string;
  /** The effective configuration without secrets; the pipeline's `Settings`. */
  readonly settings: unknown;
  /** Commands whose effect is not in the state: silences and maintenance in force. */
  readonly standing: readonly JournalCommand[];
}

/** Everything that moved the correlator, in order: the same entries from a checkpoint give the same incidents again. */
export type JournalEntry =
  | JournalCheckpoint
  | {
      readonly kind: 'report';
      /** It was about what is long past when it came, and told nobody. */
      readonly late: boolean;
      readonly report: JournalledReport;
    }
  | { readonly kind: 'command'; readonly command: JournalCommand };
