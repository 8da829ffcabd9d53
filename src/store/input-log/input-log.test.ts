import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileInputLog } from './input-log.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tocsin-log-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const frames = (log: FileInputLog, from = 0) =>
  [...log.read(from)].map((f) => [f.kind, Buffer.from(f.payload).toString()]);
const bytes = (text: string) => new TextEncoder().encode(text);

test('what was appended and synced is read back in order after reopening, across segments', () => {
  const log = new FileInputLog({ directory, segmentBytes: 64 });
  const want = Array.from({ length: 50 }, (_, i) => [i % 7, `frame ${i}`]);
  for (const [kind, text] of want) log.append(kind as number, bytes(text as string));
  log.close();
  expect(readdirSync(directory).length).toBeGreaterThan(5);
  expect(frames(new FileInputLog({ directory }))).toEqual(want);
});

test('reading from a position starts exactly there', () => {
  const log = new FileInputLog({ directory, segmentBytes: 40 });
  const positions = ['a', 'bb', 'ccc', 'dddd'].map((text) => log.append(1, bytes(text)));
  expect(frames(log, positions[2])).toEqual([
    [1, 'ccc'],
    [1, 'dddd'],
  ]);
});

test('a torn last frame is dropped and the log goes on after it', () => {
  const log = new FileInputLog({ directory });
  log.append(1, bytes('whole'));
  log.append(1, bytes('torn in the middle'));
  log.close();
  const path = join(directory, readdirSync(directory)[0]!);
  truncateSync(path, readFileSync(path).length - 5);
  const reopened = new FileInputLog({ directory });
  reopened.append(2, bytes('next'));
  expect(frames(reopened)).toEqual([
    [1, 'whole'],
    [2, 'next'],
  ]);
});

test('garbage behind the last frame is dropped', () => {
  const log = new FileInputLog({ directory });
  log.append(1, bytes('whole'));
  log.close();
  appendFileSync(join(directory, readdirSync(directory)[0]!), Buffer.alloc(64, 0x5a));
  expect(frames(new FileInputLog({ directory }))).toEqual([[1, 'whole']]);
});

test('damage in the middle is an error, not a silent loss', () => {
  const log = new FileInputLog({ directory, segmentBytes: 32 });
  for (let i = 0; i < 10; i++) log.append(1, bytes(`some text ${i}`));
  log.close();
  const path = join(directory, readdirSync(directory).sort()[0]!);
  const data = readFileSync(path);
  data[12]! ^= 0xff;
  writeFileSync(path, data);
  expect(() => frames(new FileInputLog({ directory }))).toThrow(/damaged/);
});

test('truncate forgets whole segments only, and never what is still needed', () => {
  const log = new FileInputLog({ directory, segmentBytes: 32 });
  const positions = Array.from({ length: 20 }, (_, i) => log.append(1, bytes(`text number ${i}`)));
  log.truncate(positions[10]!);
  expect(frames(log, positions[10])).toHaveLength(10);
  expect(() => frames(log, 0)).toThrow(/gone/);
});

test('any frames survive, larger than the buffer included', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 200 })), { maxLength: 30 }), (list) => {
      rmSync(directory, { recursive: true });
      const log = new FileInputLog({ directory, segmentBytes: 300 });
      const big = new Uint8Array(5 * 1024 * 1024).fill(list.length);
      for (const [kind, payload] of list) log.append(kind, payload);
      log.append(9, big);
      log.close();
      const back = [...new FileInputLog({ directory }).read(0)];
      expect(back.slice(0, -1).map((f) => [f.kind, [...f.payload]])).toEqual(list.map(([k, p]) => [k, [...p]]));
      expect(back.at(-1)!.payload.length).toBe(big.length);
    }),
    { numRuns: 20 },
  );
});

test('a write that fails half way leaves nothing behind, and later frames follow the last whole one', () => {
  let room = Number.POSITIVE_INFINITY;
  const log = new FileInputLog({
    directory,
    write: (fd, bytes, from, length, at) => {
      if (room <= 0) throw new Error('ENOSPC');
      const wrote = writeSync(fd, bytes, from, Math.min(length, room), at);
      room -= wrote;
      return wrote;
    },
  });
  log.append(1, bytes('before'));
  log.sync();
  const end = log.position;
  const file = join(directory, readdirSync(directory)[0]!);
  // Larger than the buffer: header and payload are written apart. Then a small one.
  for (const size of [5 * 1024 * 1024, 100]) {
    room = 50;
    expect(() => {
      log.append(2, new Uint8Array(size));
      log.sync();
    }).toThrow(/disk full/);
    expect([log.position, statSync(file).size]).toEqual([end, end]);
  }
  room = Number.POSITIVE_INFINITY;
  log.append(3, bytes('after'));
  const whole = [
    [1, 'before'],
    [3, 'after'],
  ];
  expect(frames(log)).toEqual(whole);
  log.close();
  expect(frames(new FileInputLog({ directory }))).toEqual(whole);
});
