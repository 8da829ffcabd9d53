import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSpanBatch, type SpanBatch } from '../../domain/signal/batch.ts';
import type { SettledSpans } from '../../domain/signal/ticks.ts';
import { createServiceGraph } from './service-graph.ts';

interface Plain {
  readonly id: number;
  readonly parent: number;
  readonly service: number;
  readonly start: number;
  readonly end: number;
  readonly error?: number;
}
interface Settled {
  readonly operation: number;
  readonly service: number;
  readonly parentService: number;
  readonly self: number;
  readonly gap: number;
}

function batchOf(spans: readonly Plain[], trace = 7): SpanBatch {
  const batch = createSpanBatch(spans.length);
  const ids = new DataView(batch.spanIds.buffer);
  const parents = new DataView(batch.parentIds.buffer);
  spans.forEach((span, i) => {
    // Random-looking ids, as senders make them.
    ids.setUint32(i * 8, Math.imul(span.id, 0x9e3779b1) >>> 0);
    ids.setUint32(i * 8 + 4, span.id);
    if (span.parent > 0) {
      parents.setUint32(i * 8, Math.imul(span.parent, 0x9e3779b1) >>> 0);
      parents.setUint32(i * 8 + 4, span.parent);
    }
    batch.traceIds[i * 16] = trace;
    batch.service[i] = span.service;
    batch.start[i] = span.start;
    batch.end[i] = span.end;
    batch.error[i] = span.error ?? 0;
  });
  batch.length = spans.length;
  return batch;
}
const operationsOf = (spans: readonly Plain[]): Int32Array => Int32Array.from(spans, (span) => span.id);
const names = (service: number): string => `s${service}`;

function run(
  spans: readonly Plain[],
  chunks: number,
): { settled: Settled[]; graph: ReturnType<typeof createServiceGraph> } {
  const settled: Settled[] = [];
  const graph = createServiceGraph(
    (columns: SettledSpans) => {
      for (let i = 0; i < columns.length; i += 1) {
        settled.push({
          operation: columns.operation[i] as number,
          service: columns.service[i] as number,
          parentService: columns.parentService[i] as number,
          self: columns.selfMs[i] as number,
          gap: columns.gapMs[i] as number,
        });
      }
    },
    { slots: 4096, exampleSpans: 512 },
  );
  const size = Math.ceil(spans.length / chunks);
  for (let i = 0; i < spans.length; i += size) {
    const part = spans.slice(i, i + size);
    graph.observe(batchOf(part), operationsOf(part));
  }
  return { settled, graph };
}

/** A tree of spans with children inside their parents, in any order of arrival. */
const tree = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(1000), fc.nat(3), fc.nat(100), fc.nat(100)), { minLength: 1, maxLength: 40 }),
    fc.infiniteStream(fc.nat(1000)),
  )
  .map(([picks, keys]) => {
    const spans: Plain[] = [{ id: 1, parent: 0, service: 0, start: 1000, end: 2000 }];
    for (const [pick, service, from, length] of picks) {
      const parent = spans[pick % spans.length] as Plain;
      const start = parent.start + ((parent.end - parent.start) * from) / 200;
      spans.push({
        id: spans.length + 1,
        parent: parent.id,
        service,
        start,
        end: start + ((parent.end - start) * length) / 100,
      });
    }
    return spans
      .map((span) => ({ span, key: keys.next().value as number }))
      .sort((a, b) => a.key - b.key || a.span.id - b.span.id)
      .map((one) => one.span);
  });

