import type { Evidence } from '../../domain/anomaly.ts';
import type { DurationMs, EpochMs } from '../../domain/units.ts';
import type { DecideOptions } from './decide-options.ts';

/** What the configuration says of single services and series (`policies`); every part may be absent. */
export interface DecidePolicies {
  service(tenant: string, service: string): ServicePolicy | null;
  /** Options that one piece of evidence is weighed with. */
  evidence(tenant: string, evidence: Evidence): Partial<DecideOptions> | null;
  /** What was deployed so lately that nothing opens yet, in words; null when nothing. */
  grace(tenant: string, service: string, at: EpochMs): string | null;
}
export interface ServicePolicy {
  /** Persistence of its own: then no single extreme tick is enough. */
  readonly persistence?: Pick<DecideOptions, 'needed' | 'window' | 'closeTicks' | 'closeAfter'>;
  readonly flapping?: { readonly times: number; readonly within: DurationMs; readonly settle: DurationMs };
}
