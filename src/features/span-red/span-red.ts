import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { SpanBatch } from '../../domain/signal/batch.ts';
import type { OperationCatalogue } from '../../domain/signal/ticks.ts';
import type { EpochMs, ServiceIndex } from '../../domain/units.ts';
import { hashBytes } from '../../stats/hash.ts';
import { SignatureCache } from '../../stats/signature-cache.ts';
import { SketchRows } from '../../stats/sketch.ts';
import { OperationHash, operationName } from './operation-name.ts';

export const SPAN_RED_OPTIONS = {
  maxOperations: {
    type: 'integer',
    default: 8192,
    min: 16,
    max: 1_000_000,
    doc: 'Operations (service, name, kind) kept a shard, about 4.5 KB each.',
  },
  maxServiceOperations: {
    type: 'integer',
    default: 256,
    min: 4,
    max: 100_000,
    doc: 'Operations kept a service; spans of further ones are counted under `other`.',
  },
  cacheSlots: {
    type: 'integer',
    default: 32_768,
    min: 1024,
    max: 16_777_216,
    doc: 'Span names remembered a shard, 16 bytes each; rounded up to a power of two.',
  },
} as const satisfies OptionsSpec;
export type SpanRedOptions = Options<typeof SPAN_RED_OPTIONS>;

/** Rate, errors and duration of one operation in one tick. The object is reused: copy what is kept. */
export interface OperationTick {
  operation: number;
  service: ServiceIndex;
  name: string;
  /** SPAN_KIND. */
  kind: number;
  at: EpochMs;
  count: number;
  /** Calls per second. */
  rate: number;
  errors: number;
  /** 0-1. */
  errorRatio: number;
  /** Milliseconds. */
  p50: number;
  p95: number;
  p99: number;
}

interface Operation {
  readonly service: number;
  readonly kind: number;
  readonly name: string;
}

const VERSION = 2;
/** Names as sent, by the hash of their bytes: two words of it, then the operation + 1. Most spans need to look no further. */
const RAW_SLOTS = 8192;
const RAW_WIDTH = 3;
const OTHER = 'other';

/** Spans -> RED figures per (service, operation, kind) and tick. No string a span: names are hashed as bytes. */
export class SpanRed implements OperationCatalogue {
  /** Spans counted under `other` because a cap was reached. */
  overflowed = 0;
  /** Spans whose end lies before their start; their duration is taken as 0. */
  negative = 0;
  readonly #options: SpanRedOptions;
  readonly #decode: (bytes: Uint8Array) => string;
  readonly #hash = new OperationHash();
  readonly #cache: SignatureCache;
  readonly #raw: Int32Array = new Int32Array(RAW_SLOTS * RAW_WIDTH);
  #hashes: Int32Array = new Int32Array(4096);
  #durations: Float64Array = new Float64Array(2048);
  readonly #operations: Operation[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #perService = new Map<number, number>();
  readonly #sketches = new SketchRows(16);
  #counts: Int32Array = new Int32Array(256);
  #errors: Int32Array = new Int32Array(256);
  #touched: Int32Array = new Int32Array(256);
  #touchedLength = 0;

  constructor(options: SpanRedOptions, decode: (bytes: Uint8Array) => string) {
    this.#options = options;
    this.#decode = decode;
    this.#cache = new SignatureCache(options.cacheSlots);
  }

  get size(): number {
    return this.#operations.length;
  }

  serviceOf(operation: number): ServiceIndex {
    return this.#operations[operation]?.service ?? -1;
  }

  nameOf(operation: number): string {
    return this.#operations[operation]?.name ?? '';
  }

  kindOf(operation: number): number {
    return this.#operations[operation]?.kind ?? 0;
  }

  /** Writes the operation of each span to `out` (length >= batch.length) and adds the spans to the open tick. */
  observe(batch: SpanBatch, out: Int32Array): void {
    const { length, buffer, service, kind, nameStart, nameEnd, start, end, error } = batch;
    if (this.#durations.length < length) {
      this.#hashes = new Int32Array(length * 2);
      this.#durations = new Float64Array(length);
    }
    const durations = this.#durations;
    const hashes = this.#hashes;
    const raw = this.#raw;
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    for (let i = 0; i < length; i += 1) {
      const seed = Math.imul((service[i] as number) * 8 + (kind[i] as number) + 1, 0x2c1b3c6d);
      hashBytes(view, nameStart[i] as number, nameEnd[i] as number, seed, ~seed, hashes, i);
    }
    for (let i = 0; i < length; i += 1) {
      const lo = hashes[i * 2] as number;
      const hi = hashes[i * 2 + 1] as number;
      const slot = (lo & (RAW_SLOTS - 1)) * RAW_WIDTH;
      let operation = (raw[slot + 2] as number) - 1;
      if (operation < 0 || raw[slot] !== lo || raw[slot + 1] !== hi) {
        operation = this.#normalised(batch, i);
        raw[slot] = lo;
        raw[slot + 1] = hi;
        raw[slot + 2] = operation + 1;
      }
      out[i] = operation;
      const count = this.#counts[operation] as number;
      this.#counts[operation] = count + 1;
      if (count === 0) {
        this.#touched[this.#touchedLength] = operation;
        this.#touchedLength += 1;
      }
      this.#errors[operation] = (this.#errors[operation] as number) + (error[i] as number);
      const duration = (end[i] as number) - (start[i] as number);
      if (duration < 0) this.negative += 1;
      durations[i] = duration > 0 ? duration : 0;
    }
    this.#sketches.addEach(out, durations, length);
  }

