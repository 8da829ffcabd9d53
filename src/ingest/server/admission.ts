import { TocsinError } from '../../domain/error.ts';
import type { IngestCounters } from './counters.ts';
import { DEFAULT_RETRY_MS, type IngestLimits } from './options.ts';

/**
 * Decides whether one more request, or one more byte of a request, may be held in memory. Nothing waits in a queue and
 * nothing is dropped silently: what does not fit is refused while the sender still has it, with a delay to retry after.
 */
export class Admission {
  /** Set by `stop()`: everything new is refused as `unavailable`. */
  draining = false;
  readonly #limits: IngestLimits;
  readonly #counters: IngestCounters;
  readonly #retryAfterMs: () => number;
  #idle: (() => void)[] = [];

  constructor(limits: IngestLimits, counters: IngestCounters, retryAfterMs: () => number = () => DEFAULT_RETRY_MS) {
    this.#limits = limits;
    this.#counters = counters;
    this.#retryAfterMs = retryAfterMs;
  }

  /**
   * @param announced bytes that the sender says will follow, 0 if it does not say.
   * @throws TocsinError `overloaded`, `unavailable`.
   */
  enter(announced: number): Ticket {
    if (this.draining) {
      throw new TocsinError('unavailable', 'the server is stopping', { retryAfterMs: this.retryAfterMs() });
    }
    if (this.#counters.inFlight >= this.#limits.maxConcurrent) throw this.#overloaded('requests');
    this.reserve(announced);
    this.#counters.inFlight++;
    return new Ticket(this, announced);
  }

  /**
   * A body within its own limit is always taken when nothing else is in flight, however small the total is.
   * @throws TocsinError `overloaded`.
   */
  reserve(bytes: number, own = 0): void {
    const held = this.#counters.inFlightBytes;
    if (held > own && held + bytes > this.#limits.maxInFlightBytes) throw this.#overloaded('bytes');
    this.#counters.inFlightBytes = held + bytes;
  }

  /** Room before an inflation whose size nobody knows. @throws TocsinError `overloaded`. */
  check(own: number): void {
    const others = this.#counters.inFlightBytes - own;
    if (others > 0 && this.#counters.inFlightBytes >= this.#limits.maxInFlightBytes) throw this.#overloaded('bytes');
  }

  /** Accounts for what is already in memory. */
  add(bytes: number): void {
    this.#counters.inFlightBytes += bytes;
  }

  leave(bytes: number): void {
    this.#counters.inFlightBytes -= bytes;
    this.#counters.inFlight--;
    if (this.#counters.inFlight === 0) for (const done of this.#idle.splice(0)) done();
  }

  /** Resolves once nothing is in flight. */
  whenIdle(): Promise<void> {
    if (this.#counters.inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  retryAfterMs(): number {
    return Math.max(1, this.#retryAfterMs());
  }

  #overloaded(what: string): TocsinError {
    return new TocsinError('overloaded', `too many ${what} in flight`, { retryAfterMs: this.retryAfterMs() });
  }
}

/** One admitted request's share of the memory in flight. */
export class Ticket {
  readonly #admission: Admission;
  #reserved: number;
  #open = true;

  constructor(admission: Admission, reserved: number) {
    this.#admission = admission;
    this.#reserved = reserved;
  }

  /** Makes the share at least `bytes`. @throws TocsinError `overloaded`. */
  cover(bytes: number): void {
    if (bytes <= this.#reserved) return;
    this.#admission.reserve(bytes - this.#reserved, this.#reserved);
    this.#reserved = bytes;
  }

  /** @throws TocsinError `overloaded` when there is no room left to inflate into. */
  beforeInflation(): void {
    this.#admission.check(this.#reserved);
  }

  inflated(bytes: number): void {
    this.#admission.add(bytes);
    this.#reserved += bytes;
  }

  /** Gives the share back; further calls do nothing. */
  release(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#admission.leave(this.#reserved);
  }
}
