import { describe, expect, test } from 'vitest';
import { createPointBatch } from '../../domain/signal/batch.ts';
import type { Labels } from '../../domain/signal/series.ts';
import type { SeriesTableOptions } from './series-members.ts';
import { ShardSeriesTable } from './series-table.ts';

const MINUTE = 60_000;

/** A table fed with labels; the raw hash is a number made up by the test. */
function fixture(options: SeriesTableOptions = {}) {
  const table = new ShardSeriesTable(options);
  let raw = 1;
  const register = (
    labels: Labels,
    at: number,
    key = raw++,
    metric = 'm',
    service = 'cart',
    tenant = 'default',
  ): number => {
    table.identity.begin(table.ensureService(tenant, service), table.names.metric(metric, '1'), 0);
    for (const [name, value] of Object.entries(labels)) table.identity.addText(name, value);
    return table.register(key, -key, at);
  };
  const touch = (series: number, at: number): void => table.touch(1, Int32Array.of(series), Float64Array.of(at));
  const lookUp = (...keys: number[]): number[] => {
    const out = new Int32Array(keys.length);
    table.resolve(keys.length, Int32Array.from(keys.flatMap((key) => [key, -key])), out);
    return [...out];
  };
  return { table, register, touch, lookUp };
}

describe('identity', () => {
  test('order of labels does not matter, values and metric and tenant do', () => {
    const { register } = fixture();
    const first = register({ a: '1', b: '2', pod: 'p' }, 0);
    expect(register({ pod: 'p', b: '2', a: '1' }, 0)).toBe(first);
    const others = [
      register({ a: '1', b: '3', pod: 'p' }, 0),
      register({ a: '12', b: '' }, 0),
      register({ a: '1', b: '2', pod: 'p' }, 0, 90, 'n'),
      register({ a: '1', b: '2', pod: 'p' }, 0, 91, 'm', 'other'),
      register({ a: '1', b: '2', pod: 'p' }, 0, 92, 'm', 'cart', 'acme'),
    ];
    expect(new Set([first, ...others]).size).toBe(6);
  });

  test('an empty value is no label, of a repeated key the last one counts', () => {
    const { table, register } = fixture();
    table.identity.begin(table.ensureService('default', 'cart'), table.names.metric('m', '1'), 0);
    table.identity.addText('a', 'old');
    table.identity.addText('b', '');
    table.identity.addText('a', 'new');
    const row = table.register(500, -500, 0);
    expect(table.describe(row).labels).toEqual({ a: 'new' });
    expect(register({ a: 'new' }, 0)).toBe(row);
  });

  test('labels of any length and name come back', () => {
    const { table, register } = fixture();
    const labels = { __proto__x: 'ü'.repeat(300), zz: 'x'.repeat(4000), k: 'v' };
    expect(table.describe(register(labels, 0)).labels).toEqual(labels);
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`key${i}`, `value${i}`]));
    expect(table.describe(register(many, 0)).labels).toEqual(many);
  });

  test('ids are stable across tables and differ between series', () => {
    const one = fixture();
    const two = fixture();
    two.register({ other: 'first' }, 0);
    const ids = [{ a: '1' }, { a: '2' }, { a: '1', pod: 'x' }].map((labels) => {
      const id = one.table.describe(one.register(labels, 0)).id;
      expect(two.table.describe(two.register(labels, 0)).id).toBe(id);
      return id;
    });
    expect(ids[0]).toMatch(/^[0-9a-f]{16}$/);
    expect(new Set(ids).size).toBe(3);
  });
});

describe('resolve', () => {
  test('finds every registered raw form in any order, and none other', () => {
    const { table, register, lookUp } = fixture();
    const rows = Array.from({ length: 5000 }, (_, i) => register({ i: String(i) }, 0, i + 1));
    expect(rows).toEqual(Array.from({ length: 5000 }, (_, i) => i));
    const inOrder = lookUp(...rows.map((row) => row + 1));
    expect(inOrder).toEqual(rows);
    const shuffled = rows.map((row) => (row * 1237) % 5000);
    expect(lookUp(...shuffled.map((row) => row + 1))).toEqual(shuffled);
    const gaps = rows.filter((row) => row % 3 !== 1);
    expect(lookUp(...gaps.map((row) => row + 1))).toEqual(gaps);
    const mixed = lookUp(1, 90_001, 2, 3, 90_002, 90_003, 4, 90_004, 5);
    expect(mixed).toEqual([0, -1, 1, 2, -1, -1, 3, -1, 4]);
    expect(table.size).toBe(5000);
  });

  test('many raw forms of one series stay one series', () => {
    const { table, register, lookUp } = fixture();
    for (let key = 1; key <= 100; key++) expect(register({ a: '1' }, 0, key)).toBe(0);
    expect(lookUp(1)).toEqual([0]);
    expect(table.size).toBe(1);
  });
});

