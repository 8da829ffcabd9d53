import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSpanBatch, type SpanBatch } from '../../domain/signal/batch.ts';
import { OperationHash, operationName } from './operation-name.ts';
import { createSpanRed, type OperationTick } from './span-red.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const decode = (bytes: Uint8Array): string => decoder.decode(bytes);

interface Plain {
  readonly name: string;
  readonly service: number;
  readonly kind: number;
  readonly duration: number;
  readonly error: number;
}

function batchOf(spans: readonly Plain[]): SpanBatch {
  const batch = createSpanBatch(spans.length);
  const parts = spans.map((span) => encoder.encode(span.name));
  batch.buffer = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  spans.forEach((span, i) => {
    const part = parts[i] as Uint8Array;
    batch.buffer.set(part, offset);
    batch.nameStart[i] = offset;
    offset += part.length;
    batch.nameEnd[i] = offset;
    batch.service[i] = span.service;
    batch.kind[i] = span.kind;
    batch.start[i] = 1000;
    batch.end[i] = 1000 + span.duration;
    batch.error[i] = span.error;
  });
  batch.length = spans.length;
  return batch;
}

const name = fc
  .array(fc.constantFrom('GET ', '/', 'cart', '12', '1234', 'v2', 'v25', '?', 'é1', 'S3.Get', 'a1b2c3d4', '=', ' '), {
    maxLength: 6,
  })
  .map((parts) => parts.join(''));
const span = fc.record({
  name,
  service: fc.nat(2),
  kind: fc.nat(5),
  duration: fc.double({ min: 0, max: 1e5, noNaN: true }),
  error: fc.nat(1),
});

describe('operation names', () => {
  it('hash equal exactly when their texts are equal', () => {
    const hashOf = (text: string): string => {
      const bytes = encoder.encode(text);
      const hash = new OperationHash();
      hash.hash(bytes, 0, bytes.length, 3);
      return `${hash.lo}:${hash.hi}`;
    };
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(hashOf(a) === hashOf(b)).toBe(operationName(a) === operationName(b));
      }),
      { numRuns: 1000 },
    );
    expect(operationName('GET /cart/123/item/9f86d081884c7d65?page=2')).toBe('GET /cart/{id}/item/{id}?page={id}');
    expect(operationName('GET /api/v2/carts')).toBe('GET /api/v2/carts');
  });
});

describe('SpanRed', () => {
  it('counts as a Map of everything would', () => {
    fc.assert(
      fc.property(fc.array(span, { minLength: 1, maxLength: 60 }), (spans) => {
        const red = createSpanRed(decode);
        const out = new Int32Array(spans.length);
        red.observe(batchOf(spans), out);
        const groups = new Map<string, number[]>();
        const errors = new Map<string, number>();
        spans.forEach((one, i) => {
          const key = `${one.service}/${one.kind}/${operationName(one.name)}`;
          groups.set(key, [...(groups.get(key) ?? []), one.duration]);
          errors.set(key, (errors.get(key) ?? 0) + one.error);
          expect(
            `${red.serviceOf(out[i] as number)}/${red.kindOf(out[i] as number)}/${red.nameOf(out[i] as number)}`,
          ).toBe(key);
        });
        const rows: OperationTick[] = [];
        red.closeTick(10_000, 10_000, (row) => rows.push({ ...row }));
        expect(rows.length).toBe(groups.size);
        for (const row of rows) {
          const key = `${row.service}/${row.kind}/${row.name}`;
          const durations = (groups.get(key) as number[]).sort((a, b) => a - b);
          expect(row.count).toBe(durations.length);
          expect(row.errors).toBe(errors.get(key));
          expect(row.errorRatio).toBe(row.errors / row.count);
          const exact = durations[Math.floor(0.99 * (durations.length - 1))] as number;
          expect(Math.abs(row.p99 - exact)).toBeLessThanOrEqual(0.02 * exact + 1e-3);
        }
        const none: OperationTick[] = [];
        red.closeTick(20_000, 10_000, (row) => none.push(row));
        expect(none).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('is bounded: further names of a service are counted together', () => {
    const red = createSpanRed(decode, { maxServiceOperations: 4 });
    const spans = Array.from({ length: 40 }, (_, i) => ({
      name: 'x'.repeat(i + 1),
      service: 0,
      kind: 2,
      duration: 1,
      error: 0,
    }));
    const out = new Int32Array(40);
    red.observe(batchOf(spans), out);
    expect(red.size).toBe(5);
    expect(red.nameOf(out[39] as number)).toBe('other');
    expect(red.overflowed).toBe(36);
  });

  it('goes on the same after restore', () => {
    fc.assert(
      fc.property(fc.array(span, { maxLength: 20 }), fc.array(span, { maxLength: 20 }), (before, after) => {
        const one = createSpanRed(decode, { cacheSlots: 1024 });
        one.observe(batchOf(before), new Int32Array(20));
        const two = createSpanRed(decode, { cacheSlots: 1024 });
        two.restore(one.save());
        const outs = [new Int32Array(20), new Int32Array(20)] as const;
        one.observe(batchOf(after), outs[0]);
        two.observe(batchOf(after), outs[1]);
        expect(outs[1]).toEqual(outs[0]);
        const rows: [OperationTick[], OperationTick[]] = [[], []];
        one.closeTick(1, 1000, (row) => rows[0].push({ ...row }));
        two.closeTick(1, 1000, (row) => rows[1].push({ ...row }));
        expect(rows[1]).toEqual(rows[0]);
      }),
      { numRuns: 40 },
    );
  });
});
