import type { MessagePort } from 'node:worker_threads';
import { type ErrorCode, TocsinError } from '../domain/error.ts';
import type { IntakeResult, PayloadFormat, Signal, SignalIntake } from '../domain/ports.ts';
import { ShardRouter } from '../ingest/shard-router.ts';

interface Parcel {
  readonly type: 'parcel';
  readonly id: number;
  readonly signal: Signal;
  readonly body: Uint8Array;
  readonly tenant: string;
}
interface Receipt {
  readonly type: 'receipt';
  readonly id: number;
  readonly result: IntakeResult | null;
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly retryAfterMs: number | undefined } | null;
}

/**
 * Hands the resources of a body to the shards that own their services, and answers when all of them are durable. OTLP
 * protobuf only: other formats stay with the shard whose listener took the connection.
 */
export class ForwardingIntake implements SignalIntake {
  readonly #own: SignalIntake;
  readonly #peers: ReadonlyMap<number, MessagePort>;
  readonly #router: ShardRouter;
  readonly #self: number;
  readonly #waiting = new Map<number, (receipt: Receipt) => void>();
  #next = 0;

  constructor(own: SignalIntake, self: number, shards: number, peers: ReadonlyMap<number, MessagePort>) {
    this.#own = own;
    this.#self = self;
    this.#peers = peers;
    this.#router = new ShardRouter(shards, self);
    for (const port of peers.values()) port.on('message', (message: Parcel | Receipt) => this.#receive(port, message));
  }

  accept(signal: Signal, format: PayloadFormat, body: Uint8Array, tenant: string): Promise<IntakeResult> | IntakeResult {
    const parts = format === 'otlp-protobuf' ? this.#router.split(body, tenant) : null;
    if (parts === null) return this.#own.accept(signal, format, body, tenant);
    return this.#spread(signal, parts, tenant);
  }

  async #spread(signal: Signal, parts: readonly Uint8Array[], tenant: string): Promise<IntakeResult> {
    const results = await Promise.all(parts.map((part, shard) => (part.length === 0 ? null : shard === this.#self ? this.#own.accept(signal, 'otlp-protobuf', part, tenant) : this.#forward(shard, signal, part, tenant))));
    const given = results.filter((result) => result !== null);
    return {
      accepted: given.reduce((sum, result) => sum + result.accepted, 0),
      rejected: given.reduce((sum, result) => sum + result.rejected, 0),
      message: given.find((result) => result.message !== '')?.message ?? '',
    };
  }

  #forward(shard: number, signal: Signal, part: Uint8Array, tenant: string): Promise<IntakeResult> {
    const id = this.#next++;
    const body = part.slice();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        if (result !== null) resolve(result);
        else reject(new TocsinError(error!.code, error!.message, error!.retryAfterMs === undefined ? {} : { retryAfterMs: error!.retryAfterMs }));
      });
      this.#peers.get(shard)!.postMessage({ type: 'parcel', id, signal, body, tenant } satisfies Parcel, [body.buffer]);
    });
  }

  #receive(port: MessagePort, message: Parcel | Receipt): void {
    if (message.type === 'receipt') {
      const done = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      done?.(message);
      return;
    }
    void this.#take(message).then((receipt) => port.postMessage(receipt));
  }

  async #take({ id, signal, body, tenant }: Parcel): Promise<Receipt> {
    try {
      return { type: 'receipt', id, result: await this.#own.accept(signal, 'otlp-protobuf', body, tenant), error: null };
    } catch (error) {
      const fault = error instanceof TocsinError ? error : new TocsinError('internal', String(error));
      return { type: 'receipt', id, result: null, error: { code: fault.code, message: fault.message, retryAfterMs: fault.retryAfterMs } };
    }
  }
}
