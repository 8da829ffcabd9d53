import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { compressSync, uncompressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { TocsinError } from '../../domain/error.ts';
import { inflate } from './inflate.ts';
import { decodeSnappy } from './snappy.ts';

const MAX = 1 << 22;

/** Bytes with the repetition that compressors look for. */
const compressible = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 200 })), { maxLength: 20 })
  .map((runs) => Buffer.concat(runs.flatMap(([run, times]) => Array.from({ length: times }, () => run))));

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof TocsinError) return error.code;
    throw error;
  }
  return 'none';
}

describe('inflate', () => {
  const packers = {
    gzip: (data: Uint8Array) => gzipSync(data),
    zstd: (data: Uint8Array) => zstdCompressSync(data),
    deflate: (data: Uint8Array) => deflateSync(data),
    snappy: (data: Uint8Array) => compressSync(Buffer.from(data)),
  } as const;

  for (const coding of ['gzip', 'zstd', 'deflate', 'snappy'] as const) {
    const pack = packers[coding];

    it(`${coding}: gives back what was packed`, () => {
      fc.assert(
        fc.property(compressible, (data) => {
          expect(Buffer.compare(Buffer.from(inflate(coding, pack(data), MAX)), data)).toBe(0);
        }),
        { numRuns: 60 },
      );
      const large = Buffer.alloc(3_000_000, 'the same words again and again ');
      expect(Buffer.compare(Buffer.from(inflate(coding, pack(large), MAX)), large)).toBe(0);
    });

    it(`${coding}: takes the limit exactly and refuses one byte more`, () => {
      const data = Buffer.alloc(100_000, 'abc');
      const packed = pack(data);
      expect(inflate(coding, packed, 100_000)).toHaveLength(100_000);
      expect(codeOf(() => inflate(coding, packed, 99_999))).toBe('payload_too_large');
    });

    it(`${coding}: refuses cut and foreign bytes`, () => {
      const packed = pack(
        Buffer.from('some telemetry that is long enough to be cut in the middle, twice, twice, twice'),
      );
      expect(codeOf(() => inflate(coding, packed.subarray(0, packed.length - 5), MAX))).toBe('bad_payload');
      expect(codeOf(() => inflate(coding, new Uint8Array(0), MAX))).toBe('bad_payload');
      expect(codeOf(() => inflate(coding, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), MAX))).toBe(
        'bad_payload',
      );
    });
  }

  it('refuses a bomb without inflating it whole', () => {
    const bomb = gzipSync(Buffer.alloc(64 << 20));
    expect(bomb.length).toBeLessThan(100_000);
    expect(codeOf(() => inflate('gzip', bomb, 1 << 20))).toBe('payload_too_large');
    expect(codeOf(() => inflate('zstd', zstdCompressSync(Buffer.alloc(64 << 20)), 1 << 20))).toBe('payload_too_large');
  });

  it('passes identity through unless it is too large', () => {
    const body = Buffer.from('abc');
    expect(inflate('identity', body, 3)).toBe(body);
    expect(codeOf(() => inflate('identity', body, 2))).toBe('payload_too_large');
  });

  it('reads several gzip members and survives a wrong size hint', () => {
    const two = Buffer.concat([gzipSync(Buffer.alloc(50_000, 'x')), gzipSync(Buffer.from('y'))]);
    expect(inflate('gzip', two, MAX)).toHaveLength(50_001);
  });
});

describe('decodeSnappy', () => {
  it('refuses a declared size beyond the limit or beyond what the bytes could make', () => {
    expect(codeOf(() => decodeSnappy(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0), 1000))).toBe('payload_too_large');
    expect(codeOf(() => decodeSnappy(Uint8Array.of(0x80, 0x80, 0x40, 0), MAX))).toBe('bad_payload');
  });

  it('reads every element kind', () => {
    // literal "abcd", 1-byte-offset copy (len 4, off 4), 2-byte-offset copy (len 3, off 1), 4-byte-offset copy (len 2, off 8)
    const block = Uint8Array.of(13, 3 << 2, 97, 98, 99, 100, 0x01, 4, (2 << 2) | 2, 1, 0, (1 << 2) | 3, 8, 0, 0, 0);
    expect(Buffer.from(decodeSnappy(block, 100)).toString()).toBe('abcdabcddddda');
  });

  it('agrees with the reference library on arbitrary bytes: same output, or both refuse', () => {
    const mutated = fc.tuple(
      compressible,
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 64 })), (input) => {
        let bytes: Uint8Array;
        if (Array.isArray(input)) {
          bytes = Uint8Array.from(compressSync(input[0]));
          for (const [at, value] of input[1]) bytes[at % bytes.length] = value;
        } else {
          bytes = input as Uint8Array;
        }
        let theirs: Buffer | null;
        try {
          theirs = Buffer.from(uncompressSync(Buffer.from(bytes)) as Buffer);
        } catch {
          theirs = null;
        }
        let ours: Uint8Array | null;
        try {
          ours = decodeSnappy(bytes, MAX);
        } catch (error) {
          expect(error).toBeInstanceOf(TocsinError);
          ours = null;
        }
        if (theirs === null || theirs.length > MAX) expect(ours).toBeNull();
        else expect(ours === null ? null : Buffer.from(ours).toString('hex')).toBe(theirs.toString('hex'));
      }),
      { numRuns: 400 },
    );
  });
});
