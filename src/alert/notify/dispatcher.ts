import { TocsinError } from '../../domain/error.ts';
import type { Clock, ControlStore, Notifier, OutboxItem } from '../../domain/ports.ts';

const FIRST_RETRY = 1_000;
const LONGEST_RETRY = 300_000;
const BATCH = 100;

export interface DispatcherCounters {
  sent: number;
  failed: number;
  refused: number;
}

/**
 * Empties the outbox: at-least-once with a stable dedup key, in order per receiver and incident (an item waits while an
 * older one of its incident is still pending there). Failures back off exponentially or as the receiver says; what it
 * refuses is kept with the reason and not tried again.
 */
export class Dispatcher {
  readonly counters: DispatcherCounters = { sent: 0, failed: 0, refused: 0 };
  readonly #store: ControlStore;
  readonly #notifiers: ReadonlyMap<string, Notifier>;
  readonly #clock: Clock;
  #running: Promise<void> | null = null;
  #again = false;
  readonly #abort = { aborted: false };

  constructor(store: ControlStore, notifiers: ReadonlyMap<string, Notifier>, clock: Clock) {
    this.#store = store;
    this.#notifiers = notifiers;
    this.#clock = clock;
  }

  /** Delivers what is due; calls during a run start another after it. */
  run(): Promise<void> {
    if (this.#running !== null) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#drain().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#abort.aborted = true;
    await this.#running;
  }

  async #drain(): Promise<void> {
    do {
      this.#again = false;
      const due = await this.#store.dueOutbox(this.#clock.now(), BATCH);
      const lanes = new Map<string, OutboxItem[]>();
      for (const item of due) {
        const lane = lanes.get(item.receiver);
        if (lane === undefined) lanes.set(item.receiver, [item]);
        else lane.push(item);
      }
      await Promise.all([...lanes.values()].map((lane) => this.#deliverLane(lane)));
      if (due.length === BATCH) this.#again = true;
    } while (this.#again && !this.#abort.aborted);
  }

  /** One receiver is served one call at a time; an incident whose item failed keeps its later items waiting. */
  async #deliverLane(lane: readonly OutboxItem[]): Promise<void> {
    const blocked = new Set<string>();
    for (const item of lane) {
      if (this.#abort.aborted) return;
      const incident = item.payload.incident.id;
      if (blocked.has(incident)) continue;
      if (!(await this.#deliver(item))) blocked.add(incident);
    }
  }

  async #deliver(item: OutboxItem): Promise<boolean> {
    const at = this.#clock.now();
    try {
      const notifier = this.#notifiers.get(item.receiver);
      if (notifier === undefined)
        throw new TocsinError('delivery_refused', `receiver '${item.receiver}' is no longer configured`);
      await notifier.send(item.payload, item.dedupKey, this.#abort);
      this.counters.sent++;
      await this.#store.settleOutbox(item.id, { state: 'sent', at, error: '', nextAttemptAt: at });
      return true;
    } catch (error) {
      const fault =
        error instanceof TocsinError
          ? error
          : new TocsinError('delivery_failed', 'the receiver threw an unexpected error', { cause: error });
      if (!fault.retryable) {
        this.counters.refused++;
        await this.#store.settleOutbox(item.id, { state: 'refused', at, error: fault.message, nextAttemptAt: at });
        return true;
      }
      this.counters.failed++;
      const wait = Math.max(fault.retryAfterMs ?? 0, Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** item.attempts));
      await this.#store.settleOutbox(item.id, { state: 'pending', at, error: fault.message, nextAttemptAt: at + wait });
      return false;
    }
  }
}
