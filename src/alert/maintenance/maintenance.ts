import { type CoverIndex, createCoverIndex } from '../../domain/alerting/cover-index.ts';
import { coversStory } from '../../domain/alerting/matcher.ts';
import type { MaintenanceWindow, TimeSpan, ZoneOffset } from '../../domain/alerting/suppression.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import { type DecisionStamp, decisionRecord } from '../../domain/identity.ts';
import type { Incident } from '../../domain/incident.ts';
import type { EpochMs } from '../../domain/units.ts';
import { nextSpan, type Recurrence, scheduleOf } from './recurrence.ts';

export interface Maintenance {
  /** Replaces all windows: all or, when one is faulty, none. @throws TocsinError `invalid_config`. */
  set(windows: readonly MaintenanceWindow[]): void;
  list(): readonly MaintenanceWindow[];
  /** Stops an incident whose services are under maintenance now; what outlives the window is told afterwards. */
  check(
    incident: Incident,
    labels: Readonly<Record<string, string>>,
    now: EpochMs,
  ): { readonly passed: boolean; readonly record: DecisionRecord | null };
}

interface Held {
  readonly matchers: MaintenanceWindow['matchers'];
  readonly window: MaintenanceWindow;
  readonly schedule: Recurrence;
  /** The span that is on or comes next, worked out at `from`. */
  span: TimeSpan | null;
  from: EpochMs;
}

const UTC: ZoneOffset = (zone) => (zone === 'UTC' ? 0 : null);

export function createMaintenance(
  stamp: DecisionStamp = { modelVersion: '', configHash: '' },
  zone: ZoneOffset = UTC,
): Maintenance {
  let held: readonly Held[] = [];
  /** Those that are on from `since` to `until`; made anew when that is over, and after a change. */
  let on: { readonly index: CoverIndex<Held>; readonly since: EpochMs; readonly until: EpochMs } | null = null;

  function onAt(now: EpochMs): CoverIndex<Held> {
    if (on !== null && now >= on.since && now < on.until) return on.index;
    const inForce: Held[] = [];
    let until = Number.POSITIVE_INFINITY;
    for (const entry of held) {
      const isIn = isOn(entry, now);
      if (isIn) inForce.push(entry);
      if (entry.span !== null) until = Math.min(until, isIn ? entry.span.endsAt : entry.span.startsAt);
    }
    on = { index: createCoverIndex(inForce), since: now, until };
    return on.index;
  }

  function isOn(entry: Held, now: EpochMs): boolean {
    if (now < entry.from || (entry.span !== null && now >= entry.span.endsAt)) {
      entry.span = nextSpan(entry.schedule, now);
      entry.from = now;
    }
    return entry.span !== null && now >= entry.span.startsAt;
  }

  return {
    set(windows) {
      const next = windows.map((window): Held => {
        const schedule = scheduleOf(window, zone);
        return { matchers: window.matchers, window, schedule, span: null, from: Number.POSITIVE_INFINITY };
      });
      // A faulty matcher is found here, and nothing has changed then.
      createCoverIndex(next);
      held = next;
      on = null;
    },
    list: () => held.map((h) => h.window),
    check(incident, labels, now) {
      const { services, causes } = incident;
      const window = onAt(now).find((matches) => coversStory(matches, labels, services, causes), incident)[0]?.window;
      if (window === undefined) return { passed: true, record: null };
      const record = decisionRecord(stamp, {
        at: now,
        tenant: incident.tenant,
        service: incident.services[0] ?? '',
        subject: incident.id,
        stage: 'maintenance',
        outcome: 'suppressed',
        reason: `maintenance "${window.name}"`,
      });
      return { passed: false, record };
    },
  };
}
