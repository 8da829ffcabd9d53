import type { MaintenanceWindow, Silence } from '../../domain/alerting/suppression.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import type { Incident } from '../../domain/incident.ts';
import type { AuditEntry, ControlStore, OutboxItem } from '../../domain/ports.ts';
import type { DeployMarker } from '../../domain/signal/batch.ts';
import type { ExampleSpan, TemplateInfo } from '../../domain/signal/history.ts';
import type { Verdict } from '../../domain/verdict.ts';

export interface ControlSeed {
  readonly incidents: readonly Incident[];
  readonly deploys: readonly DeployMarker[];
  readonly templates: readonly TemplateInfo[];
  readonly traces: readonly ExampleSpan[];
  readonly decisions: readonly DecisionRecord[];
  readonly outbox: readonly OutboxItem[];
}

const within = (at: number, filter: { readonly from?: number; readonly to?: number }): boolean =>
  at >= (filter.from ?? -Infinity) && at < (filter.to ?? Infinity);

/** The control store as maps and arrays; `changed` hears of each incident that was saved. */
export function createFakeControl(seed: ControlSeed, changed: (incident: Incident) => void): ControlStore {
  const incidents = new Map(seed.incidents.map((incident) => [incident.id, incident]));
  const verdicts: Verdict[] = seed.incidents.flatMap(({ verdict }) => (verdict === null ? [] : [verdict]));
  const audit: AuditEntry[] = [];
  const silences = new Map<string, Silence>();
  const maintenance = new Map<string, MaintenanceWindow>();
  return {
    async migrate() {},
    async commit(commit) {
      for (const incident of commit.incidents) incidents.set(incident.id, incident);
    },
    async correlatorState() {
      return null;
    },
    async incident(id) {
      return incidents.get(id) ?? null;
    },
    async incidents(filter) {
      const matching = [...incidents.values()]
        .filter(
          (incident) =>
            within(incident.openedAt, filter) &&
            (filter.merged === true || typeof incident.mergedInto !== 'string') &&
            (filter.status === undefined || incident.status === filter.status) &&
            (filter.tenant === undefined || incident.tenant === filter.tenant) &&
            (filter.service === undefined || incident.services.includes(filter.service)),
        )
        .sort((a, b) => b.openedAt - a.openedAt);
      const start = Number(filter.cursor ?? 0);
      const end = start + (filter.limit ?? 50);
      return { items: matching.slice(start, end), next: end < matching.length ? String(end) : null };
    },
    async saveIncident(incident) {
      const next = { ...incident, version: incident.version + 1 };
      incidents.set(next.id, next);
      changed(next);
    },
    async addVerdict(verdict) {
      verdicts.push(verdict);
    },
    async verdicts(filter) {
      return verdicts.filter(
        (verdict) => within(verdict.at, filter) && (filter.subjectId ?? verdict.subjectId) === verdict.subjectId,
      );
    },
    async decisions(filter) {
      return seed.decisions
        .filter(
          (record) =>
            within(record.at, filter) &&
            (filter.id ?? record.id) === record.id &&
            (filter.service ?? record.service) === record.service &&
            (filter.subject ?? record.subject) === record.subject &&
            (filter.stage ?? record.stage) === record.stage,
        )
        .slice(0, filter.limit ?? 100);
    },
    async deploys(filter) {
      return seed.deploys.filter(
        (deploy) => within(deploy.at, filter) && (filter.service ?? deploy.service) === deploy.service,
      );
    },
    async templates(filter) {
      return seed.templates
        .filter(
          (template) => within(template.firstSeen, filter) && (filter.service ?? template.service) === template.service,
        )
        .slice(0, filter.limit ?? 100);
    },
    async trace(traceId) {
      return seed.traces.filter((span) => span.traceId === traceId);
    },
    async dueOutbox() {
      return [];
    },
    async settleOutbox() {},
    async settleAll() {},
    async outbox(filter) {
      return seed.outbox
        .filter((item) => (filter.incident ?? item.payload.incident.id) === item.payload.incident.id)
        .slice(0, filter.limit ?? 100);
    },
    async enqueue() {},
    async silences() {
      return [...silences.values()];
    },
    async saveSilence(silence) {
      silences.set(silence.id, silence);
    },
    async maintenance() {
      return [...maintenance.values()];
    },
    async saveMaintenance(window) {
      maintenance.set(window.id, window);
    },
    async deleteMaintenance(id) {
      return maintenance.delete(id);
    },
    async recall() {
      return null;
    },
    async remember() {},
    async audit(entry) {
      audit.unshift(entry);
    },
    async auditLog(filter) {
      return audit
        .filter((entry) => within(entry.at, filter) && (filter.subject ?? entry.subject) === entry.subject)
        .slice(0, filter.limit ?? 100);
    },
    async prune() {
      return 0;
    },
    async close() {},
  };
}
