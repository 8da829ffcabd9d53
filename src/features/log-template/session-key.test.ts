import { describe, expect, it } from 'vitest';
import { createLogBatch, type LogBatch } from '../../domain/signal/batch.ts';
import { createSessionKeys } from './session-key.ts';

const encoder = new TextEncoder();
function batchOf(lines: readonly string[]): LogBatch {
  const batch = createLogBatch(lines.length);
  const parts = lines.map((line) => encoder.encode(line));
  batch.buffer = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  parts.forEach((part, i) => {
    batch.buffer.set(part, offset);
    batch.bodyStart[i] = offset;
    offset += part.length;
    batch.bodyEnd[i] = offset;
  });
  batch.length = lines.length;
  return batch;
}

describe('SessionKeys', () => {
  it('finds the id that repeats most, and restores', () => {
    const keys = createSessionKeys();
    const out = new Int32Array(200);
    for (let k = 0; k < 30; k += 1) {
      const lines = Array.from(
        { length: 100 },
        (_, i) =>
          `step ${i % 4} of block blk_${i % 2 === 0 ? '-' : ''}${100_000 + k * 25 + Math.floor(i / 4)} from job${i} once_${k * 100 + i + 10_000}`,
      );
      keys.keys(batchOf(lines), out);
    }
    expect(keys.prefixOf(0)).toBe('blk_');
    const lines = [
      'Deleting blk_-1608999687919862906 now',
      'serving blk_-1608999687919862906',
      'serving blk_-1608999687919862907',
      'no id',
    ];
    const copy = createSessionKeys();
    copy.restore(keys.save());
    for (const one of [keys, copy]) {
      one.keys(batchOf(lines), out);
      expect([out[0], out[1]]).toEqual([out[2], out[3]]);
      expect([out[0], out[1]]).not.toEqual([out[4], out[5]]);
      expect([out[6], out[7]]).toEqual([0, 0]);
    }
  });
  it('prefers the trace id', () => {
    const batch = batchOf(['a', 'b', 'c']);
    batch.traceIds.fill(7, 0, 32);
    const out = new Int32Array(6).fill(-1);
    createSessionKeys().keys(batch, out);
    expect([out[0], out[1]]).not.toEqual([0, 0]);
    batch.traceIds[3] = 9;
    const other = new Int32Array(6);
    createSessionKeys().keys(batch, other);
    expect([other[0], other[1]]).not.toEqual([other[2], other[3]]);
    expect([out[4], out[5]]).toEqual([0, 0]);
  });
});