describe('instances', () => {
  test('a new pod takes over the row of a silent one and keeps its id', () => {
    const { table, register, touch, lookUp } = fixture();
    const old = register({ route: '/', pod: 'a' }, 0, 11);
    touch(old, 10_000);
    touch(old, 20_000);
    const { id } = table.describe(old);
    const next = register({ route: '/', pod: 'b' }, 20_000 + 2 * MINUTE, 12);
    expect(next).toBe(old);
    expect(table.describe(next)).toMatchObject({ id, instance: 'b' });
    expect(table.drainTakeovers()).toEqual([old]);
    expect(table.drainTakeovers()).toEqual([]);
    // The old pod's raw form leads nowhere now; if it comes back it is a new instance.
    expect(lookUp(11, 12)).toEqual([-1, old]);
    expect(register({ route: '/', pod: 'a' }, 20_000 + 2 * MINUTE, 11)).not.toBe(old);
  });

  test('beside a live pod a new one gets its own row and inherits', () => {
    const { table, register, touch } = fixture();
    const first = register({ pod: 'a' }, 0);
    const twin = register({ pod: 'b' }, 0);
    // Both are cold: nothing to inherit.
    expect(table.drainInheritance()).toEqual([]);
    for (let at = 10_000; at <= 100_000; at += 10_000) for (const row of [first, twin]) touch(row, at);
    const third = register({ pod: 'c' }, 101_000);
    expect(new Set([first, twin, third]).size).toBe(3);
    expect(table.drainInheritance()).toEqual([{ series: third, from: first }]);
    expect(new Set([first, twin, third].map((row) => table.describe(row).id)).size).toBe(3);
    expect(table.describe(third).labels).toEqual(table.describe(first).labels);
  });

  test('a rolling deploy of many pods ends with as many rows as pods', () => {
    const { table, register, touch } = fixture();
    const rows = Array.from({ length: 20 }, (_, i) => register({ pod: `old-${i}` }, 0));
    const ids = rows.map((row) => table.describe(row).id);
    let at = 0;
    const alive = [...rows];
    for (let i = 0; i < 20; i++) {
      for (let k = 0; k < 20; k++) {
        at += 10_000;
        for (let j = i; j < 20; j++) touch(alive[j]!, at);
        for (let j = 0; j < i; j++) touch(alive[j]!, at);
      }
      // Pod i dies; five minutes later its successor comes.
      for (let k = 0; k < 30; k++) {
        at += 10_000;
        for (let j = 0; j < 20; j++) if (j !== i) touch(alive[j]!, at);
      }
      alive[i] = register({ pod: `new-${i}` }, at);
    }
    expect(table.size).toBe(20);
    expect(alive.map((row) => table.describe(row).id)).toEqual(ids);
    expect(alive.map((row) => table.describe(row).instance)).toEqual(Array.from({ length: 20 }, (_, i) => `new-${i}`));
  });

  test('a stale marker frees the row for a successor at once', () => {
    const { table, register, touch } = fixture();
    const row = register({ pod: 'a' }, 0);
    touch(row, 10_000);
    table.markStale(row);
    expect(register({ pod: 'b' }, 11_000)).toBe(row);
  });

  test('a clock far in the future makes nobody look silent once a horizon is set', () => {
    const { table, register, touch } = fixture();
    table.horizon = 60_000;
    const row = register({ pod: 'a' }, 0);
    touch(row, 10_000);
    touch(row, 40_000);
    expect(register({ pod: 'b' }, 4e15)).not.toBe(row);
  });
});

