import type { MessagePort } from 'node:worker_threads';
import { type ErrorCode, TocsinError } from '../../domain/error.ts';
import type { IntakeResult, PayloadFormat, Signal, SignalIntake } from '../../domain/ports.ts';
import { createJsonTranscoder } from '../../ingest/otlp/json.ts';
import { ShardRouter } from '../../ingest/shard-router.ts';
import { WriteRouter } from '../../ingest/write-router.ts';

interface Parcel {
  readonly type: 'parcel';
  readonly id: number;
  readonly signal: Signal;
  readonly format: PayloadFormat;
  readonly body: Uint8Array;
  readonly tenant: string;
}
interface Receipt {
  readonly type: 'receipt';
  readonly id: number;
  readonly result: IntakeResult | null;
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly retryAfterMs: number | undefined;
  } | null;
}

/**
 * Hands the resources of a body to the shards that own their services, and answers when all of them are durable. OTLP/JSON
 * goes on as protobuf.
 */
export class ForwardingIntake implements SignalIntake {
  readonly #own: SignalIntake;
  readonly #peers: ReadonlyMap<number, MessagePort>;
  readonly #router: ShardRouter;
  readonly #writes: WriteRouter;
  readonly #transcode = createJsonTranscoder();
  readonly #self: number;
  readonly #waiting = new Map<number, (receipt: Receipt) => void>();
  #next = 0;

  constructor(own: SignalIntake, self: number, shards: number, peers: ReadonlyMap<number, MessagePort>) {
    this.#own = own;
    this.#self = self;
    this.#peers = peers;
    this.#router = new ShardRouter(shards, self);
    this.#writes = new WriteRouter(shards, self);
    for (const port of peers.values()) port.on('message', (message: Parcel | Receipt) => this.#receive(port, message));
  }

  accept(
    signal: Signal,
    format: PayloadFormat,
    body: Uint8Array,
    tenant: string,
  ): Promise<IntakeResult> | IntakeResult {
    if (format === 'otlp-json')
      return this.accept(signal, 'otlp-protobuf', this.#transcode(signal, body).slice(), tenant);
    const parts = this.#split(format, body, tenant);
    if (parts === null) return this.#own.accept(signal, format, body, tenant);
    return this.#spread(signal, format, parts, tenant);
  }

  #split(format: PayloadFormat, body: Uint8Array, tenant: string): readonly Uint8Array[] | null {
    if (format === 'otlp-protobuf') return this.#router.split(body, tenant);
    return this.#writes.split(format === 'remote-write-1' ? 1 : 2, body, tenant);
  }

  async #spread(
    signal: Signal,
    format: PayloadFormat,
    parts: readonly Uint8Array[],
    tenant: string,
  ): Promise<IntakeResult> {
    const results = await Promise.all(
      parts.map(async (part, shard) => {
        if (part.length === 0) return null;
        if (shard === this.#self) return this.#own.accept(signal, format, part, tenant);
        return this.#forward(shard, signal, format, part, tenant);
      }),
    );
    const given = results.filter((result) => result !== null);
    return {
      accepted: given.reduce((sum, result) => sum + result.accepted, 0),
      rejected: given.reduce((sum, result) => sum + result.rejected, 0),
      message: given.find((result) => result.message !== '')?.message ?? '',
      ...(given.some((result) => result.written !== undefined) ? { written: sumOf(given) } : {}),
    };
  }

  #forward(
    shard: number,
    signal: Signal,
    format: PayloadFormat,
    part: Uint8Array,
    tenant: string,
  ): Promise<IntakeResult> {
    const id = this.#next++;
    const body = part.slice();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        if (result !== null) resolve(result);
        else
          reject(
            new TocsinError(
              error!.code,
              error!.message,
              error!.retryAfterMs === undefined ? {} : { retryAfterMs: error!.retryAfterMs },
            ),
          );
      });
      this.#peers
        .get(shard)!
        .postMessage({ type: 'parcel', id, signal, format, body, tenant } satisfies Parcel, [body.buffer]);
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

  async #take({ id, signal, format, body, tenant }: Parcel): Promise<Receipt> {
    try {
      return {
        type: 'receipt',
        id,
        result: await this.#own.accept(signal, format, body, tenant),
        error: null,
      };
    } catch (error) {
      const fault = error instanceof TocsinError ? error : new TocsinError('internal', String(error));
      return {
        type: 'receipt',
        id,
        result: null,
        error: { code: fault.code, message: fault.message, retryAfterMs: fault.retryAfterMs },
      };
    }
  }
}

function sumOf(results: readonly IntakeResult[]): NonNullable<IntakeResult['written']> {
  const sum = { samples: 0, histograms: 0, exemplars: 0 };
  for (const { written } of results) {
    sum.samples += written?.samples ?? 0;
    sum.histograms += written?.histograms ?? 0;
    sum.exemplars += written?.exemplars ?? 0;
  }
  return sum;
}
