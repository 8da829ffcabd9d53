import { TocsinError } from '../../domain/error.ts';
import type { IntakeResult, PayloadFormat, Signal, SignalIntake } from '../../domain/ports.ts';
import { Access } from './access.ts';
import { Admission, type Ticket } from './admission.ts';
import { type Body, BufferPool } from './body.ts';
import { createCounters, type IngestCounters } from './counters.ts';
import {
  type Coding,
  DEFAULT_LIMITS,
  DEFAULT_TIMEOUTS,
  type Inflate,
  type IngestLimits,
  type IngestServerOptions,
  type IngestTimeouts,
} from './options.ts';

const NOTHING = Buffer.alloc(0);

/** What the two listeners of a shard share: limits, admission, memory, counters and the way into the pipeline. */
export class Receiver {
  readonly limits: IngestLimits;
  readonly timeouts: IngestTimeouts;
  readonly counters: IngestCounters = createCounters();
  readonly admission: Admission;
  readonly access: Access;
  readonly pool = new BufferPool();
  readonly #intake: SignalIntake;
  readonly #inflate: Inflate;
  readonly #onFault: (fault: unknown) => void;

  constructor(options: IngestServerOptions) {
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.admission = new Admission(this.limits, this.counters, options.retryAfterMs);
    this.access = new Access(options.tenantHeader, options.bearerTokens);
    this.#intake = options.intake;
    this.#inflate = options.inflate;
    this.#onFault = options.onFault ?? (() => {});
  }

  /** @throws TocsinError `payload_too_large` for a body that says it is, or has become, larger than allowed. */
  checkSize(bytes: number): void {
    if (bytes <= this.limits.maxBodyBytes) return;
    throw new TocsinError('payload_too_large', `the body is larger than the ${this.limits.maxBodyBytes} bytes allowed`);
  }

  /** Anything thrown, as our error; what is not ours keeps its details out of answers. */
  errorOf(thrown: unknown): TocsinError {
    if (thrown instanceof TocsinError) {
      if (thrown.code === 'internal') this.#onFault(thrown);
      return thrown;
    }
    this.#onFault(thrown);
    return new TocsinError('internal', 'the request could not be processed', { cause: thrown });
  }

  /**
   * Inflates a complete body and hands it to the pipeline. The caller recycles the body and releases the ticket once the
   * result is there, not before: the pipeline may still read the memory.
   * @throws TocsinError
   */
  process(
    signal: Signal,
    format: PayloadFormat,
    coding: Coding,
    body: Body,
    ticket: Ticket,
    tenant: string,
  ): Promise<IntakeResult> | IntakeResult {
    const raw = body.bytes();
    this.counters.bytesIn += raw.length;
    if (coding !== 'identity') ticket.beforeInflation();
    let taken: Buffer | undefined;
    const allocate = (bytes: number): Buffer => {
      taken = this.pool.take(bytes);
      return taken;
    };
    const payload = this.#inflate(coding, raw, this.limits.maxInflatedBytes, allocate);
    if (payload !== raw) {
      ticket.inflated(payload.length);
      body.replace(taken ?? NOTHING);
    }
    this.counters.inflatedBytes += payload.length;
    return this.#intake.accept(signal, format, payload, tenant);
  }
}
