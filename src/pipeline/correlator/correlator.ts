import { createIncidents, type GroupState } from '../../alert/group/group.ts';
import type { Route } from '../../alert/route/route.ts';
import type { IncidentAction } from '../../domain/alerting/incident-action.ts';
import type { MaintenanceWindow, Silence } from '../../domain/alerting/suppression.ts';
import type { Evidence, ServiceSignals, ServiceTick } from '../../domain/anomaly.ts';
import type { DecisionRecord } from '../../domain/decision.ts';
import type { StateBlob } from '../../domain/detector.ts';
import type { GraphEdge, ServiceHealth } from '../../domain/health.ts';
import type { DecisionStamp } from '../../domain/identity.ts';
import type { Incident } from '../../domain/incident.ts';
import type { TriageExample } from '../../domain/learning/model.ts';
import type { CorrelatorCommit } from '../../domain/ports.ts';
import type { DeployMarker } from '../../domain/signal/batch.ts';
import type { TickReport } from '../../domain/signal/history.ts';
import { type EpochMs, HOUR, MINUTE } from '../../domain/units.ts';
import type { Verdict } from '../../domain/verdict.ts';
import { createCrossService } from '../../features/cross-service/cross-service.ts';
import { createDecide, type DecideState } from '../../fuse/decide/decide.ts';
import { createDiagnosis } from '../../fuse/diagnose/diagnose.ts';
import { anomalyText, incidentSummary, incidentTitle } from '../../fuse/explain/story.ts';
import type { TriageData } from '../../learn/triage/triage.ts';
import { createServicePolicies } from '../policy/service-policies.ts';
import type { Settings } from '../settings.ts';
import { createNotices } from './notices.ts';
import type { Notices, NoticesOptions, NoticesState, Reviewed } from './told.ts';
import { Topology } from './topology.ts';
import { createTriageStage, type TriageStageState } from './triage-stage.ts';

/** Evidence of services below this p is remembered as suspect for the cause ranking. */
const SUSPECT_P = 1e-2;
const SUSPECT_MEMORY = 6 * MINUTE;
const DEPLOY_MEMORY = 2 * HOUR;
/** A service without a tick for this long is shown as silent. */
const SILENT_AFTER = 5 * MINUTE;

interface LastTick {
  readonly tick: Omit<ServiceTick, 'evidence'>;
  readonly at: EpochMs;
}

interface Suspicion {
  readonly at: EpochMs;
  readonly evidence: readonly Evidence[];
}

/** All that a correlator is, as data. Incidents, anomalies and lists of evidence in it are never changed in place. */
export interface CorrelatorState {
  readonly version: 1;
  readonly decide: DecideState;
  readonly diagnosis: ReturnType<ReturnType<typeof createDiagnosis>['save']>;
  readonly incidents: GroupState;
  readonly notices: NoticesState;
  readonly topology: ReturnType<Topology['save']>;
  readonly crossService: StateBlob;
  readonly deploys: readonly DeployMarker[];
  readonly suspects: readonly (readonly [string, Suspicion])[];
  readonly health: readonly (readonly [string, LastTick])[];
  readonly watermark: EpochMs;
  /** Absent in states of before triage. */
  readonly triage?: TriageStageState;
}

/**
 * JSON knows no NaN: evidence without an expectation or value and an edge without joined spans come back as null. Nothing
 * else of the state is NaN, and nothing of these names is ever null. Infinity does not occur: samples are finite.
 */
const UNKNOWN_FIELDS = new Set(['expected', 'lower', 'upper', 'value', 'serverMs']);
const reviveNaN = (key: string, value: unknown): unknown =>
  value === null && UNKNOWN_FIELDS.has(key) ? Number.NaN : value;

/** What one report changed; everything but the state and `applied` of a commit. */
export type CorrelatorStep = Omit<CorrelatorCommit, 'state' | 'pieces' | 'applied'>;

/**
 * From tick reports to incidents and notifications. A pure state machine over its reports: the same reports in the same
 * order give the same incidents, ids and all, so a crash between reports repeats them harmlessly.
 */
export class Correlator {
  #watermark: EpochMs = 0;
  readonly #stamp: DecisionStamp;
  readonly #decide;
  readonly #diagnosis = createDiagnosis();
  readonly #incidents;
  readonly #notices;
  readonly #triage;
  readonly #topology = new Topology();
  readonly #crossService = createCrossService();
  #deploys: DeployMarker[] = [];
  #suspects = new Map<string, Suspicion>();
  #health = new Map<string, LastTick>();