describe('limits and eviction', () => {
  test('beyond the limit new series are refused and counted, known ones go on', () => {
    const { table, register, lookUp } = fixture({ maxSeriesPerTenant: 3 });
    for (let i = 0; i < 3; i++) expect(register({ i: String(i) }, 0, i + 1)).toBe(i);
    for (let k = 0; k < 2; k++) expect(register({ i: 'more' }, 0, 77)).toBe(-1);
    expect(register({ i: 'another' }, 0, 78)).toBe(-1);
    expect(table.refusedSamples('default')).toBe(3);
    expect(lookUp(1, 2, 3, 77)).toEqual([0, 1, 2, -1]);
    expect(register({ i: '1' }, 0, 99)).toBe(1);
    // Another tenant has a limit of its own.
    expect(register({ i: 'more' }, 0, 80, 'm', 'cart', 'acme')).toBe(3);
    expect(table.liveSeries('default')).toBe(3);
    table.evictIdle(1);
    expect(register({ i: 'more' }, 5, 77)).toBeGreaterThanOrEqual(0);
  });

  test('idle series go, their rows are used again in order, the others stay', () => {
    const { table, register, touch, lookUp } = fixture();
    const rows = Array.from({ length: 100 }, (_, i) => register({ i: String(i) }, 1000, i + 1));
    for (const row of rows) if (row % 2 === 0) touch(row, 50_000);
    const evicted = table.evictIdle(20_000);
    expect(evicted.map((eviction) => eviction.series)).toEqual(rows.filter((row) => row % 2 === 1));
    expect(evicted[0]).toEqual({ series: 1, lastSeen: 1000 });
    expect([table.live[0], table.live[1]]).toEqual([1, 0]);
    expect(() => table.describe(1)).toThrow(RangeError);
    expect(lookUp(1, 2, 3, 4)).toEqual([0, -1, 2, -1]);
    expect(register({ i: 'new' }, 60_000, 1000)).toBe(1);
    expect(register({ i: 'newer' }, 60_000, 1001)).toBe(3);
    expect(table.describe(1).labels).toEqual({ i: 'new' });
    expect(table.size).toBe(100);
  });

  test('an evicted series comes back under the same id', () => {
    const { table, register } = fixture();
    const before = ['a', 'b', 'c'].map((pod) => table.describe(register({ x: '1', pod }, 0)).id);
    table.evictIdle(1);
    const after = ['c', 'a', 'b'].map((pod) => table.describe(register({ x: '1', pod }, 5)).id);
    expect(after).toEqual(before);
  });

  test('memory does not grow under churn', () => {
    const { table, register } = fixture();
    const round = (n: number): void => {
      for (let i = 0; i < 2000; i++) register({ i: `${n}-${i}`, filler: 'x'.repeat(50) }, n * 1000);
      table.evictIdle(n * 1000);
    };
    for (let n = 1; n < 5; n++) round(n);
    const settled = table.bytes();
    for (let n = 5; n < 25; n++) round(n);
    expect(table.size).toBeLessThanOrEqual(4000);
    expect(table.bytes()).toBeLessThan(settled * 1.5);
  });
});