  /** Hands out one row per operation that had spans since the last call, in order of first occurrence. */
  closeTick(at: EpochMs, durationMs: number, onRow: (row: OperationTick) => void): void {
    const row: OperationTick = {
      operation: 0,
      service: 0,
      name: '',
      kind: 0,
      at,
      count: 0,
      rate: 0,
      errors: 0,
      errorRatio: 0,
      p50: 0,
      p95: 0,
      p99: 0,
    };
    for (let i = 0; i < this.#touchedLength; i += 1) {
      const operation = this.#touched[i] as number;
      const known = this.#operations[operation] as Operation;
      row.operation = operation;
      row.service = known.service;
      row.name = known.name;
      row.kind = known.kind;
      row.count = this.#counts[operation] as number;
      row.errors = this.#errors[operation] as number;
      row.rate = (row.count * 1000) / durationMs;
      row.errorRatio = row.errors / row.count;
      row.p50 = this.#sketches.quantile(operation, 0.5);
      row.p95 = this.#sketches.quantile(operation, 0.95);
      row.p99 = this.#sketches.quantile(operation, 0.99);
      this.#counts[operation] = 0;
      this.#errors[operation] = 0;
      this.#sketches.clear(operation);
      onRow(row);
    }
    this.#touchedLength = 0;
  }

  save(): StateBlob {
    const sketches = this.#sketches.save();
    return {
      version: VERSION,
      arrays: {
        ...sketches.arrays,
        ...this.#cache.save(),
        raw: this.#raw.slice(),
        counts: this.#counts.slice(0, this.size),
        errors: this.#errors.slice(0, this.size),
        touched: this.#touched.slice(0, this.#touchedLength),
      },
      meta: {
        operations: this.#operations.map((operation) => ({ ...operation })),
        sketches: sketches.meta,
        sketchVersion: sketches.version,
        overflowed: this.overflowed,
        negative: this.negative,
      },
    };
  }

  restore(state: StateBlob): void {
    if (state.version !== VERSION) throw new TocsinError('state_version', `span-red state ${state.version} is unknown`);
    const meta = state.meta as {
      operations: Operation[];
      sketches: unknown;
      sketchVersion: number;
      overflowed: number;
      negative: number;
    };
    const arrays = Object.fromEntries(Object.entries(state.arrays).map(([key, array]) => [key, array.slice()]));
    this.#sketches.restore({ version: meta.sketchVersion, arrays, meta: meta.sketches });
    this.#cache.restore(state.arrays);
    this.#raw.set(arrays['raw'] as Int32Array);
    this.#operations.length = 0;
    this.#byKey.clear();
    this.#perService.clear();
    for (const operation of meta.operations) this.#add(operation);
    this.#counts.set(arrays['counts'] as Int32Array);
    this.#errors.set(arrays['errors'] as Int32Array);
    this.#touched.set(arrays['touched'] as Int32Array);
    this.#touchedLength = (arrays['touched'] as Int32Array).length;
    this.overflowed = meta.overflowed;
    this.negative = meta.negative;
  }

  /** The operation of a span whose name was not seen lately in these bytes: ids in it are masked first. */
  #normalised(batch: SpanBatch, i: number): number {
    const hash = this.#hash;
    const seed = Math.imul((batch.service[i] as number) * 8 + (batch.kind[i] as number) + 1, 0x2c1b3c6d);
    hash.hash(batch.buffer, batch.nameStart[i] as number, batch.nameEnd[i] as number, seed);
    let operation = this.#cache.find(hash.lo, hash.hi);
    if (operation < 0) {
      operation = this.#miss(batch, i);
      this.#cache.insert(hash.lo, hash.hi, operation);
    }
    return operation;
  }

  #miss(batch: SpanBatch, i: number): number {
    const service = batch.service[i] as number;
    const kind = batch.kind[i] as number;
    const raw = this.#decode(batch.buffer.subarray(batch.nameStart[i] as number, batch.nameEnd[i] as number));
    const name = operationName(raw);
    const known = this.#byKey.get(keyOf(service, kind, name));
    if (known !== undefined) return known;
    const isFull =
      this.size >= this.#options.maxOperations ||
      (this.#perService.get(service) ?? 0) >= this.#options.maxServiceOperations;
    if (!isFull) return this.#add({ service, kind, name });
    this.overflowed += 1;
    return this.#byKey.get(keyOf(service, kind, OTHER)) ?? this.#add({ service, kind, name: OTHER });
  }

  #add(operation: Operation): number {
    const index = this.#operations.length;
    this.#operations.push(operation);
    this.#byKey.set(keyOf(operation.service, operation.kind, operation.name), index);
    this.#perService.set(operation.service, (this.#perService.get(operation.service) ?? 0) + 1);
    this.#sketches.grow(index + 1);
    if (index >= this.#counts.length) {
      this.#counts = doubled(this.#counts);
      this.#errors = doubled(this.#errors);
      this.#touched = doubled(this.#touched);
    }
    return index;
  }
}

export function createSpanRed(decode: (bytes: Uint8Array) => string, options: Partial<SpanRedOptions> = {}): SpanRed {
  return new SpanRed({ ...defaultsOf(SPAN_RED_OPTIONS), ...options }, decode);
}

function keyOf(service: number, kind: number, name: string): string {
  return `${service}/${kind}/${name}`;
}

function doubled(old: Int32Array): Int32Array {
  const next = new Int32Array(old.length * 2);
  next.set(old);
  return next;
}
