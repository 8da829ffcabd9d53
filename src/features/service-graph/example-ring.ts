import type { StateArray } from '../../domain/detector.ts';
import type { SpanBatch } from '../../domain/signal/batch.ts';
import type { ExampleSpan } from '../../domain/signal/history.ts';
import type { OperationCatalogue, ServiceNames, TraceExamples } from '../../domain/signal/ticks.ts';
import { wordsOf } from './words.ts';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const REFERENCES = 0x40000000;

/**
 * The last spans of a sample of traces, complete enough to draw. Traces are sampled by a hash of their id, so a kept trace
 * is kept whole; the share halves when a tick brings more spans than a third of the ring and doubles when far fewer.
 */
export class ExampleRing implements TraceExamples {
  /** Traces with these low bits of their hash at zero are kept. */
  #sampleMask = 0;
  readonly #size: number;
  readonly #traceIds: Uint8Array;
  readonly #spanIds: Uint8Array;
  readonly #parentIds: Uint8Array;
  readonly #service: Int32Array;
  readonly #operation: Int32Array;
  readonly #start: Float64Array;
  readonly #duration: Float64Array;
  readonly #error: Uint8Array;
  /** The id columns by words. */
  readonly #traceWords: Int32Array;
  readonly #spanWords: Int32Array;
  readonly #parentWords: Int32Array;
  #next = 0;
  #written = 0;
  #seen = 0;

  constructor(size: number) {
    this.#size = size;
    this.#traceIds = new Uint8Array(size * 16);
    this.#spanIds = new Uint8Array(size * 8);
    this.#parentIds = new Uint8Array(size * 8);
    this.#service = new Int32Array(size);
    this.#operation = new Int32Array(size);
    this.#start = new Float64Array(size);
    this.#duration = new Float64Array(size);
    this.#error = new Uint8Array(size);
    this.#traceWords = new Int32Array(this.#traceIds.buffer);
    this.#spanWords = new Int32Array(this.#spanIds.buffer);
    this.#parentWords = new Int32Array(this.#parentIds.buffer);
  }

  /** Keeps the sampled spans of a batch; writes each one's reference (-1 if not kept) to `out`. */
  add(batch: SpanBatch, operations: Int32Array, out: Int32Array): void {
    const { length, start, end, service, error } = batch;
    const words = wordsOf(batch.traceIds, length * 4);
    const spans = wordsOf(batch.spanIds, length * 2);
    const parents = wordsOf(batch.parentIds, length * 2);
    const mask = this.#sampleMask;
    this.#seen += length;
    for (let i = 0; i < length; i += 1) {
      // Random in any of their bytes, as senders make them.
      const word = (words[i * 4 + 3] as number) ^ (words[i * 4 + 1] as number);
      const hash = Math.imul(word ^ (word >>> 15), 0x9e3779b1 | 0) >>> 12;
      if ((hash & mask) !== 0) {
        out[i] = -1;
        continue;
      }
      const at = this.#next % this.#size;
      for (let j = 0; j < 4; j += 1) this.#traceWords[at * 4 + j] = words[i * 4 + j] as number;
      for (let j = 0; j < 2; j += 1) {
        this.#spanWords[at * 2 + j] = spans[i * 2 + j] as number;
        this.#parentWords[at * 2 + j] = parents[i * 2 + j] as number;
      }
      this.#service[at] = service[i] as number;
      this.#operation[at] = operations[i] as number;
      this.#start[at] = start[i] as number;
      this.#duration[at] = Math.max(0, (end[i] as number) - (start[i] as number));
      this.#error[at] = error[i] as number;
      out[i] = this.#next;
      this.#next = (this.#next + 1) % REFERENCES;
      if (this.#written < this.#size) this.#written += 1;
    }
  }

  /** Adapts the sampling to what the tick brought. */
  closeTick(): void {
    const kept = this.#seen / (this.#sampleMask + 1);
    if (kept > this.#size / 3) this.#sampleMask = ((this.#sampleMask << 1) | 1) & 0xffff;
    else if (kept < this.#size / 12) this.#sampleMask >>= 1;
    this.#seen = 0;
  }

  traceIdOf(reference: number): string {
    if (reference < 0) return '';
    const age = (this.#next - reference + REFERENCES) % REFERENCES;
    if (age === 0 || age > this.#written) return '';
    return hexOf(this.#traceIds, (reference % this.#size) * 16, 16);
  }

  /** Spans of the given traces still in the ring, in order of arrival. */
  spansOf(traceIds: readonly string[], names: ServiceNames, operations: OperationCatalogue): ExampleSpan[] {
    const wanted = new Set(traceIds);
    const spans: ExampleSpan[] = [];
    if (wanted.size === 0) return spans;
    // Nearly every span is of another trace: told by the first word of its id, without making a text of it.
    const words = new Set(traceIds.map(firstWordOf));
    for (let k = this.#written; k > 0; k -= 1) {
      const at = ((this.#next - k + REFERENCES) % REFERENCES) % this.#size;
      if (!words.has(this.#traceWords[at * 4]!)) continue;
      const traceId = hexOf(this.#traceIds, at * 16, 16);
      if (!wanted.has(traceId)) continue;
      spans.push({
        traceId,
        spanId: hexOf(this.#spanIds, at * 8, 8),
        parentId: idOrEmpty(hexOf(this.#parentIds, at * 8, 8)),
        service: names(this.#service[at] as number),
        name: operations.nameOf(this.#operation[at] as number),
        start: this.#start[at] as number,
        durationMs: this.#duration[at] as number,
        error: this.#error[at] !== 0,
      });
    }
    return spans;
  }

  save(): Record<string, StateArray> {
    return {
      ringTraceIds: this.#traceIds.slice(),
      ringSpanIds: this.#spanIds.slice(),
      ringParentIds: this.#parentIds.slice(),
      ringService: this.#service.slice(),
      ringOperation: this.#operation.slice(),
      ringStart: this.#start.slice(),
      ringDuration: this.#duration.slice(),
      ringError: this.#error.slice(),
      ringClock: Float64Array.of(this.#next, this.#written, this.#seen, this.#sampleMask),
    };
  }

  restore(arrays: Readonly<Record<string, StateArray>>): void {
    this.#traceIds.set(arrays['ringTraceIds'] as Uint8Array);
    this.#spanIds.set(arrays['ringSpanIds'] as Uint8Array);
    this.#parentIds.set(arrays['ringParentIds'] as Uint8Array);
    this.#service.set(arrays['ringService'] as Int32Array);
    this.#operation.set(arrays['ringOperation'] as Int32Array);
    this.#start.set(arrays['ringStart'] as Float64Array);
    this.#duration.set(arrays['ringDuration'] as Float64Array);
    this.#error.set(arrays['ringError'] as Uint8Array);
    const clock = arrays['ringClock'] as Float64Array;
    this.#next = clock[0] as number;
    this.#written = clock[1] as number;
    this.#seen = clock[2] as number;
    this.#sampleMask = clock[3] as number;
  }
}

function hexOf(bytes: Uint8Array, at: number, length: number): string {
  let text = '';
  for (let i = at; i < at + length; i += 1) text += HEX[bytes[i] as number] as string;
  return text;
}

function idOrEmpty(id: string): string {
  return /[^0]/u.test(id) ? id : '';
}

/** The first four bytes of an id in hex, as the words of the ring have them. */
function firstWordOf(id: string): number {
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i += 1) bytes[i] = Number.parseInt(id.slice(2 * i, 2 * i + 2), 16);
  return new Int32Array(bytes.buffer)[0]!;
}
