import type { Severity } from '../incident.ts';
import type { EpochMs } from '../units.ts';

/** How the teams stand with their pages of the last seven days, and what is held back for the digest. */
export interface BudgetView {
  readonly items: readonly {
    readonly team: string;
    readonly allowed: number;
    readonly used: number;
    readonly left: number;
    /** Pages a week at the pace of the last two days. */
    readonly projected: number;
    /** `projected` over `allowed`. */
    readonly burn: number;
    /** When it is spent at that pace; null if it lasts. */
    readonly spentAt: EpochMs | null;
    /** Of each of the last seven days, oldest first. */
    readonly days: readonly number[];
    readonly held: number;
  }[];
  readonly heldBack: readonly {
    readonly incident: string;
    readonly title: string;
    readonly team: string;
    readonly severity: Severity;
    readonly at: EpochMs;
    readonly reason: string;
  }[];
  readonly digest: {
    readonly receiver: string;
    readonly every: 'daily' | 'weekly';
    readonly time: string;
    readonly weekday: string;
    readonly zone: string;
    readonly nextAt: EpochMs;
  } | null;
}
