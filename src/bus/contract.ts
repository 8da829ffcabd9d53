import { expect, test } from 'vitest';
import type { Bus, BusRecord } from './bus.ts';

/** What every bus must do. `name` must be unlike any before: topics stay. */
export function busContract(
  open: () => Promise<{ readonly bus: Bus; readonly name: (topic: string) => string }>,
): void {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const read = ({ value }: BusRecord): string => new TextDecoder().decode(value);
  const fail = (error: Error): never => {
    throw error;
  };

  test('keeps the order of a partition, whatever is sent at once', async () => {
    const { bus, name } = await open();
    const topic = name('order');
    await bus.ensureTopics([{ name: topic, partitions: 3 }]);
    const producer = bus.producer();
    const sent = Array.from({ length: 300 }, (_, i) => ({ topic, partition: i % 3, value: text(String(i)) }));
    await Promise.all(sent.map((message) => producer.send([message])));
    const got: number[][] = [[], [], []];
    const all = Promise.withResolvers<void>();
    const reader = bus.reader(
      topic,
      (records) => {
        for (const record of records) got[record.partition]!.push(Number(read(record)));
        if (got.flat().length === 300) all.resolve();
      },
      fail,
    );
    for (const partition of [0, 1, 2]) reader.start(partition, 0);
    await all.promise;
    await reader.close();
    for (const [partition, values] of got.entries())
      expect(values).toEqual(Array.from({ length: 100 }, (_, i) => 3 * i + partition));
  });

  test('gives back headers, keys and every byte of a value', async () => {
    const { bus, name } = await open();
    const topic = name('bytes');
    await bus.ensureTopics([{ name: topic, partitions: 1 }]);
    const value = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7919) >> 3);
    await bus
      .producer()
      .send([{ topic, partition: 0, value, key: 'clé', headers: { schema: '7', signal: 'metrics' } }]);
    const [record] = await collect(bus, topic, 1);
    expect(record!.key).toBe('clé');
    expect(record!.headers).toEqual({ schema: '7', signal: 'metrics' });
    expect(Buffer.compare(record!.value, value)).toBe(0);
    expect(record!.value.constructor).toBe(Uint8Array);
  });

  test('reads from where it is told, and again when it is told again', async () => {
    const { bus, name } = await open();
    const topic = name('position');
    await bus.ensureTopics([{ name: topic, partitions: 1 }]);
    const producer = bus.producer();
    for (let i = 0; i < 10; i++) await producer.send([{ topic, partition: 0, value: text(String(i)) }]);
    expect((await collect(bus, topic, 3, 7)).map(read)).toEqual(['7', '8', '9']);
    expect((await collect(bus, topic, 10, 0)).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await bus.ends(topic)).toEqual([{ first: 0, next: 10 }]);
  });

  test('waits with further records until those before are taken in', async () => {
    const { bus, name } = await open();
    const topic = name('pressure');
    await bus.ensureTopics([{ name: topic, partitions: 1 }]);
    const producer = bus.producer();
    let busy = 0;
    let most = 0;
    let seen = 0;
    const all = Promise.withResolvers<void>();
    const reader = bus.reader(
      topic,
      async (records) => {
        most = Math.max(most, ++busy);
        await new Promise((resolve) => setTimeout(resolve, 5));
        busy--;
        seen += records.length;
        if (seen === 20) all.resolve();
      },
      fail,
    );
    reader.start(0, 0);
    for (let i = 0; i < 20; i++) await producer.send([{ topic, partition: 0, value: text(String(i)) }]);
    await all.promise;
    await reader.close();
    expect(most).toBe(1);
  });

  test('shares partitions evenly, hands them over when a member leaves, and remembers what was committed', async () => {
    const { bus, name } = await open();
    const topic = name('members');
    const group = name('group');
    await bus.ensureTopics([{ name: topic, partitions: 4 }]);
    const mine: (readonly number[])[] = [[], []];
    const changed = new Set<() => void>();
    const until = async (done: () => boolean): Promise<void> => {
      while (!done()) await new Promise<void>((resolve) => changed.add(resolve));
    };
    const join = (index: number) =>
      bus.join(group, topic, 'even', async (partitions) => {
        mine[index] = partitions;
        for (const wake of changed) wake();
        changed.clear();
      });
    expect(await bus.committed(group, topic)).toEqual([-1, -1, -1, -1]);
    const first = await join(0);
    await until(() => mine[0]!.length === 4);
    const second = await join(1);
    await until(() => mine[0]!.length === 2 && mine[1]!.length === 2);
    expect([...mine[0]!, ...mine[1]!].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
    const [owned] = mine[1]!;
    const [foreign] = mine[0]!;
    await second.commit(
      new Map([
        [owned!, 5],
        [foreign!, 9],
      ]),
    );
    expect((await bus.committed(group, topic))[owned!]).toBe(5);
    expect((await bus.committed(group, topic))[foreign!]).toBe(-1);
    await second.leave();
    await until(() => mine[0]!.length === 4);
    await first.leave();
  });

  test('gives everything to one member while the others stand by', async () => {
    const { bus, name } = await open();
    const topic = name('leader');
    const group = name('leaders');
    await bus.ensureTopics([{ name: topic, partitions: 2 }]);
    const mine: (readonly number[])[] = [[], []];
    const changed = new Set<() => void>();
    const until = async (done: () => boolean): Promise<void> => {
      while (!done()) await new Promise<void>((resolve) => changed.add(resolve));
    };
    const members = await Promise.all(
      [0, 1].map((index) =>
        bus.join(group, topic, 'one', async (partitions) => {
          mine[index] = partitions;
          for (const wake of changed) wake();
          changed.clear();
        }),
      ),
    );
    await until(
      () =>
        mine
          .map((own) => own.length)
          .toSorted((a, b) => a - b)
          .join() === '0,2',
    );
    const leader = mine.findIndex((own) => own.length === 2);
    await members[leader]!.leave();
    await until(() => mine[1 - leader]!.length === 2);
    await members[1 - leader]!.leave();
  });

  test('refuses a topic that has another number of partitions', async () => {
    const { bus, name } = await open();
    const topic = name('partitions');
    await bus.ensureTopics([{ name: topic, partitions: 2 }]);
    await bus.ensureTopics([{ name: topic, partitions: 2 }]);
    await expect(bus.ensureTopics([{ name: topic, partitions: 3 }])).rejects.toMatchObject({ code: 'invalid_config' });
  });

  async function collect(bus: Bus, topic: string, count: number, from = 0): Promise<BusRecord[]> {
    const got: BusRecord[] = [];
    const all = Promise.withResolvers<void>();
    const reader = bus.reader(
      topic,
      (records) => {
        got.push(...records);
        if (got.length >= count) all.resolve();
      },
      fail,
    );
    reader.start(0, from);
    await all.promise;
    await reader.close();
    return got;
  }
}
