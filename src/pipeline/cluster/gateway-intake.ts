import { randomUUID } from 'node:crypto';
import type { Bus, BusMessage, BusProducer } from '../../bus/bus.ts';
import { EMPTY_BYTES, encodeSignal, type SignalRecord } from '../../bus/codec/signal-record.ts';
import { TocsinError } from '../../domain/error.ts';
import type { Clock, IntakeResult, PayloadFormat, Signal, SignalIntake } from '../../domain/ports.ts';
import { createJsonTranscoder } from '../../ingest/otlp/json.ts';
import { ShardSeriesTable } from '../../ingest/series/series-table.ts';
import { ShardRouter } from '../../ingest/shard-router.ts';
import { WriteRouter } from '../../ingest/write-router.ts';
import { createDecode, readMetrics } from '../engine/decoders.ts';
import { newestTime } from '../engine/event-clock.ts';
import { MetricInput } from '../engine/metric-input.ts';
import { GatewayColumns } from './gateway-columns.ts';

/** See `GatewayColumns`: also the longest that samples of a worker without memory go unread. */
const ANNOUNCE_EVERY_S = 1_800;
/** No partition is wanted for itself: routers then cut out every piece. */
const NOBODY = -1;

export interface GatewayOptions {
  readonly bus: Bus;
  readonly topic: string;
  readonly partitions: number;
  readonly clock: Clock;
  readonly maxSeriesPerTenant: number;
  /** How far in the future a timestamp may lie, ms. */
  readonly maxFuture: number;
  /** Of every record: its schema. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface GatewayCounters {
  points: number;
  /** Points that were sent as columns; the others announced their series. */
  columns: number;
  bodies: number;
  records: number;
  bytes: number;
}

/**
 * Takes requests in and puts them on the bus, keyed by virtual shard. Metrics are decoded once, here: a body that brings
 * nothing new becomes columns of about nine bytes a point. Answers when the bus has everything.
 */
