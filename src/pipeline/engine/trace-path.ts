import { createTraceErrors } from '../../detect/trace-errors/trace-errors.ts';
import { createTraceLatency } from '../../detect/trace-latency/trace-latency.ts';
import { createTraceStructure } from '../../detect/trace-structure/trace-structure.ts';
import type { AnomalyKind, EdgeTick, Evidence } from '../../domain/anomaly.ts';
import type { StateBlob } from '../../domain/detector.ts';
import { SPAN_KIND, type SpanBatch } from '../../domain/signal/batch.ts';
import type { ExampleSpan } from '../../domain/signal/history.ts';
import type { ServiceNames } from '../../domain/signal/ticks.ts';
import type { EpochMs } from '../../domain/units.ts';
import { createServiceGraph } from '../../features/service-graph/service-graph.ts';
import { createSpanRed } from '../../features/span-red/span-red.ts';
import { EDGE_FEATURES, SPAN_FEATURES } from '../../features/spec.ts';
import type { Settings } from '../settings.ts';
import type { DerivedPoints } from './derived-points.ts';

/** Client and producer spans are seen again as edges; what a service does for others is its own figure. */
const OWN_WORK = new Set<number>([SPAN_KIND.unspecified, SPAN_KIND.server, SPAN_KIND.consumer]);
const MAX_EXAMPLES = 12;
/** The computed series that shows best what a detector of spans found. */
const SHOWN_BY: Readonly<Partial<Record<AnomalyKind, (typeof SPAN_FEATURES)[keyof typeof SPAN_FEATURES]>>> = {
  latency: SPAN_FEATURES.p99,
  errors: SPAN_FEATURES.errorRatio,
  structure: SPAN_FEATURES.rate,
};
/** Traces given out lately: evidence repeats them tick after tick. */
const REMEMBERED = 1_024;

/** Everything that happens to spans in a shard. */
export class TracePath {
  spans = 0;
  readonly #red;
  readonly #graph;
  readonly #latency = createTraceLatency();
  readonly #gap = createTraceLatency({}, 'gap');
  readonly #errors = createTraceErrors();
  readonly #structure = createTraceStructure();
  #operations = new Int32Array(1_024);
  readonly #given = new Set<string>();

  constructor(decode: (bytes: Uint8Array) => string, settings: Settings) {
    this.#red = createSpanRed(decode, settings.features.span_red);
    this.#graph = createServiceGraph((spans) => {
      this.#latency.observe(spans);
      this.#gap.observe(spans);
      this.#errors.observe(spans);
      this.#structure.observe(spans);
    }, settings.features.service_graph);
  }

  observe(batch: SpanBatch): void {
    if (this.#operations.length < batch.length) this.#operations = new Int32Array(batch.length * 2);
    this.#red.observe(batch, this.#operations);
    this.#graph.observe(batch, this.#operations);
    this.spans += batch.length;
  }

  /** Evidence and edges of the tick; RED figures and edge times go to `derived`. */
  closeTick(
    at: EpochMs,
    durationMs: number,
    names: ServiceNames,
    serviceNamed: (name: string) => number,
    derived: DerivedPoints,
  ): { readonly evidence: Evidence[]; readonly edges: EdgeTick[] } {
    const edges = this.#graph.closeTick(at, durationMs, names);
    this.#red.closeTick(at, durationMs, (row) => {
      if (!OWN_WORK.has(row.kind)) return;
      const { name } = row;
      const labels = () => ({ operation: name });
      derived.add(row.service, SPAN_FEATURES.rate, name, labels, at, row.rate);
      derived.add(row.service, SPAN_FEATURES.errorRatio, name, labels, at, row.errorRatio);
      derived.add(row.service, SPAN_FEATURES.p50, name, labels, at, row.p50);
      derived.add(row.service, SPAN_FEATURES.p99, name, labels, at, row.p99);
    });
    for (const edge of edges) {
      const callee = serviceNamed(edge.callee);
      if (callee < 0) continue;
      const labels = () => ({ caller: edge.caller });
      derived.add(callee, EDGE_FEATURES.serverTime, edge.caller, labels, at, edge.serverMs);
      derived.add(callee, EDGE_FEATURES.gap, edge.caller, labels, at, edge.gapMs);
    }
    const evidence = [this.#latency, this.#gap, this.#errors, this.#structure].flatMap((detector) =>
      detector.closeTick(at, this.#red, names, this.#graph),
    );
    return { evidence: evidence.map((item) => charted(item, serviceNamed(item.service), derived)), edges };
  }

  /** Spans of the traces that evidence points at. */
  examples(evidence: readonly Evidence[], names: ServiceNames): ExampleSpan[] {
    const ids = new Set<string>();
    for (const { traceId } of evidence) {
      if (traceId === undefined || traceId === '' || this.#given.has(traceId)) continue;
      ids.add(traceId);
      if (ids.size === MAX_EXAMPLES) break;
    }
    if (ids.size === 0) return [];
    if (this.#given.size > REMEMBERED) this.#given.clear();
    for (const id of ids) this.#given.add(id);
    return this.#graph.exampleTraces([...ids], names, this.#red);
  }

  save(): Record<string, StateBlob> {
    return {
      'trace.given': { version: 1, arrays: {}, meta: [...this.#given] },
      'trace.red': this.#red.save(),
      'trace.graph': this.#graph.save(),
      'trace.latency': this.#latency.save(),
      'trace.gap': this.#gap.save(),
      'trace.errors': this.#errors.save(),
      'trace.structure': this.#structure.save(),
    };
  }

  restore(parts: Readonly<Record<string, StateBlob>>): void {
    for (const id of parts['trace.given']!.meta as string[]) this.#given.add(id);
    this.#red.restore(parts['trace.red']!);
    this.#graph.restore(parts['trace.graph']!);
    this.#latency.restore(parts['trace.latency']!);
    this.#gap.restore(parts['trace.gap']!);
    this.#errors.restore(parts['trace.errors']!);
    this.#structure.restore(parts['trace.structure']!);
  }
}

/** Evidence of an operation with the series to draw for it. */
function charted(evidence: Evidence, service: number, derived: DerivedPoints): Evidence {
  const feature = SHOWN_BY[evidence.kind];
  const operation = evidence.labels['operation'] ?? evidence.subject ?? '';
  const caller = evidence.labels['caller'];
  if (evidence.series !== '' || feature === undefined) return evidence;
  if (caller !== undefined) return { ...evidence, series: derived.idOf(service, EDGE_FEATURES.gap, caller) };
  return { ...evidence, series: derived.idOf(service, feature, operation) };
}
