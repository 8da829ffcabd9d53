import protobuf from 'protobufjs';
import type { SignalSink } from '../src/domain/ports.ts';
import type { SpanBatch } from '../src/domain/signal/batch.ts';
import { createServiceGraph } from '../src/features/service-graph/service-graph.ts';
import { createSpanRed } from '../src/features/span-red/span-red.ts';
import { createOtlpDecoders } from '../src/ingest/otlp/json.ts';
import { OTLP_PROTO } from '../src/ingest/otlp/otlp.fixture.ts';
import { ResourceCache } from '../src/ingest/otlp/resource.ts';
import { ShardSeriesTable } from '../src/ingest/series/series-table.ts';
import { DerivedPoints } from '../src/pipeline/engine/derived-points.ts';
import { TracePath } from '../src/pipeline/engine/trace-path.ts';
import { settingsSchema } from '../src/pipeline/settings.ts';
import { reportBar } from './measure.ts';
import { spansPayloads } from './payload.ts';

/**
 * OTLP span bodies to RED figures, edges and self times, and through the engine's `TracePath` to p-values, the cost of a tick
 * spread over its spans,
 * against a protobuf library with Maps. CPU time, one thread, all in one run. `node bench/spans.ts [spans]`. Bodies are
 * cycled: there must be several times more spans than the join table has slots, or they count as sent twice (and not about
 * four times its rows, where numbers of rows come round).
 */
const SPANS = Number(process.argv[2] ?? 350_000);
const ROUNDS = 7;
/** Passes over the bodies a tick: 700,000 spans are 10 s of a shard at 70,000 spans a second. */
const PASSES = 2;
const text = new TextDecoder();
const red = createSpanRed((bytes) => text.decode(bytes));
const graph = createServiceGraph(() => undefined);
const table = new ShardSeriesTable();
const path = new TracePath((bytes) => text.decode(bytes), settingsSchema.parse({}));
const derived = new DerivedPoints(table, 'trace');
const operations = new Int32Array(65_536);
const names = (service: number): string => `service ${service}`;
const serviceNamed = (name: string): number => Number(name.slice(8));

let spans = 0;
let onSpans: (batch: SpanBatch) => void = () => undefined;
const ignore = (): undefined => undefined;
const sink: SignalSink = {
  points: ignore,
  histograms: ignore,
  logs: ignore,
  spans: (batch) => onSpans(batch),
  deploy: ignore,
  stale: ignore,
};
const { protobuf: ours } = createOtlpDecoders(new ResourceCache(table));
const bodies = spansPayloads({ items: SPANS });

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Median of millions of spans per CPU second. */
function measure(rounds: number, run: () => void): number {
  const rates: number[] = [];
  for (let r = 0; r < rounds; r += 1) {
    spans = 0;
    const before = cpuSeconds();
    run();
    rates.push(spans / (cpuSeconds() - before) / 1e6);
  }
  return rates.sort((a, b) => a - b)[rounds >> 1] as number;
}

let at = 1_700_000_000_000;
let findings = 0;
let rows = 0;
const pass = (): void => {
  for (const body of bodies) ours.traces.decode(body, 'default', sink);
};
const closeTick = (): void => {
  at += 10_000;
  red.closeTick(at, 10_000, () => {
    rows += 1;
  });
  rows += graph.closeTick(at, 10_000, names).length;
};
const toRed = (batch: SpanBatch): void => {
  red.observe(batch, operations);
  spans += batch.length;
};
const toEdges = (batch: SpanBatch): void => {
  toRed(batch);
  graph.observe(batch, operations);
};
onSpans = toEdges;
pass();
const decoded = measure(ROUNDS, () => {
  onSpans = (batch) => {
    spans += batch.length;
  };
  pass();
});
const withRed = measure(ROUNDS, () => {
  onSpans = toRed;
  pass();
});
const withEdges = measure(ROUNDS, () => {
  onSpans = toEdges;
  for (let k = 0; k < PASSES; k += 1) pass();
  closeTick();
});
const judged = measure(ROUNDS, () => {
  onSpans = (batch) => {
    path.observe(batch);
    spans += batch.length;
  };
  for (let k = 0; k < PASSES; k += 1) pass();
  at += 10_000;
  derived.begin();
  findings += path.closeTick(at, 10_000, names, serviceNamed, derived).evidence.length;
});

const Request = protobuf.parse(OTLP_PROTO).root.lookupType('otlp.ExportTraceServiceRequest');
interface Decoded {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: {
      spans: {
        name: string;
        kind: number;
        spanId: Uint8Array;
        parentSpanId: Uint8Array;
        startTimeUnixNano: unknown;
        endTimeUnixNano: unknown;
      }[];
    }[];
  }[];
}
const byOperation = new Map<string, { count: number; sum: number }>();
const owner = new Map<string, string>();
const edges = new Map<string, number>();
const library = measure(3, () => {
  for (const body of bodies.slice(0, 20)) {
    for (const group of (Request.decode(body) as unknown as Decoded).resourceSpans) {
      const service = group.resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
      for (const scope of group.scopeSpans) {
        for (const span of scope.spans) {
          const key = `${service}/${span.name}/${span.kind}`;
          const figures = byOperation.get(key) ?? { count: 0, sum: 0 };
          figures.count += 1;
          figures.sum += Number(span.endTimeUnixNano) - Number(span.startTimeUnixNano);
          byOperation.set(key, figures);
          owner.set(Buffer.from(span.spanId).toString('hex'), service);
          const parent = owner.get(Buffer.from(span.parentSpanId).toString('hex'));
          if (parent !== undefined) edges.set(`${parent}/${service}`, (edges.get(`${parent}/${service}`) ?? 0) + 1);
          spans += 1;
        }
      }
    }
  }
});
const bytes = bodies.reduce((sum, body) => sum + body.length, 0) / SPANS;
console.log(
  `spans, ${bytes.toFixed(0)} B each, ${red.size} operations, ${graph.edges().length} edges, ${graph.duplicates} taken as sent twice, ${graph.collisions} collisions, M spans/s/core (CPU time):`,
);
console.log(`  decode                          ${decoded.toFixed(2)}`);
console.log(`  bytes -> RED                    ${withRed.toFixed(2)}`);
console.log(
  `  bytes -> RED + edges            ${withEdges.toFixed(2)}  (${(withEdges / library).toFixed(0)}x the library)`,
);
console.log(
  `  bytes -> RED + edges -> p       ${judged.toFixed(2)}  (bar 2.5, TracePath with ticks; ${findings} findings, ${rows} rows)`,
);
console.log(`  protobufjs + Maps               ${library.toFixed(2)}`);
reportBar(
  'spans-to-p',
  judged,
  `${withEdges.toFixed(2)} to RED and edges; ${(withEdges / library).toFixed(0)} times protobufjs with Maps`,
);