export class GatewayIntake implements SignalIntake {
  readonly counters: GatewayCounters = { points: 0, columns: 0, bodies: 0, records: 0, bytes: 0 };
  /** Newest event time seen, as far as it is believed. */
  watermark = 0;
  readonly #options: GatewayOptions;
  readonly #name = randomUUID();
  readonly #producer: BusProducer;
  readonly #table: ShardSeriesTable;
  readonly #decode;
  readonly #columns: GatewayColumns;
  readonly #router: ShardRouter;
  readonly #writes: WriteRouter;
  readonly #transcode = createJsonTranscoder();
  readonly #input = new MetricInput();
  #open = true;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#producer = options.bus.producer();
    this.#table = new ShardSeriesTable({ maxSeriesPerTenant: options.maxSeriesPerTenant });
    this.#decode = createDecode(this.#table);
    this.#columns = new GatewayColumns(this.#table, options.partitions, ANNOUNCE_EVERY_S);
    this.#router = new ShardRouter(options.partitions, NOBODY);
    this.#writes = new WriteRouter(options.partitions, NOBODY);
  }

  async accept(signal: Signal, format: PayloadFormat, body: Uint8Array, tenant: string): Promise<IntakeResult> {
    if (!this.#open) throw new TocsinError('unavailable', 'stopping', { retryAfterMs: 1_000 });
    // As protobuf a body can be cut, and its numbers are exact.
    if (format === 'otlp-json')
      return this.accept(signal, 'otlp-protobuf', this.#transcode(signal, body).slice(), tenant);
    const now = this.#options.clock.now();
    const messages: BusMessage[] = [];
    const base = { gateway: this.#name, wallNow: now, watermark: this.watermark, tenant, signal, format };
    const result = signal === 'metrics' ? this.#metrics(base, body, messages) : this.#others(base, body, messages);
    await this.#send(messages);
    return result;
  }

  #metrics(base: Base, body: Uint8Array, messages: BusMessage[]): IntakeResult {
    const { format, tenant, wallNow } = base;
    const seconds = Math.floor(wallNow / 1_000);
    const { result, plain } = this.#read(format, body, tenant, wallNow);
    const input = this.#input;
    const count = input.pointColumns.length + input.histogramColumns.length;
    this.counters.points += count;
    this.#reach(input.pointColumns.time, input.pointColumns.length, wallNow);
    this.#reach(input.histogramColumns.time, input.histogramColumns.length, wallNow);
    if (plain && this.#columns.allKnown(input, seconds)) {
      this.counters.columns += count;
      for (const { partition, columns } of this.#columns.cut(input))
        messages.push(this.#message(partition, { ...base, kind: 'columns', columns }));
      return result;
    }
    for (const { partition, piece } of this.#pieces(format, body, tenant)) {
      this.#read(format, piece, tenant, wallNow);
      const numbers = this.#columns.announce(this.#input, partition, seconds);
      messages.push(this.#message(partition, { ...base, kind: 'body', body: piece, numbers }));
    }
    return result;
  }

  #read(format: PayloadFormat, body: Uint8Array, tenant: string, wallNow: number): ReturnType<typeof readMetrics> {
    this.#table.horizon = wallNow + this.#options.maxFuture;
    return readMetrics(this.#table, this.#decode, format, body, tenant, this.#input);
  }

  /** Logs and traces go on as they came, cut by service: what is learnt from them is learnt in one place. */
  #others(base: Base, body: Uint8Array, messages: BusMessage[]): IntakeResult {
    const sink = new Counted();
    // Decoded here as well, so that a sender hears of what is wrong from us.
    const result = this.#decode(base.signal, base.format, body, base.tenant, sink);
    this.#reach(Float64Array.of(sink.newest), 1, base.wallNow);
    for (const { partition, piece } of this.#pieces(base.format, body, base.tenant))
      messages.push(this.#message(partition, { ...base, kind: 'body', body: piece }));
    return result;
  }

  *#pieces(
    format: PayloadFormat,
    body: Uint8Array,
    tenant: string,
  ): Generator<{ partition: number; piece: Uint8Array }> {
    let pieces: readonly Uint8Array[] | null;
    if (format === 'otlp-protobuf') pieces = this.#router.split(body, tenant);
    else pieces = this.#writes.split(format === 'remote-write-1' ? 1 : 2, body, tenant);
    for (const [partition, piece] of (pieces ?? [body]).entries()) if (piece.length > 0) yield { partition, piece };
  }

  #message(partition: number, record: Partial<SignalRecord> & Base & Pick<SignalRecord, 'kind'>): BusMessage {
    const value = encodeSignal({ body: EMPTY_BYTES, numbers: EMPTY_BYTES, columns: EMPTY_BYTES, ...record });
    if (record.kind === 'body') this.counters.bodies++;
    this.counters.records++;
    this.counters.bytes += value.length;
    return {
      topic: this.#options.topic,
      partition,
      value,
      ...(this.#options.headers === undefined ? {} : { headers: this.#options.headers }),
    };
  }

  #reach(time: Float64Array, length: number, wallNow: number): void {
    this.watermark = Math.max(this.watermark, newestTime(time, length, wallNow, this.#options.maxFuture));
  }

  /** Lets time go on in every partition, also where nothing comes in; call about twice a second. */
  async heartbeat(): Promise<void> {
    if (!this.#open || this.watermark === 0) return;
    const base: Base = {
      gateway: this.#name,
      wallNow: this.#options.clock.now(),
      watermark: this.watermark,
      tenant: '',
      signal: 'metrics',
      format: 'otlp-protobuf',
    };
    const messages: BusMessage[] = [];
    for (let partition = 0; partition < this.#options.partitions; partition++)
      messages.push(this.#message(partition, { ...base, kind: 'heartbeat' }));
    await this.#producer.send(messages);
  }

  async #send(messages: readonly BusMessage[]): Promise<void> {
    await this.#producer.send(messages);
  }

  /** What was answered is on the bus already. */
  async close(): Promise<void> {
    this.#open = false;
    await this.#producer.close();
  }
}

type Base = Pick<SignalRecord, 'gateway' | 'wallNow' | 'watermark' | 'tenant' | 'signal' | 'format'>;

/** Looks at times only. */
class Counted {
  newest = 0;
  logs({ length, time }: { length: number; time: Float64Array }): void {
    for (let i = 0; i < length; i++) if (time[i]! > this.newest) this.newest = time[i]!;
  }
  spans({ length, end }: { length: number; end: Float64Array }): void {
    for (let i = 0; i < length; i++) if (end[i]! > this.newest) this.newest = end[i]!;
  }
  points(): void {}
  histograms(): void {}
  deploy(): void {}
  stale(): void {}
}
