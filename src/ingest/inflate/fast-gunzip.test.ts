import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { constants, deflateRawSync, gzipSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileInflateKernel } from '../../../scripts/build-inflate-kernel.ts';
import { fastGunzip } from './fast-gunzip.ts';

const MAX = 1 << 22;
const allocate = (bytes: number) => Buffer.alloc(bytes + 100, 0xee);
const HEADER = Buffer.from('1f8b0800000000000003', 'hex');

/** A gzip body around raw DEFLATE data, with the length that the trailer claims. */
function wrap(raw: Uint8Array, length: number, header: Uint8Array = HEADER): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(length, 4);
  return Buffer.concat([header, raw, trailer]);
}

/** Bytes with near and far repetition, in runs of every length. */
const content = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.integer({ min: 1, max: 300 })), { maxLength: 12 })
  .chain((runs) =>
    fc.shuffledSubarray(runs.flatMap(([run, times]) => Array.from({ length: Math.min(times, 40) }, () => run))),
  )
  .map((parts) => Buffer.concat(parts));

describe('fastGunzip', () => {
  it('gives what zlib packed, at every level, strategy and window', () => {
    const options = fc.record({
      level: fc.integer({ min: 0, max: 9 }),
      strategy: fc.constantFrom(
        constants.Z_DEFAULT_STRATEGY,
        constants.Z_FILTERED,
        constants.Z_HUFFMAN_ONLY,
        constants.Z_RLE,
        constants.Z_FIXED,
      ),
      windowBits: fc.integer({ min: 9, max: 15 }),
      memLevel: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(content, options, (data, how) => {
        const out = fastGunzip(gzipSync(data, how), MAX, allocate);
        expect(out !== null && Buffer.compare(out, data) === 0).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('reads large bodies of every texture', () => {
    let state = 1;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    const textures = [
      Buffer.alloc(1_000_000),
      Buffer.from(Array.from({ length: 300_000 }, () => random() * 256)),
      // A steep distribution makes codes longer than the first-level tables.
      Buffer.from(Array.from({ length: 400_000 }, () => Math.min(255, -Math.log2(random()) * 12))),
      Buffer.from(
        Array.from({ length: 40_000 }, (_, i) => `http.route=/api/${i % 97}/items/${Math.floor(random() * 1e4)};`).join(
          '',
        ),
      ),
    ];
    for (const data of textures) {
      for (const level of [1, 6, 9])
        expect(Buffer.compare(fastGunzip(gzipSync(data, { level }), MAX, allocate)!, data)).toBe(0);
    }
  });

  it('never gives what zlib would not: damaged data is null or the same', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(content, fc.integer({ min: 0, max: 9 }), damage, fc.nat(), (data, level, edits, cut) => {
        const raw = deflateRawSync(data, { level });
        for (const [at, value] of edits) raw[at % raw.length] = value;
        const bytes = cut % 4 === 0 ? raw.subarray(0, cut % (raw.length + 1)) : raw;
        const out = fastGunzip(wrap(bytes, data.length), MAX, allocate);
        if (out === null) return;
        expect(Buffer.compare(out, inflateRawSync(bytes))).toBe(0);
      }),
      { numRuns: 600 },
    );
  });

  it('survives arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(5000), (bytes, length) => {
        const out = fastGunzip(wrap(bytes, length), MAX, allocate);
        if (out !== null) expect(Buffer.compare(out, inflateRawSync(bytes))).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads headers with extra, name and comment', () => {
    const header = Buffer.concat([
      Buffer.from('1f8b081c000000000003', 'hex'),
      Buffer.from([3, 0, 1, 2, 3]),
      Buffer.from('name\0comment\0'),
    ]);
    const out = fastGunzip(wrap(deflateRawSync(Buffer.from('hello')), 5, header), MAX, allocate);
    expect(String(out)).toBe('hello');
  });

  it('leaves to zlib what is unusual: several members, rubbish behind, a wrong length, too much', () => {
    const member = gzipSync(Buffer.alloc(1000, 'x'));
    expect(fastGunzip(Buffer.concat([member, member]), MAX, allocate)).toBeNull();
    expect(fastGunzip(Buffer.concat([member, Buffer.alloc(8)]), MAX, allocate)).toBeNull();
    expect(fastGunzip(wrap(deflateRawSync(Buffer.from('hello')), 6), MAX, allocate)).toBeNull();
    expect(fastGunzip(wrap(deflateRawSync(Buffer.from('hello')), 4), MAX, allocate)).toBeNull();
    expect(fastGunzip(member, 999, allocate)).toBeNull();
    expect(fastGunzip(member, 1000, allocate)).toHaveLength(1000);
  });
});

describe('the kernel', () => {
  it('is committed as its source compiles', async () => {
    const committed = readFileSync(resolve(import.meta.dirname, '../../stats/kernels/inflate-wasm.ts'), 'utf8');
    expect(await compileInflateKernel()).toBe(committed);
  });
});
