import type { DecisionRecord } from '../../domain/decision.ts';
import type { DecisionStamp } from '../../domain/identity.ts';
import type { Incident } from '../../domain/incident.ts';
import type { BacktestIncident } from '../../domain/replay/backtest.ts';
import type { JournalCommand, JournalledReport } from '../../domain/replay/journal.ts';
import { createWindowRows, type TickReport } from '../../domain/signal/history.ts';
import { inTime } from '../committer.ts';
import type { Correlator, CorrelatorStep } from '../correlator/correlator.ts';
import { createCorrelator } from '../correlator/create.ts';
import { repeat } from '../journal/commands.ts';
import type { Settings } from '../settings.ts';

const NO_WINDOWS = createWindowRows(0);

/** A report as the correlator takes it. */
export const whole = (report: JournalledReport): TickReport => ({
  templates: [],
  traces: [],
  newSeries: [],
  windows: NO_WINDOWS,
  ...report,
});

export interface SideOptions {
  readonly settings: Settings;
  readonly stamp: DecisionStamp;
  readonly externalUrl: string;
  /** Else they are many for nothing. */
  readonly keepDecisions?: boolean;
  /** Changes what people did: a silence more, a window more. */
  readonly adjust?: (command: JournalCommand) => JournalCommand;
}

/** One of the two sides of a comparison: the correlator that serves, and what it made of its reports. */
export class Side {
  readonly incidents = new Map<string, Incident>();
  readonly told = new Map<string, BacktestIncident['notifications'][number][]>();
  /** Every decision so far, the first of each id: the one that is stored. */
  readonly decisions = new Map<string, DecisionRecord>();
  readonly #held = new Map<string, string>();
  readonly #options: SideOptions;
  #correlator: Correlator;

  constructor(options: SideOptions, state: string | null, standing: readonly JournalCommand[]) {
    this.#options = options;
    this.#correlator = this.#make(state, standing);
  }

  #make(state: string | null, standing: readonly JournalCommand[]): Correlator {
    const { settings, stamp, externalUrl } = this.#options;
    const correlator = createCorrelator(settings, stamp, externalUrl);
    if (state !== null) correlator.restore(state);
    this.#correlator = correlator;
    for (const command of standing) this.command(command);
    return correlator;
  }

  /** Goes on as a restarted process would: with this state. */
  restart(options: Pick<SideOptions, 'settings' | 'stamp' | 'externalUrl'>, state: string | null): void {
    Object.assign(this.#options, options);
    this.#make(state, []);
  }

  get correlator(): Correlator {
    return this.#correlator;
  }

  take(report: TickReport, late: boolean): CorrelatorStep {
    const step = inTime(report.at, late, this.#correlator.apply(report), this.#options.stamp);
    this.#collect(step);
    return step;
  }

  #collect(step: CorrelatorStep): void {
    for (const incident of step.incidents) this.incidents.set(incident.id, incident);
    for (const decision of step.decisions) this.#note(decision);
    for (const { payload, createdAt } of step.outbox) {
      // What is in a digest was held back.
      if (payload.reason === 'digest') continue;
      // A message of a group tells of each of its members; its own incident is only their summary.
      for (const { incident } of payload.members ?? [payload]) {
        const list = this.told.get(incident.id) ?? [];
        this.told.set(incident.id, list);
        list.push({ at: createdAt, receiver: payload.receiver, reason: payload.reason });
      }
    }
  }

  #note(decision: DecisionRecord): void {
    const { id, subject, stage, outcome, reason } = decision;
    if (this.#options.keepDecisions === true && !this.decisions.has(id)) this.decisions.set(id, decision);
    if (outcome === 'suppressed') this.#held.set(subject, `${stage}: ${reason}`);
    else if (stage === 'route') this.#held.delete(subject);
  }

  command(command: JournalCommand): void {
    const step = repeat(this.#correlator, this.#options.adjust?.(command) ?? command);
    if (step !== null) this.#collect(step);
  }

  briefOf(incident: Incident): BacktestIncident {
    const { id, title, severity, score, confidence, services, openedAt, closedAt } = incident;
    const notifications = this.told.get(id) ?? [];
    return {
      id,
      title,
      severity,
      score,
      confidence,
      services,
      cause: incident.causes[0]?.service ?? null,
      openedAt,
      closedAt,
      heldBy: notifications.length > 0 ? null : (this.#held.get(id) ?? null),
      notifications,
    };
  }
}
