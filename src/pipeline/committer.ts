import type { DecisionRecord } from '../domain/decision.ts';
import { TocsinError } from '../domain/error.ts';
import { type DecisionStamp, decisionRecord } from '../domain/identity.ts';
import type { Incident } from '../domain/incident.ts';
import type { Clock, ControlStore, HistoryStore } from '../domain/ports.ts';
import type { TickReport } from '../domain/signal/history.ts';
import { type EpochMs, HOUR } from '../domain/units.ts';
import type { Correlator, CorrelatorStep } from './correlator/correlator.ts';
import { createStatePieces } from './correlator/state-pieces.ts';
import type { Recorder } from './journal/recorder.ts';

/** Quiet steps are written together: at most this many, or after this long. */
const MAX_STEPS = 200;
const MAX_DELAY_MS = 2_000;
/** What happened longer ago than this (a back-fill, a replay, a long outage) is recorded but pages nobody. */
const TOO_OLD_TO_TELL = HOUR;

export interface CommitterOptions {
  readonly correlator: Correlator;
  readonly control: ControlStore;
  readonly history: HistoryStore;
  readonly clock: Clock;
  readonly stamp: DecisionStamp;
  readonly applied: Readonly<Record<string, number>>;
  /** Everything below `sequence` of the shard is durable. */
  readonly onDurable: (shard: number, sequence: number) => void;
  readonly onIncidents: (ids: readonly string[]) => void;
  readonly onOutbox: () => void;
  readonly onStep: (report: TickReport, step: CorrelatorStep) => void;
  /** Writes down what is applied, for replays. */
  readonly recorder?: Recorder;
  /** A store refused: what is acknowledged is safe in the input log, but this process cannot go on. */
  readonly onFailure: (error: unknown) => void;
}

interface Deed {
  readonly work: () => CorrelatorStep;
  readonly resolve: (step: CorrelatorStep) => void;
  readonly reject: (error: unknown) => void;
}

type Buffered = { -readonly [K in keyof CorrelatorStep]: CorrelatorStep[K][number][] };

