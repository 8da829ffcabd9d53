import type { EdgeTick } from '../../domain/anomaly.ts';
import type { StateBlob } from '../../domain/detector.ts';
import { TocsinError } from '../../domain/error.ts';
import { defaultsOf, type Options, type OptionsSpec } from '../../domain/options.ts';
import type { SpanBatch } from '../../domain/signal/batch.ts';
import type { ExampleSpan } from '../../domain/signal/history.ts';
import type { OperationCatalogue, ServiceNames, SettledSpans, TraceExamples } from '../../domain/signal/ticks.ts';
import type { EpochMs } from '../../domain/units.ts';
import { Edges, type KnownEdge } from './edges.ts';
import { ExampleRing } from './example-ring.ts';
import { SpanTable } from './span-table.ts';

export type { KnownEdge } from './edges.ts';

export const SERVICE_GRAPH_OPTIONS = {
  slots: {
    type: 'integer',
    default: 131_072,
    min: 1024,
    max: 16_777_216,
    doc: 'Places of the table that joins spans; half as many spans are remembered, 92 bytes each; rounded up to a power of two.',
  },
  settle: {
    type: 'duration',
    default: 5000,
    min: 0,
    max: 300_000,
    doc: 'How long a span waits for its parent and children, in event time.',
  },
  maxEdges: { type: 'integer', default: 4096, min: 16, max: 1_000_000, doc: 'Edges kept a shard.' },
  forgetAfter: {
    type: 'duration',
    default: 86_400_000,
    min: 60_000,
    doc: 'Edges without a call for this long leave the graph.',
  },
  exampleSpans: {
    type: 'integer',
    default: 32_768,
    min: 256,
    max: 4_194_304,
    doc: 'Recent spans kept for example traces, 57 bytes each.',
  },
} as const satisfies OptionsSpec;
export type ServiceGraphOptions = Options<typeof SERVICE_GRAPH_OPTIONS>;

const VERSION = 2;

/** Spans -> edges between services, self times and gaps, and recent traces to show. */
export class ServiceGraph implements TraceExamples {
  readonly #options: ServiceGraphOptions;
  readonly #table: SpanTable;
  readonly #edges: Edges;
  readonly #ring: ExampleRing;
  #references: Int32Array = new Int32Array(1024);
  #at = 0;

  /** `onSettled` gets spans whose neighbours had time to arrive; the columns are reused after the call. */
  constructor(options: ServiceGraphOptions, onSettled: (spans: SettledSpans) => void) {
    this.#options = options;
    this.#edges = new Edges(options.maxEdges);
    this.#ring = new ExampleRing(options.exampleSpans);
    const slots = 1 << (32 - Math.clz32(options.slots - 1));
    this.#table = new SpanTable(slots, options.settle, (spans) => {
      this.#edges.add(spans);
      onSettled(spans);
    });
  }

  /** Spans that lost their place in a full table before they settled. */
  get collisions(): number {
    return this.#table.collisions;
  }

  get duplicates(): number {
    return this.#table.duplicates;
  }

  /** Calls along edges beyond `maxEdges`. */
  get overflowed(): number {
    return this.#edges.overflowed;
  }

  /** `operations[i]` is the operation of span i, from span-red. */
  observe(batch: SpanBatch, operations: Int32Array): void {
    if (this.#references.length < batch.length) this.#references = new Int32Array(batch.length * 2);
    this.#ring.add(batch, operations, this.#references);
    this.#table.add(batch, operations, this.#references);
    this.#table.settle();
  }

  /** Settles what may settle at `at` (end of the tick) and returns the edges that had calls. */
  closeTick(at: EpochMs, durationMs: number, names: ServiceNames): EdgeTick[] {
    this.#at = at;
    if (at > this.#table.watermark) this.#table.watermark = at;
    this.#table.settle();
    this.#ring.closeTick();
    return this.#edges.closeTick(at, durationMs, names);
  }

  /** The graph as learnt; edges without a call for `forgetAfter` are left out. */
  edges(): KnownEdge[] {
    return this.#edges.known(this.#at - this.#options.forgetAfter);
  }

  traceIdOf(reference: number): string {
    return this.#ring.traceIdOf(reference);
  }

  /** Spans of the given traces that are still kept. */
  exampleTraces(traceIds: readonly string[], names: ServiceNames, operations: OperationCatalogue): ExampleSpan[] {
    return this.#ring.spansOf(traceIds, names, operations);
  }

  save(): StateBlob {
    return {
      version: VERSION,
      arrays: { ...this.#table.save(), ...this.#edges.save(), ...this.#ring.save() },
      meta: { at: this.#at },
    };
  }

  restore(state: StateBlob): void {
    if (state.version !== VERSION)
      throw new TocsinError('state_version', `service-graph state ${state.version} is unknown`);
    this.#table.restore(state.arrays);
    this.#edges.restore(state.arrays);
    this.#ring.restore(state.arrays);
    this.#at = (state.meta as { at: number }).at;
  }
}

export function createServiceGraph(
  onSettled: (spans: SettledSpans) => void,
  options: Partial<ServiceGraphOptions> = {},
): ServiceGraph {
  return new ServiceGraph({ ...defaultsOf(SERVICE_GRAPH_OPTIONS), ...options }, onSettled);
}
