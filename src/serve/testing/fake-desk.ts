import { createIncidents } from '../../alert/group/group.ts';
import type { BudgetView } from '../../domain/alerting/budget-view.ts';
import type { IncidentAction } from '../../domain/alerting/incident-action.ts';
import type { Incident } from '../../domain/incident.ts';
import type { Clock, ControlStore } from '../../domain/ports.ts';
import { DAY, HOUR } from '../../domain/units.ts';

const EMPTY = { decisions: [], outbox: [], templates: [], deploys: [], traces: [], state: '', applied: {} };

/** What people do to the incidents of the shop: the grouping that serves, over the store of the fixture. */
export function createFakeDesk(control: ControlStore, clock: Clock, changed: (incident: Incident) => void) {
  return async (action: IncidentAction): Promise<readonly Incident[]> => {
    if (!['close', 'reopen', 'merge', 'split'].includes(action.kind) || action.kind === 'adopt') return [];
    const incidents = createIncidents({
      diagnose: ({ anomalies }) => {
        const [first] = anomalies;
        return first === undefined
          ? []
          : [
              {
                service: first.service,
                share: 1,
                onset: first.onset,
                reasons: [{ kind: 'metric-change', text: first.text, weight: 1 }],
              },
            ];
      },
      narrate: ({ services, anomalies }) => ({
        title: `${services.join(', ')}: ${anomalies[0]?.kind ?? 'strange'}`,
        summary: anomalies.map((anomaly) => anomaly.text).join(' '),
      }),
    });
    const world = { at: clock.now(), edges: [], deploys: [] };
    for (const id of [action.id, ...(action.kind === 'merge' ? action.others : [])]) {
      const incident = await control.incident(id);
      if (incident !== null) incidents.act({ kind: 'adopt', incident }, world);
    }
    const touched = incidents.act(action, world);
    await control.commit({ ...EMPTY, incidents: touched });
    for (const incident of touched) changed(incident);
    return touched;
  };
}

/** Three teams: one calm, one that will not last the week, one that is over it. */
export function budgetAt(now: number, incidents: readonly Incident[]): BudgetView {
  const [held] = incidents.filter((incident) => incident.severity === 'info');
  const day = Math.floor(now / DAY) * DAY;
  return {
    items: [
      {
        team: 'checkout',
        allowed: 10,
        used: 10,
        left: 0,
        projected: 14,
        burn: 1.4,
        spentAt: now - 5 * HOUR,
        days: [0, 1, 0, 2, 3, 2, 2],
        held: held === undefined ? 0 : 1,
      },
      {
        team: 'platform',
        allowed: 20,
        used: 11,
        left: 9,
        projected: 24.5,
        burn: 1.225,
        spentAt: now + 61.7 * HOUR,
        days: [1, 0, 1, 2, 0, 4, 3],
        held: 0,
      },
      {
        team: 'data',
        allowed: 20,
        used: 1,
        left: 19,
        projected: 0,
        burn: 0,
        spentAt: null,
        days: [0, 0, 1, 0, 0, 0, 0],
        held: 0,
      },
    ],
    heldBack:
      held === undefined
        ? []
        : [
            {
              incident: held.id,
              title: held.title,
              team: 'checkout',
              severity: held.severity,
              at: held.openedAt,
              reason: 'budget of checkout is spent (10 a week)',
            },
          ],
    digest: {
      receiver: 'slack-oncall',
      every: 'daily',
      time: '09:00',
      weekday: 'monday',
      zone: 'UTC',
      nextAt: (now < day + 9 * HOUR ? day : day + DAY) + 9 * HOUR,
    },
  };
}
