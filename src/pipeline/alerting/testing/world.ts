import { parseConfig } from '../../../config/load.ts';
import type { MaintenanceWindow, Silence } from '../../../domain/alerting/suppression.ts';
import type { Incident } from '../../../domain/incident.ts';
import { sampleIncident } from '../../../store/contract.ts';
import { openSqliteControlStore } from '../../../store/control/sqlite.ts';
import { createNotices } from '../../correlator/notices.ts';
import { budgetOf } from '../../routing/budget.ts';
import { zoneOffset } from '../../routing/zones.ts';
import { settingsSchema } from '../../settings.ts';
import { createAlerting } from '../alerting.ts';

export const T0 = Date.UTC(2026, 10, 20, 12, 0, 0);

const CONFIG = `
receivers:
  - {name: team, webhook_configs: [{url: 'http://127.0.0.1:1/team'}]}
  - {name: pager, webhook_configs: [{url: 'http://127.0.0.1:1/pager'}]}
route:
  receiver: team
  routes:
    - matchers: [severity="critical"]
      receiver: pager
`;

/** Alerting over a real store and real notices, with incidents that the test makes and a clock that it owns. */
export async function alertingWorld(config = CONFIG) {
  const settings = parseConfig(config, settingsSchema, {}).config;
  const control = openSqliteControlStore(':memory:');
  await control.migrate();
  const time = { now: T0 };
  const clock = { now: () => time.now };
  const incidents = new Map<string, Incident>();
  const names = settings.receivers.map((receiver) => receiver.name);
  const notices = createNotices(
    settings.route,
    names,
    'http://tocsin',
    { modelVersion: '', configHash: '' },
    {
      intervals: settings.time_intervals,
      inhibitRules: settings.inhibit_rules,
      zone: zoneOffset,
      ...budgetOf(settings.budget),
    },
  );
  const correlator = {
    incidents: () => [...incidents.values()],
    receiversOf: (id: string) => notices.receiversOf(id),
    setSilences: (silences: readonly Silence[]) => notices.setSilences(silences),
    setMaintenance: (windows: readonly MaintenanceWindow[]) => notices.setMaintenance(windows),
    heldBy: (incident: Incident, at: number) => notices.heldBy(incident, [...incidents.values()], [], at),
  };
  const options = { control, correlator, clock, settings, zone: zoneOffset, externalUrl: 'http://tocsin' };
  const alerting = await createAlerting(options);
  return {
    control,
    clock,
    time,
    alerting,
    notices,
    restart: () => createAlerting(options),
    /** Puts an incident and lets the notices look; what went out as `reason receiver`. */
    async step(incident?: Incident): Promise<string[]> {
      if (incident !== undefined) incidents.set(incident.id, incident);
      const changed = incident === undefined ? [] : [incident];
      const { outbox, decisions } = notices.review(changed, [...incidents.values()], [], time.now);
      await control.commit({
        incidents: changed,
        decisions,
        outbox,
        templates: [],
        deploys: [],
        traces: [],
        state: '',
        applied: {},
      });
      return outbox.map(({ payload, receiver }) => {
        const about = payload.members?.map((member) => member.incident.id).join('+') ?? payload.incident.id;
        return `${about} ${payload.reason} ${receiver}`;
      });
    },
    incident: (id: string, over: Partial<Incident> = {}): Incident =>
      sampleIncident(id, time.now, { severity: 'warning', services: ['checkout'], ...over }),
  };
}