describe('computed series', () => {
  test('same arguments, same index; labels, modality and unit come back', () => {
    const { table, register } = fixture();
    register({ a: '1' }, 5000);
    const service = table.ensureService('default', 'cart');
    const row = table.derive(service, 'span.duration.p99', { operation: 'GET /', pod: 'kept' }, 'ms', 'trace');
    expect(table.derive(service, 'span.duration.p99', { pod: 'kept', operation: 'GET /' }, 'ms', 'trace')).toBe(row);
    expect(table.derive(service, 'span.duration.p99', { operation: 'POST /' }, 'ms', 'trace')).not.toBe(row);
    expect(table.derive(service, 'span.duration.p99', { operation: 'GET /', pod: 'kept' }, 'ms', 'log')).not.toBe(row);
    expect(table.describe(row)).toMatchObject({
      modality: 'trace',
      unit: 'ms',
      kind: 6,
      labels: { operation: 'GET /', pod: 'kept' },
    });
  });

  test('one for each instance of the parent', () => {
    const { table, register } = fixture();
    const a = register({ route: '/', pod: 'a' }, 0);
    const b = register({ route: '/', pod: 'b' }, 0);
    const pa = table.deriveFrom(a, 'm.p99', 's');
    const pb = table.deriveFrom(b, 'm.p99', 's');
    expect(pa).not.toBe(pb);
    expect(table.deriveFrom(a, 'm.p99', 's')).toBe(pa);
    expect(table.describe(pb)).toMatchObject({ metric: 'm.p99', instance: 'b' });
  });

  test('that of a new instance starts from its sibling, once the sibling has learnt something', () => {
    const { table, register } = fixture();
    const a = register({ route: '/', pod: 'a' }, 0);
    const pa = table.deriveFrom(a, 'm.p99', 's');
    const batch = createPointBatch(1);
    batch.length = 1;
    batch.series[0] = pa;
    for (const time of [10_000, 20_000]) {
      batch.time[0] = time;
      table.touchBatch(batch);
    }
    const b = register({ route: '/', pod: 'b' }, 20_000);
    table.drainInheritance();
    const pb = table.deriveFrom(b, 'm.p99', 's');
    expect(table.drainInheritance()).toEqual([{ series: pb, from: pa }]);
    table.deriveFrom(b, 'm.p99', 's');
    expect(table.drainInheritance()).toEqual([]);
  });
});

describe('deploys', () => {
  test('a new version is one deploy however the pods alternate, a roll-back another', () => {
    const { names } = fixture().table;
    const service = names.service('default', 'cart');
    expect(names.noteVersion(service, '1', 0)).toBeNull();
    expect(names.noteVersion(service, '2', 10)).toEqual({ service: 'cart', from: '1', to: '2', at: 10 });
    for (let at = 20; at < 200; at += 20) {
      expect(names.noteVersion(service, '1', at)).toBeNull();
      expect(names.noteVersion(service, '2', at + 10)).toBeNull();
    }
    expect(names.noteVersion(service, '1', 200 + 301_000)).toMatchObject({ from: '2', to: '1' });
    expect(names.describeService(service).version).toBe('1');
  });
});

describe('save and restore', () => {
  test('goes on exactly alike, after eviction, churn and refusals', () => {
    const build = () => {
      const f = fixture({ maxSeriesPerTenant: 60 });
      for (let i = 0; i < 50; i++) f.register({ i: String(i % 25), pod: `p${i}` }, i < 10 ? 0 : 100_000, i + 1);
      f.table.evictIdle(50_000);
      for (let i = 0; i < 40; i++) f.register({ i: String(i % 25), pod: `q${i}` }, 101_000, i + 101);
      return f;
    };
    const one = build();
    const two = fixture({ maxSeriesPerTenant: 60 });
    // Through JSON for meta, as a snapshot file does.
    const blob = one.table.save();
    two.table.restore({ ...blob, meta: JSON.parse(JSON.stringify(blob.meta)) });
    expect(two.table.save()).toEqual(blob);
    const steps = (f: ReturnType<typeof fixture>): unknown[] => {
      const log: unknown[] = [f.lookUp(...Array.from({ length: 160 }, (_, i) => i + 1))];
      for (let i = 0; i < 30; i++) log.push(f.register({ i: String(i % 30), pod: `r${i}` }, 400_000, i + 201));
      log.push(f.table.drainInheritance(), f.table.drainTakeovers(), f.table.evictIdle(200_000));
      log.push(f.table.refusedSamples('default'));
      for (let i = 0; i < 30; i++) log.push(f.register({ z: String(i) }, 400_000, i + 301));
      for (let row = 0; row < f.table.size; row++) if (f.table.live[row] === 1) log.push(f.table.describe(row));
      return log;
    };
    expect(steps(two)).toEqual(steps(one));
  });

  test('refuses another version', () => {
    const { table } = fixture();
    expect(() => table.restore({ ...table.save(), version: 99 })).toThrow(/version/);
  });
});

test('touchBatch notes the time of a batch', () => {
  const { table, register } = fixture();
  const row = register({ a: '1' }, 0);
  const batch = createPointBatch(4);
  batch.series[0] = row;
  batch.time[0] = 9000;
  batch.length = 1;
  table.touchBatch(batch);
  expect(table.lastSeen[row]).toBe(9000);
});