describe('ServiceGraph', () => {
  it('joins spans in any order exactly as a Map of everything would', () => {
    fc.assert(
      fc.property(tree, fc.integer({ min: 1, max: 4 }), (spans, chunks) => {
        const { settled, graph } = run(spans, chunks);
        const edges = graph.closeTick(20_000, 10_000, names);
        expect(settled.length).toBe(spans.length);
        const byId = new Map(spans.map((span) => [span.id, span]));
        for (const one of settled) {
          const span = byId.get(one.operation) as Plain;
          const children = spans.filter((child) => child.parent === span.id);
          const sum = children.reduce((total, child) => total + (child.end - child.start), 0);
          const envelope =
            children.length === 0
              ? 0
              : Math.max(...children.map((c) => c.end)) - Math.min(...children.map((c) => c.start));
          expect(one.self).toBeCloseTo(Math.max(0, span.end - span.start - Math.min(sum, envelope)), 6);
          const parent = byId.get(span.parent);
          expect(one.parentService).toBe(parent?.service ?? -1);
          if (parent !== undefined && parent.service !== span.service) {
            expect(one.gap).toBeCloseTo(Math.max(0, parent.end - parent.start - (span.end - span.start)), 6);
          } else expect(one.gap).toBeNaN();
        }
        const calls = edges.reduce((total, edge) => total + edge.calls, 0);
        expect(calls).toBe(settled.filter((one) => !Number.isNaN(one.gap)).length);
      }),
      { numRuns: 100 },
    );
  });

  it('settles early rather than losing spans when the table is small, and stays bounded', () => {
    let count = 0;
    const graph = createServiceGraph(
      (columns) => {
        count += columns.length;
      },
      { slots: 1024, exampleSpans: 256 },
    );
    for (let k = 0; k < 20; k += 1) {
      const spans = Array.from({ length: 300 }, (_, i) => ({
        id: k * 300 + i + 1,
        parent: 0,
        service: 0,
        start: 1000,
        end: 1001,
      }));
      graph.observe(batchOf(spans), operationsOf(spans));
    }
    graph.closeTick(100_000, 10_000, names);
    expect(count).toBe(6000);
  });

  it('counts a span that was sent twice once', () => {
    const spans: Plain[] = [{ id: 1, parent: 0, service: 0, start: 0, end: 5 }];
    const { settled, graph } = run([...spans, ...spans], 2);
    graph.closeTick(20_000, 10_000, names);
    expect(settled.length).toBe(1);
    expect(graph.duplicates).toBe(1);
  });

  it('reports a slow network and failing calls as surprise on the edge, and remembers the topology', () => {
    const graph = createServiceGraph(() => {});
    let id = 1;
    let last = graph.closeTick(0, 10_000, names);
    for (let tick = 1; tick <= 60; tick += 1) {
      const isBad = tick === 60;
      const spans: Plain[] = [];
      for (let k = 0; k < 20; k += 1) {
        const at = tick * 10_000 - 9000 + k * 100;
        const wait = 4 + (((tick * 7 + k * 3) % 10) / 10) * 2 + (isBad ? 200 : 0);
        spans.push({ id, parent: 0, service: 0, start: at, end: at + 10 + wait });
        spans.push({
          id: id + 1,
          parent: id,
          service: 1,
          start: at,
          end: at + 10,
          error: isBad && k % 2 === 0 ? 1 : 0,
        });
        id += 2;
      }
      graph.observe(batchOf(spans), operationsOf(spans));
      last = graph.closeTick(tick * 10_000, 10_000, names);
      if (tick < 60) expect(Math.max(0, ...last.map((edge) => edge.gapSurprise))).toBeLessThan(3);
    }
    const [edge] = last;
    expect(edge?.caller).toBe('s0');
    expect(edge?.callee).toBe('s1');
    expect(edge?.gapSurprise).toBeGreaterThan(3);
    expect(edge?.errorSurprise).toBeGreaterThan(3);
    expect(edge?.serverSurprise).toBeLessThan(2);
    const [known] = graph.edges();
    expect(known?.callsPerSecond).toBeCloseTo(2, 0);
    expect(known?.serverMs).toBeCloseTo(10, 0);
  });

  it('keeps example traces whole and goes on the same after restore', () => {
    const spans: Plain[] = [
      { id: 1, parent: 0, service: 0, start: 0, end: 50 },
      { id: 2, parent: 1, service: 1, start: 10, end: 40, error: 1 },
    ];
    const one = run(spans, 1);
    const copy = createServiceGraph(() => {}, { slots: 4096, exampleSpans: 512 });
    copy.restore(one.graph.save());
    const catalogue = { size: 3, serviceOf: () => 0, nameOf: (operation: number) => `op${operation}` };
    const id = one.graph.traceIdOf(0);
    expect(id).toBe(`07${'0'.repeat(30)}`);
    const shown = copy.exampleTraces([id], names, catalogue);
    expect(shown).toEqual(one.graph.exampleTraces([id], names, catalogue));
    expect(shown.map((span) => [span.service, span.name, span.durationMs, span.error])).toEqual([
      ['s0', 'op1', 50, false],
      ['s1', 'op2', 30, true],
    ]);
    expect(copy.closeTick(20_000, 10_000, names)).toEqual(one.graph.closeTick(20_000, 10_000, names));
    expect(copy.save()).toEqual(one.graph.save());
  });
});
