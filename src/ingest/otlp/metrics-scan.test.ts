import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileKernel } from '../../../scripts/build-kernels.ts';
import { NUMBERS_WASM } from '../../stats/kernels/numbers-wasm.ts';
import { ShardSeriesTable } from '../series/series-table.ts';
import { Wire } from '../wire/proto.ts';
import { ProtoWriter } from '../wire/proto-writer.ts';
import { MetricsScan } from './metrics-scan.ts';
import { BodyResources, ResourceCache } from './resource.ts';

function scanner(fast: boolean): (body: Uint8Array) => unknown {
  const resources = new BodyResources(new ResourceCache(new ShardSeriesTable()));
  const scan = fast ? new MetricsScan(new Wire(), resources) : new MetricsScan(new Wire(), resources, null);
  return (body) => {
    resources.begin('default');
    scan.open(body);
    let fault = '';
    try {
      scan.run();
    } catch (error) {
      fault = String(error);
    }
    const { length, keys, time, value, start, end, metric, role } = scan.samples;
    return {
      fault,
      rejected: scan.rejected,
      message: scan.message,
      keys: keys.slice(0, 2 * length),
      columns: [time, value, start, end, metric, role].map((column) => [...column.subarray(0, length)]),
    };
  };
}

/** Fields of a data point, in any order and number; most are those that exporters send. */
const field = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('attribute'), fc.constantFrom('a', 'b'), fc.nat({ max: 300 })) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('time'), fc.constantFrom(0, 1, 1_700_000_000), fc.constant(0)) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('double'), fc.double(), fc.constant(0)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('int'), fc.maxSafeInteger(), fc.constant(0)) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('flags', 'unknown', 'start'), fc.nat({ max: 3 }), fc.constant(0)) },
);
type Field = readonly [string, string | number, number];

function writeField(writer: ProtoWriter, [kind, value, size]: Field): void {
  if (kind === 'attribute') {
    const start = writer.begin(7);
    writer.string(1, String(value));
    const inner = writer.begin(2);
    writer.string(1, 'v'.repeat(size));
    writer.end(inner);
    writer.end(start);
  } else if (kind === 'time') writer.fixed64(3, BigInt(value) * 1_000_000_123n);
  else if (kind === 'double') writer.double(4, Number(value));
  else if (kind === 'int') writer.fixed64(6, BigInt.asUintN(64, BigInt(value)));
  else if (kind === 'start') writer.fixed64(2, 5n);
  else writer.varint(kind === 'flags' ? 8 : 15, Number(value));
}

const usual: fc.Arbitrary<Field[]> = fc
  .tuple(fc.nat({ max: 5 }), fc.nat({ max: 200 }), fc.double({ noNaN: true }))
  .map(([attributes, size, value]) => [
    ['time', 1_700_000_000, 0],
    ['double', value, 0],
    ...Array.from({ length: attributes }, (_, k): Field => ['attribute', `key.${k}`, size + k]),
  ]);
const points = fc.array(
  fc.oneof({ weight: 3, arbitrary: usual }, { weight: 1, arbitrary: fc.array(field, { maxLength: 7 }) }),
  {
    maxLength: 12,
  },
);
const metric = fc.record({ data: fc.constantFrom(5, 7), points, after: fc.boolean() });

function bodyOf(metrics: readonly { data: number; points: readonly Field[][]; after: boolean }[]): Uint8Array {
  const writer = new ProtoWriter();
  const group = writer.begin(1);
  const scope = writer.begin(2);
  for (const { data, points: list, after } of metrics) {
    const start = writer.begin(2);
    writer.string(1, 'name');
    const inner = writer.begin(data);
    if (!after) writer.varint(2, 2);
    for (const fields of list) {
      const point = writer.begin(1);
      for (const one of fields) writeField(writer, one);
      writer.end(point);
    }
    if (after) writer.varint(2, 1);
    writer.end(inner);
    writer.end(start);
  }
  writer.end(scope);
  writer.end(group);
  return writer.finish();
}

test('the kernel reads points as they are read one by one, whatever they hold and whatever was damaged', () => {
  const fast = scanner(true);
  const slow = scanner(false);
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 2 });
  fc.assert(
    fc.property(fc.array(metric, { maxLength: 4 }), damage, fc.nat({ max: 4 }), (metrics, changes, cut) => {
      const body = bodyOf(metrics).slice();
      for (const [at, byte] of changes) if (body.length > 0) body[at % body.length] = byte;
      const sent = cut === 0 ? body.subarray(0, body.length >> 1) : body;
      expect(fast(sent)).toEqual(slow(sent));
    }),
    { numRuns: 400 },
  );
});

test('columns that a body outgrows move, and the next body starts anew', () => {
  const fast = scanner(true);
  const slow = scanner(false);
  const one: Field[] = [
    ['time', 1_700_000_000, 0],
    ['double', 1.5, 0],
  ];
  for (const count of [3, 5000, 2]) {
    const body = bodyOf([{ data: 7, points: Array.from({ length: count }, () => one), after: true }]);
    expect(fast(body)).toEqual(slow(body));
  }
});

test('the kernel is what its source compiles to', async () => {
  expect(await compileKernel('numbers')).toContain(NUMBERS_WASM);
});