  constructor(
    settings: Settings,
    options: {
      readonly route: Route;
      readonly receivers: readonly string[];
      readonly externalUrl: string;
      readonly stamp: DecisionStamp;
      readonly notices?: NoticesOptions;
      /** The team that a service belongs to; empty for none. */
      readonly teamOf?: (tenant: string, service: string) => string;
    },
  ) {
    this.#stamp = options.stamp;
    const policies = createServicePolicies(settings.policies, () => this.#deploys);
    this.#decide = createDecide(anomalyText, settings.decide, this.#stamp, policies);
    this.#incidents = createIncidents(
      {
        diagnose: (story) =>
          this.#diagnosis.rank({ ...story, suspects: this.#suspectsAt(story.at), deploys: this.#deploys }),
        narrate: (story) => ({ title: incidentTitle(story), summary: incidentSummary(story) }),
        ...(policies === null ? {} : { importanceOf: (anomalies) => policies.importanceOf(anomalies) }),
        ...(options.teamOf === undefined ? {} : { teamOf: options.teamOf }),
      },
      undefined,
      this.#stamp,
    );
    this.#triage = createTriageStage(this.#stamp);
    this.#notices = createNotices(options.route, options.receivers, options.externalUrl, this.#stamp, {
      ...options.notices,
      triage: (incident, at) => this.#triage.holds(incident, at),
    });
  }

  /** Event time of the newest final report. */
  get watermark(): EpochMs {
    return this.#watermark;
  }

  apply(report: TickReport): CorrelatorStep {
    const { at } = report;
    // A shard does not know which configuration it runs: only what it decided.
    const decisions: DecisionRecord[] = report.decisions.map((record) => ({ ...record, ...this.#stamp }));
    if (!report.provisional) {
      this.#topology.observe(at, report.edges);
      this.#diagnosis.edges(at, report.edges);
      this.#crossService.observe(
        new Map(report.services.map((tick) => [tick.service, -Math.log10(tick.p)])),
        this.#topology.edges(),
      );
      this.#watermark = Math.max(this.#watermark, at);
    }
    this.#rememberDeploys(report.deploys, at);
    this.#remember(report);
    const decided = this.#decide.step(at, report.services);
    decisions.push(...decided.decisions);
    const edges = this.#topology.edges();
    const grouped = this.#incidents.apply({ at, anomalies: decided.anomalies, edges, deploys: this.#deploys });
    decisions.push(...grouped.decisions);
    this.#triage.see(grouped.incidents, this.#incidents.list());
    const changed = this.#triage.shown(grouped.incidents);
    const told = this.#notices.review(changed, this.incidents(), edges, at);
    decisions.push(...told.decisions);
    return {
      incidents: this.#noted(changed, told, at),
      decisions,
      outbox: told.outbox,
      templates: report.templates,
      deploys: report.deploys,
      traces: report.traces,
    };
  }

  /**
   * What a person does to an incident, in event time as it stands. Of what is the store's (acknowledgement, assignment,
   * snooze, comment) only the effect on who is told is kept here.
   * @throws TocsinError `not_found` when the incident is not held, `conflict`, `invalid_request`.
   */
  act(action: IncidentAction): CorrelatorStep {
    const at = this.#watermark;
    const edges = this.#topology.edges();
    const acted = this.#incidents.act(action, { at, edges, deploys: this.#deploys });
    this.#triage.see(acted, this.#incidents.list());
    const changed = this.#triage.shown(acted);
    const told = this.#notices.review(changed, this.incidents(), edges, at);
    const taken = action.kind === 'acknowledge' ? this.#incidents.get(action.id) : undefined;
    return {
      incidents: this.#noted(changed, told, at),
      decisions: told.decisions,
      outbox: [
        ...told.outbox,
        ...(taken === undefined ? [] : this.#notices.acknowledged(taken, this.#incidents.list(), at)),
      ],
      templates: [],
      deploys: [],
      traces: [],
    };
  }

  /** Whether an incident can be acted on here, or must be adopted first. */
  holds(id: string): boolean {
    return this.#incidents.get(id) !== undefined;
  }

  /** How the teams stand with their pages, and what is held back for the digest. */
  budget(): ReturnType<Notices['budget']> {
    return this.#notices.budget(this.#watermark);
  }

  /** Open incidents and closed ones that may still be reopened. */
  incidents(): readonly Incident[] {
    return this.#triage.shown(this.#incidents.list());
  }

  /** Takes a triage model into use; null for none. @throws TocsinError `state_version` for one of other features. */
  setTriage(data: TriageData | null): void {
    this.#triage.setModel(data);
  }

  /** What triage saw of incidents that opened since the last call. */
  takeExamples(): readonly TriageExample[] {
    return this.#triage.takeExamples();
  }

  /** Open incidents that a receiver was told of. */
  toldTo(receiver: string): readonly Incident[] {
    const ids = new Set(this.#notices.toldTo(receiver));
    return this.#incidents.list().filter((incident) => ids.has(incident.id));
  }

  /** Receivers that know of an incident. */
  receiversOf(incident: string): readonly string[] {
    return this.#notices.receiversOf(incident);
  }

  /** What holds an open incident back now. */
  heldBy(incident: Incident, at: EpochMs): ReturnType<Notices['heldBy']> {
    return this.#notices.heldBy(incident, this.#incidents.list(), this.#topology.edges(), at);
  }

  setSilences(silences: readonly Silence[]): void {
    this.#notices.setSilences(silences);
  }

  /** @throws TocsinError `invalid_config`; the former ones stay. */
  setMaintenance(windows: readonly MaintenanceWindow[]): void {
    this.#notices.setMaintenance(windows);
  }

  verdict(id: string, verdict: Verdict): void {
    const incident = this.#incidents.get(id);
    const real = verdict.kind === 'real';
    // A verdict that is changed to one of the same worth is not counted twice.
    if (incident !== undefined && (incident.verdict === null || (incident.verdict.kind === 'real') !== real))
      this.#triage.verdict(incident, real, this.#watermark);
    this.#incidents.verdict(id, verdict);
  }

  health(): readonly ServiceHealth[] {
    const anomalous = new Set(this.#decide.open().map((anomaly) => `${anomaly.tenant}/${anomaly.service}`));
    return [...this.#health.entries()]
      .map(([key, { tick, at }]) => {
        const incident = this.#incidents
          .list()
          .find((i) => i.status === 'open' && i.tenant === tick.tenant && i.services.includes(tick.service));
        const quiet = this.#watermark - at > SILENT_AFTER;
        const state: ServiceHealth['state'] = anomalous.has(key)
          ? 'anomalous'
          : quiet
            ? 'silent'
            : tick.learning === true
              ? 'learning'
              : tick.p < 1e-3
                ? 'suspicious'
                : 'healthy';
        return {
          tenant: tick.tenant,
          service: tick.service,
          version: tick.version ?? '',
          state,
          p: tick.p,
          pByModality: tick.pByModality,
          lastSeen: at,
          series: tick.seriesSeen,
          incident: incident?.id ?? null,
        };
      })
      .sort((a, b) => (a.service < b.service ? -1 : a.service > b.service ? 1 : 0));
  }

  graph(): readonly GraphEdge[] {
    return this.#topology.graph().map((edge) => {
      const known = this.#crossService.correlation(edge.caller, edge.callee);
      return { ...edge, correlation: known?.r ?? null, lagTicks: known?.lag ?? null };
    });
  }

  /** Valid until the next call that changes anything. */
  state(): CorrelatorState {
    return {
      version: 1,
      decide: this.#decide.save(),
      diagnosis: this.#diagnosis.save(),
      incidents: this.#incidents.save(),
      notices: this.#notices.save(),
      topology: this.#topology.save(),
      crossService: this.#crossService.save(),
      deploys: this.#deploys,
      suspects: [...this.#suspects],
      health: [...this.#health],
      watermark: this.#watermark,
      triage: this.#triage.save(),
    };
  }

  save(): string {
    return JSON.stringify(this.state());
  }

  restore(text: string): void {
    const state = JSON.parse(text, reviveNaN) as CorrelatorState;
    this.#decide.restore(state.decide);
    this.#diagnosis.restore(state.diagnosis);
    this.#incidents.restore(state.incidents);
    this.#notices.restore(state.notices);
    this.#topology.restore(state.topology);
    this.#crossService.restore(state.crossService);
    this.#deploys = [...state.deploys];
    this.#suspects = new Map(state.suspects);
    this.#health = new Map(state.health);
    this.#watermark = state.watermark;
    if (state.triage !== undefined) this.#triage.restore(state.triage);
  }

  /** Writes an escalation into its incident. */
  #noted(changed: readonly Incident[], { escalated }: Reviewed, at: EpochMs): readonly Incident[] {
    if (escalated.length === 0) return changed;
    const out = new Map(changed.map((incident) => [incident.id, incident]));
    for (const { id, to, after } of escalated) {
      const text = `not acknowledged within ${Math.round(after / MINUTE)} min: ${to} is told`;
      const noted = this.#incidents.note(id, { at, kind: 'escalated', text }, { escalatedAt: at });
      if (noted !== undefined) out.set(id, noted);
    }
    return [...out.values()];
  }

  #rememberDeploys(deploys: readonly DeployMarker[], at: EpochMs): void {
    this.#deploys.push(...deploys);
    this.#deploys = this.#deploys.filter((deploy) => at - deploy.at <= DEPLOY_MEMORY);
  }

  #remember(report: TickReport): void {
    for (const tick of report.services) {
      if (tick.p < SUSPECT_P && tick.evidence.length > 0)
        this.#suspects.set(`${tick.tenant}/${tick.service}`, { at: report.at, evidence: tick.evidence });
      if (report.provisional) continue;
      const { evidence: _, ...rest } = tick;
      this.#health.set(`${tick.tenant}/${tick.service}`, {
        tick: rest,
        at: tick.seriesSeen > 0 ? tick.at : (this.#health.get(`${tick.tenant}/${tick.service}`)?.at ?? tick.at),
      });
    }
    for (const [key, suspicion] of this.#suspects)
      if (report.at - suspicion.at > SUSPECT_MEMORY) this.#suspects.delete(key);
  }

  #suspectsAt(at: EpochMs): ServiceSignals[] {
    return [...this.#suspects.values()]
      .filter((s) => at - s.at <= SUSPECT_MEMORY)
      .map(({ evidence }) => ({ service: evidence[0]!.service, evidence }));
  }
}
