import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileInputLog, inputLogStart, readInputLog } from './input-log.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tocsin-beside-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const text = (payload: Uint8Array): string => Buffer.from(payload).toString();

test('a reader beside the writer gets what is written by then, over segments, from any frame on', () => {
  const log = new FileInputLog({ directory, segmentBytes: 64 });
  const positions = Array.from({ length: 20 }, (_, i) => log.append(1, Buffer.from(`frame ${i}`)));
  log.sync();
  const reader = readInputLog(directory, positions[3]!);
  expect(text(reader.next().value!.payload)).toBe('frame 3');
  // Written after it began: a later segment that it has not come to.
  log.append(1, Buffer.from('later'));
  log.sync();
  const rest = [...reader].map(({ payload }) => text(payload));
  expect(rest).toHaveLength(17);
  expect(rest.at(-1)).toBe('later');
  log.close();
});

test('what is no longer kept is said plainly, also when it goes while it is read', () => {
  const log = new FileInputLog({ directory, segmentBytes: 64 });
  for (let i = 0; i < 20; i++) log.append(1, Buffer.from(`frame ${i}`));
  log.sync();
  expect([log.start, inputLogStart(directory)]).toEqual([0, 0]);
  const reader = readInputLog(directory, 0);
  reader.next();
  log.truncate(log.position);
  expect(log.start).toBeGreaterThan(0);
  expect(inputLogStart(directory)).toBe(log.start);
  expect(() => [...reader]).toThrow(/no longer kept/);
  expect(() => [...readInputLog(directory, 0)]).toThrow(/input before position 0 is no longer kept/);
  expect(inputLogStart(join(directory))).toBe(log.start);
  log.close();
});