/** Applies reports one after another and makes their effects durable: history first, then one control transaction. */
export class Committer {
  readonly #options: CommitterOptions;
  readonly #applied: Record<string, number>;
  readonly #queue: TickReport[] = [];
  readonly #deeds: Deed[] = [];
  readonly #pieces = createStatePieces();
  #buffer: Buffered = empty();
  #steps = 0;
  #since: number;
  #running: Promise<void> | null = null;
  /** Once a store has refused, nothing may be written any more: a later commit would claim the lost one as applied. */
  #failed = false;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#applied = { ...options.applied };
    this.#since = options.clock.now();
  }

  get backlog(): number {
    return this.#queue.length;
  }

  push(reports: readonly TickReport[]): void {
    if (this.#failed) return;
    for (const report of reports) this.#queue.push(report);
    if (this.#queue.length > 0 || this.#deeds.length > 0) this.#exclusive(() => this.#run());
  }

  /**
   * Does something to the correlator between two reports; resolves with what followed from it once that is durable. What
   * `work` throws is thrown here, and nothing has happened then.
   */
  perform(work: () => CorrelatorStep): Promise<CorrelatorStep> {
    if (this.#failed) return Promise.reject(new TocsinError('unavailable', 'results cannot be stored'));
    return new Promise((resolve, reject) => {
      this.#deeds.push({ work, resolve, reject });
      this.push([]);
    });
  }

  /** Writes what is buffered if it has waited long enough; call about once a second. */
  async tick(): Promise<void> {
    if (this.#steps > 0 && this.#options.clock.now() - this.#since >= MAX_DELAY_MS) await this.flush();
  }

  /** Writes what is buffered now, unless work is under way that will. */
  async flush(): Promise<void> {
    if (this.#steps > 0) this.#exclusive(() => this.#commit());
    await this.#running;
  }

  /** Resolves when everything pushed so far is applied and durable, or a store has refused. */
  async drain(): Promise<void> {
    while (this.#running !== null) await this.#running;
    await this.flush();
  }

  #exclusive(work: () => Promise<void>): void {
    if (this.#running !== null || this.#failed) return;
    this.#running = work()
      .catch((error: unknown) => {
        this.#failed = true;
        this.#queue.length = 0;
        for (const { reject } of this.#deeds.splice(0))
          reject(new TocsinError('unavailable', 'results cannot be stored'));
        this.#options.onFailure(error);
      })
      .finally(() => {
        this.#running = null;
        this.push([]);
      });
  }

  async #run(): Promise<void> {
    for (;;) {
      for (let deed = this.#deeds.shift(); deed !== undefined; deed = this.#deeds.shift()) await this.#do(deed);
      const report = this.#queue.shift();
      if (report === undefined) return;
      await this.#apply(report);
    }
  }

  async #do({ work, resolve, reject }: Deed): Promise<void> {
    let step: CorrelatorStep;
    try {
      step = work();
    } catch (error) {
      reject(error);
      return;
    }
    this.#add(step);
    try {
      await this.#commit();
    } catch (error) {
      reject(error);
      throw error;
    }
    resolve(step);
  }

  async #apply(report: TickReport): Promise<void> {
    const { correlator, history, onStep, clock, recorder, stamp } = this.#options;
    const shard = String(report.shard);
    // Sent before the last crash and applied then: its effects are stored already.
    if (report.sequence <= (this.#applied[shard] ?? -1)) {
      this.#options.onDurable(report.shard, report.sequence + 1);
      return;
    }
    await history.registerSeries(report.shard, report.newSeries, report.at);
    await history.append(report.shard, report.windows);
    const late = clock.now() - report.at > TOO_OLD_TO_TELL;
    const step = correlator.apply(report);
    recorder?.report(report, late);
    this.#applied[shard] = report.sequence;
    this.#add(inTime(report.at, late, step, stamp));
    onStep(report, step);
    const urgent = step.incidents.length > 0 || step.outbox.length > 0;
    if (urgent || this.#steps >= MAX_STEPS || clock.now() - this.#since >= MAX_DELAY_MS) await this.#commit();
  }

  #add(step: CorrelatorStep): void {
    const buffer = this.#buffer;
    // A later version of an incident replaces an earlier one of the same commit.
    for (const incident of step.incidents) {
      const at = buffer.incidents.findIndex((other: Incident) => other.id === incident.id);
      if (at < 0) buffer.incidents.push(incident);
      else buffer.incidents[at] = incident;
    }
    buffer.decisions.push(...step.decisions);
    buffer.outbox.push(...step.outbox);
    buffer.templates.push(...step.templates);
    buffer.deploys.push(...step.deploys);
    buffer.traces.push(...step.traces);
    this.#steps++;
  }

  async #commit(): Promise<void> {
    const buffer = this.#buffer;
    const applied = { ...this.#applied };
    this.#buffer = empty();
    this.#steps = 0;
    this.#since = this.#options.clock.now();
    // History first: what the control store calls applied is never missing there.
    await this.#options.history.flush();
    // Due at once by our clock: event time may be ahead of it, as a provisional report is named by the end of its tick.
    const outbox = buffer.outbox.map((entry) => ({ ...entry, dueAt: this.#since }));
    const { correlator, recorder, control } = this.#options;
    const { state, pieces } = this.#pieces.split(correlator.state());
    recorder?.commit(() => correlator.save(), applied);
    await control.commit({ ...buffer, outbox, state, pieces, applied });
    for (const [shard, sequence] of Object.entries(applied)) this.#options.onDurable(Number(shard), sequence + 1);
    if (buffer.incidents.length > 0) this.#options.onIncidents(buffer.incidents.map((incident) => incident.id));
    if (buffer.outbox.length > 0) this.#options.onOutbox();
  }
}

/** Takes out notifications about what is long past, and says so on the record. */
export function inTime(at: EpochMs, late: boolean, step: CorrelatorStep, stamp: DecisionStamp): CorrelatorStep {
  if (step.outbox.length === 0 || !late) return step;
  const held: DecisionRecord[] = step.outbox.map(({ payload }) =>
    decisionRecord(stamp, {
      at,
      tenant: payload.incident.tenant,
      service: payload.incident.services[0] ?? '',
      subject: payload.incident.id,
      stage: 'notify',
      outcome: 'suppressed',
      reason: 'the data are more than an hour old: recorded, but nobody is paged',
    }),
  );
  return { ...step, outbox: [], decisions: [...step.decisions, ...held] };
}

function empty(): Buffered {
  return { incidents: [], decisions: [], outbox: [], templates: [], deploys: [], traces: [] };
}
