import { TocsinError } from '../../domain/error.ts';
import type { Clock, ControlStore, Notifier, OutboxItem, OutboxResult } from '../../domain/ports.ts';

const FIRST_RETRY = 1_000;
const LONGEST_RETRY = 300_000;
/** Read at a time; calls to one receiver at the same moment, each about another incident. */
const BATCH = 200;
const CALLS = 16;
/** What was delivered is written down together: at most so many, or so long. */
const TOGETHER = 32;
const TOGETHER_MS = 100;

export interface DispatcherCounters {
  sent: number;
  failed: number;
  refused: number;
}

/**
 * Empties the outbox: at-least-once with a stable dedup key, in order per receiver and incident (an item waits while an
 * older one of its incident is still pending there). Receivers do not wait for each other. Failures back off exponentially
 * or as the receiver says; what it refuses is kept with the reason and not tried again.
 */
export class Dispatcher {
  readonly counters: DispatcherCounters = { sent: 0, failed: 0, refused: 0 };
  readonly #store: ControlStore;
  readonly #notifiers: ReadonlyMap<string, Notifier>;
  readonly #clock: Clock;
  /** Receivers that are being served. */
  readonly #lanes = new Map<string, Promise<void>>();
  #running: Promise<void> | null = null;
  #again = false;
  #wake = Promise.withResolvers<void>();
  /** The store refused. */
  #fault: Error | null = null;
  readonly #abort = { aborted: false };

  constructor(store: ControlStore, notifiers: ReadonlyMap<string, Notifier>, clock: Clock) {
    this.#store = store;
    this.#notifiers = notifiers;
    this.#clock = clock;
  }

  /** Delivers what is due; resolves when that is done. Calls during a run look again at what is due now. */
  run(): Promise<void> {
    this.#again = true;
    this.#wake.resolve();
    this.#running ??= this.#runAll();
    return this.#running;
  }

  async #runAll(): Promise<void> {
    try {
      // Whoever asks while the last look ends is not forgotten.
      do await this.#drain();
      while (this.#again && !this.#abort.aborted);
    } finally {
      this.#running = null;
    }
  }

  async stop(): Promise<void> {
    this.#abort.aborted = true;
    await this.#running?.catch(() => undefined);
  }

  async #drain(): Promise<void> {
    while (!this.#abort.aborted && this.#fault === null) {
      if (this.#again) {
        this.#again = false;
        await this.#fill();
        continue;
      }
      if (this.#lanes.size === 0) break;
      // Whoever is done first may have more; a new call of `run` need not wait for the slowest receiver.
      this.#wake = Promise.withResolvers();
      await Promise.race([...this.#lanes.values(), this.#wake.promise]);
    }
    await Promise.all(this.#lanes.values());
    const fault = this.#fault;
    this.#fault = null;
    if (fault !== null) throw fault;
  }

  /** Starts a lane for each receiver that is idle and has something due. */
  async #fill(): Promise<void> {
    for (;;) {
      const due = await this.#store.dueOutbox(this.#clock.now(), BATCH, [...this.#lanes.keys()]);
      if (due.length === 0) return;
      const byReceiver = Map.groupBy(due, (item) => item.receiver);
      for (const [receiver, items] of byReceiver) {
        const lane = this.#serve(items)
          .catch((error: unknown) => {
            this.#fault ??= error as Error;
          })
          .finally(() => {
            this.#lanes.delete(receiver);
            this.#again = true;
          });
        this.#lanes.set(receiver, lane);
      }
      if (due.length < BATCH) return;
    }
  }

  /** A few calls at a time, each about another incident; one whose item failed keeps its later items waiting. */
  async #serve(items: readonly OutboxItem[]): Promise<void> {
    const stories = [...Map.groupBy(items, (item) => item.payload.incident.id).values()];
    const book = this.#book();
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let story = stories[next++]; story !== undefined; story = stories[next++]) {
        for (const [i, item] of story.entries()) {
          if (this.#abort.aborted) return;
          // After a crash nothing may be told again that a later message has overtaken.
          if (i > 0) await book.flush();
          const result = await this.#deliver(item);
          await book.write(item.id, result);
          if (result.state === 'pending') break;
        }
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(CALLS, stories.length) }, worker));
    } finally {
      await book.flush();
    }
  }

  /** Writing down costs a sync of the disk: those of a moment share one. */
  #book() {
    const clock = this.#clock;
    let open: { id: string; result: OutboxResult }[] = [];
    let since = 0;
    let writing: Promise<void> = Promise.resolve();
    const flush = (): Promise<void> => {
      const results = open;
      open = [];
      if (results.length > 0) writing = writing.then(() => this.#store.settleAll(results));
      return writing;
    };
    return {
      flush,
      async write(id: string, result: OutboxResult): Promise<void> {
        if (open.length === 0) since = clock.now();
        open.push({ id, result });
        if (open.length >= TOGETHER || clock.now() - since >= TOGETHER_MS) await flush();
      },
    };
  }

  async #deliver(item: OutboxItem): Promise<OutboxResult> {
    const at = this.#clock.now();
    try {
      const notifier = this.#notifiers.get(item.receiver);
      if (notifier === undefined)
        throw new TocsinError('delivery_refused', `receiver '${item.receiver}' is no longer configured`);
      await notifier.send(item.payload, item.dedupKey, this.#abort);
      this.counters.sent++;
      return { state: 'sent', at, error: '', nextAttemptAt: at };
    } catch (error) {
      const fault =
        error instanceof TocsinError
          ? error
          : new TocsinError('delivery_failed', 'the receiver threw an unexpected error', { cause: error });
      if (!fault.retryable) {
        this.counters.refused++;
        return { state: 'refused', at, error: fault.message, nextAttemptAt: at };
      }
      this.counters.failed++;
      const wait = Math.max(fault.retryAfterMs ?? 0, Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** item.attempts));
      return { state: 'pending', at, error: fault.message, nextAttemptAt: at + wait };
    }
  }
}
