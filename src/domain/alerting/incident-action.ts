import type { Incident } from '../incident.ts';
import type { EpochMs } from '../units.ts';

interface Said {
  readonly id: string;
  readonly by: string;
  readonly at: EpochMs;
}

/** What a person does to an incident, as plain data: it is journalled and replayed between tick reports. */
export type IncidentAction =
  | (Said & { readonly kind: 'acknowledge' })
  | (Said & { readonly kind: 'assign'; readonly to: string | null })
  /** Until null: the snooze ends now. */
  | (Said & { readonly kind: 'snooze'; readonly until: EpochMs | null })
  | (Said & { readonly kind: 'comment'; readonly text: string })
  | (Said & { readonly kind: 'close'; readonly comment: string })
  | (Said & { readonly kind: 'reopen'; readonly comment: string })
  /** The oldest of `id` and `others` stays. */
  | (Said & { readonly kind: 'merge'; readonly others: readonly string[] })
  /** What is of these services or series becomes an incident of its own. */
  | (Said & { readonly kind: 'split'; readonly services: readonly string[]; readonly series: readonly string[] })
  /** An incident that is no longer held because it ended long ago, so that the above can be done to it. */
  | { readonly kind: 'adopt'; readonly incident: Incident };
