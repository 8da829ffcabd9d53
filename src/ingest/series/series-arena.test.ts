import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LabelArena } from './series-arena.ts';

const text = fc.uint8Array({ maxLength: 300 });
const labelSet = fc.array(fc.tuple(fc.oneof(text, fc.constantFrom(Uint8Array.of(1), Uint8Array.of(1, 2))), text), {
  maxLength: 6,
});

function encoded(labels: readonly (readonly [Uint8Array, Uint8Array])[]): Uint8Array {
  const sized = (bytes: Uint8Array): number[] => [
    ...(bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7]),
    ...bytes,
  ];
  return Uint8Array.from(labels.flatMap(([key, value]) => [...sized(key), ...sized(value)]));
}

test('label sets come back as they were, after compaction and a restart too', () => {
  fc.assert(
    fc.property(fc.array(labelSet, { maxLength: 12 }), fc.nat(), (sets, seed) => {
      let arena = new LabelArena();
      const given = sets.map(encoded);
      const start = new Int32Array(given.length);
      const length = new Int32Array(given.length);
      given.forEach((labels, i) => {
        start[i] = arena.length;
        // A larger buffer than the labels, as the scratch of an identity is.
        const padded = new Uint8Array(labels.length + 9);
        padded.set(labels);
        length[i] = arena.add(padded, labels.length);
      });
      for (let i = 0; i < given.length; i++) {
        if (((seed >> (i % 30)) & 1) === 0) continue;
        arena.free(length[i]!);
        length[i] = -1;
      }
      arena.compact(start, length, given.length);
      const { arena: bytes, arenaKeys, arenaGarbage } = arena.save();
      arena = new LabelArena();
      arena.restore(bytes!, arenaKeys!, arenaGarbage![0]!);
      given.forEach((labels, i) => {
        if (length[i]! >= 0) expect([...arena.read(start[i]!, length[i]!)]).toEqual([...labels]);
      });
    }),
  );
});

test('a key takes one byte in every set but the first', () => {
  const arena = new LabelArena();
  const labels = encoded([[new Uint8Array(40).fill(7), Uint8Array.of(1, 2, 3)]]);
  arena.add(labels, labels.length);
  expect(arena.add(labels, labels.length)).toBe(5);
});
