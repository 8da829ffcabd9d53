import type { DecisionRecord } from '../../domain/decision.ts';
import { TocsinError } from '../../domain/error.ts';
import { type DecisionStamp, decisionRecord } from '../../domain/identity.ts';
import type { Incident } from '../../domain/incident.ts';
import { compileMatchers, coversStory } from '../../domain/matcher.ts';
import type { MaintenanceWindow, ZoneOffset } from '../../domain/suppression.ts';
import type { EpochMs } from '../../domain/units.ts';

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

export function createMaintenance(
  stamp: DecisionStamp = { modelVersion: '', configHash: '' },
  _zone: ZoneOffset = () => 0,
): Maintenance {
  let held: { window: MaintenanceWindow; matches: (labels: Readonly<Record<string, string>>) => boolean }[] = [];
  return {
    set(windows) {
      for (const w of windows) {
        if (w.spans.some((s) => !(s.endsAt > s.startsAt))) {
          throw new TocsinError('invalid_config', `maintenance "${w.name}": a span must end after it starts`);
        }
      }
      held = windows.map((window) => ({ window, matches: compileMatchers(window.matchers) }));
    },
    list: () => held.map((h) => h.window),
    check(incident, labels, now) {
      const active = held.find(
        (h) =>
          h.window.spans.some((s) => now >= s.startsAt && now < s.endsAt) &&
          coversStory(h.matches, labels, incident.services, incident.causes),
      );
      if (active === undefined) return { passed: true, record: null };
      const record = decisionRecord(stamp, {
        at: now,
        tenant: incident.tenant,
        service: incident.services[0] ?? '',
        subject: incident.id,
        stage: 'maintenance',
        outcome: 'suppressed',
        reason: `maintenance "${active.window.name}"`,
      });
      return { passed: false, record };
    },
  };
}
